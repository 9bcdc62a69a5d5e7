"""clip_grad_norm: gradients are made smaller together, so that the length of all of them, as one vector, is bounded.

    total = (sum over all elements |g|^p)^(1/p)          p = 1, 2, or infinity: the largest |g|
    g = g min(1, max_norm / (total + 1e-6))

Shapes    g: list of arrays of any shapes, norm (): one number
Source    Pascanu, Mikolov, Bengio, "On the difficulty of training recurrent neural networks", ICML 2013
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from .._compiled import changed, gradient_lists
from ..arguments import check_flag, check_list, check_number, check_range
from ..op import empty, kernel
from ..tensor import Tensor


@kernel(writes="norm")
def grad_norm(g, norm, p):
    total = 0.0
    for k in range(len(g)):
        for i in np.ndindex(g[k].shape):
            if p == np.inf:
                total = np.maximum(total, abs(g[k][i]))
            else:
                total += abs(g[k][i]) ** p
    norm[()] = total if p == np.inf else total ** (1 / p)


@kernel(writes="g")
def grad_scale(g, factor):
    for k in range(len(g)):
        for i in np.ndindex(g[k].shape):
            g[k][i] *= factor


@grad_norm.samples
def _(draw):
    g = [draw.array(draw.shape()).copy() for _ in range(draw.integer(0, 3))]
    return {"g": g, "norm": draw.out(()) if g else np.full((), np.nan, np.float32), "p": draw.choice(1.0, 2.0, np.inf)}


@grad_scale.samples
def _(draw):
    return {"g": [draw.array(draw.shape()).copy() for _ in range(draw.integer(0, 3))], "factor": 0.3}


def listed(op: str, parameters: Any) -> list[Any]:
    """One Tensor, or many, as something to walk over."""
    if isinstance(parameters, Tensor):
        return [parameters]
    return check_list(op, "parameters", parameters, "Tensors, such as model.parameters()")


def clip_grad_norm_(
    parameters: Tensor | Iterable[Tensor],
    max_norm: float,
    norm_type: float = 2.0,
    error_if_nonfinite: bool = False,
) -> Tensor:
    """Scales the gradients of the parameters in place; returns their norm as it was. See the top of this file.

    Errors: ValueError where norm_type is not 1, 2 or infinity or max_norm is negative; RuntimeError where the norm is
    NaN or infinite and error_if_nonfinite is True.
    """
    p = check_number("clip_grad_norm_", "norm_type", norm_type)
    if p not in (1.0, 2.0, np.inf):
        raise ValueError(f"clip_grad_norm_: norm_type must be 1, 2 or infinity, not {norm_type!r}")
    max_norm = check_range("clip_grad_norm_", "max_norm", max_norm, 0)
    refuse = check_flag("clip_grad_norm_", "error_if_nonfinite", error_if_nonfinite)
    with_gradient, lists = gradient_lists("clip_grad_norm_", listed("clip_grad_norm_", parameters))
    norms = []
    for arrays in lists:
        norm = empty((), arrays[0].dtype)
        grad_norm(arrays, norm, p)
        norms.append(norm)
    total = norms[0] if len(norms) == 1 else np.linalg.norm(np.array(norms, np.float32), p) if norms else 0.0
    total = np.asarray(total, norms[0].dtype if norms else np.float32)
    if refuse and not np.isfinite(total):
        raise RuntimeError(f"clip_grad_norm_: the norm of the gradients is {float(total)}, so they cannot be scaled")
    scale = max_norm / (float(total) + 1e-6)
    if not scale >= 1:  # a NaN reaches every gradient and so is seen
        for arrays in lists:
            grad_scale(arrays, scale)
        changed(with_gradient)
    return Tensor(total)
