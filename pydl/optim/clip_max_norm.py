"""clip_max_norm, a constraint on weights; l1_penalty and l2_penalty, what a loss adds for them.

    clip_max_norm_   w[o] = w[o] min(1, max_norm / |w[o]|)      w[o]: the weights that lead to unit o
    l1_penalty       strength sum |w|                           added to the loss: most weights become 0
    l2_penalty       strength sum w^2                           the notes' lambda sum w^2

Source    Srivastava, Hinton, Krizhevsky, Sutskever, Salakhutdinov, "Dropout", JMLR 15 (2014), section 5.1, for the
          first; Tibshirani, "Regression shrinkage and selection via the lasso", J. R. Stat. Soc. B 58 (1996)
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from ..arguments import check_number, check_range
from ..tensor import Tensor
from .clip_grad_norm import listed


def _weights(name: str, parameters: Any) -> list[Tensor]:
    tensors = listed(name, parameters)
    for each in tensors:
        if not isinstance(each, Tensor) or each.dtype.kind != "f":
            raise TypeError(f"{name}: parameters must be Tensors of float32 or float64, not {type(each).__name__}")
    return tensors


def clip_max_norm_(parameters: Tensor | Iterable[Tensor], max_norm: float, norm_type: float = 2.0) -> None:
    """After an optimizer's step: makes the weights of each unit shorter, in place, where they are longer than max_norm.

    parameters: those of two or more dimensions, (O, *), are weights; biases stay as they are. norm_type: at least 1.
    """
    limit = check_range("clip_max_norm_", "max_norm", max_norm, 0)
    p = check_range("clip_max_norm_", "norm_type", norm_type, 1)
    for each in _weights("clip_max_norm_", parameters):
        if each.ndim > 1 and each.data.size:
            lengths = np.linalg.norm(each.data.reshape(len(each.data), -1), p, 1)
            long = lengths > limit
            if long.any():
                factor = np.where(long, limit / np.where(long, lengths, 1), 1).astype(each.dtype)
                each.data[...] *= factor.reshape(-1, *(1,) * (each.ndim - 1))
                each.bump_version()


def _penalty(name: str, parameters: Any, strength: float, terms: Any) -> Tensor:
    factor = check_number(name, "strength", strength)
    parts = [terms(each).sum() for each in _weights(name, parameters)]
    if not parts:
        raise ValueError(f"{name}: parameters is empty; give it model.parameters()")
    total: Tensor = sum(parts[1:], parts[0])
    return total * factor


def l1_penalty(parameters: Tensor | Iterable[Tensor], strength: float) -> Tensor:
    """strength times the sum of |w| over all parameters: loss + l1_penalty(model.parameters(), 1e-4)."""
    return _penalty("l1_penalty", parameters, strength, lambda w: w.abs())


def l2_penalty(parameters: Tensor | Iterable[Tensor], strength: float) -> Tensor:
    """strength times the sum of w^2 over all parameters."""
    return _penalty("l2_penalty", parameters, strength, lambda w: w.square())
