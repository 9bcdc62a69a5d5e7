"""Convolutions of images and sequences by Winograd's algorithm where it pays: which kernel, with which settings.

Each function returns whether it did the work; if not, the caller computes directly. Whether it may is the caller's
question, asked once for an operation and its gradient (get_winograd).
"""

from __future__ import annotations

from typing import Any, NamedTuple

from .._compiled import remembered
from .clone import reshaped
from .conv1d_winograd import WAYS as WAYS_OF_ROWS
from .conv1d_winograd import conv1d_winograd, conv1d_winograd_weight, suits_rows, suits_rows_weight
from .conv2d_winograd import (
    conv2d_winograd,
    conv2d_winograd_weight,
    is_plain,
    winograd_suits_weight,
    winograd_tile,
)
from .conv2d_winograd_split import (
    conv2d_winograd_split,
    conv2d_winograd_split_gradient,
    conv2d_winograd_split_weight,
    suits_split,
    suits_split_gradient,
    suits_split_weight,
)
from .conv2d_winograd_stride import (
    GRADIENT_WAYS,
    WAYS,
    WEIGHT_WAYS,
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
    return reshaped(of_groups, turned_shape(w.shape, groups))


def has_stride(w: Any, stride: Sizes, dilation: Sizes, ways: Any = WAYS) -> bool:
    """Whether conv2d_winograd_stride.py has one of its ways for these filters."""
    taps = w.shape[2]
    return w.itemsize == 4 and stride == (2, 2) and taps == w.shape[3] and taps in ways and dilation == (1, 1)


def can_be_split(w: Any, dilation: Sizes) -> bool:
    """Whether these filters may be those of conv2d_winograd_split.py."""
    return w.itemsize == 4 and dilation == (1, 1)


class Lines(NamedTuple):
    """Filters of one row, as of conv1d_winograd.py, or of one column, for which images are turned."""

    turned: bool
    padding: Sizes

    def rows(self, a: Any) -> Any:
        """Images or filters with such rows."""
        return a.swapaxes(2, 3) if self.turned else a

    def zeros(self, taps: int) -> Sizes:
        """The padding of dy."""
        return taps - 1 - self.padding[0], taps - 1 - self.padding[1]


@remembered
def find_lines(w: Sizes, itemsize: int, stride: Sizes, padding: Sizes, dilation: Sizes) -> Lines | None:
    """What filters of shape w are, if they are such lines."""
    if itemsize != 4 or stride != (1, 1) or dilation != (1, 1):
        return None
    for turned, rows, taps in ((False, w[2], w[3]), (True, w[3], w[2])):
        before = padding[2:] if turned else padding[:2]
        if rows == 1 and taps in WAYS_OF_ROWS and max(before) == 0:
            return Lines(turned, padding[:2] if turned else padding[2:])
    return None


def transform_forward(
    x: Any, w: Any, b: Any, y: Any, stride: Sizes, padding: Sizes, dilation: Sizes, groups: int
) -> bool:
    """Computes y."""
    if is_plain(w.shape, w.itemsize, stride):
        tile = winograd_tile(w.shape, y.shape, dilation, groups)
        if tile:
            conv2d_winograd(x, w, b, y, padding, dilation, groups, tile)
        return tile > 0
    if lines := find_lines(w.shape, w.itemsize, stride, padding, dilation):
        of_w, of_y = lines.rows(w), lines.rows(y)
        if not suits_rows(of_w.shape, of_y.shape, groups, False, lines.turned):
            return False
        conv1d_winograd(lines.rows(x), of_w, b, of_y, lines.padding, groups)
        return True
    if has_stride(w, stride, dilation):
        pays = suits_stride(w.shape, x.shape, y.shape, groups)
        if pays:
            conv2d_winograd_stride(x, w, b, y, stride, padding, groups)
        return pays
    pays = can_be_split(w, dilation) and suits_split(w.shape, y.shape, stride, groups)
    if pays:
        conv2d_winograd_split(x, w, b, y, stride, padding, groups)
    return pays


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
    if lines := find_lines(w.shape, w.itemsize, stride, padding, dilation):
        of_w, of_dx = lines.rows(turned(w, groups)), lines.rows(dx)
        zeros = lines.zeros(of_w.shape[3])
        if min(zeros) < 0 or not suits_rows(of_w.shape, of_dx.shape, groups, True, lines.turned):
            return False
        conv1d_winograd(lines.rows(dy), of_w, b, of_dx, zeros, groups)
        return True
    if has_stride(w, stride, dilation, GRADIENT_WAYS):
        pays = padding[0] % 2 == padding[2] % 2 == 1 and suits_stride_gradient(w.shape, dx.shape, dy.shape, groups)
        if pays:
            conv2d_winograd_stride_gradient(dy, w, b, dx, stride, padding, groups)
        return pays
    if not can_be_split(w, dilation):
        return False
    if stride == (1, 1):
        zeros = tuple(w.shape[2 + side // 2] - 1 - before for side, before in enumerate(padding))
        pays = min(zeros) >= 0 and suits_split(turned_shape(w.shape, groups), dx.shape, stride, groups)
        if pays:
            conv2d_winograd_split(dy, turned(w, groups), b, dx, stride, zeros, groups)
        return pays
    pays = min(stride) > 1 and suits_split_gradient(w.shape, dy.shape, stride, groups)
    if pays:
        conv2d_winograd_split_gradient(dy, w, b, dx, stride, padding, groups)
    return pays


def transform_weight_gradient(
    dy: Any, x: Any, dw: Any, db: Any, stride: Sizes, padding: Sizes, dilation: Sizes, groups: int
) -> bool:
    """Computes dw, and db unless it is None."""
    if groups > 1:
        return False
    if is_plain(dw.shape, dw.itemsize, stride):
        if not winograd_suits_weight(dw.shape, dy.shape, dilation):
            return False
        conv2d_winograd_weight(dy, x, dw, db, padding, dilation)
        return True
    if lines := find_lines(dw.shape, dw.itemsize, stride, padding, dilation):
        of_dw, of_dy = lines.rows(dw), lines.rows(dy)
        if not suits_rows_weight(of_dw.shape, of_dy.shape, lines.turned):
            return False
        conv1d_winograd_weight(of_dy, lines.rows(x), of_dw, db, lines.padding)
        return True
    if has_stride(dw, stride, dilation, WEIGHT_WAYS):
        pays = suits_stride_weight(dw.shape, dy.shape)
        if pays:
            conv2d_winograd_stride_weight(dy, x, dw, db, stride, padding)
        return pays
    pays = can_be_split(dw, dilation) and suits_split_weight(dw.shape, dy.shape, stride)
    if pays:
        conv2d_winograd_split_weight(dy, x, dw, db, stride, padding)
    return pays
