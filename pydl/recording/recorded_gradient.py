"""Gradients of captured functions: see recorded_function.py.

The backward pass is a function, too, of the inputs and of dC/dy, and is recorded as one. It computes what it needs of
the forward pass again, which for element-by-element operations takes less time than to read it from memory.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from .._compiled import is_grad_enabled, set_grad_enabled
from ..arguments import Array
from ..op import op
from ..tensor import Tensor, no_grad


class NoRecordedGradient(Exception):
    """The gradient has to be found as usual."""


def gradient_of(function: Callable[..., Any], needs: tuple[bool, ...]) -> Callable[..., list[Tensor]]:
    """The function of the inputs and dC/dy that returns dC/dx of each input x that needs one."""

    def gradients(*given: Any) -> list[Tensor]:
        *inputs, dy = given
        found: dict[int, Tensor] = {}
        leaves: list[Tensor] = []
        before = is_grad_enabled()
        set_grad_enabled(True)
        try:
            for i in range(len(inputs)):
                if needs[i]:
                    leaves.append(Tensor(inputs[i], requires_grad=True))
                    leaves[-1].register_hook(lambda dx, i=i: found.update({i: dx}))
                    inputs[i] = leaves[-1].reshape(leaves[-1].shape)  # its gradient is the sum over all uses
            y = function(*inputs)
            if not isinstance(y, Tensor) or not _depends_on(y, leaves):
                raise NoRecordedGradient
            y.backward(dy)
        finally:
            set_grad_enabled(before)
        if len(found) < len(leaves):
            raise NoRecordedGradient
        with no_grad():
            return [dx.clone() if np.may_share_memory(dx.data, dy.data) else dx for _, dx in sorted(found.items())]

    return gradients


def _depends_on(y: Tensor, leaves: list[Tensor]) -> bool:
    """Whether y depends on leaves that need a gradient, and on none but these."""
    seen: set[Any] = set()
    nodes = [y.grad_fn]
    while nodes:
        node = nodes.pop()
        if isinstance(node, Tensor):
            if all(node is not leaf for leaf in leaves):
                return False
        elif node is not None and node not in seen:
            seen.add(node)
            nodes.extend(node.inputs)
    return bool(seen)


def differentiable(forward: Callable[[list[Array]], Any], backward: Callable[[list[Array]], Any]) -> Any:
    """The operation on a list of tensors that replays these two."""

    @op("inputs", variadic=True)
    def captured(inputs: Any) -> Any:
        y = forward(inputs).data

        def gradient(dy: Array, needs: tuple[bool, ...]) -> Any:
            found = iter(backward([*inputs, dy]))
            return tuple(next(found).data if need else None for need in needs)

        return y, gradient, ("inputs",)

    return captured
