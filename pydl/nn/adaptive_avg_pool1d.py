"""AdaptiveAvgPool1d: the mean of windows that share the input evenly. See pydl/ops/adaptive_avg_pool1d.py."""

from .. import ops
from .pooling import AdaptivePooling


class AdaptiveAvgPool1d(AdaptivePooling):
    """As many windows as output_size says: one number; None keeps a dimension."""

    operation = ops.adaptive_avg_pool1d
