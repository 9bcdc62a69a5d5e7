"""batch_norm: every channel of a batch brought to mean 0 and variance 1, then scaled and shifted by learned numbers.

    y[n, c, s] = (x[n, c, s] - mean[c]) * rstd[c] * weight[c] + bias[c],   rstd = 1 / sqrt(var + eps)

Training: mean and var are those of the M = N S numbers of channel c, var with 1 / M; the running statistics follow
them, running = (1 - momentum) running + momentum new, the variance with 1 / (M - 1). Otherwise they are the running
statistics.

Shapes    x (N, C) or (N, C, *), y like x; everything else (C). Kernels see x as (N, C, S).
Gradient  with xhat = (x - mean) rstd:  dbias[c] = sum of dy,  dweight[c] = sum of dy xhat, and in training
          dx = weight rstd (dy - dbias / M - xhat dweight / M), otherwise dx = weight rstd dy
Rounding  sums are taken of x - (a number near the mean) and combined in double precision: nothing cancels
Source    Ioffe, Szegedy, "Batch normalization: accelerating deep network training by reducing internal covariate
          shift", ICML 2015
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .._compiled import TensorBase, needs_copies
from ..arguments import Array, check_array, check_flag, check_floats, check_number
from ..op import empty, kernel, op
from .clone import reshaped


@kernel(writes="running_mean, running_var, y, mean, rstd, affine")
def batch_norm_forward(
    x, weight, bias, running_mean, running_var, momentum, eps, add, low, high, y, mean, rstd, affine
):
    """In training. weight, bias, running_mean, running_var, add and affine may be None.

    The last arguments of either kind are for recorded steps (pydl/recording/norm_fusion.py): y is the normalised
    x + add, kept between low and high, as by relu (0, NaN) and relu6 (0, 6); NaN is no bound. affine (3, C) is what
    batch_norm_again makes the same y with, to the bit, if there is no add.
    """
    N, C, S = x.shape
    M = N * S
    for c in range(C):
        mean[c] = 0.0
        for n, s in np.ndindex(N, S):
            mean[c] += x[n, c, s] / M
        var = np.float64(0.0)
        for n, s in np.ndindex(N, S):
            var += (x[n, c, s] - mean[c]) ** 2 / M
        rstd[c] = 1.0 / np.sqrt(var + eps)
        for n, s in np.ndindex(N, S):
            xhat = (x[n, c, s] - mean[c]) * rstd[c]
            total = xhat * (1.0 if weight is None else weight[c]) + (0.0 if bias is None else bias[c])
            total += 0.0 if add is None else add[n, c, s]
            y[n, c, s] = low if total <= low else high if total >= high else total
        if affine is not None:
            affine[0, c] = mean[c]
            affine[1, c] = rstd[c] * (1.0 if weight is None else weight[c])
            affine[2, c] = 0.0 if bias is None else bias[c]
        if running_mean is not None:
            running_mean[c] = (1.0 - momentum) * running_mean[c] + momentum * mean[c]
        if running_var is not None:
            running_var[c] = (1.0 - momentum) * running_var[c] + momentum * var * M / (M - 1)


@kernel(writes="y")
def batch_norm_again(x, affine, low, high, y):
    """The y of batch_norm_forward, from its affine."""
    for n, c, s in np.ndindex(x.shape):
        total = (x[n, c, s] - affine[0, c]) * affine[1, c] + affine[2, c]
        y[n, c, s] = low if total <= low else high if total >= high else total


@kernel(writes="y, rstd")
def batch_norm_inference(x, mean, var, weight, bias, eps, y, rstd):
    """With given statistics."""
    N, C, S = x.shape
    for c in range(C):
        rstd[c] = 1.0 / np.sqrt(var[c] + eps)
        for n, s in np.ndindex(N, S):
            xhat = (x[n, c, s] - mean[c]) * rstd[c]
            y[n, c, s] = xhat * (1.0 if weight is None else weight[c]) + (0.0 if bias is None else bias[c])


@kernel(writes="dadd, dx, dweight, dbias")
def batch_norm_backward(dy, dy2, y, low, high, x, weight, mean, rstd, training, dadd, dx, dweight, dbias):
    """dadd, dx, dweight and dbias are None where nobody needs them.

    dy2 is None or added to dy. y is None or that of batch_norm_forward, at whose bounds gradients end. dadd is what
    then comes to the sum of the normalised x and add, of which the others are made.
    """
    N, C, S = x.shape
    if dy2 is not None or y is not None:
        dadd = np.zeros(x.shape) if dadd is None else dadd
        for i in np.ndindex(x.shape):
            slope = dy[i] + (0.0 if dy2 is None else dy2[i])
            if y is not None and (y[i] <= low or y[i] >= high):
                slope = 0.0
            elif y is not None and np.isnan(y[i]) and not math.isnan(high):
                slope = math.nan
            dadd[i] = slope
        dy = dadd
    for c in range(C):
        total = dot = 0.0
        for n, s in np.ndindex(N, S):
            total += dy[n, c, s]
            dot += dy[n, c, s] * ((x[n, c, s] - mean[c]) * rstd[c])
        if dbias is not None:
            dbias[c] = total
        if dweight is not None:
            dweight[c] = dot
        scale = rstd[c] * (1.0 if weight is None else weight[c])
        for n, s in np.ndindex(*(N, S) if dx is not None else (0,)):
            dx[n, c, s] = scale * dy[n, c, s]
            if training:
                dx[n, c, s] -= scale * (total + (x[n, c, s] - mean[c]) * rstd[c] * dot) / (N * S)


_BOUNDS = [{"low": low, "high": high} for low, high in ((math.nan, math.nan), (0.0, math.nan), (-0.5, 0.75))]


def _draw(draw, least):
    """x (N, C, S) of any of the forms that are computed differently, perhaps far from zero, and its parameters."""
    shape = draw.choice(
        (draw.integer(least, 6), draw.integer(0, 5), draw.integer(1, 40)),
        (draw.integer(least, 150), draw.integer(1, 80), 1),
        (draw.integer(least, 70), draw.integer(1, 9), draw.integer(2, 16)),
        (2, draw.integer(1, 2), draw.integer(2000, 5000)),
    )
    C = shape[1]
    x = draw.array(shape)
    x += x.dtype.type(draw.choice(1.0, 1.0, 100.0))  # a mean of 0 would be all rounding
    return x, *(draw.choice(None, draw.array((C,), 0.5, 2.0)) for _ in range(2))


@batch_norm_forward.samples
def _(draw):
    x, weight, bias = _draw(draw, 2)
    C = x.shape[1]
    keeps = draw.choice(True, True, False)
    return {
        "x": x,
        "weight": weight,
        "bias": bias,
        "running_mean": draw.array((C,), -1.0, 1.0).copy() if keeps else None,
        "running_var": draw.array((C,), 0.5, 2.0).copy() if keeps else None,
        "momentum": draw.choice(0.1, 1.0, 0.0, 0.5),
        "eps": draw.choice(1e-5, 1e-3),
        "add": draw.choice(None, None, draw.array(x.shape)),
        **draw.choice(*_BOUNDS),
        "y": draw.out(x.shape),
        "mean": draw.out((C,)),
        "rstd": draw.out((C,)),
        "affine": None,  # whose last row holds what rounding takes from the first
    }


@batch_norm_again.samples
def _(draw):
    x, *_ = _draw(draw, 0)
    affine = draw.array((3, x.shape[1]), 0.5, 2.0)
    return {"x": x, "affine": affine, **draw.choice(*_BOUNDS), "y": draw.out(x.shape)}


@batch_norm_inference.samples
def _(draw):
    x, weight, bias = _draw(draw, 0)
    C = x.shape[1]
    return {
        "x": x,
        "mean": draw.array((C,), -1.0, 1.0),
        "var": draw.array((C,), 0.5, 2.0),
        "weight": weight,
        "bias": bias,
        "eps": draw.choice(1e-5, 1e-3),
        "y": draw.out(x.shape),
        "rstd": draw.out((C,)),
    }


@batch_norm_backward.samples
def _(draw):
    x, weight, _ = _draw(draw, 0)
    C = x.shape[1]
    rstd, training = draw.array((C,), 0.5, 2.0), draw.choice(True, False)
    if training:
        rstd[~np.isfinite(x).all((0, 2))] = np.nan  # as forward has it
    bounds = draw.choice(*_BOUNDS)
    dy2, y = draw.choice(None, None, draw.array(x.shape)), draw.choice(None, draw.array(x.shape))
    return {
        "dy": draw.array(x.shape),
        "dy2": dy2,
        "y": y,
        **bounds,
        "x": x,
        "weight": weight,
        "mean": draw.array((C,), -1.0, 1.0),
        "rstd": rstd,
        "training": training,
        "dadd": None if dy2 is None and y is None else draw.choice(None, draw.out(x.shape)),
        "dx": draw.choice(None, draw.out(x.shape), draw.out(x.shape)),
        "dweight": draw.choice(None, draw.out((C,))),
        "dbias": draw.choice(None, draw.out((C,))),
    }


@op("input", "weight", "bias")
def batch_norm(
    input: Any,
    running_mean: Any,
    running_var: Any,
    weight: Any = None,
    bias: Any = None,
    training: bool = False,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> Any:
    """input, normalised channel by channel, like torch.nn.functional.batch_norm. See the top of this file.

    running_mean, running_var: tensors (or arrays) of float that training changes in place, or both None, which needs
    training. Errors: TypeError for other dtypes; ValueError for shapes that do not fit, and where training finds only
    one number in a channel.
    """
    x, w, b = check_floats("batch_norm", ("weight", "bias"), input=input, weight=weight, bias=bias)
    training = check_flag("batch_norm", "training", training)
    momentum, eps = check_number("batch_norm", "momentum", momentum), check_eps("batch_norm", eps)
    if x.ndim < 2:
        raise ValueError(f"batch_norm: input must be (N, C) or (N, C, *), but has shape {x.shape}")
    N, C = x.shape[:2]
    check_channels("batch_norm", C, x.shape, weight=w, bias=b)
    mean = check_running("batch_norm", "running_mean", running_mean, C, x, training)
    var = check_running("batch_norm", "running_var", running_var, C, x, training)
    if not training and (mean is None or var is None):
        raise ValueError("batch_norm: running_mean and running_var are None, but without training they are needed")
    S = math.prod(x.shape[2:])
    if training and N * S == 1:
        raise ValueError(f"batch_norm: training needs more than one number in a channel (input {x.shape})")
    lines = reshaped(x, (N, C, S))
    y, rstd = empty(x.shape, x.dtype), empty((C,), x.dtype)
    if training and N * S > 0:
        used = empty((C,), x.dtype)
        bounds = math.nan, math.nan
        batch_norm_forward(lines, w, b, mean, var, momentum, eps, None, *bounds, y.reshape(N, C, S), used, rstd, None)
        for buffer in (running_mean, running_var):
            if isinstance(buffer, TensorBase):
                buffer.bump_version()
    elif training:
        used, rstd[...] = np.zeros(C, x.dtype), 1
    else:
        # A copy, where there may be a gradient, which later training must not change.
        assert mean is not None
        used = mean.copy() if needs_copies() else mean
        batch_norm_inference(lines, used, var, w, b, eps, y.reshape(N, C, S), rstd)

    def gradient(dy, needs):
        dx = empty(x.shape, x.dtype) if needs[0] else None
        dw, db = (empty((C,), x.dtype) if need else None for need in needs[1:])
        of_x = None if dx is None else dx.reshape(N, C, S)
        slopes = reshaped(dy, (N, C, S)), None, None, math.nan, math.nan
        batch_norm_backward(*slopes, lines, w, used, rstd, training, None, of_x, dw, db)
        return dx, dw, db

    return y, gradient, ("input", ("weight", 0))


def check_eps(name: str, eps: Any) -> float:
    """What is added to a variance."""
    if type(eps) is float and eps >= 0.0:
        return eps
    number = check_number(name, "eps", eps)
    if not number >= 0.0:
        raise ValueError(f"{name}: eps is {number} but must be at least 0")
    return number


def check_channels(name: str, C: int, shape: tuple[int, ...], **given: Array | None) -> None:
    """Refuses weights that are not one number a channel."""
    for argument, array in given.items():
        if array is not None and array.shape != (C,):
            raise ValueError(
                f"{name}: {argument} has shape {array.shape} but must be ({C},), one number a channel (input {shape})"
            )


def check_running(name: str, argument: str, given: Any, C: int, x: Array, changes: bool) -> Array | None:
    """A running statistic as an array that a kernel can read, and change in place where it `changes`."""
    if given is None:
        return None
    array = given.data if isinstance(given, TensorBase) else given
    if not isinstance(array, np.ndarray):
        array = check_array(name, argument, array)
    if array.dtype != x.dtype:
        raise TypeError(f"{name}: {argument} is {array.dtype} but input is {x.dtype}; convert one of them")
    if array.shape != (C,):
        check_channels(name, C, x.shape, **{argument: array})
    if changes and not (array.flags.writeable and array.flags.aligned):
        raise ValueError(f"{name}: {argument} changes in training, but its memory is read-only")
    return array
