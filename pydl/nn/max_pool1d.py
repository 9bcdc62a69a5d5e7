"""MaxPool1d: the largest element of every window. See pydl/ops/max_pool1d.py."""

from .. import ops
from .pooling import MaxPooling


class MaxPool1d(MaxPooling):
    """Windows of kernel_size in sequences (N, C, L), stride apart (by default side by side).

    return_indices: gives also where the largest element was.
    """

    operation = ops.max_pool1d
