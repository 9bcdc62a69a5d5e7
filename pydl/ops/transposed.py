"""What the transposed convolutions share, over one, two or three dimensions: checks, sizes, and the way back.

A transposed convolution is a convolution seen from its input: its result is the input of a convolution whose result
is the transposed one's input. `settings` below are those of that convolution.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ..arguments import check_floats, check_integer, check_rank, check_tuple
from ..op import empty
from .convolution import LAYOUTS, Sizes, as_images, bias_gradient, check_result, settings_of_images


@dataclass
class Transposed:
    """Checked arguments of a transposed convolution."""

    shape: Sizes  # of the input
    x: Any  # a batch
    w: Any
    b: Any
    y: Sizes  # shape of the result for the batch
    reached: tuple[
        Any, ...
    ]  # an index: the part of y that a convolution's window can see: all of it, but for odd settings
    stride: Sizes
    padding: Sizes
    dilation: Sizes
    groups: int


def check_transposed(
    op: str,
    input: Any,
    weight: Any,
    bias: Any,
    stride: Any,
    padding: Any,
    output_padding: Any,
    groups: Any,
    dilation: Any,
    dims: int,
) -> Transposed:
    """The arguments of `op` in one form, or the error that says what is wrong with them."""
    x, w, b = check_floats(op, ("bias",), input=input, weight=weight, bias=bias)
    steps = check_tuple(op, "stride", stride, 1, dims)
    pads = check_tuple(op, "padding", padding, 0, dims)
    extra = check_tuple(op, "output_padding", output_padding, 0, dims)
    dilations = check_tuple(op, "dilation", dilation, 1, dims)
    groups = check_integer(op, "groups", groups, 1)
    given = f"(input {x.shape}, weight {w.shape}, groups={groups})"
    layout, sizes = LAYOUTS[dims]
    check_rank(op, "input", x, dims + 1, dims + 2, layout=layout)
    check_rank(op, "weight", w, dims + 2, layout=f"(in_channels, out_channels/groups, {sizes})")
    if 0 in w.shape:
        raise ValueError(f"{op}: weight has a dimension of size 0 and must have none {given}")
    channels = x.shape[-dims - 1]
    if channels != w.shape[0]:
        raise ValueError(f"{op}: weight has {w.shape[0]} input channels but input has {channels} {given}")
    if channels % groups != 0:
        raise ValueError(f"{op}: input has {channels} channels, which groups={groups} does not divide {given}")
    features = w.shape[1] * groups
    if b is not None and b.shape != (features,):
        raise ValueError(f"{op}: bias must have shape ({features},) for the weight {w.shape}, but has {b.shape}")
    if any(each >= max(s, d) for each, s, d in zip(extra, steps, dilations, strict=True)):
        raise ValueError(
            f"{op}: output_padding is {extra} but must be smaller than stride {steps} or dilation {dilations}"
        )
    batch = x if x.ndim == dims + 2 else x[None]
    out: list[int] = []
    reached, zeros = [], []
    for length, taps, s, p, d, e in zip(batch.shape[2:], w.shape[2:], steps, pads, dilations, extra, strict=True):
        out.append((length - 1) * s - 2 * p + d * (taps - 1) + e + 1)
        # Zeros behind; without them, the convolution would have another output if so much were left over.
        behind, over = max(p - e, 0), max(e - p, 0)
        zeros += [p, behind]
        reached.append(slice(0, out[-1] - max(over - (s - 1), 0)))
    shape = (batch.shape[0], features, *out)
    if min(shape[2:]) < 1 or min(batch.shape[2:]) < 1:
        raise ValueError(f"{op}: the result would have the shape {shape} {given[:-1]}, padding={pads})")
    y = check_result(op, shape, x.itemsize, batch.shape, w.shape)
    return Transposed(x.shape, batch, w, b, y, (..., *reached), steps, tuple(zeros), dilations, groups)


def fill_unreached(y: Any, b: Any, reached: tuple[Any, ...]) -> None:
    """The bias alone, where there may be numbers that no window sees."""
    if y[reached].shape != y.shape:
        y[...] = 0 if b is None else b.reshape(-1, *(1,) * (y.ndim - 2))


def convolve_transposed(t: Transposed, forward: Any, convolve: Any, weight_gradient: Any) -> Any:
    """What a transposed convolution returns, given its kernel and those of the convolution that it turns around."""
    settings = settings_of_images(t.stride, t.padding, t.dilation, t.groups)
    y = empty(t.y, t.x.dtype)
    fill_unreached(y, t.b, t.reached)
    x, w = as_images(t.x), as_images(t.w)
    forward(x, w, t.b, as_images(y[t.reached]), *settings)

    def gradient(dy, needs):
        dy = dy.reshape(t.y)
        seen = as_images(dy[t.reached])
        dx = dw = None
        if needs[0]:
            dx = empty(t.x.shape, t.x.dtype)
            convolve(seen, w, None, as_images(dx), *settings)
            dx = dx.reshape(t.shape)
        if needs[1]:
            dw = empty(t.w.shape, t.x.dtype)
            weight_gradient(x, seen, as_images(dw), None, *settings)
        return dx, dw, bias_gradient(dy) if needs[2] else None

    return y if t.x.ndim == len(t.shape) else y[0], gradient, (("weight", 0), ("input", 1))
