"""The operations under the names of torch.nn.functional. What they do stands in pydl/ops, each in its own file."""

from ..ops import avg_pool2d as avg_pool2d
from ..ops import conv2d as conv2d
from ..ops import cross_entropy as cross_entropy
from ..ops import linear as linear
from ..ops import log_softmax as log_softmax
from ..ops import max_pool2d as max_pool2d
from ..ops import one_hot as one_hot
from ..ops import pad as pad
from ..ops import relu as relu
from ..ops import softmax as softmax
