"""Dropout of whole channels, and dropout that keeps mean and variance.

    dropout1d, _2d, _3d     y[n, c, ..] = x[n, c, ..] mask[n, c] / (1 - p)
    alpha_dropout           y = a (x or -1.7580993 where dropped) + b: of mean 0 and variance 1, if x is

Source    Tompson et al., "Efficient object localization using convolutional networks", CVPR 2015, for channels;
          Klambauer, Unterthiner, Mayr, Hochreiter, "Self-normalizing neural networks", NIPS 2017, for alpha_dropout
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..arguments import check_flag, check_float, check_range, check_rank
from ..tensor import Tensor
from .add import add
from .dropout import dropout
from .elu import SELU_ALPHA, SELU_SCALE
from .mul import mul


def _checked(name: str, input: Any, p: Any, training: Any) -> tuple[Tensor, float]:
    """The input as a Tensor, and the probability, which is 0 when not training."""
    array = check_float(name, "input", input.data if isinstance(input, Tensor) else input)
    p = check_range(name, "p", p, 0, 1)
    x = input if isinstance(input, Tensor) else Tensor(array)
    return x, p if check_flag(name, "training", training) else 0.0


def _channels(x: Tensor, p: float, lead: int) -> Tensor:
    if p == 0.0:
        return x
    shape = (*x.shape[:lead], *(1,) * (x.ndim - lead))
    return mul(x, dropout(np.ones(shape, x.dtype), p))


def dropout1d(input: Any, p: float = 0.5, training: bool = True) -> Tensor:
    """Whole channels of (N, C, L) or (C, L) set to 0. See the top of this file."""
    x, p = _checked("dropout1d", input, p, training)
    check_rank("dropout1d", "input", x.shape, 2, 3, layout="(N, C, L) or (C, L)")
    return _channels(x, p, x.ndim - 1)


def dropout2d(input: Any, p: float = 0.5, training: bool = True) -> Tensor:
    """Whole channels of (N, C, H, W) or (C, H, W) set to 0. See the top of this file."""
    x, p = _checked("dropout2d", input, p, training)
    check_rank("dropout2d", "input", x.shape, 3, 4, layout="(N, C, H, W) or (C, H, W)")
    return _channels(x, p, x.ndim - 2)


def dropout3d(input: Any, p: float = 0.5, training: bool = True) -> Tensor:
    """Whole channels of (N, C, D, H, W) or (C, D, H, W) set to 0. See the top of this file."""
    x, p = _checked("dropout3d", input, p, training)
    check_rank("dropout3d", "input", x.shape, 4, 5, layout="(N, C, D, H, W) or (C, D, H, W)")
    return _channels(x, p, x.ndim - 3)


def alpha_dropout(input: Any, p: float = 0.5, training: bool = False) -> Tensor:
    """Dropout for networks of selu. See the top of this file."""
    x, p = _checked("alpha_dropout", input, p, training)
    if p in (0.0, 1.0):
        return mul(x, 1.0 - p) if p else x
    lowest = -SELU_ALPHA * SELU_SCALE
    a = 1 / math.sqrt((1 - p) * (1 + p * lowest**2))
    kept = dropout(np.ones(x.shape, x.dtype), p).data > 0
    shift = np.where(kept, 0.0, a * lowest) - a * lowest * p
    return add(mul(x, np.where(kept, a, 0.0).astype(x.dtype)), shift.astype(x.dtype))
