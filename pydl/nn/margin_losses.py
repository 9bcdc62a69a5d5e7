"""Losses of distances, margins and likelihoods as modules. Formulas stand in pydl/ops, under the same names.

reduction: "mean" or "sum" over the samples (or elements), or "none" for one loss each.
"""

from __future__ import annotations

from typing import Any

from .. import ops
from ..arguments import check_callable, check_flag, check_integer, check_number, check_range
from ..tensor import Tensor
from .losses import Loss


class TripletMarginLoss(Loss):
    """max(margin + |anchor - positive| - |anchor - negative|, 0), |x| the p-norm of x + eps."""

    def __init__(
        self, margin: float = 1.0, p: float = 2.0, eps: float = 1e-6, swap: bool = False, *, reduction: str = "mean"
    ) -> None:
        super().__init__(reduction)
        self.margin = check_range("TripletMarginLoss", "margin", margin, 0)
        self.p = check_range("TripletMarginLoss", "p", p, 0)
        self.eps = check_range("TripletMarginLoss", "eps", eps, 0)
        self.swap = check_flag("TripletMarginLoss", "swap", swap)

    def forward(self, anchor: Any, positive: Any, negative: Any) -> Tensor:
        return ops.triplet_margin_loss(
            anchor, positive, negative, self.margin, self.p, self.eps, self.swap, reduction=self.reduction
        )


class TripletMarginWithDistanceLoss(Loss):
    """The same for any distance, a function of two tensors."""

    def __init__(
        self, *, distance_function: Any = None, margin: float = 1.0, swap: bool = False, reduction: str = "mean"
    ) -> None:
        super().__init__(reduction)
        name = "TripletMarginWithDistanceLoss"
        if distance_function is not None:
            check_callable(name, "distance_function", distance_function)
        self.distance_function = distance_function
        self.margin = check_range(name, "margin", margin, 0)
        self.swap = check_flag(name, "swap", swap)

    def forward(self, anchor: Any, positive: Any, negative: Any) -> Tensor:
        return ops.triplet_margin_with_distance_loss(
            anchor,
            positive,
            negative,
            distance_function=self.distance_function,
            margin=self.margin,
            swap=self.swap,
            reduction=self.reduction,
        )


class HingeEmbeddingLoss(Loss):
    """input where target is 1, max(margin - input, 0) where it is -1: input are distances."""

    def __init__(self, margin: float = 1.0, *, reduction: str = "mean") -> None:
        super().__init__(reduction)
        self.margin = check_number("HingeEmbeddingLoss", "margin", margin)

    def forward(self, input: Any, target: Any) -> Tensor:
        return ops.hinge_embedding_loss(input, target, self.margin, reduction=self.reduction)


class SoftMarginLoss(Loss):
    """ln(1 + e^(-target input)), target 1 or -1."""

    def __init__(self, *, reduction: str = "mean") -> None:
        super().__init__(reduction)

    def forward(self, input: Any, target: Any) -> Tensor:
        return ops.soft_margin_loss(input, target, reduction=self.reduction)


class MultiLabelSoftMarginLoss(Loss):
    """BCEWithLogitsLoss of (N, C) answers, the mean over the C of them. weight (C): of each."""

    def __init__(self, weight: Any = None, *, reduction: str = "mean") -> None:
        super().__init__(reduction)
        self.register_weight("weight", weight)

    def forward(self, input: Any, target: Any) -> Tensor:
        return ops.multilabel_soft_margin_loss(input, target, self.weight, reduction=self.reduction)


class MultiMarginLoss(Loss):
    """The sum over the wrong classes c of max(margin - input[target] + input[c], 0)^p / C: a support vector machine's.

    input (N, C), target (N) of classes, p 1 or 2, weight (C): of each class.
    """

    def __init__(self, p: int = 1, margin: float = 1.0, weight: Any = None, *, reduction: str = "mean") -> None:
        super().__init__(reduction)
        self.p = check_integer("MultiMarginLoss", "p", p, 1)
        if self.p > 2:
            raise ValueError(f"MultiMarginLoss: p must be 1 or 2, not {p}")
        self.margin = check_number("MultiMarginLoss", "margin", margin)
        self.register_weight("weight", weight)

    def forward(self, input: Any, target: Any) -> Tensor:
        return ops.multi_margin_loss(input, target, self.p, self.margin, self.weight, reduction=self.reduction)


class MultiLabelMarginLoss(Loss):
    """The same for several right classes of a sample: target (N, C) holds them, and -1 behind the last."""

    def __init__(self, *, reduction: str = "mean") -> None:
        super().__init__(reduction)

    def forward(self, input: Any, target: Any) -> Tensor:
        return ops.multilabel_margin_loss(input, target, reduction=self.reduction)


class GaussianNLLLoss(Loss):
    """(ln(var) + (input - target)^2 / var) / 2: for networks that predict a mean and how sure they are of it."""

    def __init__(self, *, full: bool = False, eps: float = 1e-6, reduction: str = "mean") -> None:
        super().__init__(reduction)
        self.full = check_flag("GaussianNLLLoss", "full", full)
        self.eps = check_range("GaussianNLLLoss", "eps", eps, 0)

    def forward(self, input: Any, target: Any, var: Any) -> Tensor:
        return ops.gaussian_nll_loss(input, target, var, self.full, self.eps, self.reduction)


class PoissonNLLLoss(Loss):
    """e^input - target input: for networks that predict counts, input the logarithm of the rate, or log_input=False."""

    def __init__(
        self, log_input: bool = True, full: bool = False, *, eps: float = 1e-8, reduction: str = "mean"
    ) -> None:
        super().__init__(reduction)
        self.log_input = check_flag("PoissonNLLLoss", "log_input", log_input)
        self.full = check_flag("PoissonNLLLoss", "full", full)
        self.eps = check_range("PoissonNLLLoss", "eps", eps, 0)

    def forward(self, input: Any, target: Any) -> Tensor:
        return ops.poisson_nll_loss(input, target, self.log_input, self.full, eps=self.eps, reduction=self.reduction)
