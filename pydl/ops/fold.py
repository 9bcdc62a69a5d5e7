"""fold: columns added where their windows lie in an image, the way back from unfold (col2im).

    y[n, c, h, w] = sum over all u, v, i, j with  i*stride + u*dilation - padding = h  and the same for w
                    of x[n, (c U + u) V + v, i J + j]

fold(unfold(x)) multiplies every pixel by the number of windows it is in. unfold's kernels compute it.

Shapes    x (N, C U V, I J) or (C U V, I J) -> y (N, C, H, W) or (C, H, W), where (H, W) is output_size
          and windows are U x V; I and J as in unfold
Gradient  dx = unfold(dy)
Source    Chellapilla, Puri, Simard, "High performance convolutional neural networks for document processing",
          Workshop on Frontiers in Handwriting Recognition 2006
"""

from __future__ import annotations

from typing import Any

from ..arguments import check_float, check_rank, check_tuple
from ..op import empty, op
from .unfold import check_windows, unfold_backward, unfold_forward


@op("input")
def fold(
    input: Any,
    output_size: int | tuple[int, int],
    kernel_size: int | tuple[int, int],
    dilation: int | tuple[int, int] = 1,
    padding: int | tuple[int, int] = 0,
    stride: int | tuple[int, int] = 1,
) -> Any:
    """An image of output_size from the columns of its windows. See the top of this file."""
    x = check_float("fold", "input", input)
    check_rank("fold", "input", x, 2, 3, layout="(N, C U V, I J) or (C U V, I J)")
    size = check_tuple("fold", "output_size", output_size, 1, 2)
    g = check_windows("fold", size, kernel_size, dilation, padding, stride, f"output_size {size}")
    taps, windows = g.kernel[0] * g.kernel[1], g.counts[0] * g.counts[1]
    if x.shape[-2] % taps:
        raise ValueError(
            f"fold: input has {x.shape[-2]} rows (shape {x.shape}) but must have a multiple of {taps}, the taps of "
            f"kernel_size {g.kernel}"
        )
    if x.shape[-1] != windows:
        raise ValueError(
            f"fold: input has {x.shape[-1]} columns (shape {x.shape}) but {g.counts[0]} x {g.counts[1]} windows fit "
            f"into output_size {size}"
        )
    N, C = x.shape[0] if x.ndim == 3 else 1, x.shape[-2] // taps
    columns = x.reshape(N, C, *g.kernel, *g.counts)
    y = empty((N, C, *size), x.dtype)
    unfold_backward(columns, y, g.stride, g.padding, g.dilation)

    def gradient(dy, needs):
        dx = empty(columns.shape, x.dtype)
        unfold_forward(dy.reshape(y.shape), dx, g.stride, g.padding, g.dilation)
        return dx.reshape(x.shape)

    return y.reshape(y.shape if x.ndim == 3 else y.shape[1:]), gradient, ()
