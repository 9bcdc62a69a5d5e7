"""cosine_embedding_loss: pairs of vectors that belong together shall point the same way, others shall not.

    loss[n] = 1 - cos(x1[n], x2[n])               where target[n] = 1
              max(cos(x1[n], x2[n]) - margin, 0)  where target[n] = -1

and with reduction "mean" or "sum" the mean or the sum over all n. Here

    cos(a, b) = a . b / (sqrt(|a|^2 + 1e-12) sqrt(|b|^2 + 1e-12))

Shapes    x1, x2 (N, D) and target (N), or (D) and (); loss () or, with reduction "none", the shape of target
Gradient  of the operations that it is made of
Source    Hadsell, Chopra, LeCun, "Dimensionality reduction by learning an invariant mapping", CVPR 2006, for the margin
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..arguments import check_range
from . import losses
from .clamp import clamp
from .cosine_similarity import as_tensors
from .margin_ranking_loss import check_signs, reduced
from .sqrt import sqrt
from .sum import sum
from .where import where

SHORTEST = 1e-12  # added to the square of a length


def cosine_embedding_loss(input1: Any, input2: Any, target: Any, margin: float = 0.0, reduction: str = "mean") -> Any:
    """1 - cos(input1, input2), or what of the cosine exceeds margin where target is -1. See the top of this file."""
    name = "cosine_embedding_loss"
    a, b = as_tensors(name, input1=input1, input2=input2)
    if a.shape != b.shape or len(a.shape) not in (1, 2):
        raise ValueError(f"{name}: input1 has shape {a.shape} and input2 {b.shape}; they must be equal, (N, D) or (D)")
    how = losses.check_reduction(name, reduction)
    signs = check_signs(name, target, a.shape[:-1])
    margin = check_range(name, "margin", margin, -1.0, 1.0)
    lengths = [sqrt(sum(x * x, -1, True) + SHORTEST) for x in (a, b)]
    cos = sum((a / lengths[0]) * (b / lengths[1]), -1)
    return reduced(where(np.asarray(signs > 0), 1 - cos, clamp(cos - margin, min=0)), how)
