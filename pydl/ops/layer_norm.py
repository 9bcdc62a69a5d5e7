"""layer_norm: every row brought to mean 0 and variance 1, then scaled and shifted by learned numbers.

    y[r, d] = (x[r, d] - mean[r]) * rstd[r] * weight[d] + bias[d],   rstd = 1 / sqrt(var + eps)

mean and var are those of the D numbers of row r, var with 1 / D. Unlike in batch_norm, a row does not depend on others.

Shapes    x (*, D...), y like x; D... are the dimensions normalized_shape, which weight and bias have. Kernels see
          x as (R, D), weight and bias as (D).
Gradient  with xhat = (x - mean) rstd and g = dy weight:  dx = rstd (g - (sum of g + xhat sum of g xhat) / D),
          dweight[d] = sum over r of dy xhat,  dbias[d] = sum over r of dy
Rounding  as in batch_norm: the mean is taken off before anything is squared
Source    Ba, Kiros, Hinton, "Layer normalization", arXiv:1607.06450 (2016)
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .._compiled import flat, remembered
from ..arguments import Array, check_floats, check_shape
from ..op import empty, kernel, op
from .batch_norm import check_eps
from .clone import reshaped


@kernel(writes="y, mean, rstd")
def layer_norm_forward(x, weight, bias, eps, y, mean, rstd):
    """weight and bias may be None."""
    R, D = x.shape
    for r in range(R if D else 0):
        mean[r] = sum(x[r]) / D
        var = 0.0
        for d in range(D):
            var += (x[r, d] - mean[r]) ** 2 / D
        rstd[r] = 1.0 / np.sqrt(var + eps)
        for d in range(D):
            xhat = (x[r, d] - mean[r]) * rstd[r]
            y[r, d] = xhat * (1.0 if weight is None else weight[d]) + (0.0 if bias is None else bias[d])


@kernel(writes="dx, dweight, dbias")
def layer_norm_backward(dy, x, weight, mean, rstd, dx, dweight, dbias):
    """dx, dweight and dbias are None where nobody needs them."""
    R, D = x.shape
    for total in (dweight, dbias):
        if total is not None:
            total[...] = 0.0
    for r in range(R):
        g_sum = dot = 0.0
        for d in range(D):
            xhat = (x[r, d] - mean[r]) * rstd[r]
            g = dy[r, d] * (1.0 if weight is None else weight[d])
            g_sum += g
            dot += g * xhat
            if dweight is not None:
                dweight[d] += dy[r, d] * xhat
            if dbias is not None:
                dbias[d] += dy[r, d]
        for d in range(D if dx is not None else 0):
            g = dy[r, d] * (1.0 if weight is None else weight[d])
            dx[r, d] = rstd[r] * (g - (g_sum + (x[r, d] - mean[r]) * rstd[r] * dot) / D)


def draw_rows(draw: Any) -> Array:
    """For samples: x (R, D) of short and long rows, in all the forms that are computed differently."""
    small = (draw.integer(0, 6), draw.integer(0, 100))
    many = (draw.integer(100, 300), draw.integer(1, 9))
    shape = draw.choice(small, small, small, many, many, (2, draw.integer(2000, 3000)), (1, draw.integer(32768, 34000)))
    x: Array = draw.array(shape)
    return x


@layer_norm_forward.samples
def _(draw):
    x = draw_rows(draw)
    x += x.dtype.type(draw.choice(1.0, 1.0, 100.0))  # a mean of 0 would be all rounding
    R, D = x.shape
    mean, rstd = (draw.out((R,)) if D else np.zeros(R, x.dtype) for _ in range(2))
    weight, bias = (draw.choice(None, draw.array((D,), 0.5, 2.0)) for _ in range(2))
    return {"x": x, "weight": weight, "bias": bias, "eps": 1e-5, "y": draw.out(x.shape), "mean": mean, "rstd": rstd}


@layer_norm_backward.samples
def _(draw):
    x = draw_rows(draw)
    R, D = x.shape
    rstd = draw.array((R,), 0.5, 2.0)
    rstd[~np.isfinite(x).all(1)] = np.nan  # as forward has it
    return {
        "dy": draw.array(x.shape),
        "x": x,
        "weight": draw.choice(None, draw.array((D,), 0.5, 2.0)),
        "mean": draw.array((R,), -1.0, 1.0),
        "rstd": rstd,
        "dx": draw.choice(None, draw.out(x.shape), draw.out(x.shape)),
        "dweight": draw.choice(None, draw.out((D,))),
        "dbias": draw.choice(None, draw.out((D,))),
    }


@op("input", "weight", "bias")
def layer_norm(input: Any, normalized_shape: Any, weight: Any = None, bias: Any = None, eps: float = 1e-5) -> Any:
    """input, normalised over its last dimensions, which normalized_shape names (an integer, or several).

    Errors: ValueError where input does not end in normalized_shape, or weight and bias have another shape.
    """
    x, w, b = check_floats("layer_norm", ("weight", "bias"), input=input, weight=weight, bias=bias)
    shapes = [None if each is None else each.shape for each in (w, b)]
    R, D = check_rows("layer_norm", x.shape, normalized_shape, *shapes)
    eps = check_eps("layer_norm", eps)
    rows = as_rows(x, R, D)
    w_flat, b_flat = w if w is None else flat(w), b if b is None else flat(b)
    y, mean, rstd = empty(x.shape, x.dtype), empty((R,), x.dtype), empty((R,), x.dtype)
    layer_norm_forward(rows, w_flat, b_flat, eps, as_rows(y, R, D), mean, rstd)

    def gradient(dy, needs):
        dx = empty((R, D), x.dtype) if needs[0] else None
        dw, db = (empty((D,), x.dtype) if need else None for need in needs[1:])
        layer_norm_backward(as_rows(dy, R, D), rows, w_flat, mean, rstd, dx, dw, db)
        return (
            None if dx is None else dx.reshape(x.shape),
            None if dw is None else dw.reshape(w.shape),
            None if db is None else db.reshape(b.shape),
        )

    return y, gradient, ("input", ("weight", 0))


def as_rows(x: Array, R: int, D: int) -> Array:
    """x as R rows of D numbers."""
    return x if x.ndim == 2 and x.shape[1] == D else reshaped(x, (R, D))


@remembered
def check_rows(
    name: str,
    shape: tuple[int, ...],
    normalized_shape: Any,
    weight: tuple[int, ...] | None,
    bias: tuple[int, ...] | None = None,
) -> tuple[int, int]:
    """How many rows of how many numbers an array of that shape is made of, if it ends in normalized_shape."""
    whole = normalized_shape if isinstance(normalized_shape, tuple | list) else (normalized_shape,)
    ending = check_shape(name, (tuple(whole),))
    if not ending or shape[-len(ending) :] != ending:
        raise ValueError(f"{name}: input has shape {shape} but must end in normalized_shape {ending}")
    for argument, given in (("weight", weight), ("bias", bias)):
        if given is not None and given != ending:
            raise ValueError(f"{name}: {argument} has shape {given} but must have normalized_shape {ending}")
    return math.prod(shape[: -len(ending)]), math.prod(ending)
