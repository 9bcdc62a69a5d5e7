"""The losses as modules. Formulas and sources stand with the operation of the same name in pydl/ops.

reduction: "mean" or "sum" over the elements (or samples), or "none" for one loss each.
"""

from __future__ import annotations

from typing import Any

from .. import ops
from ..arguments import check_choice, check_flag, check_integer
from ..tensor import Tensor, tensor
from .module import Module


class Loss(Module):
    """What all losses have: a reduction, and weights, which are part of the state but not learned."""

    reductions: tuple[str, ...] = ("mean", "sum", "none")

    def __init__(self, reduction: str) -> None:
        super().__init__()
        self.reduction = check_choice(type(self).__name__, "reduction", reduction, *self.reductions)

    def register_weight(self, name: str, weight: Any) -> None:
        """Keeps an optional array as a buffer."""
        self.register_buffer(name, weight if weight is None or isinstance(weight, Tensor) else tensor(weight))


class CrossEntropyLoss(Loss):
    """-log softmax(input)[target]: input (N, C, ...) of any numbers, target (N, ...) of classes, or probabilities.

    weight (C): of each class. ignore_index: a target that does not count. label_smoothing: the share of the target
    that is spread over all classes.
    """

    def __init__(
        self,
        weight: Any = None,
        *,
        ignore_index: int = -100,
        reduction: str = "mean",
        label_smoothing: float = 0.0,
    ) -> None:
        super().__init__(reduction)
        self.register_weight("weight", weight)
        self.ignore_index = ignore_index
        self.label_smoothing = label_smoothing

    def forward(self, input: Any, target: Any) -> Tensor:
        return ops.cross_entropy(
            input,
            target,
            weight=self.weight,
            ignore_index=self.ignore_index,
            reduction=self.reduction,
            label_smoothing=self.label_smoothing,
        )


class NLLLoss(Loss):
    """-input[target]: input (N, C, ...) of log-probabilities, target (N, ...) of classes.

    weight (C): of each class. ignore_index: a target that does not count.
    """

    def __init__(self, weight: Any = None, *, ignore_index: int = -100, reduction: str = "mean") -> None:
        super().__init__(reduction)
        self.register_weight("weight", weight)
        self.ignore_index = ignore_index

    def forward(self, input: Any, target: Any) -> Tensor:
        return ops.nll_loss(input, target, weight=self.weight, ignore_index=self.ignore_index, reduction=self.reduction)


class BCELoss(Loss):
    """-(target log(input) + (1 - target) log(1 - input)) for probabilities. weight broadcasts to target."""

    def __init__(self, weight: Any = None, *, reduction: str = "mean") -> None:
        super().__init__(reduction)
        self.register_weight("weight", weight)

    def forward(self, input: Any, target: Any) -> Tensor:
        return ops.binary_cross_entropy(input, target, weight=self.weight, reduction=self.reduction)


class BCEWithLogitsLoss(Loss):
    """BCELoss of sigmoid(input), computed so that large numbers do no harm. pos_weight: of a yes, as weight."""

    def __init__(self, weight: Any = None, *, reduction: str = "mean", pos_weight: Any = None) -> None:
        super().__init__(reduction)
        self.register_weight("weight", weight)
        self.register_weight("pos_weight", pos_weight)

    def forward(self, input: Any, target: Any) -> Tensor:
        return ops.binary_cross_entropy_with_logits(
            input, target, weight=self.weight, reduction=self.reduction, pos_weight=self.pos_weight
        )


class CTCLoss(Loss):
    """-log of the probability that log_probs (T, N, C) reads as the targets, in whichever frames their labels stand.

    Called with log_probs, targets (N, S) or all one behind another, input_lengths (N) and target_lengths (N).
    blank: the class of frames without a label. zero_infinity: a target longer than its input allows does not count.
    """

    def __init__(self, blank: int = 0, reduction: str = "mean", zero_infinity: bool = False) -> None:
        super().__init__(reduction)
        self.blank = check_integer("CTCLoss", "blank", blank, 0)
        self.zero_infinity = check_flag("CTCLoss", "zero_infinity", zero_infinity)

    def forward(self, log_probs: Any, targets: Any, input_lengths: Any, target_lengths: Any) -> Tensor:
        return ops.ctc_loss(
            log_probs, targets, input_lengths, target_lengths, self.blank, self.reduction, self.zero_infinity
        )


class MSELoss(Loss):
    """(input - target)^2."""

    def __init__(self, *, reduction: str = "mean") -> None:
        super().__init__(reduction)

    def forward(self, input: Any, target: Any) -> Tensor:
        return ops.mse_loss(input, target, reduction=self.reduction)


class L1Loss(Loss):
    """|input - target|."""

    def __init__(self, *, reduction: str = "mean") -> None:
        super().__init__(reduction)

    def forward(self, input: Any, target: Any) -> Tensor:
        return ops.l1_loss(input, target, reduction=self.reduction)


class SmoothL1Loss(Loss):
    """|input - target| - beta / 2, or a parabola below |input - target| = beta."""

    def __init__(self, *, reduction: str = "mean", beta: float = 1.0) -> None:
        super().__init__(reduction)
        self.beta = beta

    def forward(self, input: Any, target: Any) -> Tensor:
        return ops.smooth_l1_loss(input, target, reduction=self.reduction, beta=self.beta)


class HuberLoss(Loss):
    """(input - target)^2 / 2, or a straight line from |input - target| = delta on."""

    def __init__(self, *, reduction: str = "mean", delta: float = 1.0) -> None:
        super().__init__(reduction)
        self.delta = delta

    def forward(self, input: Any, target: Any) -> Tensor:
        return ops.huber_loss(input, target, reduction=self.reduction, delta=self.delta)


class KLDivLoss(Loss):
    """target (log target - input): input of log-probabilities, target of probabilities, or of their logarithms.

    reduction "batchmean" divides the sum by the first dimension's size: the divergence of a sample.
    """

    reductions = ("mean", "sum", "none", "batchmean")

    def __init__(self, *, reduction: str = "mean", log_target: bool = False) -> None:
        super().__init__(reduction)
        self.log_target = check_flag("KLDivLoss", "log_target", log_target)

    def forward(self, input: Any, target: Any) -> Tensor:
        loss: Tensor = ops.kl_div(input, target, reduction=self.reduction, log_target=self.log_target)
        return loss


class CosineEmbeddingLoss(Loss):
    """1 - cos(input1, input2) where target is 1, what of the cosine exceeds margin where it is -1."""

    def __init__(self, margin: float = 0.0, *, reduction: str = "mean") -> None:
        super().__init__(reduction)
        self.margin = margin

    def forward(self, input1: Any, input2: Any, target: Any) -> Tensor:
        loss: Tensor = ops.cosine_embedding_loss(input1, input2, target, self.margin, self.reduction)
        return loss


class MarginRankingLoss(Loss):
    """max(margin - target (input1 - input2), 0): target 1 if input1 shall be higher, -1 if input2 shall."""

    def __init__(self, margin: float = 0.0, *, reduction: str = "mean") -> None:
        super().__init__(reduction)
        self.margin = margin

    def forward(self, input1: Any, input2: Any, target: Any) -> Tensor:
        loss: Tensor = ops.margin_ranking_loss(input1, input2, target, self.margin, self.reduction)
        return loss
