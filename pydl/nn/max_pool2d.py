"""MaxPool2d: the largest element of every window. See pydl/ops/max_pool2d.py."""

from .. import ops
from .pooling import MaxPooling


class MaxPool2d(MaxPooling):
    """Windows of kernel_size in images (N, C, H, W), stride apart (by default side by side).

    return_indices: gives also where the largest element was.
    """

    operation = ops.max_pool2d
