"""Matrix products: squares from small to large, the shapes of layers, all transposes, both precisions."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from .workload import KINDS, Arrays, Kind, Workload, normal

AREA = "matrix product"


def _inputs(
    g: np.random.Generator, dtype: np.dtype, M: int, K: int, N: int, batch: int = 0, form: str = "NN"
) -> Arrays:
    """`form`: N where a factor lies in memory as it is multiplied, T where its transpose does."""
    lead = (batch,) if batch else ()
    a = normal(g, dtype, *lead, *((M, K) if form[0] == "N" else (K, M)))
    b = normal(g, dtype, *lead, *((K, N) if form[1] == "N" else (N, K)))
    return {"a": a, "b": b}


def _apply(functional: Any, sizes: dict[str, Any], a: Any, b: Any) -> Any:
    form = sizes.get("form", "NN")
    return (a if form[0] == "N" else a.T) @ (b if form[1] == "N" else b.T)


def _cost(w: Workload) -> tuple[int, int]:
    M, K, N = (w.sizes[size] for size in "MKN")
    batch = w.sizes.get("batch") or 1
    return 2 * batch * M * K * N, batch * (M * K + K * N + M * N)


KINDS["matmul"] = Kind(_inputs, _cost, ("a", "b"), _apply)


def _row(name: str, M: int, K: int, N: int, dtype: str = "float32", **sizes: Any) -> Workload:
    return Workload(f"matmul {name}", AREA, "matmul", {"M": M, "K": K, "N": N, **sizes}, dtype=dtype)


ROWS = (
    *(_row(f"{n}", n, n, n) for n in (32, 128, 512, 2048)),
    *(replace(_row(f"{n}", n, n, n), extra=True) for n in (64, 256, 1024)),
    _row("33x129x257", 33, 129, 257),
    _row("4096x64x64, tall", 4096, 64, 64),
    _row("64x8192x64, long sum", 64, 8192, 64),
    _row("64x784x256, B transposed", 64, 784, 256, form="NT"),
    _row("256x64x784, A transposed", 256, 64, 784, form="TN"),
    _row("1x1024x1024, B transposed", 1, 1024, 1024, form="NT"),
    _row("32 of 64x64x64", 64, 64, 64, batch=32),
    replace(_row("128, float64", 128, 128, 128, "float64"), extra=True),
    _row("512, float64", 512, 512, 512, "float64"),
)
