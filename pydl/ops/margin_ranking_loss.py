"""margin_ranking_loss: of two scores the one that shall be higher shall be so by a margin.

    loss[i] = max(margin - target[i] (x1[i] - x2[i]), 0)

where target[i] is 1 if x1 shall be higher and -1 if x2 shall; with reduction "mean" or "sum" the mean or the sum over
all i.

Shapes    x1, x2 and target (*) of one shape; loss () or, with reduction "none", (*)
Gradient  of the operations that it is made of
Source    Herbrich, Graepel, Obermayer, "Large margin rank boundaries for ordinal regression", in: Advances in Large
          Margin Classifiers, MIT Press 2000
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..arguments import Array, check_array, check_number
from ..tensor import Tensor
from . import losses
from .clamp import clamp
from .cosine_similarity import as_tensors
from .mean import mean
from .sum import sum


def margin_ranking_loss(input1: Any, input2: Any, target: Any, margin: float = 0.0, reduction: str = "mean") -> Any:
    """max(margin - target (input1 - input2), 0), its mean or its sum. See the top of this file."""
    name = "margin_ranking_loss"
    a, b = as_tensors(name, input1=input1, input2=input2)
    if a.shape != b.shape:
        raise ValueError(f"{name}: input1 has shape {a.shape} but input2 has {b.shape}; they must be equal")
    how = losses.check_reduction(name, reduction)
    signs = check_signs(name, target, a.shape).astype(a.dtype)
    return reduced(clamp(check_number(name, "margin", margin) - (a - b) * signs, min=0), how)


def check_signs(name: str, target: Any, shape: tuple[int, ...]) -> Array:
    """The target, 1 or -1 for each sample."""
    signs = check_array(name, "target", target.data if isinstance(target, Tensor) else target)
    if signs.shape != shape:
        raise ValueError(f"{name}: target has shape {signs.shape} but must have {shape}")
    if not (np.abs(signs) == 1).all():
        raise ValueError(f"{name}: target must hold 1 and -1 and nothing else")
    return signs


def reduced(terms: Tensor, reduction: int) -> Tensor:
    """The terms, their mean or their sum."""
    return terms if reduction == 0 else mean(terms) if reduction == 1 else sum(terms)
