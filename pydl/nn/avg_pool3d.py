"""AvgPool3d: the mean of every window. See pydl/ops/avg_pool3d.py."""

from .. import ops
from .pooling import AvgPoolingByDivisor


class AvgPool3d(AvgPoolingByDivisor):
    """Windows of kernel_size in volumes (N, C, D, H, W), stride apart (by default side by side).

    count_include_pad: padding counts as zeros in the mean. divisor_override: divides by it, not by the window's size.
    """

    operation = ops.avg_pool3d
