"""interpolate: images, rows or volumes of another size.

    nearest     y[o] = x[floor(o I / O)]                      nearest-exact   y[o] = x[floor((o + 1 / 2) I / O)]
    linear      y[o] = (1 - f) x[i] + f x[i + 1]  where i + f is the place of o in x, along each dimension:
                align_corners: o (I - 1) / (O - 1), else (o + 1 / 2) I / O - 1 / 2, not below 0
                linear (N, C, L), bilinear (N, C, H, W), trilinear (N, C, D, H, W)

The last three are products with one matrix of weights a dimension, so NaN or an infinity reaches all of its row, 0
times it being NaN; PyTorch's reaches its neighbours alone.

Shapes    x (N, C, *), y the same with other sizes
Gradient  dx = the sum of dy over the places that x[i] went to; of the linear ones that of products
Source    Wolberg, "Digital image warping" (1990), chapter 5; the places are PyTorch's
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..arguments import Array, check_choice, check_float, check_integer, check_number, show
from ..op import empty, op
from ..tensor import Tensor
from .avg_pool2d import avg_pool2d_backward, avg_pool2d_forward
from .getitem import getitem
from .matmul import matmul
from .transpose import transpose

LINEAR = {"linear": 3, "bilinear": 4, "trilinear": 5}  # and the number of dimensions


def _sizes(size: Any, scale_factor: Any, old: tuple[int, ...]) -> tuple[list[int], list[float | None]]:
    """The new sizes, and the factors where they were given."""
    if (size is None) == (scale_factor is None):
        raise ValueError("interpolate: give either size or scale_factor")
    given, word = (scale_factor, "scale_factor") if size is None else (size, "size")
    values = list(given) if isinstance(given, tuple | list) else [given] * len(old)
    if len(values) != len(old):
        raise ValueError(f"interpolate: {word} must be one number or {len(old)}, not {show(given)}")
    if size is not None:
        return [check_integer("interpolate", "size", each, 1) for each in values], [None] * len(old)
    factors: list[float | None] = []
    sizes = []
    for each, length in zip(values, old, strict=True):
        factor = check_number("interpolate", "scale_factor", each)
        if not 0 < factor < math.inf or not 1 <= length * factor < 2**31:
            raise ValueError(f"interpolate: scale_factor {show(each)} makes no size of {length}")
        factors.append(factor)
        sizes.append(math.floor(length * factor))
    return sizes, factors


def _weights(old: int, new: int, factor: float | None, align_corners: bool, dtype: Any) -> Array:
    """The matrix (new, old) of linear interpolation."""
    o = np.arange(new)
    if align_corners:
        place = o * ((old - 1) / (new - 1) if new > 1 else 0.0)
    else:
        place = np.maximum((o + 0.5) * (old / new if factor is None else 1 / factor) - 0.5, 0.0)
    first = np.minimum(np.floor(place).astype(np.int64), old - 1)
    share = np.clip(place - first, 0.0, 1.0)
    matrix = np.zeros((new, old), dtype)
    matrix[o, first] = 1 - share
    matrix[o, np.minimum(first + 1, old - 1)] += share.astype(dtype)
    return matrix


@op("input")
def _repeated(input: Any, r: tuple[int, int]) -> Any:
    """Images whose pixels become squares of r: the gradient of sums over these squares, which are its gradient."""
    settings = r, r, (0, 0), True, 1
    y = empty((*input.shape[:2], input.shape[2] * r[0], input.shape[3] * r[1]), input.dtype)
    avg_pool2d_backward(input, y, *settings)

    def gradient(dy, needs):
        dx = empty(input.shape, dy.dtype)
        avg_pool2d_forward(dy, dx, *settings)
        return dx

    return y, gradient, ()


def interpolate(
    input: Any,
    size: Any = None,
    scale_factor: Any = None,
    mode: str = "nearest",
    align_corners: bool | None = None,
    recompute_scale_factor: bool | None = None,
) -> Tensor:
    """input (N, C, *), its last dimensions as large as `size` or `scale_factor` times as large as they are.

    mode: "nearest", "nearest-exact", "linear", "bilinear" or "trilinear". align_corners: whether the first and last
    points stay where they are, for the linear ones. recompute_scale_factor: use the factor that the rounded sizes have.
    """
    name = "interpolate"
    array = check_float(name, "input", input.data if isinstance(input, Tensor) else input)
    x = input if isinstance(input, Tensor) else Tensor(array)
    check_choice(name, "mode", mode, "nearest", "nearest-exact", *LINEAR)
    if x.ndim != LINEAR.get(mode, min(max(x.ndim, 3), 5)) or 0 in x.shape[2:]:
        layout = {3: "(N, C, L)", 4: "(N, C, H, W)", 5: "(N, C, D, H, W)"}.get(LINEAR.get(mode, 0), "(N, C, *)")
        raise ValueError(f"{name}: input must be {layout} for mode {mode!r}, and not empty, but has shape {x.shape}")
    if mode not in LINEAR and align_corners is not None:
        raise ValueError(f"{name}: align_corners is for linear modes, not for {mode!r}")
    sizes, factors = _sizes(size, scale_factor, x.shape[2:])
    if recompute_scale_factor:
        factors = [None] * len(sizes)
    whole = [new // old for new, old in zip(sizes, x.shape[2:], strict=True)]
    if (
        mode not in LINEAR
        and x.ndim == 4
        and all(new == r * old for new, r, old in zip(sizes, whole, x.shape[2:], strict=True))
        and all(factor is None or factor == r for factor, r in zip(factors, whole, strict=True))
    ):
        return _repeated(x, (whole[0], whole[1]))
    # Growing dimensions last: what comes before them is smaller then.
    for k in sorted(range(len(sizes)), key=lambda k: sizes[k] / x.shape[2 + k]):
        d, old, new, factor = 2 + k, x.shape[2 + k], sizes[k], factors[k]
        if mode in LINEAR:
            if old == new and (factor is None or factor == 1):
                continue
            matrix = _weights(old, new, factor, bool(align_corners), x.dtype)
            if d == x.ndim - 1:
                x = matmul(x, matrix.T)
            elif d == x.ndim - 2:
                x = matmul(matrix, x)
            else:
                x = transpose(matmul(transpose(x, d, -1), matrix.T), d, -1)
        else:
            places = np.arange(new) + (0.5 if mode == "nearest-exact" else 0.0)
            picked = np.minimum((places * (old / new if factor is None else 1 / factor)).astype(np.int64), old - 1)
            x = getitem(x, (*(slice(None),) * d, picked))
    return x
