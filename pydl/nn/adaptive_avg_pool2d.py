"""AdaptiveAvgPool2d: the mean of windows that share the input evenly. See pydl/ops/adaptive_avg_pool2d.py."""

from .. import ops
from .pooling import AdaptivePooling


class AdaptiveAvgPool2d(AdaptivePooling):
    """As many windows as output_size says: one number or (height, width); None keeps a dimension."""

    operation = ops.adaptive_avg_pool2d
