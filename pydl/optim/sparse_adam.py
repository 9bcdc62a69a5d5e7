"""SparseAdam: Adam for sparse gradients; rows that a batch did not use stay as they are, and so do their averages."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

from ..arguments import Array
from .adam import Adam


class SparseAdam(Adam):
    """adam_update of adam.py, on the rows alone that a sparse gradient has.

    Unlike Adam's, a row's averages do not decay in steps that do not use it ("lazy" Adam); the step count is common.
    Errors: ValueError for a gradient that is not sparse, and for options out of their range.
    """

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        *,
        maximize: bool = False,
    ) -> None:
        super().__init__(params, lr, betas, eps, maximize=maximize)

    def takes_sparse(self, group: dict[str, Any]) -> bool:
        return True

    def update(
        self, group: dict[str, Any], weights: list[Array], gradients: list[Array], states: list[dict[str, Any]]
    ) -> None:
        # As PyTorch's, which adds eps to sqrt(v) and corrects the quotient afterwards.
        correction = 1 - group["betas"][1] ** (states[0].get("step", 0) + 1)
        super().update({**group, "eps": group["eps"] / math.sqrt(correction)}, weights, gradients, states)

    def step(self, closure: Any = None) -> Any:
        """One step. See Optimizer.step."""
        for param in self._all_params():
            if param.grad is not None and not param.grad.is_sparse:
                raise ValueError(
                    f"SparseAdam: the gradient of a parameter {param.shape} is not sparse; give such ones to Adam"
                )
        return super().step(closure)
