"""What the pooling operations share: checks, output sizes, samples, and what they return given their kernels."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from .._compiled import remembered
from ..arguments import Array, check_flag, check_floats, check_integer, check_rank, check_tuple
from ..op import empty, gradient_wanted
from .clone import reshaped

Sizes = tuple[int, ...]

# What the kernels allow whatever the input's size.
MOST_PADDING = 65536

# The layouts of inputs by how many dimensions a window has.
LAYOUTS = {
    1: "(N, C, L) or (C, L)",
    2: "(N, C, H, W) or (C, H, W)",
    3: "(N, C, D, H, W) or (C, D, H, W)",
}


class Geometry(NamedTuple):
    """The checked settings of a pooling and the shapes of its arrays."""

    shape: Sizes  # of the input
    batch: Sizes  # the same with an N, as kernels take it: (N, C, H, W), lines being planes of one row, (N, C, D, H, W)
    out: Sizes  # of the result
    y: Sizes  # the same as kernels take it
    kernel: Sizes
    stride: Sizes
    padding: Sizes
    dilation: Sizes


def check_pooling(
    op: str, input: Any, kernel_size: Any, stride: Any, padding: Any, dilation: Any, ceil_mode: bool, dims: int = 2
) -> tuple[Array, Geometry]:
    """The input of `op` as its kernels take it, and its geometry over the last `dims` dimensions; or the error that
    says what is wrong."""
    (x,) = check_floats(op, input=input)
    geometry = check_geometry(op, x.shape, kernel_size, stride, padding, dilation, ceil_mode, dims)
    return reshaped(x, geometry.batch), geometry


@remembered
def check_geometry(
    op: str, shape: Sizes, kernel_size: Any, stride: Any, padding: Any, dilation: Any, ceil_mode: bool, dims: int
) -> Geometry:
    """What `op` makes of an input of this shape."""
    check_rank(op, "input", shape, dims + 1, dims + 2, layout=LAYOUTS[dims])
    kernel = check_tuple(op, "kernel_size", kernel_size, 1, dims)
    steps = kernel if stride is None else check_tuple(op, "stride", stride, 1, dims)
    pads = check_tuple(op, "padding", padding, 0, dims)
    dilations = check_tuple(op, "dilation", dilation, 1, dims)
    sizes = shape[-dims:]
    for pad, size, length in zip(pads, kernel, sizes, strict=True):
        if pad > size // 2:
            raise ValueError(f"{op}: padding is {pad} but may be at most half the kernel size {kernel}")
        if pad > length + MOST_PADDING:
            raise ValueError(f"{op}: padding is {pad} but may exceed the input {shape} by at most {MOST_PADDING}")
    ceil_mode, outs, seen = check_flag(op, "ceil_mode", ceil_mode), [], []
    for size, k, s, p, d in zip(sizes, kernel, steps, pads, dilations, strict=True):
        out = output_size(size, k, s, p, d, ceil_mode)
        if out < 1:
            raise ValueError(
                f"{op}: kernel size {kernel} with dilation {dilations} is larger than the input with its padding "
                f"(input {shape}, padding={pads})"
            )
        # A window that starts in the padding and steps over the input has no largest element.
        if any(start % d >= size for start in range(-p, 0, s)[:out]):
            raise ValueError(
                f"{op}: a window sees nothing but padding "
                f"(input {shape}, kernel size {kernel}, padding={pads}, dilation={dilations})"
            )
        outs.append(out)
        # A kernel may be larger than what it can ever see; numbers that count its elements stay small without the rest.
        seen.append(min(k, (size + 2 * p - 1) // d + 1))
    batch = shape if len(shape) == dims + 2 else (1, *shape)
    result = (*shape[:-dims], *outs)
    if dims == 1:
        line, y = (*batch[:2], 1, *sizes), (*batch[:2], 1, *outs)
        return Geometry(shape, line, result, y, (1, *seen), (1, *steps), (0, *pads), (1, *dilations))
    return Geometry(shape, batch, result, (*batch[:2], *outs), tuple(seen), steps, pads, dilations)


def output_size(size: int, kernel: int, stride: int, padding: int, dilation: int, ceil_mode: bool) -> int:
    """How many windows fit: floor or, with ceil_mode, ceil of (size + 2 padding - span) / stride, plus 1.

    With ceil_mode a last window that would start in the right padding or beyond is left out.
    """
    room = size + 2 * padding - dilation * (kernel - 1) - 1
    out = (room + (stride - 1 if ceil_mode else 0)) // stride + 1
    if ceil_mode and (out - 1) * stride >= size + padding:
        out -= 1
    return out


def window_in(position: int, size: int, kernel: int, padding: int) -> tuple[int, int, int]:
    """Start and end of a window inside the input, and how many elements it has with the padding."""
    end = min(position + kernel, size + padding)
    return max(position, 0), min(end, size), end - position


def draw_pooling(draw: Any, dilated: bool, dims: int = 2) -> tuple[Sizes, Sizes, tuple[Sizes, Sizes, Sizes, Sizes]]:
    """For samples: the shapes of x and y, and kernel, stride, padding and dilation that fit them."""
    planes = (draw.integer(0, 2), draw.integer(1, 2))
    ceil_mode = draw.choice(False, True)
    axes = []
    for longest in (*(5,) * (dims - 1), draw.choice(7, 40)):
        kernel = draw.integer(1, 3)
        stride, padding = draw.integer(1, 3), draw.integer(0, kernel // 2)
        dilation = draw.integer(1, 2) if dilated else 1
        size = draw.integer(max(dilation * (kernel - 1) + 1 - 2 * padding, dilation), longest)
        axes.append((size, kernel, stride, padding, dilation))
    x = (*planes, *(axis[0] for axis in axes))
    y = (*planes, *(output_size(*axis, ceil_mode) for axis in axes))
    kernel, stride, padding, dilation = (tuple(axis[i] for axis in axes) for i in (1, 2, 3, 4))
    return x, y, (kernel, stride, padding, dilation)


SETTINGS = ("kernel", "stride", "padding", "dilation")


def draw_max_forward(draw: Any, dims: int) -> dict[str, Any]:
    """For samples of the forward kernel of a max pooling."""
    x, y, geometry = draw_pooling(draw, dilated=True, dims=dims)
    values = draw.choice(draw.array, draw.special)(x)
    return {
        "x": np.round(values, draw.choice(0, 8)),  # rounded to integers there are many equal elements
        "y": draw.out(y),
        "window": draw.choice(None, draw.out(y, np.uint8)),
        "indices": draw.choice(None, draw.out(y, np.int64)),
        **dict(zip(SETTINGS, geometry, strict=True)),
    }


def draw_max_backward(draw: Any, dims: int, forward: Any) -> dict[str, Any]:
    """For samples of the backward kernel, given the forward kernel."""
    x, y, geometry = draw_pooling(draw, dilated=True, dims=dims)
    window, indices = draw.out(y, np.uint8), draw.out(y, np.int64)
    forward.reference(draw.array(x), np.empty(y), window, indices, *geometry)
    compact = draw.choice(True, True, False)
    return {
        "dy": draw.array(y),
        "window": window if compact else None,
        "indices": None if compact else indices,
        "dx": draw.out(x),
        **dict(zip(SETTINGS, geometry, strict=True)),
    }


def draw_avg(draw: Any, dims: int, gradient: bool) -> dict[str, Any]:
    """For samples of the forward kernel of an average pooling, or of that of its gradient."""
    x, y, (kernel, stride, padding, _) = draw_pooling(draw, dilated=False, dims=dims)
    settings = {"kernel": kernel, "stride": stride, "padding": padding}
    settings |= {"count_include_pad": draw.choice(False, True), "divisor_override": draw.choice(0, 0, 3)}
    values = draw.choice(draw.array, draw.special)
    return ({"dy": values(y), "dx": draw.out(x)} if gradient else {"x": values(x), "y": draw.out(y)}) | settings


def check_divisor(op: str, divisor: Any) -> int:
    """divisor_override as a positive int; 0 stands for None."""
    return 0 if divisor is None else check_integer(op, "divisor_override", divisor, 1)


# Kernels of up to so many elements number the winner of a window in one byte.
COMPACT = 256


def max_pooling(x: Array, pool: Geometry, forward: Any, backward: Any, return_indices: bool) -> Any:
    """What a max pooling op returns, given its kernels."""
    settings = (pool.kernel, pool.stride, pool.padding, pool.dilation)
    compact, wanted = math.prod(pool.kernel) <= COMPACT, gradient_wanted()
    y = empty(pool.out, x.dtype)
    window = empty(pool.y, np.dtype(np.uint8)) if compact and wanted else None
    indices = empty(pool.out, np.dtype(np.int64)) if return_indices or not compact else None
    positions = None if indices is None else indices.reshape(pool.y)
    forward(x, y.reshape(pool.y), window, positions, *settings)

    def gradient(dy, needs):
        if return_indices:
            dy = dy[0]
        dx = empty(pool.shape, dy.dtype)
        backward(dy.reshape(pool.y), window, None if compact else positions, dx.reshape(pool.batch), *settings)
        return dx

    saves = ("output",) if return_indices and not compact else ()
    return ([y, indices] if return_indices else y), gradient, saves


def avg_pooling(x: Array, pool: Geometry, forward: Any, backward: Any, count_include_pad: bool, divisor: int) -> Any:
    """What an average pooling op returns, given its kernels."""
    settings = (pool.kernel, pool.stride, pool.padding, count_include_pad, divisor)
    y = empty(pool.out, x.dtype)
    forward(x, y.reshape(pool.y), *settings)

    def gradient(dy, needs):
        dx = empty(pool.shape, dy.dtype)
        backward(dy.reshape(pool.y), dx.reshape(pool.batch), *settings)
        return dx

    return y, gradient, ()
