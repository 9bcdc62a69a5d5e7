"""SparseRows: the gradient of a large table of which a batch used a few rows.

    G[rows[k], d] = values[k, d],   zero in all other rows           (rows ascend, each stands there once)

An embedding of a million words and a batch of a hundred has a gradient of a million rows, nearly all zero. Kept as the
hundred rows that are not, neither making it nor a step of an optimizer that moves these rows alone takes longer for a
larger table. Source: Abadi et al., "TensorFlow: a system for large-scale machine learning", OSDI 2016, section 4.2.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .arguments import Array
from .tensor import Tensor


class SparseRows(Tensor):
    """Some rows of a matrix that is zero elsewhere: shape is the whole matrix's, data are the rows that are there.

    As in PyTorch: is_sparse, indices() (1, K), values() (K, D), to_dense(), coalesce().
    """

    __slots__ = ("_whole", "rows")
    is_sparse = True

    def __init__(self, rows: Array, values: Array, shape: tuple[int, ...]) -> None:
        super().__init__(values)
        self.rows = rows
        self._whole = tuple(shape)

    @property
    def shape(self) -> tuple[int, ...]:
        return self._whole

    def indices(self) -> Tensor:
        """Which rows, (1, K)."""
        return Tensor(self.rows[None])

    def values(self) -> Tensor:
        """What is in them, (K, D)."""
        return Tensor(self.data)

    def coalesce(self) -> SparseRows:
        """Itself: every row stands here once already."""
        return self

    def to_dense(self) -> Tensor:
        """The whole matrix."""
        whole = np.zeros(self._whole, self.dtype)
        whole[self.rows] = self.data
        return Tensor(whole)

    def numpy(self) -> Array:
        """Refused with a RuntimeError: numpy has no such arrays."""
        raise RuntimeError("numpy: this gradient has some rows of a table only; use to_dense().numpy() or values()")

    def arrive(self, leaf: Any) -> None:
        """leaf.grad += this, as a backward pass does it; a whole gradient stays whole."""
        if leaf.shape != self._whole:
            raise RuntimeError(
                f"backward: a leaf has the shape {leaf.shape} since its data was replaced, its gradient {self._whole}"
            )
        before = leaf.grad
        if before is None:
            leaf.grad = self
        elif isinstance(before, SparseRows):
            leaf.grad = summed(
                np.concatenate([before.rows, self.rows]), np.concatenate([before.data, self.data]), self._whole
            )
        else:
            before.data[self.rows] += self.data

    def __reduce__(self) -> tuple[Any, ...]:
        return SparseRows, (self.rows, self.data, self._whole)

    def __deepcopy__(self, memo: dict[int, Any]) -> SparseRows:
        return SparseRows(self.rows.copy(), self.data.copy(), self._whole)

    def __repr__(self) -> str:
        return f"SparseRows({len(self.rows)} of {self._whole[0]} rows, shape={self._whole}, dtype={self.dtype})"


def summed(rows: Array, values: Array, shape: tuple[int, ...]) -> SparseRows:
    """SparseRows of rows in any order, those that occur more than once added up in their order."""
    unique, places = np.unique(rows, return_inverse=True)
    total = np.zeros((len(unique), values.shape[1]), values.dtype)
    np.add.at(total, places, values)
    return SparseRows(unique, total, shape)
