"""Lines of an array: those along one dimension, which kernels receive as (A, K, B)."""

from __future__ import annotations

import math
from typing import Any

from .._compiled import along
from ..arguments import check_dim, check_float
from ..op import empty
from .clone import copied, reshaped


def line_by_line(op: str, input: Any, dim: Any, forward: Any, backward: Any) -> Any:
    """What an operation on each line returns, given its kernels; its gradient needs the result and not the input."""
    x = check_float(op, "input", input)
    dim = check_dim(op, dim, x.ndim)
    y = empty(x.shape, x.dtype)
    forward(along(x, dim), along(y, dim))

    def gradient(dy, needs):
        dx = empty(y.shape, y.dtype)
        backward(along(dy, dim), along(y, dim), along(dx, dim))
        return dx

    return y, gradient, ("output",)


def with_last(x: Any, d: int) -> Any:
    """x with the dimension d behind all others: np.moveaxis(x, d, -1), which takes ten times as long."""
    last = x.ndim - 1
    if d >= last - 1:
        return x if d == last else x.swapaxes(d, last)
    return x.transpose((*range(d), *range(d + 1, last + 1), d))


def around(x: Any, dims: tuple[int, ...]) -> Any:
    """x as (A, K, B), K the dimensions `dims`, B without gaps: a view where its strides allow it."""
    first, last = (dims[0], dims[-1] + 1) if dims else (0, 0)
    if last - first != len(dims):  # those that are not neighbours become the last ones
        kept = tuple(d for d in range(x.ndim) if d not in dims)
        x, first, last = x.transpose(kept + dims), len(kept), x.ndim
    lines = reshaped(x, (math.prod(x.shape[:first]), math.prod(x.shape[first:last]), math.prod(x.shape[last:])))
    # Of a transposed array neighbours are rows, and rows neighbours.
    along, gap, beside = lines.strides
    if (lines.shape[0] == 1 and beside > gap) or (lines.shape[2] == 1 and along == x.itemsize < gap):
        lines = lines.transpose(2, 1, 0)
    return lines if lines.shape[2] < 2 or lines.strides[2] == x.itemsize else copied(lines)


def draw_lines(draw: Any, shortest: int = 1) -> tuple[int, int, int]:
    """For samples: a shape (A, K, B), lines long enough for several vectors or many lines beside each other."""
    shape: tuple[int, int, int] = draw.choice(
        (draw.integer(0, 3), draw.integer(shortest, 70), 1),
        (draw.integer(0, 2), draw.integer(shortest, 5), draw.integer(2, 40)),
        (draw.integer(1, 40), draw.integer(shortest, 5), 1),
    )
    return shape
