"""hinge_embedding_loss: distances of pairs that belong together shall be small, those of others at least the margin.

    loss[i] = x[i]                       where target[i] = 1
              max(margin - x[i], 0)      where target[i] = -1

and with reduction "mean" or "sum" the mean or the sum over all i.

Shapes    input and target (*), equal; loss () or, with reduction "none", (*)
Gradient  of the operations that it is made of
Source    Hadsell, Chopra, LeCun, "Dimensionality reduction by learning an invariant mapping", CVPR 2006
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..arguments import check_number
from ..tensor import Tensor
from . import losses
from .clamp import clamp
from .cosine_similarity import as_tensors
from .margin_ranking_loss import check_signs, reduced
from .where import where


def hinge_embedding_loss(input: Any, target: Any, margin: float = 1.0, *, reduction: str = "mean") -> Tensor:
    """The distance, or what it lacks to margin where target is -1. See the top of this file."""
    name = "hinge_embedding_loss"
    (x,) = as_tensors(name, input=input)
    how, signs = losses.check_reduction(name, reduction), check_signs(name, target, x.shape)
    least = check_number(name, "margin", margin)
    return reduced(where(np.asarray(signs > 0), x, clamp(least - x, min=0)), how)
