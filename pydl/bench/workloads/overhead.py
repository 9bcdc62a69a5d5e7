"""What one small operation costs that is recorded for a backward pass: nearly all of it is not arithmetic."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from .workload import KINDS, Arrays, Kind, Workload, normal

AREA = "overhead"

OPERATIONS: dict[str, Callable[[Any, Any], Any]] = {"add": lambda a, b: a + b, "matmul": lambda a, b: a @ b}


def _inputs(g: np.random.Generator, dtype: np.dtype, how: str, shape: tuple[int, ...]) -> Arrays:
    return {name: normal(g, dtype, *shape) for name in ("a", "b", "dy")}


def _apply(functional: Any, sizes: dict[str, Any], a: Any, b: Any) -> Any:
    return OPERATIONS[sizes["how"]](a, b)


def _cost(w: Workload) -> tuple[int, int]:
    size = math.prod(w.sizes["shape"])
    operations = size if w.sizes["how"] == "add" else 2 * w.sizes["shape"][0] * size
    return operations * (3 if w.backward else 1), 3 * size * (2 if w.backward else 1)


KINDS["small"] = Kind(_inputs, _cost, ("a", "b"), _apply)

ROWS = tuple(
    Workload(f"{how} of 8x8, {title}", AREA, "small", {"how": how, "shape": (8, 8)}, gradients)
    for how in OPERATIONS
    for title, gradients in (("recorded", "record"), ("forward+backward", "all"))
)
