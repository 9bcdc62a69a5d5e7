"""Lines of an array: those along one dimension, which kernels receive as (A, K, B)."""

from __future__ import annotations

from typing import Any

from .._compiled import along
from ..arguments import check_dim, check_float
from ..op import empty


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


def draw_lines(draw: Any, shortest: int = 1) -> tuple[int, int, int]:
    """For samples: a shape (A, K, B), lines long enough for several vectors or many lines beside each other."""
    shape: tuple[int, int, int] = draw.choice(
        (draw.integer(0, 3), draw.integer(shortest, 70), 1),
        (draw.integer(0, 2), draw.integer(shortest, 5), draw.integer(2, 40)),
        (draw.integer(1, 40), draw.integer(shortest, 5), 1),
    )
    return shape
