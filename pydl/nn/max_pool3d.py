"""MaxPool3d: the largest element of every window. See pydl/ops/max_pool3d.py."""

from .. import ops
from .pooling import MaxPooling


class MaxPool3d(MaxPooling):
    """Windows of kernel_size in volumes (N, C, D, H, W), stride apart (by default side by side).

    return_indices: gives also where the largest element was.
    """

    operation = ops.max_pool3d
