"""Checks and output sizes that the pooling operations share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ..arguments import Array, check_flag, check_floats, check_integer, check_pair, check_rank

Pair = tuple[int, int]

# What the kernels allow whatever the input's size.
MOST_PADDING = 65536


@dataclass
class Pooling:
    """Checked arguments of a pooling over the last two dimensions."""

    x: Array  # (N, C, H, W); an input without N has N = 1 here
    kernel: Pair
    stride: Pair
    padding: Pair
    dilation: Pair
    out: tuple[int, ...]  # shape of the result, without N where the input had none

    @property
    def out_plane(self) -> Pair:
        return self.out[-2], self.out[-1]


def check_pooling(
    op: str, input: Any, kernel_size: Any, stride: Any, padding: Any, dilation: Any, ceil_mode: bool
) -> Pooling:
    """The arguments of `op` in one form, or the error that says what is wrong with them."""
    (x,) = check_floats(op, input=input)
    check_rank(op, "input", x, 3, 4, layout="(N, C, H, W) or (C, H, W)")
    kernel = check_pair(op, "kernel_size", kernel_size, 1)
    steps = kernel if stride is None else check_pair(op, "stride", stride, 1)
    pads = check_pair(op, "padding", padding, 0)
    dilations = check_pair(op, "dilation", dilation, 1)
    for pad, size, length in zip(pads, kernel, x.shape[-2:], strict=True):
        if pad > size // 2:
            raise ValueError(f"{op}: padding is {pad} but may be at most half the kernel size {kernel}")
        if pad > length + MOST_PADDING:
            raise ValueError(f"{op}: padding is {pad} but may exceed the input {x.shape} by at most {MOST_PADDING}")
    ceil_mode, sizes = check_flag(op, "ceil_mode", ceil_mode), []
    for axis in (0, 1):
        size = x.shape[axis - 2]
        window = (size, kernel[axis], steps[axis], pads[axis], dilations[axis])
        out = output_size(*window, ceil_mode)
        if out < 1:
            raise ValueError(
                f"{op}: kernel size {kernel} with dilation {dilations} is larger than the input with its padding "
                f"(input {x.shape}, padding={pads})"
            )
        # A window that starts in the padding and steps over the input has no largest element.
        if any(start % dilations[axis] >= size for start in range(-pads[axis], 0, steps[axis])[:out]):
            raise ValueError(
                f"{op}: a window sees nothing but padding "
                f"(input {x.shape}, kernel size {kernel}, padding={pads}, dilation={dilations})"
            )
        sizes.append(out)
    shape = (*x.shape[:-2], *sizes)
    planes = x if x.ndim == 4 else x[None]
    # A kernel may be larger than what it can ever see; numbers that count its elements stay small without the rest.
    seen = [min(kernel[axis], (planes.shape[axis + 2] + 2 * pads[axis] - 1) // dilations[axis] + 1) for axis in (0, 1)]
    return Pooling(planes, (seen[0], seen[1]), steps, pads, dilations, shape)


def output_size(size: int, kernel: int, stride: int, padding: int, dilation: int, ceil_mode: bool) -> int:
    """How many windows fit: floor or, with ceil_mode, ceil of (size + 2 padding - span) / stride, plus 1.

    With ceil_mode a last window that would start in the right padding or beyond is left out.
    """
    room = size + 2 * padding - dilation * (kernel - 1) - 1
    out = (room + (stride - 1 if ceil_mode else 0)) // stride + 1
    if ceil_mode and (out - 1) * stride >= size + padding:
        out -= 1
    return out


def draw_pooling(draw: Any, dilated: bool) -> tuple[tuple[int, ...], tuple[int, ...], tuple[Pair, Pair, Pair, Pair]]:
    """For samples: the shapes of x and y, and kernel, stride, padding and dilation that fit them."""
    planes = (draw.integer(0, 2), draw.integer(1, 2))
    ceil_mode = draw.choice(False, True)
    axes = []
    for longest in (5, draw.choice(7, 40)):
        kernel = draw.integer(1, 3)
        stride, padding = draw.integer(1, 3), draw.integer(0, kernel // 2)
        dilation = draw.integer(1, 2) if dilated else 1
        size = draw.integer(max(dilation * (kernel - 1) + 1 - 2 * padding, dilation), longest)
        axes.append((size, kernel, stride, padding, dilation))
    height, width = axes
    x = (*planes, height[0], width[0])
    y = (*planes, output_size(*height, ceil_mode), output_size(*width, ceil_mode))
    kernel, stride, padding, dilation = ((height[i], width[i]) for i in (1, 2, 3, 4))
    return x, y, (kernel, stride, padding, dilation)


def check_divisor(op: str, divisor: Any) -> int:
    """divisor_override as a positive int; 0 stands for None."""
    return 0 if divisor is None else check_integer(op, "divisor_override", divisor, 1)
