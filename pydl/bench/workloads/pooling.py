"""Pooling: windows side by side, overlapping and padded ones, the whole map."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .workload import KINDS, Arrays, Kind, Workload, normal

AREA = "pooling"


def output_size(s: dict[str, Any]) -> tuple[int, int]:
    if "out" in s:
        return s["out"], s["out"]
    H, W = ((n + 2 * s.get("padding", 0) - s["K"]) // s.get("stride", s["K"]) + 1 for n in s["size"])
    return H, W


def _inputs(g: np.random.Generator, dtype: np.dtype, **s: Any) -> Arrays:
    return {
        "input": normal(g, dtype, s["N"], s["C"], *s["size"]),
        "dy": normal(g, dtype, s["N"], s["C"], *output_size(s)),
    }


def _apply(functional: Any, s: dict[str, Any], x: Any) -> Any:
    if "out" in s:
        return getattr(functional, s["how"])(x, s["out"])
    return getattr(functional, s["how"])(x, s["K"], s.get("stride", s["K"]), s.get("padding", 0))


def _cost(w: Workload) -> tuple[int, int]:
    inputs = w.sizes["N"] * w.sizes["C"] * math.prod(w.sizes["size"])
    outputs = w.sizes["N"] * w.sizes["C"] * math.prod(output_size(w.sizes))
    return inputs, (inputs + outputs) * (2 if w.backward else 1)


KINDS["pooling"] = Kind(_inputs, _cost, ("input",), _apply)

_SIZES: dict[str, dict[str, Any]] = {
    "max_pool2d 2x2, 64x32x56x56": {"how": "max_pool2d", "N": 64, "C": 32, "size": (56, 56), "K": 2},
    "max_pool2d 3x3/2 padded, 8x64x112x112": {
        "how": "max_pool2d", "N": 8, "C": 64, "size": (112, 112), "K": 3, "stride": 2, "padding": 1,
    },
    "avg_pool2d 2x2, 33x20x24x24": {"how": "avg_pool2d", "N": 33, "C": 20, "size": (24, 24), "K": 2},
    "adaptive_avg_pool2d to 1x1, 64x512x7x7": {
        "how": "adaptive_avg_pool2d", "N": 64, "C": 512, "size": (7, 7), "out": 1,
    },
    "adaptive_avg_pool2d to 7x7, 8x64x56x56": {
        "how": "adaptive_avg_pool2d", "N": 8, "C": 64, "size": (56, 56), "out": 7,
    },
}  # fmt: skip

ROWS = (
    *(Workload(name, AREA, "pooling", sizes, extra="avg" in name) for name, sizes in _SIZES.items()),
    *(Workload(f"{name}, forward+backward", AREA, "pooling", sizes, "all") for name, sizes in _SIZES.items()),
)
