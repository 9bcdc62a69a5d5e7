"""The gradient of a weight that meets some rows in every step of a loop, such as that of a recurrent cell.

    dW[m, k] = sum over steps, and in each over its rows n, of  dy[n, m] x[n, k]

An operation that returns WeightGradient(dy, x) in place of an array leaves it to the tape when that is computed: at
once into the sum, which nobody has to add up then; and steps of few rows many at a time, for such a product takes
longer to write dW than to multiply.
"""

from __future__ import annotations

import math

from .._compiled import Summand
from ..arguments import Array
from ..op import empty
from .clone import copy
from .linear import linear_backward_bias, linear_backward_weight

FEW_ROWS, MANY_ROWS = 16, 1024  # of a step that waits for others, and of all that are computed at once
SOME_ROWS, LARGE = 128, 1 << 18  # rows of a step that waits where dW, of so many numbers, is larger than a core's cache

# Of dy in equal parts side by side, how many there are and which of them make dW, one above the other.
Parts = tuple[int, tuple[int, ...]]


class WeightGradient(Summand):
    """dy^T x, of dy (N, M) and x (N, K). See the top of this file."""

    def __init__(self, dy: Array, x: Array, parts: Parts = (1, (0,))) -> None:
        count, chosen = parts
        super().__init__((dy.shape[1] // count * len(chosen), x.shape[1]))
        self.parts = parts
        self.steps = [(dy, x)]
        self.rows = len(x)

    def join(self, other: Summand) -> bool:
        if not isinstance(other, WeightGradient) or other.parts != self.parts:
            return False
        few = FEW_ROWS if math.prod(self.shape) < LARGE else SOME_ROWS
        if max(len(self.steps[0][1]), other.rows) > few or self.rows + other.rows > MANY_ROWS:
            return False
        self.steps += other.steps
        self.rows += other.rows
        return True

    def array(self) -> Array:
        dw = empty(self.shape, self.steps[0][1].dtype)
        self._compute(dw, False)
        return dw

    def add_to(self, sum: Array) -> None:
        self._compute(sum, True)

    def _compute(self, dw: Array, adds: bool) -> None:
        dy, x = (one_below_the_other(list(each), self.rows) for each in zip(*self.steps, strict=True))
        for each, to in places(dy, self.parts):
            linear_backward_weight(each, x, dw[to], adds)


def bias_gradient(dy: Array, parts: Parts = (1, (0,))) -> Array:
    """The sum of dy (N, M) over its rows; parts as above."""
    count, chosen = parts
    db = empty((dy.shape[1] // count * len(chosen),), dy.dtype)
    for each, to in places(dy, parts):
        linear_backward_bias(each, db[to])
    return db


def places(dy: Array, parts: Parts) -> list[tuple[Array, slice]]:
    """The chosen parts of dy, neighbours together, and the rows of dW that each makes."""
    count, chosen = parts
    size = dy.shape[1] // count
    found: list[tuple[Array, slice]] = []
    first = 0
    for i in range(1, len(chosen) + 1):
        if i == len(chosen) or chosen[i] != chosen[i - 1] + 1:
            found.append((dy[:, chosen[first] * size : (chosen[i - 1] + 1) * size], slice(first * size, i * size)))
            first = i
    return found


def one_below_the_other(arrays: list[Array], rows: int) -> Array:
    """Matrices of so many rows in all as one."""
    if len(arrays) == 1:
        return arrays[0]
    whole = empty((rows, arrays[0].shape[1]), arrays[0].dtype)
    begin = 0
    for each in arrays:
        copy(each, whole[begin : begin + len(each)])
        begin += len(each)
    return whole
