"""gaussian_nll_loss: how unlikely the target is, if it were normal with the mean and the variance that were predicted.

    loss[i] = (ln(v) + (x[i] - target[i])^2 / v) / 2,   v = max(var[i], eps);   full: + ln(2 pi) / 2

and with reduction "mean" or "sum" the mean or the sum over all i.

Shapes    input and target (*), equal; var (*), or with 1 in the last dimension or without it, for one variance of them
          all, or one number; loss () or, with reduction "none", (*)
Gradient  of the operations that it is made of; that of var is taken as if eps did not limit it
Source    Nix, Weigend, "Estimating the mean and variance of the target probability distribution", ICNN 1994
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..arguments import check_flag, check_range
from ..tensor import Tensor
from . import losses
from .cosine_similarity import as_tensors
from .div import div
from .log import log
from .margin_ranking_loss import reduced
from .reshape import unsqueeze
from .square import square


def gaussian_nll_loss(
    input: Any, target: Any, var: Any, full: bool = False, eps: float = 1e-6, reduction: str = "mean"
) -> Tensor:
    """The negative logarithm of the normal density N(input, var) at target. See the top of this file."""
    name = "gaussian_nll_loss"
    if isinstance(var, int | float):
        var = np.full((), var, np.result_type(input.data if isinstance(input, Tensor) else np.float32))
    x, t, v = as_tensors(name, input=input, target=target, var=var)
    losses.check_same_shape(name, x.data, t.data)
    how, least = losses.check_reduction(name, reduction), check_range(name, "eps", eps, 0)
    if v.ndim and v.shape not in (x.shape, x.shape[:-1], (*x.shape[:-1], 1)):
        raise ValueError(
            f"{name}: var has shape {v.shape} but must have that of input, {x.shape}, or 1 in the last place"
        )
    if (v.data < 0).any():
        raise ValueError(f"{name}: var holds {v.data.min()}, but a variance is not negative")
    if v.ndim and v.shape == x.shape[:-1] and v.shape != x.shape:
        v = unsqueeze(v, -1)
    v = v + np.maximum(least - v.data, 0).astype(v.dtype)  # not below eps; the gradient passes
    terms = (log(v) + div(square(x - t), v)) * 0.5
    return reduced(terms + 0.5 * math.log(2 * math.pi) if check_flag(name, "full", full) else terms, how)
