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

from collections.abc import Sequence
from typing import Any

import numpy as np

from .._compiled import remembered
from ..arguments import Array, check_array, check_choice, check_integer, check_number, check_shape, show
from ..op import empty, op
from .clone import copy, zeros

MODES = ("constant", "reflect", "replicate", "circular")


def _places(mode: str, size: int, front: int, behind: int) -> Array:
    """Which element of a dimension each of the padded one is."""
    places = np.arange(-front, size + behind)
    if mode == "replicate":
        return np.asarray(np.clip(places, 0, size - 1))
    if mode == "circular":
        return places % size
    mirrored: Array = size - 1 - np.abs(size - 1 - np.abs(places))
    return mirrored


def _border(mode: str, size: int, front: int, behind: int) -> list[tuple[slice, slice]]:
    """The two ends of a padded dimension, each with the part of it that they are copies of."""
    end = front + size
    ends = slice(0, front), slice(end, end + behind)
    if mode == "replicate":
        return list(zip(ends, (slice(front, front + 1), slice(end - 1, end)), strict=True))
    if mode == "circular":
        return list(zip(ends, (slice(size, end), slice(front, front + behind)), strict=True))
    last = end - 2 - behind if end - 2 - behind >= 0 else None
    return list(zip(ends, (slice(2 * front, front, -1), slice(end - 2, last, -1)), strict=True))


@remembered
def _check_sizes(pad: tuple[Any, ...], ndim: int) -> tuple[int, ...]:
    """pad as integers, two for each of up to ndim dimensions."""
    sizes = tuple([check_integer("pad", "pad", each, -(2**31)) for each in pad])
    if len(sizes) % 2 or len(sizes) > 2 * ndim:
        raise ValueError(f"pad: pad has {len(sizes)} numbers, but needs two for each of up to {ndim} dimensions")
    return sizes


@remembered
def _parts(shape: tuple[int, ...], sizes: tuple[int, ...]) -> tuple[tuple[int, ...], tuple[Any, ...], tuple[Any, ...]]:
    """The shape of y, which part of x is in it, and where."""
    padded, kept, inside = list(shape), [slice(None)] * len(shape), [slice(None)] * len(shape)
    for k in range(len(sizes) // 2):
        d, front, behind = len(shape) - 1 - k, sizes[2 * k], sizes[2 * k + 1]
        padded[d] = shape[d] + front + behind
        if padded[d] < 0:
            raise ValueError(f"pad: {front} and {behind} cut more than there is in dimension {d} of {shape}")
        first, last = max(-front, 0), max(min(shape[d], shape[d] + behind), max(-front, 0))
        kept[d] = slice(first, last)
        inside[d] = slice(first + front, last + front)
    # An ellipsis, because without dimensions these would be numbers.
    return check_shape("pad", (tuple(padded),)), (..., *kept), (..., *inside)


@remembered
def _borders(old: tuple[int, ...], sizes: tuple[int, ...], mode: str) -> tuple[Any, ...]:
    """For x of shape `old` the shape of y, where x lies in it, the dimensions, and the borders with what they copy."""
    count, ndim = len(sizes) // 2, len(old)
    if not sizes or ndim not in (count + 1, count + 2):
        raise ValueError(f"pad: mode {mode!r} needs two numbers for all but the first one or two dimensions of {old}")
    steps = []
    for k in range(count):
        d, front, behind = ndim - 1 - k, sizes[2 * k], sizes[2 * k + 1]
        most = {"reflect": old[d] - 1, "circular": old[d]}.get(mode, 2**31)
        if min(front, behind) < 0 or max(front, behind) > most or old[d] == 0:
            raise ValueError(f"pad: {front} and {behind} must be from 0 to {most} for {mode!r}, dimension {d} of {old}")
        steps.append((d, front, _places(mode, old[d], front, behind)))
    shape = old[: ndim - count] + tuple(len(each) for _, _, each in reversed(steps))
    index = [slice(None)] * (ndim - count) + [
        slice(front, front + old[d]) for d, front, _ in reversed(steps)
    ]  # of what is there already
    inside, copies = tuple(index), []
    for d, front, places in steps:
        for to, source in _border(mode, old[d], front, len(places) - old[d] - front):
            if to.start < to.stop:
                copies.append(tuple((*index[:d], part, *index[d + 1 :]) for part in (to, source)))
        index[d] = slice(None)
    return check_shape("pad", (shape,)), inside, tuple(steps), tuple(copies)


def _bordered(x: Any, sizes: tuple[int, ...], mode: str) -> Any:
    """The modes whose border is made of x."""
    shape, inside, steps, copies = _borders(x.shape, sizes, mode)
    y = empty(shape, x.dtype)
    copy(x, y[inside])
    for to, source in copies:
        border, part = y[to], y[source]
        copy(part if part.shape == border.shape else np.broadcast_to(part, border.shape), border)

    def gradient(dy, needs):
        for d, front, places in reversed(steps):
            size, before = x.shape[d], (slice(None),) * d
            dx = dy[(*before, slice(front, front + size))].copy()
            for i in (*range(front), *range(front + size, len(places))):
                dx[(*before, places[i])] += dy[(*before, i)]
            dy = dx
        return dy

    return y, gradient, ()


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
    sizes = _check_sizes(tuple(pad), x.ndim)
    if mode != "constant":
        if value:
            raise ValueError(f"pad: value is {show(value)}, but mode {mode!r} has none")
        return _bordered(x, sizes, mode)
    shape, kept, inside = _parts(x.shape, sizes)
    y = empty(shape, x.dtype)
    y[...] = 0 if value is None else check_number("pad", "value", value)
    copy(x[kept], y[inside])

    def gradient(dy, needs):
        if all(size >= 0 for size in sizes):
            return dy[inside]
        dx = zeros(x.shape, x.dtype)
        copy(dy[inside], dx[kept])
        return dx

    return y, gradient, ()
