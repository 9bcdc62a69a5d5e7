"""unfold: the windows of an image as columns, so that a convolution becomes a product of matrices (im2col).

    y[n, (c U + u) V + v, i J + j] = x[n, c, i*stride + u*dilation - padding, j*stride + v*dilation - padding]

and 0 where that lies outside the image.

Shapes    x (N, C, H, W) or (C, H, W), windows of U x V -> y (N, C U V, I J) or (C U V, I J), where
          I = (H + 2*padding - dilation*(U - 1) - 1) // stride + 1, and J the same along the other axis
Gradient  dx = fold(dy): every pixel gets the sum of what was made of it
Source    Chellapilla, Puri, Simard, "High performance convolutional neural networks for document processing",
          Workshop on Frontiers in Handwriting Recognition 2006
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from ..arguments import check_float, check_rank, check_tuple
from ..op import empty, kernel, op
from .add import add_forward
from .clone import copied, zeros
from .convolution import check_result

Sizes = tuple[int, ...]


@kernel(writes="y")
def unfold_forward(x, y, stride, padding, dilation):
    """y (N, C, U, V, I, J)."""
    H, W = x.shape[2:]
    for n, c, u, v, i, j in np.ndindex(y.shape):
        h, w = _pixel(u, v, i, j, stride, padding, dilation)
        y[n, c, u, v, i, j] = x[n, c, h, w] if 0 <= h < H and 0 <= w < W else 0.0


@kernel(writes="dx")
def unfold_backward(dy, dx, stride, padding, dilation):
    H, W = dx.shape[2:]
    dx[...] = 0.0
    for n, c, u, v, i, j in np.ndindex(dy.shape):
        h, w = _pixel(u, v, i, j, stride, padding, dilation)
        if 0 <= h < H and 0 <= w < W:
            dx[n, c, h, w] += dy[n, c, u, v, i, j]


def _pixel(u, v, i, j, stride, padding, dilation):
    """Where tap (u, v) of window (i, j) lies in the image."""
    return i * stride[0] + u * dilation[0] - padding[0], j * stride[1] + v * dilation[1] - padding[1]


class Windows(NamedTuple):
    """The checked settings of windows over an image."""

    kernel: Sizes
    stride: Sizes
    padding: Sizes
    dilation: Sizes
    counts: Sizes  # (I, J)


def check_windows(
    op: str, size: Sizes, kernel_size: Any, dilation: Any, padding: Any, stride: Any, image: str
) -> Windows:
    """The windows over an image (H, W), of which an error says `image`."""
    kernel = check_tuple(op, "kernel_size", kernel_size, 1, 2)
    dilations = check_tuple(op, "dilation", dilation, 1, 2)
    pads = check_tuple(op, "padding", padding, 0, 2)
    steps = check_tuple(op, "stride", stride, 1, 2)
    counts = []
    for axis, name in enumerate(("height", "width")):
        padded, reach = size[axis] + 2 * pads[axis], dilations[axis] * (kernel[axis] - 1) + 1
        if reach > padded:
            raise ValueError(
                f"{op}: a window covers {reach} pixels in {name} but the padded image has {padded} ({image}, "
                f"kernel_size {kernel}, padding {pads}, dilation {dilations})"
            )
        counts.append((padded - reach) // steps[axis] + 1)
    return Windows(kernel, steps, pads, dilations, tuple(counts))


def _draw(draw: Any) -> tuple[Sizes, Sizes, dict[str, Any]]:
    """For samples: the shapes of an image and its columns, and the settings."""
    N, C = draw.integer(0, 2), draw.integer(1, 3)
    kernel, stride, dilation, padding = (
        tuple(draw.integer(*each) for _ in "ab") for each in ((1, 3), (1, 3), (1, 2), (0, 3))
    )
    size = (draw.integer(5, 9), draw.choice(draw.integer(5, 9), draw.integer(30, 50)))
    counts = check_windows("unfold", size, kernel, dilation, padding, stride, "").counts
    settings = {"stride": stride, "padding": padding, "dilation": dilation}
    return (N, C, *size), (N, C, *kernel, *counts), settings


@unfold_forward.samples
def _(draw):
    image, columns, settings = _draw(draw)
    return {"x": draw.array(image), "y": draw.out(columns), **settings}


@unfold_backward.samples
def _(draw):
    image, columns, settings = _draw(draw)
    return {"dy": draw.array(columns), "dx": draw.out(image), **settings}


@op("input")
def unfold(
    input: Any,
    kernel_size: int | tuple[int, int],
    dilation: int | tuple[int, int] = 1,
    padding: int | tuple[int, int] = 0,
    stride: int | tuple[int, int] = 1,
) -> Any:
    """The windows of input, one a column. See the top of this file."""
    x = check_float("unfold", "input", input)
    check_rank("unfold", "input", x, 3, 4, layout="(N, C, H, W) or (C, H, W)")
    g = check_windows("unfold", x.shape[-2:], kernel_size, dilation, padding, stride, f"input {x.shape}")
    batch = x if x.ndim == 4 else x[None]
    N, C = batch.shape[:2]
    rows, columns = C * g.kernel[0] * g.kernel[1], g.counts[0] * g.counts[1]
    check_result("unfold", (N, rows, columns), x.itemsize, g.stride, g.padding, g.dilation, x.shape)
    y = empty((N, C, *g.kernel, *g.counts), x.dtype)
    unfold_forward(batch, y, g.stride, g.padding, g.dilation)

    def gradient(dy, needs):
        dx = empty(batch.shape, x.dtype)
        unfold_backward(dy.reshape(y.shape), dx, g.stride, g.padding, g.dilation)
        return dx.reshape(x.shape)

    return y.reshape((N, rows, columns) if x.ndim == 4 else (rows, columns)), gradient, ()


@op("input")
def windows(input: Any, d: int, width: int, apart: int) -> Any:
    """Windows of `width` numbers along dimension d, `apart` apart, as a new last dimension."""
    before, count = (slice(None),) * d, input.shape[d] - width + 1

    def gradient(dy, needs):
        dx = zeros(input.shape, input.dtype)
        for offset in range(width):
            part = dx[(*before, slice(offset, offset + count, apart))]
            add_forward(part, dy[..., offset], part)
        return dx

    return copied(sliding_window_view(input, width, d)[(*before, slice(None, None, apart))]), gradient, ()
