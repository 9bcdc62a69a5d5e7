"""poisson_nll_loss: how unlikely a count is, if it were of the Poisson distribution with the rate that was predicted.

    loss[i] = e^x[i] - target[i] x[i]                    log_input: x is the logarithm of the rate
              x[i] - target[i] ln(x[i] + eps)            otherwise
    full: + target ln(target) - target + ln(2 pi target) / 2 where target > 1, which stands for ln(target!)

and with reduction "mean" or "sum" the mean or the sum over all i.

Shapes    input and target (*), equal; loss () or, with reduction "none", (*)
Gradient  of the operations that it is made of; target has none
Source    Nelder, Wedderburn, "Generalized linear models", J. R. Stat. Soc. A 135 (1972); Stirling's formula
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..arguments import check_flag, check_range
from ..tensor import Tensor
from . import losses
from .cosine_similarity import as_tensors
from .exp import exp
from .log import log
from .margin_ranking_loss import reduced
from .mul import mul


def poisson_nll_loss(
    input: Any,
    target: Any,
    log_input: bool = True,
    full: bool = False,
    *,
    eps: float = 1e-8,
    reduction: str = "mean",
) -> Tensor:
    """The negative logarithm of the Poisson probability of target, but for a constant. See the top of this file."""
    name = "poisson_nll_loss"
    x, t = as_tensors(name, input=input, target=target)
    losses.check_same_shape(name, x.data, t.data)
    losses.check_no_gradient(name, target=t.requires_grad)
    how, least = losses.check_reduction(name, reduction), check_range(name, "eps", eps, 0)
    counts = t.data
    logs = check_flag(name, "log_input", log_input)
    terms = exp(x) - mul(x, counts) if logs else x - mul(log(x + least), counts)
    if check_flag(name, "full", full):
        some = np.where(counts > 1, counts, 1)
        factorial = some * np.log(some) - some + 0.5 * np.log(2 * math.pi * some)
        terms = terms + np.where(counts > 1, factorial, 0).astype(x.dtype)
    return reduced(terms, how)
