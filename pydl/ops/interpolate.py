"""interpolate: images, rows or volumes of another size.

    nearest     y[o] = x[floor(o I / O)]                      nearest-exact   y[o] = x[floor((o + 1 / 2) I / O)]
    linear      y[o] = (1 - f) x[i] + f x[i + 1]  where i + f is the place of o in x, along each dimension:
                align_corners: o (I - 1) / (O - 1), else (o + 1 / 2) I / O - 1 / 2, not below 0
                linear (N, C, L), bilinear (N, C, H, W), trilinear (N, C, D, H, W)
    bicubic     the same with four neighbours i - 1 to i + 2 (those at the edge repeated) and the weights of Keys's
                cubic with a = -3/4, the place of o not cut off at 0
    area        the mean of the part of x that y[o] covers: adaptive_avg_pool

The linear ones and bicubic are products with one matrix of weights a dimension, of long lines in parts; so NaN or an
infinity reaches all of its part of a row, 0 times it being NaN; PyTorch's reaches its neighbours alone.

Shapes    x (N, C, *), y the same with other sizes
Gradient  dx = the sum of dy over the places that x[i] went to; of the linear ones that of products
Source    Wolberg, "Digital image warping" (1990), chapter 5; Keys, "Cubic convolution interpolation for digital image
          processing", IEEE TASSP 29 (1981); the places are PyTorch's
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .._compiled import remembered
from ..arguments import Array, check_choice, check_flag, check_float, check_integer, check_number, show
from ..op import empty, op
from ..tensor import Tensor
from .adaptive_avg_pool1d import adaptive_avg_pool1d
from .adaptive_avg_pool2d import adaptive_avg_pool2d
from .adaptive_avg_pool3d import adaptive_avg_pool3d
from .avg_pool2d import avg_pool2d_backward, avg_pool2d_forward
from .clone import reshaped
from .gather import index_select
from .matmul import matmul_forward

BAND = 32  # inputs of one product, at least
LINEAR = {"linear": 3, "bilinear": 4, "trilinear": 5, "bicubic": 4}  # and the number of dimensions


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


@remembered
def _weights(old: int, new: int, factor: float | None, align_corners: bool, cubic: bool, dtype: Any) -> Array:
    """The matrix (new, old) of linear or cubic interpolation."""
    o = np.arange(new)
    if align_corners:
        place = o * ((old - 1) / (new - 1) if new > 1 else 0.0)
    else:
        place = (o + 0.5) * (old / new if factor is None else 1 / factor) - 0.5
        place = place if cubic else np.maximum(place, 0.0)
    first = np.minimum(np.floor(place).astype(np.int64), old - 1)
    t = np.clip(place - first, 0.0, 1.0)
    shares = (_far(t), _near(t), _near(1 - t), _far(1 - t)) if cubic else (1 - t, t)
    matrix = np.zeros((new, old), dtype)
    for k, share in enumerate(shares, -1 if cubic else 0):
        matrix[o, np.clip(first + k, 0, old - 1)] += share.astype(dtype)
    matrix.flags.writeable = False
    return matrix


def _near(t: Array) -> Array:
    """Keys's cubic at a distance t from 0 to 1."""
    return np.asarray((1.25 * t - 2.25) * t * t + 1)


def _far(t: Array) -> Array:
    """Keys's cubic at a distance 1 + t from 1 to 2."""
    return np.asarray(-0.75 * t * (1 - t) ** 2)


def _products(x: Array, weights: Array, y: Array, d: int) -> None:
    """y = weights x along dimension d, in parts, since all but a band of the weights is 0."""
    new, old = weights.shape
    A, B = math.prod(x.shape[:d]), math.prod(x.shape[d + 1 :])
    lines, made = reshaped(x, (A, old, B)), y.reshape(A, new, B)
    step = new if old <= 2 * BAND else math.ceil(new * BAND / old)
    for start in range(0, new, step):
        rows = slice(start, start + step)
        used = np.flatnonzero(weights[rows].any(0))
        columns = slice(used[0], used[-1] + 1) if used.size else slice(0, 1)
        if B == 1:
            matmul_forward(lines[:, columns, 0], weights[rows, columns].T, made[:, rows, 0])
        else:
            matmul_forward(weights[None, rows, columns], lines[:, columns], made[:, rows])


@op("input")
def _linear(input: Any, weights: Array, d: int) -> Any:
    y = empty((*input.shape[:d], len(weights), *input.shape[d + 1 :]), input.dtype)
    _products(input, weights, y, d)

    def gradient(dy, needs):
        dx = empty(input.shape, dy.dtype)
        _products(dy, weights.T, dx, d)
        return dx

    return y, gradient, ()


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

    mode: "nearest", "nearest-exact", "linear", "bilinear", "trilinear", "bicubic" or "area". align_corners: whether the
    first and last points stay where they are, for the linear and cubic ones. recompute_scale_factor:
    use the factor that the rounded sizes have.
    """
    name = "interpolate"
    array = check_float(name, "input", input.data if isinstance(input, Tensor) else input)
    x = input if isinstance(input, Tensor) else Tensor(array)
    check_choice(name, "mode", mode, "nearest", "nearest-exact", "area", *LINEAR)
    if x.ndim != LINEAR.get(mode, min(max(x.ndim, 3), 5)) or 0 in x.shape[2:]:
        layout = {3: "(N, C, L)", 4: "(N, C, H, W)", 5: "(N, C, D, H, W)"}.get(LINEAR.get(mode, 0), "(N, C, *)")
        raise ValueError(f"{name}: input must be {layout} for mode {mode!r}, and not empty, but has shape {x.shape}")
    if mode not in LINEAR and align_corners is not None:
        raise ValueError(f"{name}: align_corners is for linear modes, not for {mode!r}")
    corners = align_corners is not None and check_flag(name, "align_corners", align_corners)
    sizes, factors = _sizes(size, scale_factor, x.shape[2:])
    if recompute_scale_factor is not None and check_flag(name, "recompute_scale_factor", recompute_scale_factor):
        factors = [None] * len(sizes)
    if mode == "area":
        return (adaptive_avg_pool1d, adaptive_avg_pool2d, adaptive_avg_pool3d)[len(sizes) - 1](x, tuple(sizes))
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
            exact = factor is None or factor * old == new
            x = _linear(x, _weights(old, new, None if exact else factor, corners, mode == "bicubic", x.dtype), d)
        else:
            places = np.arange(new) + (0.5 if mode == "nearest-exact" else 0.0)
            picked = np.minimum((places * (old / new if factor is None else 1 / factor)).astype(np.int64), old - 1)
            x = index_select(x, d, picked)
    return x
