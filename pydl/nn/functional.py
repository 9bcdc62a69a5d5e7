"""The operations under the names of torch.nn.functional. What they do stands in pydl/ops, each in its own file."""

from ..ops import linear as linear
from ..ops import relu as relu
