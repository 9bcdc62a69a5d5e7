"""Convolutions of images and sequences by Winograd's algorithm where it pays: which kernel, with which settings.

Each function returns whether it did the work; if not, the caller computes directly. Whether it may is the caller's
question, asked once for an operation and its gradient (get_winograd).
"""

from __future__ import annotations

from typing import Any

from .conv1d_winograd import WAYS as WAYS_OF_SEQUENCES
from .conv1d_winograd import (
    conv1d_winograd,
    conv1d_winograd_weight,
    suits_sequences,
    suits_sequences_weight,
)
from .conv2d_winograd import (
    conv2d_winograd,
    conv2d_winograd_weight,
    is_plain,
    winograd_suits_weight,
    winograd_tile,
)
from .conv2d_winograd_stride import (
    WAYS,
    conv2d_winograd_stride,
    conv2d_winograd_stride_gradient,
    conv2d_winograd_stride_weight,
    suits_stride,
    suits_stride_gradient,
    suits_stride_weight,
)

Sizes = tuple[int, ...]


def turned_shape(w: Sizes, groups: int) -> Sizes:
    """The shape of turned(w, groups)."""
    return w[1] * groups, w[0] // groups, *w[2:]


def turned(w: Any, groups: int) -> Any:
    """The filters with which the convolution of dy is the gradient of x, for stride 1: turned by 180 degrees, the
    inputs and outputs of each group exchanged.
    """
    if groups == 1:
        return w.swapaxes(0, 1)[:, :, ::-1, ::-1]
    of_groups = w.reshape(groups, -1, *w.shape[1:]).swapaxes(1, 2)[..., ::-1, ::-1]
    return of_groups.reshape(turned_shape(w.shape, groups))


def has_stride(w: Any, stride: Sizes, dilation: Sizes) -> bool:
    """Whether these filters are those of conv2d_winograd_stride.py."""
    taps = w.shape[2]
    return w.itemsize == 4 and stride == (2, 2) and taps == w.shape[3] and taps in WAYS and dilation == (1, 1)


def transform_forward(
    x: Any, w: Any, b: Any, y: Any, stride: Sizes, padding: Sizes, dilation: Sizes, groups: int
) -> bool:
    """Computes y."""
    if is_plain(w.shape, w.itemsize, stride):
        tile = winograd_tile(w.shape, y.shape, dilation, groups)
        if tile:
            conv2d_winograd(x, w, b, y, padding, dilation, groups, tile)
        return tile > 0
    if not (has_stride(w, stride, dilation) and suits_stride(w.shape, y.shape, groups)):
        return False
    conv2d_winograd_stride(x, w, b, y, stride, padding, groups)
    return True


def transform_input_gradient(
    dy: Any, w: Any, b: Any, dx: Any, stride: Sizes, padding: Sizes, dilation: Sizes, groups: int
) -> bool:
    """Computes dx: the transposed convolution of dy, with a bias b for each of dx's channels."""
    if is_plain(w.shape, w.itemsize, stride):
        tile = winograd_tile(turned_shape(w.shape, groups), dx.shape, dilation, groups, dy.shape)
        zeros = tuple((w.shape[2] - 1) * dilation[side // 2] - before for side, before in enumerate(padding))
        if not tile or min(zeros) < 0:
            return False
        conv2d_winograd(dy, turned(w, groups), b, dx, zeros, dilation, groups, tile)
        return True
    if not (
        has_stride(w, stride, dilation)
        and padding[0] % 2 == padding[2] % 2 == 1
        and suits_stride_gradient(w.shape, dx.shape, dy.shape, groups)
    ):
        return False
    conv2d_winograd_stride_gradient(dy, w, b, dx, stride, padding, groups)
    return True


def transform_weight_gradient(
    dy: Any, x: Any, dw: Any, db: Any, stride: Sizes, padding: Sizes, dilation: Sizes, groups: int
) -> bool:
    """Computes dw, and db unless it is None."""
    if max(dilation) > 1 or groups > 1:
        return False
    if is_plain(dw.shape, dw.itemsize, stride):
        if not winograd_suits_weight(dw.shape, dy.shape):
            return False
        conv2d_winograd_weight(dy, x, dw, db, padding)
        return True
    if not (has_stride(dw, stride, dilation) and suits_stride_weight(dw.shape, dy.shape)):
        return False
    conv2d_winograd_stride_weight(dy, x, dw, db, stride, padding)
    return True


def is_sequence(w: Any, stride: Sizes, dilation: Sizes) -> bool:
    """Whether these filters, of images of one row, are those of conv1d_winograd.py."""
    return w.itemsize == 4 and w.shape[3] in WAYS_OF_SEQUENCES and stride == dilation == (1, 1)


def without_rows(a: Any) -> Sizes:
    """The shape of the sequences that are a's only rows."""
    return (*a.shape[:2], a.shape[3])


def transform_sequences(
    x: Any, w: Any, b: Any, y: Any, stride: Sizes, padding: Sizes, dilation: Sizes, groups: int
) -> bool:
    """transform_forward for images of one row."""
    if not (is_sequence(w, stride, dilation) and suits_sequences(without_rows(w), without_rows(y), groups)):
        return False
    conv1d_winograd(x[:, :, 0], w[:, :, 0], b, y[:, :, 0], padding[2:], groups)
    return True


def transform_sequences_input(
    dy: Any, w: Any, b: Any, dx: Any, stride: Sizes, padding: Sizes, dilation: Sizes, groups: int
) -> bool:
    """transform_input_gradient for images of one row."""
    zeros = w.shape[3] - 1 - padding[2], w.shape[3] - 1 - padding[3]
    if not is_sequence(w, stride, dilation) or min(zeros) < 0:
        return False
    of_dy = turned(w, groups)
    if not suits_sequences(without_rows(of_dy), without_rows(dx), groups, True):
        return False
    conv1d_winograd(dy[:, :, 0], of_dy[:, :, 0], b, dx[:, :, 0], zeros, groups)
    return True


def transform_sequences_weight(
    dy: Any, x: Any, dw: Any, db: Any, stride: Sizes, padding: Sizes, dilation: Sizes, groups: int
) -> bool:
    """transform_weight_gradient for images of one row."""
    if groups > 1 or not is_sequence(dw, stride, dilation):
        return False
    if not suits_sequences_weight(without_rows(dw), without_rows(dy)):
        return False
    conv1d_winograd_weight(dy[:, :, 0], x[:, :, 0], dw[:, :, 0], db, padding[2:])
    return True
