"""Attention: softmax(Q Kᵀ / sqrt(E)) V for some heads, over all keys or over those that are not later (causal)."""

from __future__ import annotations

from typing import Any

import numpy as np

from .workload import KINDS, Arrays, Kind, Workload, normal

AREA = "attention"


def _inputs(g: np.random.Generator, dtype: np.dtype, B: int, N: int, T: int, E: int, causal: bool) -> Arrays:
    """Heads of E numbers: N of them, T queries and T keys each, B sequences."""
    return {name: normal(g, dtype, B, N, T, E) for name in ("query", "key", "value", "dy")}


def _apply(functional: Any, sizes: dict[str, Any], query: Any, key: Any, value: Any) -> Any:
    return functional.scaled_dot_product_attention(query, key, value, is_causal=sizes["causal"])


def _cost(w: Workload) -> tuple[int, int]:
    # Two products, and four to go back; ten operations for a weight. Half of the weights are wanted if causal.
    heads, T, E = w.sizes["B"] * w.sizes["N"], w.sizes["T"], w.sizes["E"]
    weights = heads * (T * (T + 1) // 2 if w.sizes["causal"] else T * T)
    operations = weights * (4 * E + 10) * (3 if w.backward else 1)
    return operations, 4 * heads * T * E * (2 if w.backward else 1)


KINDS["attention"] = Kind(_inputs, _cost, ("query", "key", "value"), _apply)


def _row(B: int, N: int, T: int, E: int, causal: bool = False, gradients: str = "all") -> Workload:
    name = f"attention {B}x{N}x{T}x{E}" + causal * ", causal" + bool(gradients) * ", forward+backward"
    return Workload(name, AREA, "attention", {"B": B, "N": N, "T": T, "E": E, "causal": causal}, gradients)


ROWS = (
    _row(16, 4, 64, 32),
    _row(2, 8, 512, 64, causal=True),
    _row(1, 4, 2048, 64, gradients=""),
)
