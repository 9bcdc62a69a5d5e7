"""triplet_margin_loss: a vector shall be nearer to one of its kind than to another, by a margin.

    loss[n] = max(margin + |a[n] - p[n]| - |a[n] - q[n]|, 0)      |x|: the p-norm of x + eps

a: the anchor, p: one of its kind (positive), q: another one (negative). swap: in place of |a - q| the smaller of it
and |p - q|. With reduction "mean" or "sum" the mean or the sum over all n.

Shapes    anchor, positive, negative (N, D) or (D), equal; loss () or, with reduction "none", (N) or ()
Gradient  of the operations that it is made of
Source    Balntas, Riba, Ponsa, Mikolajczyk, "Learning local feature descriptors with triplets and shallow convolutional
          neural networks", BMVC 2016
"""

from __future__ import annotations

from typing import Any

from ..arguments import check_callable, check_flag, check_range
from ..tensor import Tensor
from . import losses
from .clamp import clamp
from .cosine_similarity import as_tensors
from .margin_ranking_loss import reduced
from .minimum import minimum
from .pairwise_distance import pairwise_distance


def triplet_margin_loss(
    anchor: Any,
    positive: Any,
    negative: Any,
    margin: float = 1.0,
    p: float = 2,
    eps: float = 1e-6,
    swap: bool = False,
    *,
    reduction: str = "mean",
) -> Tensor:
    """How much nearer than by margin anchor is to negative than to positive. See the top of this file."""
    power, least = check_range("triplet_margin_loss", "p", p, 0), check_range("triplet_margin_loss", "eps", eps, 0)
    return _loss(
        "triplet_margin_loss",
        (anchor, positive, negative),
        lambda a, b: pairwise_distance(a, b, power, least),
        margin,
        swap,
        reduction,
    )


def triplet_margin_with_distance_loss(
    anchor: Any,
    positive: Any,
    negative: Any,
    *,
    distance_function: Any = None,
    margin: float = 1.0,
    swap: bool = False,
    reduction: str = "mean",
) -> Tensor:
    """The same for any distance, a function of two tensors: by default the length of their difference."""
    name = "triplet_margin_with_distance_loss"
    distance = pairwise_distance if distance_function is None else distance_function
    check_callable(name, "distance_function", distance)
    return _loss(name, (anchor, positive, negative), distance, margin, swap, reduction)


def _loss(name: str, vectors: Any, distance: Any, margin: Any, swap: Any, reduction: Any) -> Tensor:
    a, near, far = as_tensors(name, **dict(zip(("anchor", "positive", "negative"), vectors, strict=True)))
    if not a.shape == near.shape == far.shape or not a.ndim:
        raise ValueError(
            f"{name}: anchor {a.shape}, positive {near.shape} and negative {far.shape} must be equal, (N, D) or (D)"
        )
    how, least = losses.check_reduction(name, reduction), check_range(name, "margin", margin, 0)
    away = distance(a, far)
    if check_flag(name, "swap", swap):
        away = minimum(away, distance(near, far))
    return reduced(clamp(distance(a, near) - away + least, min=0), how)
