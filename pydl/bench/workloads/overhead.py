"""What small operations cost that are recorded for a backward pass: nearly all of it is not arithmetic."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from .workload import KINDS, Arrays, Kind, Workload, normal

AREA = "overhead"

OPERATIONS: dict[str, Callable[[Any, Any], Any]] = {
    "add": lambda a, b: a + b,
    "matmul": lambda a, b: a @ b,
    "six operations": lambda a, b: ((a @ b + a) * b - a).sum(1) / 8.0,
}


def _inputs(g: np.random.Generator, dtype: np.dtype, how: str, shape: tuple[int, ...]) -> Arrays:
    result = shape[:1] if how == "six operations" else shape
    return {"a": normal(g, dtype, *shape), "b": normal(g, dtype, *shape), "dy": normal(g, dtype, *result)}


def _apply(functional: Any, sizes: dict[str, Any], a: Any, b: Any) -> Any:
    return OPERATIONS[sizes["how"]](a, b)


def _cost(w: Workload) -> tuple[int, int]:
    size, product = math.prod(w.sizes["shape"]), 2 * w.sizes["shape"][0] * math.prod(w.sizes["shape"])
    operations = {"add": size, "matmul": product, "six operations": product + 4 * size}[w.sizes["how"]]
    return operations * (3 if w.backward else 1), 3 * size * (2 if w.backward else 1)


KINDS["small"] = Kind(_inputs, _cost, ("a", "b"), _apply)

ROWS = tuple(
    Workload(f"{how} of 8x8, {title}", AREA, "small", {"how": how, "shape": (8, 8)}, gradients)
    for how in OPERATIONS
    for title, gradients in (("recorded", "record"), ("forward+backward", "all"))
)
