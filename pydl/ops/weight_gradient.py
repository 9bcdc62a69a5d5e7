"""The gradient of a weight that meets some rows in every step of a loop, such as that of a recurrent cell.

    dW[m, k] = sum over steps, and in each over its rows n, of  dy[n, m] x[n, k]

An operation that returns WeightGradient(dy, x) in place of an array leaves it to the tape when that is computed: at
once into the sum, which nobody has to add up then; and steps of few rows many at a time, for such a product takes
longer to write dW than to multiply.
"""

from __future__ import annotations

from .._compiled import Summand
from ..arguments import Array
from ..op import empty
from .clone import copied
from .linear import linear_backward_weight

FEW_ROWS, MANY_ROWS = 16, 1024  # of a step that waits for others, and of all that are computed at once
SOME_ROWS, LARGE = 128, 1 << 18  # rows of a step that waits where dW, of so many numbers, is larger than a core's cache


class WeightGradient(Summand):
    """dy^T x, of dy (N, M) and x (N, K). See the top of this file."""

    __slots__ = ("dy", "rows", "x")

    def __init__(self, dy: Array, x: Array) -> None:
        self.shape = (dy.shape[1], x.shape[1])
        self.dy, self.x = [dy], [x]
        self.rows = len(x)

    def join(self, other: Summand) -> bool:
        if not isinstance(other, WeightGradient):
            return False
        M, K = self.shape
        few = FEW_ROWS if M * K < LARGE else SOME_ROWS
        if other.rows > few or len(self.x[0]) > few or self.rows + other.rows > MANY_ROWS:
            return False
        self.dy += other.dy
        self.x += other.x
        self.rows += other.rows
        return True

    def array(self) -> Array:
        dw = empty(self.shape, self.x[0].dtype)
        linear_backward_weight(self.dy, self._rows(), dw, False)
        return dw

    def add_to(self, sum: Array) -> None:
        linear_backward_weight(self.dy, self._rows(), sum, True)

    def _rows(self) -> list[Array]:
        return [x if x.flags.c_contiguous else copied(x) for x in self.x]
