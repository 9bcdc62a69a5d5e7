"""Convolutions in one, two and three dimensions: the notes' layers, those of larger networks, odd sizes."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .workload import KINDS, Arrays, Kind, Workload, normal

SETTINGS = ("stride", "padding", "dilation", "groups")


def output_size(s: dict[str, Any]) -> tuple[int, ...]:
    stride, padding, dilation = s.get("stride", 1), s.get("padding", 0), s.get("dilation", 1)
    if s.get("transposed"):
        return tuple((n - 1) * stride - 2 * padding + dilation * (s["K"] - 1) + 1 for n in s["size"])
    return tuple((n + 2 * padding - dilation * (s["K"] - 1) - 1) // stride + 1 for n in s["size"])


def _inputs(g: np.random.Generator, dtype: np.dtype, **s: Any) -> Arrays:
    """N images of C channels and any number of dimensions `size`, M filters of K in each dimension."""
    N, C, M, groups = s["N"], s["C"], s["M"], s.get("groups", 1)
    filters = (C, M // groups) if s.get("transposed") else (M, C // groups)
    kernel = (s["K"],) * len(s["size"])
    scale = 1 / math.sqrt(C // groups * math.prod(kernel))
    return {
        "input": normal(g, dtype, N, C, *s["size"]),
        "weight": normal(g, dtype, *filters, *kernel, scale=scale),
        "bias": normal(g, dtype, M),
        "dy": normal(g, dtype, N, M, *output_size(s)),
    }


def _apply(functional: Any, s: dict[str, Any], x: Any, weight: Any, bias: Any) -> Any:
    name = f"conv_transpose{len(s['size'])}d" if s.get("transposed") else f"conv{len(s['size'])}d"
    return getattr(functional, name)(x, weight, bias, **{key: s[key] for key in SETTINGS if key in s})


def _cost(w: Workload) -> tuple[int, int]:
    s = w.sizes
    inputs, outputs = s["N"] * s["C"] * math.prod(s["size"]), s["N"] * s["M"] * math.prod(output_size(s))
    window = s["K"] ** len(s["size"])
    weights = s["C"] * s["M"] // s.get("groups", 1) * window
    # One product for the result and one for each gradient. (Counted as the direct sum, whichever algorithm runs.)
    products = {"": 1, "weight": 2, "all": 3}[w.gradients]
    traffic = inputs + weights + outputs
    traffic += {"": 0, "weight": outputs + weights, "all": outputs + weights + inputs}[w.gradients]
    positions = inputs if s.get("transposed") else outputs
    across = (s["M"] if s.get("transposed") else s["C"]) // s.get("groups", 1)
    return products * 2 * positions * across * window, traffic


KINDS["convolution"] = Kind(_inputs, _cost, ("input", "weight", "bias"), _apply)

_SIZES: dict[str, dict[str, Any]] = {
    "LeNet 1, 64x1x28x28, 20 of 5x5": {"N": 64, "C": 1, "size": (28, 28), "M": 20, "K": 5},
    "LeNet 2, 64x20x12x12, 40 of 5x5": {"N": 64, "C": 20, "size": (12, 12), "M": 40, "K": 5},
    "RGB, 8x3x224x224, 64 of 7x7/2": {"N": 8, "C": 3, "size": (224, 224), "M": 64, "K": 7, "stride": 2, "padding": 3},
    "3x3, 8x64x56x56, 64 filters": {"N": 8, "C": 64, "size": (56, 56), "M": 64, "K": 3, "padding": 1},
    "3x3, 8x256x14x14, 256 filters": {"N": 8, "C": 256, "size": (14, 14), "M": 256, "K": 3, "padding": 1},
    "3x3, 7x33x31x31, 65 filters": {"N": 7, "C": 33, "size": (31, 31), "M": 65, "K": 3, "padding": 1},
    "1x1, 8x256x14x14, 256 filters": {"N": 8, "C": 256, "size": (14, 14), "M": 256, "K": 1},
    "3x3/2, 8x64x56x56, 128 filters": {"N": 8, "C": 64, "size": (56, 56), "M": 128, "K": 3, "stride": 2, "padding": 1},
    "3x3 dilated by 2, 8x64x28x28": {"N": 8, "C": 64, "size": (28, 28), "M": 64, "K": 3, "padding": 2, "dilation": 2},
    "3x3, 32 groups, 8x256x28x28": {"N": 8, "C": 256, "size": (28, 28), "M": 256, "K": 3, "padding": 1, "groups": 32},
    "3x3 depthwise, 8x128x28x28": {"N": 8, "C": 128, "size": (28, 28), "M": 128, "K": 3, "padding": 1, "groups": 128},
    "conv1d, 16x64x1000, 64 of 5": {"N": 16, "C": 64, "size": (1000,), "M": 64, "K": 5, "padding": 2},
    "conv3d, 2x16x16x32x32, 32 of 3x3x3": {"N": 2, "C": 16, "size": (16, 32, 32), "M": 32, "K": 3, "padding": 1},
    "transposed, 8x64x14x14, 32 of 4x4/2": {
        "N": 8, "C": 64, "size": (14, 14), "M": 32, "K": 4, "stride": 2, "padding": 1, "transposed": True,
    },
}  # fmt: skip
_DOUBLE = {"N": 8, "C": 32, "size": (28, 28), "M": 32, "K": 3, "padding": 1}
_FIRST_LAYERS = ("LeNet 1", "RGB")  # as a rule their images need no gradient
_EXTRA = ("3x3, 8x256", "3x3 dilated", "3x3, 32 groups")


def suits_winograd(s: dict[str, Any]) -> bool:
    """Whether Winograd's algorithm can compute it, with fewer multiplications and larger errors."""
    dimensions, stride = len(s["size"]), s.get("stride", 1)
    taps = {(1, 1): (3, 5), (2, 1): (3, 5), (2, 2): (3, 4, 7), (3, 1): (3,)}.get((dimensions, stride), ())
    return s["K"] in taps and s.get("dilation", 1) == s.get("groups", 1) == 1


def _rows(area: str, suffix: str, gradients: str) -> tuple[Workload, ...]:
    rows = [
        Workload(
            name + suffix,
            area,
            "convolution",
            sizes,
            gradients,
            exact=suits_winograd(sizes),
            extra=name.startswith(_EXTRA),
        )
        for name, sizes in _SIZES.items()
    ]
    double = Workload("3x3, 8x32x28x28, float64" + suffix, area, "convolution", _DOUBLE, gradients, "float64")
    return (*rows, double)


ROWS = (
    *_rows("convolution", "", ""),
    *_rows("convolution gradients", ", forward+backward", "all"),
    *(
        Workload(f"{name}, without input gradient", "first-layer gradients", "convolution", sizes, "weight")
        for name, sizes in _SIZES.items()
        if name.startswith(_FIRST_LAYERS)
    ),
)
