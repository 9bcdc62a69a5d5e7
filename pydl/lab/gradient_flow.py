"""gradient_flow: how strong the gradient is that reaches each parameter of a network.

    ||dC/dp|| = sqrt( sum_i (dC/dp[i])^2 )

For a layer's bias that is how fast the layer learns: a step of gradient descent moves it by eta ||dC/db||.

Source: Nielsen, "Neural Networks and Deep Learning", chapter 5.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..tensor import Tensor


def gradient_flow(model: Any, loss: Tensor) -> dict[str, float]:
    """name of a parameter -> ||dC/dp||, in the order of model.named_parameters(); 0 where no gradient arrives.

    loss: what the model's outputs cost, a Tensor of one number, before backward(). The gradients that the parameters
    hold stay as they are.
    Errors: TypeError for a model without parameters or a loss that is no Tensor, ValueError for one of many numbers.
    """
    if not hasattr(model, "named_parameters"):
        raise TypeError(f"gradient_flow: model must be a Module, not {type(model).__name__}")
    if not isinstance(loss, Tensor):
        raise TypeError(f"gradient_flow: loss must be a Tensor of one number, not {type(loss).__name__}")
    if loss.data.size != 1:
        raise ValueError(f"gradient_flow: loss must be one number, but its shape is {loss.shape}")
    parameters = dict(model.named_parameters())
    kept = {name: parameter.grad for name, parameter in parameters.items()}
    try:
        for parameter in parameters.values():
            parameter.grad = None
        loss.backward()
        return {
            name: 0.0 if parameter.grad is None else float(np.linalg.norm(parameter.grad.data.astype(np.float64)))
            for name, parameter in parameters.items()
        }
    finally:
        for name, parameter in parameters.items():
            parameter.grad = kept[name]
