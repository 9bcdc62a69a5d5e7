"""Activations that are other operations one after another, and have the gradients of those.

logsigmoid  ln(1 / (1 + e^-x)) = softplus with beta = -1
softsign    x / (1 + |x|)                  Turian, Bergstra, Bengio, "Quadratic features and deep architectures for
                                           chunking", NAACL 2009
tanhshrink  x - tanh(x)
softmin     softmax(-x)
maxout      the largest of every group of  Goodfellow, Warde-Farley, Mirza, Courville, Bengio, "Maxout networks",
            channels                       ICML 2013
rrelu       leaky_relu with a slope for    Xu, Wang, Chen, Li, "Empirical evaluation of rectified activations in
            each x, uniformly random       convolutional network", 2015
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .. import random
from ..arguments import check_dim, check_flag, check_float, check_integer, check_number
from ..tensor import Tensor
from .abs import abs
from .add import add
from .amax import amax
from .div import div
from .leaky_relu import leaky_relu
from .mul import mul
from .neg import neg
from .reshape import reshape
from .softmax import softmax
from .softplus import softplus
from .sub import sub
from .tanh import tanh


def _float_tensor(name: str, input: Any) -> Tensor:
    array = check_float(name, "input", input.data if isinstance(input, Tensor) else input)
    return input if isinstance(input, Tensor) else Tensor(array)


def logsigmoid(input: Any) -> Tensor:
    """ln(sigmoid(x)), which never overflows. See the top of this file."""
    return softplus(_float_tensor("logsigmoid", input), -1.0, math.inf)


def softsign(input: Any) -> Tensor:
    """x / (1 + |x|). See the top of this file."""
    x = _float_tensor("softsign", input)
    return div(x, add(abs(x), 1.0))


def tanhshrink(input: Any) -> Tensor:
    """x - tanh(x). See the top of this file."""
    x = _float_tensor("tanhshrink", input)
    return sub(x, tanh(x))


def softmin(input: Any, dim: int) -> Tensor:
    """softmax(-x) along dim: the smallest gets the largest share. See the top of this file."""
    x = _float_tensor("softmin", input)
    return softmax(neg(x), check_dim("softmin", dim, x.ndim))


def maxout(input: Any, groups: int, dim: int = 1) -> Tensor:
    """The largest of each `groups` consecutive channels: (N, C, *) becomes (N, C / groups, *).

    A Linear layer of groups * C units before it makes each of C units learn its own convex activation.
    """
    x = _float_tensor("maxout", input)
    d, pieces = check_dim("maxout", dim, x.ndim), check_integer("maxout", "groups", groups, 1)
    if x.ndim == 0 or x.shape[d] % pieces:
        raise ValueError(f"maxout: dimension {dim} must be a multiple of groups={groups}, but input has {x.shape}")
    return amax(reshape(x, *x.shape[:d], x.shape[d] // pieces, pieces, *x.shape[d + 1 :]), d + 1)


def rrelu(input: Any, lower: float = 1 / 8, upper: float = 1 / 3, training: bool = False) -> Tensor:
    """leaky_relu with random slopes from lower to upper; without training, their mean. See the top of this file."""
    x = _float_tensor("rrelu", input)
    low, high = check_number("rrelu", "lower", lower), check_number("rrelu", "upper", upper)
    if not (low <= high and high - low < math.inf):
        raise ValueError(f"rrelu: lower must be at most upper, and both finite, but they are {lower} and {upper}")
    if not check_flag("rrelu", "training", training):
        return leaky_relu(x, (low + high) / 2)
    slopes = random.generator().uniform(low, high, x.shape)
    return mul(x, np.where(x.data < 0, slopes, 1.0).astype(x.dtype))
