"""nadam: adam with Nesterov's momentum: the step looks ahead by using the gradient of now once more.

    u(t) = beta1 (1 - 0.96^(t momentum_decay) / 2),   U(t) = u(1) u(2) ... u(t)   at step t = 1, 2, ...
    w = w - lr ((1 - u(t)) / (1 - U(t)) g + u(t + 1) / (1 - U(t + 1)) m) / (sqrt(v / c2) + eps)

g, m, v and c2 are those of adam.py, whose kernel this is too.

Source    Dozat, "Incorporating Nesterov momentum into Adam", ICLR workshop 2016
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, ClassVar

from .._compiled import count_step, state_arrays
from ..arguments import Array
from .adam import Adam, adam_update
from .optimizer import Optimizer, Range, at_least_zero


class NAdam(Adam):
    """Adam that looks ahead. See the top of this file.

    decoupled_weight_decay: as in AdamW. Errors: ValueError for options out of their range.
    """

    RANGES: ClassVar[dict[str, Range]] = {**Adam.RANGES, "momentum_decay": at_least_zero}

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 2e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0,
        momentum_decay: float = 4e-3,
        decoupled_weight_decay: bool = False,
        *,
        maximize: bool = False,
    ) -> None:
        options = {"lr": lr, "betas": betas, "eps": eps, "weight_decay": weight_decay}
        options |= {"momentum_decay": momentum_decay, "decoupled_weight_decay": decoupled_weight_decay}
        Optimizer.__init__(self, params, {**options, "maximize": maximize})

    def update(
        self, group: dict[str, Any], weights: list[Array], gradients: list[Array], states: list[dict[str, Any]]
    ) -> None:
        # Parameters that had no gradient while a schedule changed beta1 have another U.
        products = [state.get("mu_product", 1.0) for state in states]
        for product in dict.fromkeys(products):
            alike = [i for i, each in enumerate(products) if each == product]
            w, g, state = ([each[i] for i in alike] for each in (weights, gradients, states))
            _step(group, w, g, state, product)


def _step(group: dict[str, Any], weights: list[Any], gradients: list[Any], states: list[Any], product: float) -> None:
    """The step of parameters with the same U(t - 1)."""
    beta1, beta2 = group["betas"]
    step = count_step(states)
    now, following = (beta1 * (1 - 0.5 * 0.96 ** (t * group["momentum_decay"])) for t in (step, step + 1))
    product *= now
    for state in states:
        state["mu_product"] = product
    averages = (state_arrays(states, name, weights) for name in ("exp_avg", "exp_avg_sq"))
    ahead, correction1 = (1 - now) / (1 - product), (1 - product * following) / following if following else 0.0
    decay, decoupled = group["weight_decay"], group["decoupled_weight_decay"]
    adam_update(
        weights, gradients, *averages, [], group["lr"], beta1, beta2, group["eps"], decay, decoupled, ahead,
        correction1, 1 - beta2**step,
    )  # fmt: skip
