"""AvgPool1d: the mean of every window. See pydl/ops/avg_pool1d.py."""

from .. import ops
from .pooling import AvgPooling


class AvgPool1d(AvgPooling):
    """Windows of kernel_size in sequences (N, C, L), stride apart (by default side by side).

    count_include_pad: padding counts as zeros in the mean.
    """

    operation = ops.avg_pool1d
