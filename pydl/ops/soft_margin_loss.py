"""soft_margin_loss: the logistic loss of answers yes and no, in other words than binary cross-entropy.

    soft_margin_loss              loss[i] = ln(1 + e^(-t[i] x[i])),   t = 1 or -1
    multilabel_soft_margin_loss   loss[n] = mean over c of weight[c] (binary cross-entropy of sigmoid(x[n, c]), t[n, c])

and with reduction "mean" or "sum" the mean or the sum over all i or n.

Shapes    input and target (*), equal; (N, C) or (C); loss () or, with reduction "none", (*), (N) or ()
Gradient  of the operations that they are made of
Source    Cox, "The regression analysis of binary sequences", J. R. Stat. Soc. B 20 (1958)
"""

from __future__ import annotations

from typing import Any

from ..tensor import Tensor
from . import losses
from .binary_cross_entropy_with_logits import binary_cross_entropy_with_logits
from .cosine_similarity import as_tensors
from .margin_ranking_loss import check_signs, reduced
from .mean import mean
from .mul import mul
from .softplus import softplus


def soft_margin_loss(input: Any, target: Any, *, reduction: str = "mean") -> Tensor:
    """ln(1 + e^(-target input)), its mean or its sum. See the top of this file."""
    (x,) = as_tensors("soft_margin_loss", input=input)
    how = losses.check_reduction("soft_margin_loss", reduction)
    signs = check_signs("soft_margin_loss", target, x.shape).astype(x.dtype)
    return reduced(softplus(mul(x, -signs), 1.0, float("inf")), how)


def multilabel_soft_margin_loss(input: Any, target: Any, weight: Any = None, *, reduction: str = "mean") -> Tensor:
    """The binary cross-entropy of each of C answers, its mean over them. See the top of this file."""
    name = "multilabel_soft_margin_loss"
    x, t = as_tensors(name, input=input, target=target)
    if x.shape != t.shape or not x.ndim:
        raise ValueError(
            f"{name}: input has shape {x.shape} but target has {t.shape}; they must be equal, (N, C) or (C)"
        )
    how = losses.check_reduction(name, reduction)
    terms = binary_cross_entropy_with_logits(x, t, weight, reduction="none")
    return reduced(mean(terms, -1), how)
