"""What an exercise is: a function to write, its formula, arguments to try it on, and what must come out.

    @exercise("what stays is positive", returns="y")
    def relu_forward(x):
        '''The formula and the shapes, as the learner reads them.'''
        return F.relu(x)

    @relu_forward.cases
    def _(random):
        return [{"x": random.normal(size=3)}, {"x": random.normal(size=(2, 3))}]

    @relu_forward.mistake("what stays is what lies below zero: max(x, 0), not min(x, 0)")
    def _(x):
        return np.minimum(x, 0.0)

The decorated function computes the answer with pydl's own operations, so that one definition gives the reference's
answer and the native kernel's time. A mistake is what a usual error computes: whoever gets the same numbers is told.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import numpy as np

from ..arguments import Array
from ..tensor import Tensor

EXERCISES: dict[str, Exercise] = {}

Case = dict[str, Any]


class Exercise:
    """A function to write: name, title, formula (the docstring), arguments and results are what the learner sees."""

    def __init__(self, answer: Callable[..., Any], title: str, returns: str) -> None:
        self.name = answer.__name__
        self.title = title
        self.formula = inspect.cleandoc(answer.__doc__ or "")
        self.arguments = tuple(inspect.signature(answer).parameters)
        self.results = tuple(returns.split(", "))
        self.mistakes: dict[str, Callable[..., Any]] = {}
        self.forward: Callable[..., Any] | None = None
        self._answer = answer
        self._draw: Callable[[np.random.Generator], list[Case]] = lambda random: []

    def answer(self, case: Case) -> list[Array]:
        """What must come out, one array a result, computed by the backend that is in use."""
        return as_arrays(self._answer(**case))

    def draw(self, seed: int = 0) -> list[Case]:
        """The arguments of each try, the simplest first; the last is the one that is timed."""
        return self._draw(np.random.default_rng(seed))

    def cases(self, draw: Callable[[np.random.Generator], list[Case]]) -> None:
        """Decorates the function that draws the arguments."""
        self._draw = draw

    def mistake(self, hint: str) -> Callable[[Callable[..., Any]], None]:
        """Decorates a function that computes what a usual error gives."""

        def add(wrong: Callable[..., Any]) -> None:
            self.mistakes[hint] = wrong

        return add

    def undoes(self, forward: Callable[..., Any]) -> None:
        """Decorates, for a backward pass, the forward pass: result d<name> is the gradient of argument <name>."""
        self.forward = forward

    def slope(self, case: Case, result: str, index: tuple[int, ...], step: float = 1e-5) -> float:
        """dC/d<name>[index] by central differences of C = sum(dy * forward(...)), for the result "d<name>"."""
        assert self.forward is not None
        name, costs = result[1:], []
        for sign in (1, -1):
            moved = {key: value.copy() if isinstance(value, np.ndarray) else value for key, value in case.items()}
            moved[name][index] += sign * step
            dy = moved.pop("dy")
            costs.append(float(np.sum(dy * as_arrays(self.forward(**moved))[0])))
        return (costs[0] - costs[1]) / (2 * step)


def exercise(title: str, returns: str) -> Callable[[Callable[..., Any]], Exercise]:
    """Decorates the function that computes an exercise's answer; returns names its results."""

    def make(answer: Callable[..., Any]) -> Exercise:
        made = EXERCISES[answer.__name__] = Exercise(answer, title, returns)
        return made

    return make


def as_arrays(results: Any) -> list[Array]:
    """Arrays of one or several results: arrays, Tensors or numbers."""
    several = results if isinstance(results, tuple | list) else [results]
    return [np.asarray(each.data if isinstance(each, Tensor) else each) for each in several]


def gradients(output: Tensor, dy: Array, *inputs: Tensor) -> tuple[Array, ...]:
    """What backward() leaves in each input when dy arrives at output."""
    output.backward(dy)
    return tuple(each.grad.data for each in inputs if each.grad is not None)
