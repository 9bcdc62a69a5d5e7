"""Arrays as (A, K, B): the form in which kernels that work along one dimension receive them."""

from __future__ import annotations

import math
from typing import Any

from ..arguments import Array


def along(array: Array, dim: int) -> Array:
    """The array as (A, K, B) with K the size of `dim`: a view where the layout allows one."""
    shape = array.shape or (1,)
    return array.reshape(math.prod(shape[:dim]), shape[dim], math.prod(shape[dim + 1 :]))


def draw_lines(draw: Any, shortest: int = 1) -> tuple[int, int, int]:
    """For samples: a shape (A, K, B), lines long enough for several vectors or many lines beside each other."""
    shape: tuple[int, int, int] = draw.choice(
        (draw.integer(0, 3), draw.integer(shortest, 70), 1),
        (draw.integer(0, 2), draw.integer(shortest, 5), draw.integer(2, 40)),
        (draw.integer(1, 40), draw.integer(shortest, 5), 1),
    )
    return shape
