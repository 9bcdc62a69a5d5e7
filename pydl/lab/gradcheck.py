"""gradcheck: is the gradient that backward() computes the slope that one can measure?

    dC/dx[i]  ~  (C(x + e_i h) - C(x - e_i h)) / (2 h)          (central difference, error of order h^2)

A function with several results is reduced to one number C = sum(v * f(x)) with fixed random weights v, so that every
result counts and two evaluations an element are enough.

Source: Nielsen, "Neural Networks and Deep Learning", chapter 2; Griewank, Walther, "Evaluating Derivatives", 2008.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..arguments import check_callable, check_list, check_range
from ..tensor import Tensor, no_grad, tensor


def gradcheck(
    f: Callable[..., Any],
    inputs: Sequence[Any],
    eps: float = 1e-6,
    rtol: float = 1e-6,
    atol: float = 1e-7,
) -> bool:
    """Compares the gradients of f(*inputs) with central differences; True if all agree.

    inputs: arrays or Tensors; the floating ones are copied to float64 and differentiated. Agreement means
    |computed - measured| <= atol + rtol * (largest measured gradient of that input).
    Errors: AssertionError that names the worst element and both values. Choose inputs away from kinks (relu at 0).
    """
    check_callable("gradcheck", "f", f)
    needs = "a tuple of arrays or Tensors"
    inputs = check_list("gradcheck", "inputs", None if isinstance(inputs, np.ndarray | Tensor) else inputs, needs)
    eps, rtol, atol = (
        check_range("gradcheck", name, value, 0) for name, value in (("eps", eps), ("rtol", rtol), ("atol", atol))
    )
    if not 0 < eps < np.inf:
        raise ValueError(f"gradcheck: eps must be above 0 and finite, not {eps}")
    copies = [_double(each) for each in inputs]
    results = _results(f(*copies))
    weights = [np.random.default_rng(7 + i).uniform(0.5, 1.5, r.shape) for i, r in enumerate(results)]
    for copy in copies:
        if isinstance(copy, Tensor):
            copy.grad = None
    for i, (result, weight) in enumerate(zip(results, weights, strict=True)):
        if result.requires_grad:
            result.backward(weight, retain_graph=i + 1 < len(results))

    def cost() -> float:
        with no_grad():
            return sum(
                float(np.sum(weight * result.data))
                for weight, result in zip(weights, _results(f(*copies)), strict=True)
            )

    for position, copy in enumerate(copies):
        if not isinstance(copy, Tensor) or not copy.requires_grad:
            continue
        computed = np.zeros(copy.shape) if copy.grad is None else copy.grad.data
        measured = np.zeros(copy.shape)
        for index in np.ndindex(copy.shape):
            kept = copy.data[index]
            copy.data[index] = kept + eps
            above = cost()
            copy.data[index] = kept - eps
            below = cost()
            copy.data[index] = kept
            measured[index] = (above - below) / (2 * eps)
        if computed.size == 0:
            continue
        error = np.abs(computed - measured)
        worst = np.unravel_index(int(np.argmax(np.nan_to_num(error, nan=np.inf))), error.shape)
        allowed = atol + rtol * max(1.0, float(np.abs(measured).max()))
        if not error[worst] <= allowed:
            place = tuple(int(i) for i in worst)
            raise AssertionError(
                f"gradcheck: input {position} at {place}: backward gives {computed[worst]:.10g}, "
                f"the central difference {measured[worst]:.10g} (allowed difference {allowed:.1g})"
            )
    return True


def _double(value: Any) -> Any:
    array = value.data if isinstance(value, Tensor) else value
    if isinstance(array, np.ndarray) and array.dtype.kind == "f":
        return tensor(array, dtype=np.float64, requires_grad=True)
    return value


def _results(value: Any) -> list[Tensor]:
    """All floating tensors in a result, however it is nested."""
    if isinstance(value, Tensor):
        return [value] if value.dtype.kind == "f" else []
    if not isinstance(value, tuple | list):
        raise TypeError(f"gradcheck: f must return a Tensor or a tuple of them, not {type(value).__name__}")
    return [each for part in value for each in _results(part)]
