"""pad: a border around the tensor.

    y[.., i, ..] = x[.., i - before, ..] inside; in the border
    constant     value
    reflect      what lies as far inside the edge; the edge itself is not repeated
    replicate    the edge
    circular     what lies at the other end

Shapes    the last dimension grows by pad[0] in front and pad[1] behind, the one before it by pad[2] and pad[3], ...;
          a negative number cuts off
Gradient  dx = dy without the border, 0 where x was cut off; in the other modes dy of the border is added where its
          numbers came from
Source    Dumoulin, Visin, "A guide to convolution arithmetic for deep learning", arXiv:1603.07285 (2016)
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from .._compiled import remembered
from ..arguments import check_array, check_choice, check_integer, check_number, check_shape, show
from ..op import empty, kernel, op
from .clone import copy, reshaped, zeros

MODES = ("constant", "reflect", "replicate", "circular")


def _place(mode: int, i: int, size: int) -> int:
    """Which element the i-th, counted from the first inside, is; -1 for the constant."""
    if 0 <= i < size:
        return i
    if MODES[mode] == "reflect":
        return -i if i < 0 else 2 * (size - 1) - i
    if MODES[mode] == "replicate":
        return 0 if i < 0 else size - 1
    return i % size if MODES[mode] == "circular" else -1


@kernel(writes="y")
def pad_forward(x, value, front, mode, y):
    """front: the border before each of the last three dimensions; mode: the number of one of MODES."""
    for a, *others in np.ndindex(y.shape):
        places = [_place(mode, i - f, n) for i, f, n in zip(others, front, x.shape[1:], strict=True)]
        y[(a, *others)] = value if -1 in places else x[(a, *places)]


@kernel(writes="dx")
def pad_backward(dy, front, mode, dx):
    dx[...] = 0.0
    for a, *others in np.ndindex(dy.shape):
        places = [_place(mode, i - f, n) for i, f, n in zip(others, front, dx.shape[1:], strict=True)]
        dx[(a, *places)] += dy[(a, *others)]


def _draw(draw, mode):
    shape, border = [draw.integer(0, 3)], []
    for _ in range(3):
        size = draw.choice(1, draw.integer(1, 40))
        most = {"reflect": size - 1, "circular": size}.get(MODES[mode], 5)
        border.append((draw.integer(0, min(most, 5)), draw.integer(0, min(most, 5))))
        shape.append(size)
    padded = [shape[0], *(n + f + b for n, (f, b) in zip(shape[1:], border, strict=True))]
    return tuple(shape), tuple(f for f, _ in border), tuple(padded)


@pad_forward.samples
def _(draw):
    mode = draw.integer(0, 3)
    shape, front, padded = _draw(draw, mode)
    if mode == 0 and draw.choice(True, False):  # cut off
        front = tuple(draw.integer(-3, 3) for _ in front)
    return {"x": draw.array(shape), "value": draw.array(()), "front": front, "mode": mode, "y": draw.out(padded)}


@pad_backward.samples
def _(draw):
    mode = draw.integer(1, 3)
    shape, front, padded = _draw(draw, mode)
    return {"dy": draw.array(padded), "front": front, "mode": mode, "dx": draw.out(shape)}


@remembered
def _check_sizes(pad: tuple[Any, ...], ndim: int) -> tuple[int, ...]:
    """pad as integers, two for each of up to ndim dimensions."""
    sizes = tuple([check_integer("pad", "pad", each, -(2**31)) for each in pad])
    if len(sizes) % 2 or len(sizes) > 2 * ndim:
        raise ValueError(f"pad: pad has {len(sizes)} numbers, but needs two for each of up to {ndim} dimensions")
    return sizes


# x and y as the kernels see them, (A, D, H, W), and the borders before the last three dimensions.
Step = tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...]]


def _steps(shape: tuple[int, ...], borders: list[tuple[int, int]], is_constant: bool) -> tuple[Step, ...]:
    """One, if at most three neighbouring dimensions have a border. What lies behind the last of them is one run."""
    steps: list[Step] = []
    sizes, todo = list(shape), [d for d, border in enumerate(borders) if any(border)]
    while todo or not steps:
        last = todo[-1] if todo else len(shape) - 1
        run = math.prod(sizes[last + 1 :])
        joins = is_constant or run == 1  # the run with the border: of other modes it would have to be a whole one
        first = last - 2 if joins else last - 1
        missing = -min(first, 0)
        old, front, new = [1] * missing, [0] * missing, [1] * missing
        for d in range(max(first, 0), last + 1):
            old.append(sizes[d])
            front.append(borders[d][0])
            sizes[d] += sum(borders[d])
            new.append(sizes[d])
        if joins:
            old[-1], front[-1], new[-1] = old[-1] * run, front[-1] * run, new[-1] * run
        else:
            old, front, new = [*old, run], [*front, 0], [*new, run]
        A = math.prod(sizes[: max(first, 0)])
        steps.append(((A, *old), (A, *new), tuple(front)))
        todo = [d for d in todo if d < first]
    return tuple(steps)


@remembered
def _plan(shape: tuple[int, ...], sizes: tuple[int, ...], mode: str) -> tuple[Any, ...]:
    """The shape of y, the steps to it, which part of x is in it, and where."""
    count, ndim = len(sizes) // 2, len(shape)
    if mode != "constant" and (not sizes or ndim not in (count + 1, count + 2)):
        raise ValueError(f"pad: mode {mode!r} needs two numbers for all but the first one or two dimensions of {shape}")
    padded, borders = list(shape), [(0, 0)] * ndim
    kept, inside = [slice(None)] * ndim, [slice(None)] * ndim
    for k in range(count):
        d, front, behind = ndim - 1 - k, sizes[2 * k], sizes[2 * k + 1]
        size = shape[d]
        most = {"reflect": size - 1, "circular": size}.get(mode, 2**31)
        if mode != "constant" and (min(front, behind) < 0 or max(front, behind) > most or size == 0):
            raise ValueError(
                f"pad: {front} and {behind} must be from 0 to {most} for {mode!r}, dimension {d} of {shape}"
            )
        padded[d], borders[d] = size + front + behind, (front, behind)
        if padded[d] < 0:
            raise ValueError(f"pad: {front} and {behind} cut more than there is in dimension {d} of {shape}")
        first, last = max(-front, 0), max(min(size, size + behind), max(-front, 0))
        kept[d], inside[d] = slice(first, last), slice(first + front, last + front)
    # An ellipsis, because without dimensions these would be numbers.
    return (
        check_shape("pad", (tuple(padded),)),
        _steps(shape, borders, mode == "constant"),
        (..., *kept),
        (..., *inside),
    )


@op("input")
def pad(input: Any, pad: Sequence[int], mode: str = "constant", value: float | None = None) -> Any:
    """A border of `value` (0) around input, or one made of input itself. See the top of this file.

    pad: (front, behind) of the last dimension, then of the one before it, and so on. mode: "constant", which may leave
    out dimensions; "reflect", "replicate" or "circular", which leave out the first one or two.
    """
    x = check_array("pad", "input", input)
    check_choice("pad", "mode", mode, *MODES)
    if not isinstance(pad, tuple | list):
        raise TypeError(f"pad: pad must be a tuple of integers, not {show(pad)}")
    sizes, number = _check_sizes(tuple(pad), x.ndim), np.zeros((), x.dtype)
    if value is not None:
        number[...] = check_number("pad", "value", value)
        if value and mode != "constant":
            raise ValueError(f"pad: value is {show(value)}, but mode {mode!r} has none")
    shape, steps, kept, inside = _plan(x.shape, sizes, mode)
    kind, y = MODES.index(mode), x
    for old, new, front in steps:
        longer = empty(new, x.dtype)
        pad_forward(reshaped(y, old), number, front, kind, longer)
        y = longer

    def gradient(dy, needs):
        if mode == "constant":
            if all(size >= 0 for size in sizes):
                return dy[inside]
            dx = zeros(x.shape, x.dtype)
            copy(dy[inside], dx[kept])
            return dx
        for old, new, front in reversed(steps):
            dx = empty(old, x.dtype)
            pad_backward(reshaped(dy, new), front, kind, dx)
            dy = dx
        return dy.reshape(x.shape)

    return y.reshape(shape), gradient, ()
