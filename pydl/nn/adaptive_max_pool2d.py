"""AdaptiveMaxPool2d: the largest of windows that share the input evenly. See pydl/ops/adaptive_max_pool2d.py."""

from .. import ops
from .pooling import AdaptiveMaxPooling


class AdaptiveMaxPool2d(AdaptiveMaxPooling):
    """As many windows as output_size says: one number or (height, width); None keeps a dimension.

    return_indices: gives also where the largest element was.
    """

    operation = ops.adaptive_max_pool2d
