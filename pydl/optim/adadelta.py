"""adadelta: each weight's step is as large as its recent steps were, measured by the size of its recent gradients.

    g = dC/dw + weight_decay w
    s = rho s + (1 - rho) g^2
    step = sqrt(d + eps) / sqrt(s + eps) g
    d = rho d + (1 - rho) step^2
    w = w - lr step

Shapes    w, g, s, d: lists of arrays of any shapes, matching
Source    Zeiler, "ADADELTA: an adaptive learning rate method", arXiv:1212.5701 (2012)
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, ClassVar

import numpy as np

from .._compiled import count_step, state_arrays
from ..arguments import Array
from ..op import kernel
from .optimizer import Optimizer, Range, fraction


@kernel(writes="w, s, d")
def adadelta_update(w, g, s, d, lr, rho, eps, weight_decay):
    for k in range(len(w)):
        for i in np.ndindex(w[k].shape):
            gradient = g[k][i]
            if weight_decay != 0:
                gradient += weight_decay * w[k][i]
            s[k][i] = rho * s[k][i] + (1 - rho) * gradient**2
            step = np.sqrt(d[k][i] + eps) / np.sqrt(s[k][i] + eps) * gradient
            d[k][i] = rho * d[k][i] + (1 - rho) * step**2
            w[k][i] -= lr * step


@adadelta_update.samples
def _(draw):
    shapes = [draw.shape() for _ in range(draw.integer(0, 3))]
    return {
        "w": [draw.array(shape).copy() for shape in shapes],
        "g": [draw.array(shape).copy() for shape in shapes],
        "s": [draw.array(shape, 0, 2).copy() for shape in shapes],
        "d": [draw.array(shape, 0, 2).copy() for shape in shapes],
        "lr": 0.5,
        "rho": 0.9,
        "eps": 1e-2,
        "weight_decay": draw.choice(0.0, 0.01),
    }


class Adadelta(Optimizer):
    """Steps in the units of the weights themselves, so that lr = 1 fits. See the top of this file.

    Errors: ValueError for options out of their range.
    """

    RANGES: ClassVar[dict[str, Range]] = {**Optimizer.RANGES, "rho": fraction}
    COUNTED = "step"

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1.0,
        rho: float = 0.9,
        eps: float = 1e-6,
        weight_decay: float = 0,
        *,
        maximize: bool = False,
    ) -> None:
        super().__init__(params, {"lr": lr, "rho": rho, "eps": eps, "weight_decay": weight_decay, "maximize": maximize})

    def update(
        self, group: dict[str, Any], weights: list[Array], gradients: list[Array], states: list[dict[str, Any]]
    ) -> None:
        count_step(states)
        averages = (state_arrays(states, name, weights) for name in ("square_avg", "acc_delta"))
        adadelta_update(weights, gradients, *averages, *(group[key] for key in ("lr", "rho", "eps", "weight_decay")))
