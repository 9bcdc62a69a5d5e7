"""Samples of classes that have a gradient: a random share of each class, nearly 1 for one of them.

    y = softmax((x + g) / tau),   g = -ln(-ln(u)) of uniform random numbers u
    hard: 1 for the largest, 0 for the others, with the gradient of y

Source    Jang, Gu, Poole, "Categorical reparameterization with Gumbel-softmax", ICLR 2017
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import random
from ..arguments import check_dim, check_flag, check_float, check_number, check_range
from ..tensor import Tensor, as_tensor
from .add import add
from .argmax import argmax
from .div import div
from .softmax import softmax
from .sub import sub


def gumbel_softmax(logits: Any, tau: float = 1, hard: bool = False, eps: float = 1e-10, dim: int = -1) -> Tensor:
    """A random share of each class, near to 0 or 1 for a small tau. See the top of this file. eps does nothing."""
    x = as_tensor("gumbel_softmax", logits)
    check_float("gumbel_softmax", "logits", x.data)
    heat, d = check_range("gumbel_softmax", "tau", tau, 0), check_dim("gumbel_softmax", dim, x.ndim)
    if heat == 0:
        raise ValueError("gumbel_softmax: tau must be above 0, not 0")
    check_number("gumbel_softmax", "eps", eps)
    one_kind = check_flag("gumbel_softmax", "hard", hard)
    noise = -np.log(random.generator().standard_exponential(x.shape))
    soft = softmax(div(add(x, np.asarray(noise, x.dtype)), heat), d)
    if not one_kind or not x.numel():
        return soft
    largest = np.zeros(x.shape, x.dtype)
    if x.ndim:
        np.put_along_axis(largest, argmax(soft.detach(), d, True).data, 1, d)
    else:
        largest[...] = 1
    return add(sub(soft, soft.data), largest)  # the numbers of `largest`, the gradient of `soft`
