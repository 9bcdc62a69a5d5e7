"""AdaptiveAvgPool3d: the mean of windows that share the input evenly. See pydl/ops/adaptive_avg_pool3d.py."""

from .. import ops
from .pooling import AdaptivePooling


class AdaptiveAvgPool3d(AdaptivePooling):
    """As many windows as output_size says: one number or (depth, height, width); None keeps a dimension."""

    operation = ops.adaptive_avg_pool3d
