"""AdaptiveMaxPool1d: the largest of windows that share the input evenly. See pydl/ops/adaptive_max_pool1d.py."""

from .. import ops
from .pooling import AdaptiveMaxPooling


class AdaptiveMaxPool1d(AdaptiveMaxPooling):
    """As many windows as output_size says: one number; None keeps a dimension.

    return_indices: gives also where the largest element was.
    """

    operation = ops.adaptive_max_pool1d
