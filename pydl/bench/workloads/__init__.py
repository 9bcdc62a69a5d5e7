"""The rows of the comparison, as data: what is computed, on which sizes, and the least work it can cost.

A file of this folder is an area: the kinds of work it has, and its rows. A new row is one line there. A new kind is
one entry in KINDS, which libraries with PyTorch's names (pydl and PyTorch itself) run as it is written; for the others
it is one function of that name in `peers/`. A library without it has no line in that row.

Sizes are fixed before anybody tunes a kernel on them; rows that turn out slow stay.
"""

from __future__ import annotations

from . import attention, convolution, matrix_product, memory_bound, optimizer, overhead, pooling, recurrent, whole_step
from .workload import KINDS as KINDS
from .workload import Arrays as Arrays
from .workload import Kind as Kind
from .workload import Workload as Workload

WORKLOADS: tuple[Workload, ...] = (
    *matrix_product.ROWS,
    *convolution.ROWS,
    *pooling.ROWS,
    *recurrent.ROWS,
    *attention.ROWS,
    *memory_bound.ROWS,
    *optimizer.ROWS,
    *whole_step.ROWS,
    *overhead.ROWS,
)


def select(pattern: str | None, everything: bool = False) -> list[Workload]:
    """Rows whose name or area contains `pattern` (case does not matter); without one all but the extra ones, or,
    if wanted, everything."""
    if pattern is None:
        return [row for row in WORKLOADS if everything or not row.extra]
    wanted = pattern.lower()
    chosen = [row for row in WORKLOADS if wanted in row.name.lower() or wanted in row.area.lower()]
    if not chosen:
        areas = ", ".join(dict.fromkeys(row.area for row in WORKLOADS))
        raise ValueError(f"bench: no row contains {pattern!r}; the areas are {areas}")
    return chosen


def find(name: str) -> Workload:
    return next(row for row in WORKLOADS if row.name == name)
