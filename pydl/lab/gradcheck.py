"""gradcheck: is the gradient that backward() computes the slope that one can measure?

    dC/dx[i]  ~  (C(x + e_i h) - C(x - e_i h)) / (2 h)          (central difference, error of order h^2)
    dC/dx[i]  ~  Im C(x + i e_i h) / h                          (complex step, exact to rounding for a tiny h)

A function with several results is reduced to one number C = sum(v * f(x)) with fixed random weights v, so that every
result counts and two evaluations an element are enough.

The complex step subtracts nothing, so h may be 1e-30 and no digit is lost; but it holds only where f is analytic, as
exp and tanh are and abs, max and comparisons are not, and needs f in numpy's complex numbers.

At a kink (relu at 0) there is no slope to compare with. It shows in the second difference
(C(x + h) - 2 C(x) + C(x - h)) / h, the slope on the right minus that on the left: where f is smooth it halves with h.

Source: Nielsen, "Neural Networks and Deep Learning", chapter 2; Griewank, Walther, "Evaluating Derivatives", 2008;
Squire, Trapp, "Using complex variables to estimate derivatives of real functions", SIAM Review 40, 1998.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..arguments import Array, check_callable, check_list, check_range
from ..tensor import Tensor, no_grad, tensor


def gradcheck(
    f: Callable[..., Any],
    inputs: Sequence[Any],
    eps: float = 1e-6,
    rtol: float = 1e-6,
    atol: float = 1e-7,
    analytic: Callable[..., Any] | None = None,
) -> bool:
    """Compares the gradients of f(*inputs) with central differences; True if all agree.

    inputs: arrays or Tensors; the floating ones are copied to float64 and differentiated. Agreement means
    |computed - measured| <= atol + rtol * (largest measured gradient of that input, at least 1).
    analytic: the same function of numpy arrays, real or complex; slopes are then measured by complex steps.
    Errors: AssertionError that names the worst element and both values, and says if f has a kink there.
    """
    check_callable("gradcheck", "f", f)
    if analytic is not None:
        check_callable("gradcheck", "analytic", analytic, "a function of numpy arrays, or None")
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
            return _weighed(weights, [each.data for each in _results(f(*copies))])

    if analytic is not None:
        _check_equal(results, _arrays(analytic(*map(_plain, copies))))
    for position, copy in enumerate(copies):
        if not isinstance(copy, Tensor) or not copy.requires_grad or copy.data.size == 0:
            continue
        computed = np.zeros(copy.shape) if copy.grad is None else copy.grad.data
        measured = np.zeros(copy.shape)
        for index in np.ndindex(copy.shape):
            if analytic is None:
                measured[index] = _difference(cost, copy.data, index, eps)
            else:
                measured[index] = _complex_step(analytic, weights, list(map(_plain, copies)), position, index)
        error = np.abs(computed - measured)
        worst = np.unravel_index(int(np.argmax(np.nan_to_num(error, nan=np.inf))), error.shape)
        allowed = atol + rtol * max(1.0, float(np.abs(measured).max()))
        if not error[worst] <= allowed:
            place = tuple(int(i) for i in worst)
            larger = max(abs(computed[worst]), abs(measured[worst]))
            method = "the central difference" if analytic is None else "the complex step"
            raise AssertionError(
                f"gradcheck: input {position} at {place}: backward gives {computed[worst]:.10g}, {method} "
                f"{measured[worst]:.10g} (relative error {error[worst] / larger:.1g}, allowed difference {allowed:.1g})"
                + _kink(cost, copy.data, place, 100 * eps)
            )
    return True


def _difference(cost: Callable[[], float], x: Array, index: tuple[int, ...], eps: float) -> float:
    """(C(x + e_i h) - C(x - e_i h)) / (2 h)."""
    kept = x[index]
    x[index] = kept + eps
    above = cost()
    x[index] = kept - eps
    below = cost()
    x[index] = kept
    return (above - below) / (2 * eps)


def _complex_step(
    analytic: Callable[..., Any], weights: list[Array], inputs: list[Any], position: int, index: tuple[int, ...]
) -> float:
    """Im C(x + i e_i h) / h."""
    step = 1e-30
    moved = inputs[position].astype(np.complex128)
    moved[index] += 1j * step
    inputs[position] = moved
    return _weighed(weights, [each.imag / step for each in _arrays(analytic(*inputs))])


def _kink(cost: Callable[[], float], x: Array, index: tuple[int, ...], h: float) -> str:
    """What to add to the message if the slopes on both sides of x[index] do not meet as the step shrinks."""
    kept, middle = x[index], cost()
    slopes = []
    for step in (h, h / 2):
        sides = []
        for sign in (-1, 1):
            x[index] = kept + sign * step
            sides.append(sign * (cost() - middle) / step)
        slopes.append(sides)
    x[index] = kept
    jump, halved = (right - left for left, right in slopes)
    left, right = slopes[1]
    if not abs(halved) > 0.75 * abs(jump) or not abs(halved) > 1e-3 * max(abs(left), abs(right)):
        return ""
    return f"; f has a kink there, its slope is {left:.4g} below and {right:.4g} above: choose another input"


def _weighed(weights: list[Array], results: list[Array]) -> float:
    return sum(float(np.sum(weight * result)) for weight, result in zip(weights, results, strict=True))


def _plain(value: Any) -> Any:
    return value.data if isinstance(value, Tensor) else value


def _arrays(value: Any) -> list[Array]:
    return [np.asarray(each) for each in (value if isinstance(value, tuple | list) else [value])]


def _check_equal(results: list[Tensor], others: list[Array]) -> None:
    """The slopes of another function would say nothing."""
    for i, result in enumerate(results):
        if i >= len(others) or others[i].shape != result.shape or not np.allclose(others[i], result.data, 1e-9, 1e-12):
            raise ValueError(f"gradcheck: analytic must compute what f does, but its result {i} differs")


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
