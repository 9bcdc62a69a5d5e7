"""group_norm: the channels of each sample in groups, each group brought to mean 0 and variance 1; and instance_norm.

    y[n, c, s] = (x[n, c, s] - mean[n, g]) * rstd[n, g] * weight[c] + bias[c],   rstd = 1 / sqrt(var + eps)

g is the group of channel c. mean and var are those of the M = S C / G numbers of group g of sample n, var with 1 / M.
One group is layer_norm over all channels (with weights a channel); as many groups as channels are instance_norm.

Shapes    x (N, C, *), y like x; weight, bias (C). Kernels see x as (N, C, S).
Gradient  with xhat = (x - mean) rstd and h = dy weight, sums over a group:
          dx = rstd (h - (sum of h + xhat sum of h xhat) / M),
          dweight[c] = sum over n, s of dy xhat,  dbias[c] = sum over n, s of dy
Rounding  as in batch_norm
Source    Wu, He, "Group normalization", ECCV 2018; Ulyanov, Vedaldi, Lempitsky, "Instance normalization",
          arXiv:1607.08022 (2016)
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .._compiled import flat
from ..arguments import check_flag, check_floats, check_integer, check_number
from ..op import empty, kernel, op
from .batch_norm import check_channels, check_eps
from .clone import reshaped
from .layer_norm import layer_norm_backward, layer_norm_forward


@kernel(writes="y, mean, rstd")
def group_norm_forward(x, weight, bias, groups, eps, y, mean, rstd):
    """weight and bias may be None."""
    N, C, S = x.shape
    for n, g in np.ndindex(N, groups if C * S else 0):
        channels = range(g * C // groups, (g + 1) * C // groups)
        M = len(channels) * S
        mean[n, g] = 0.0
        for c in channels:
            mean[n, g] += sum(x[n, c]) / M
        var = 0.0
        for c in channels:
            var += sum((x[n, c] - mean[n, g]) ** 2) / M
        rstd[n, g] = 1.0 / np.sqrt(var + eps)
        for c in channels:
            for s in range(S):
                xhat = (x[n, c, s] - mean[n, g]) * rstd[n, g]
                y[n, c, s] = xhat * (1.0 if weight is None else weight[c]) + (0.0 if bias is None else bias[c])


@kernel(writes="dx, dweight, dbias")
def group_norm_backward(dy, x, weight, mean, rstd, dx, dweight, dbias):
    """dx, dweight and dbias are None where nobody needs them."""
    N, C, S = x.shape
    G = mean.shape[1]
    for total in (dweight, dbias):
        if total is not None:
            total[...] = 0.0
    for n, g in np.ndindex(N, G):
        channels = range(g * C // G, (g + 1) * C // G)
        M = len(channels) * S
        h_sum = dot = 0.0
        for c in channels:
            w = 1.0 if weight is None else weight[c]
            for s in range(S):
                xhat = (x[n, c, s] - mean[n, g]) * rstd[n, g]
                h_sum += dy[n, c, s] * w
                dot += dy[n, c, s] * w * xhat
                if dweight is not None:
                    dweight[c] += dy[n, c, s] * xhat
                if dbias is not None:
                    dbias[c] += dy[n, c, s]
        for c in channels if dx is not None else ():
            w = 1.0 if weight is None else weight[c]
            for s in range(S):
                xhat = (x[n, c, s] - mean[n, g]) * rstd[n, g]
                dx[n, c, s] = rstd[n, g] * (dy[n, c, s] * w - (h_sum + xhat * dot) / M)


def _draw(draw):
    groups = draw.integer(1, 4)
    several = draw.integer(1, 40)
    N, S = draw.choice(
        (draw.integer(0, 4), draw.integer(0, 30)), (several, 1), (several, draw.integer(2, 9)), (1, 3000)
    )
    x = draw.array((N, groups * draw.integer(0 if S < 3000 else 1, 5), S))
    return x, groups, draw.choice(None, draw.array((x.shape[1],), 0.5, 2.0))


@group_norm_forward.samples
def _(draw):
    x, groups, weight = _draw(draw)
    x += x.dtype.type(draw.choice(1.0, 1.0, 100.0))
    bias = draw.choice(None, draw.array((x.shape[1],)))
    mean, rstd = ((draw.out if x.size else np.zeros)((len(x), groups), x.dtype) for _ in range(2))
    return {
        "x": x, "weight": weight, "bias": bias, "groups": groups, "eps": 1e-5, "y": draw.out(x.shape), "mean": mean,
        "rstd": rstd,
    }  # fmt: skip


@group_norm_backward.samples
def _(draw):
    x, groups, weight = _draw(draw)
    C = x.shape[1]
    rstd = draw.array((len(x), groups), 0.5, 2.0)
    rstd[~np.isfinite(x.reshape(len(x), groups, -1)).all(-1) if x.size else False] = np.nan  # as forward has it
    return {
        "dy": draw.array(x.shape),
        "x": x,
        "weight": weight,
        "mean": draw.array((len(x), groups), -1.0, 1.0),
        "rstd": rstd,
        "dx": draw.choice(None, draw.out(x.shape), draw.out(x.shape)),
        "dweight": draw.choice(None, draw.out((C,))),
        "dbias": draw.choice(None, draw.out((C,))),
    }


@op("input", "weight", "bias")
def group_norm(input: Any, num_groups: int, weight: Any = None, bias: Any = None, eps: float = 1e-5) -> Any:
    """input (N, C, *), normalised by groups of C / num_groups channels. See the top of this file.

    Errors: ValueError where num_groups does not divide the channels, or weight and bias are not one number a channel.
    """
    return _grouped("group_norm", input, num_groups, weight, bias, eps)


@op("input", "weight", "bias")
def instance_norm(
    input: Any,
    running_mean: Any = None,
    running_var: Any = None,
    weight: Any = None,
    bias: Any = None,
    use_input_stats: bool = True,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> Any:
    """input (N, C, *), every channel of every sample normalised by itself. See the top of this file.

    Statistics are those of the input: running_mean and running_var must be None, use_input_stats True.
    """
    check_number("instance_norm", "momentum", momentum)
    if running_mean is not None or running_var is not None:
        raise ValueError("instance_norm: running_mean and running_var must be None; statistics are those of the input")
    if not check_flag("instance_norm", "use_input_stats", use_input_stats):
        raise ValueError("instance_norm: use_input_stats must be True; statistics are those of the input")
    return _grouped("instance_norm", input, None, weight, bias, eps)


def _grouped(name: str, input: Any, num_groups: int | None, weight: Any, bias: Any, eps: float) -> Any:
    x, w, b = check_floats(name, ("weight", "bias"), input=input, weight=weight, bias=bias)
    if x.ndim < 2 + (num_groups is None):
        raise ValueError(f"{name}: input must be (N, C, *), but has shape {x.shape}")
    N, C = x.shape[:2]
    eps = check_eps(name, eps)
    G = max(C, 1) if num_groups is None else check_integer(name, "num_groups", num_groups, 1)
    if C % G:
        raise ValueError(f"{name}: num_groups is {G} but must divide the {C} channels (input {x.shape})")
    check_channels(name, C, x.shape, weight=w, bias=b)
    S = math.prod(x.shape[2:])
    if (num_groups is None and S == 1) or (N == 1 and C * S == G):
        raise ValueError(f"{name}: more than one number is needed in a group (input {x.shape})")
    y, mean, rstd = empty(x.shape, x.dtype), empty((N, G), x.dtype), empty((N, G), x.dtype)
    if w is None and b is None and x.flags.c_contiguous:  # groups are rows
        rows = x.reshape(N * G, C // G * S)
        layer_norm_forward(rows, None, None, eps, y.reshape(rows.shape), flat(mean), flat(rstd))

        def gradient_of_rows(dy, needs):
            dx = empty(x.shape, x.dtype)
            slopes = reshaped(dy, rows.shape)
            layer_norm_backward(slopes, rows, None, flat(mean), flat(rstd), dx.reshape(rows.shape), None, None)
            return dx, None, None

        return y, gradient_of_rows, ("input",)
    lines = reshaped(x, (N, C, S))
    group_norm_forward(lines, w, b, G, eps, y.reshape(N, C, S), mean, rstd)

    def gradient(dy, needs):
        dx = empty((N, C, S), x.dtype) if needs[0] else None
        dw, db = (empty((C,), x.dtype) if need else None for need in needs[1:])
        group_norm_backward(reshaped(dy, (N, C, S)), lines, w, mean, rstd, dx, dw, db)
        return None if dx is None else dx.reshape(x.shape), dw, db

    return y, gradient, ("input", ("weight", 0))
