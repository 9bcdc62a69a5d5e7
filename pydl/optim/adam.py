"""adam: moving averages of the gradient and of its square give each weight a step of its own.

    g = dC/dw + weight_decay w                 (adam)        w = w - lr weight_decay w      (decoupled: adamw)
    m = beta1 m + (1 - beta1) g
    v = beta2 v + (1 - beta2) g^2
    w = w - lr (ahead g + m / c1) / (sqrt(v / c2) + eps)     c1 = 1 - beta1^t, c2 = 1 - beta2^t at step t = 1, 2, ...

ahead     0, but for nadam, which sets c1 too; radam sets c1, c2 and eps
amsgrad   v_max = max(v_max, v) takes the place of v in the last line
Shapes    w, g, m, v, v_max: lists of arrays of any shapes, matching; v_max is empty without amsgrad
Source    Kingma, Ba, "Adam: a method for stochastic optimization", ICLR 2015;
          Loshchilov, Hutter, "Decoupled weight decay regularization", ICLR 2019, for adamw;
          Reddi, Kale, Kumar, "On the convergence of Adam and beyond", ICLR 2018, for amsgrad
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, ClassVar

import numpy as np

from .._compiled import count_step, state_arrays
from ..arguments import Array
from ..op import kernel
from .optimizer import Optimizer, Range, fraction


@kernel(writes="w, m, v, v_max")
def adam_update(w, g, m, v, v_max, lr, beta1, beta2, eps, weight_decay, decoupled, ahead, correction1, correction2):
    for k in range(len(w)):
        for i in np.ndindex(w[k].shape):
            gradient = g[k][i]
            if decoupled:
                w[k][i] *= 1 - lr * weight_decay
            elif weight_decay != 0:
                gradient += weight_decay * w[k][i]
            m[k][i] = beta1 * m[k][i] + (1 - beta1) * gradient
            v[k][i] = beta2 * v[k][i] + (1 - beta2) * gradient**2
            square = v[k][i]
            if v_max:
                square = v_max[k][i] = np.maximum(v_max[k][i], v[k][i])  # unlike max(), keeps NaN
            w[k][i] -= lr * (ahead * gradient + m[k][i] / correction1) / (np.sqrt(square / correction2) + eps)


@adam_update.samples
def _(draw):
    shapes = [draw.shape() for _ in range(draw.integer(0, 3))]
    step, amsgrad = draw.integer(1, 100), draw.integer(0, 1)
    return {
        "w": [draw.array(shape).copy() for shape in shapes],
        "g": [draw.array(shape).copy() for shape in shapes],
        "m": [draw.array(shape).copy() for shape in shapes],
        "v": [draw.array(shape, 0, 2).copy() for shape in shapes],
        "v_max": [draw.array(shape, 0, 2).copy() for shape in shapes] if amsgrad else [],
        "lr": 0.01,
        "beta1": 0.9,
        "beta2": 0.99,
        "eps": 1e-4,
        "weight_decay": draw.choice(0.0, 0.01),
        "decoupled": bool(draw.integer(0, 1)),
        "ahead": draw.choice(0.0, 0.0, 0.5),
        "correction1": 1 - 0.9**step,
        "correction2": 1 - 0.99**step,
    }


class Adam(Optimizer):
    """Steps from moving averages of the gradient and its square. See the top of this file.

    Errors: ValueError for options out of their range.
    """

    RANGES: ClassVar[dict[str, Range]] = {
        **Optimizer.RANGES,
        "betas": (
            "two numbers from 0 to below 1",
            lambda value: isinstance(value, tuple | list) and len(value) == 2 and all(map(fraction[1], value)),
        ),
    }
    COUNTED = "step"
    DECOUPLED = False

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0,
        amsgrad: bool = False,
        *,
        maximize: bool = False,
    ) -> None:
        options = {"lr": lr, "betas": betas, "eps": eps, "weight_decay": weight_decay, "amsgrad": amsgrad}
        super().__init__(params, {**options, "maximize": maximize})

    def update(
        self, group: dict[str, Any], weights: list[Array], gradients: list[Array], states: list[dict[str, Any]]
    ) -> None:
        beta1, beta2 = group["betas"]
        step = count_step(states)
        adam_update(
            weights,
            gradients,
            state_arrays(states, "exp_avg", weights),
            state_arrays(states, "exp_avg_sq", weights),
            state_arrays(states, "max_exp_avg_sq", weights) if group["amsgrad"] else [],
            group["lr"],
            beta1,
            beta2,
            group["eps"],
            group["weight_decay"],
            self.DECOUPLED,
            0.0,
            1 - beta1**step,
            1 - beta2**step,
        )
