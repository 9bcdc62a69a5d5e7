"""step: runs a model once, notes what it does, and makes formulas of it."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from ..._compiled import Op
from ...arguments import check_callable
from ...nn import Module
from ...nn.functional import cross_entropy
from ...tensor import Tensor
from .forms import shape_of
from .steps import Steps


def step(model: Module, x: Any, target: Any = None, loss: Callable[..., Tensor] | None = None) -> Steps:
    """The steps of C = loss(model(x), target), forward and backward, as formulas with all their numbers.

    x: the input, an array or a Tensor, or a tuple of several. loss: cross_entropy where there is a target; without a
    target the model's result has to be one number, or its sum is taken. The model runs once in evaluation mode; its
    parameters, their gradients and its mode stay as they were.
    Errors: TypeError for a model that is no Module; ValueError for an operation or an option without formulas, and for
    a cost of several numbers.
    """
    if not isinstance(model, Module):
        raise TypeError(f"step: model must be a Module, not {type(model).__name__}")
    if loss is not None:
        check_callable("step", "loss", loss, "a function of the model's result and the target")
    given = [_leaf(each) for each in (x if isinstance(x, tuple | list) else [x])]
    names = {id(each): "x" if len(given) == 1 else f"x{i}" for i, each in enumerate(given)}
    names |= {id(parameter): name for name, parameter in (*model.named_parameters(), *model.named_buffers())}
    if target is not None:
        target = target.data if isinstance(target, Tensor) else np.asarray(target)
        names[id(target)] = "target"
    calls: list[Any] = []
    kept = [(each, each.grad, each.requires_grad) for each in model.parameters()]
    modes = [(module, module.training) for module in model.modules()]
    try:
        model.eval()
        for parameter, _, _ in kept:
            parameter.grad, parameter.requires_grad = None, True
        with _noted(calls, model, loss) as followed:
            loss = followed(loss)
            result = model(*given)
            if target is not None:
                result = (loss or cross_entropy)(result, target)
            elif loss is not None:
                result = loss(result)
            if isinstance(result, Tensor) and target is None and loss is None and result.data.size != 1:
                result = result.sum()
        if not isinstance(result, Tensor) or result.data.size != 1:
            raise ValueError(f"step: the cost must be one number, not {shape_of(result)}; give a loss")
        result.backward()
        return Steps(model, calls, result, names)
    finally:
        for parameter, gradient, learns in kept:
            parameter.grad, parameter.requires_grad = gradient, learns
        for module, training in modes:
            module.__dict__["training"] = training


def _leaf(value: Any) -> Any:
    array = np.array(value.data if isinstance(value, Tensor) else value)
    return Tensor(array, requires_grad=True) if array.dtype.kind == "f" else Tensor(array)


@contextmanager
def _noted(calls: list[Any], model: Module, loss: Any) -> Iterator[Callable[[Any], Any]]:
    """Notes every operation on tensors that runs: (title, name, arguments, results).

    Operations are looked up by name in modules and in Tensor: for as long as this lasts, what stands there notes.
    """
    inside: list[str] = []
    depth = [0]
    names = {id(module): name for name, module in model.named_modules()}
    handles = []

    def enter(module: Module, inputs: Any) -> None:
        alone = not any(True for _ in module.children())
        inside.append(f"{type(module).__name__} {names[id(module)]}".strip() if alone else "")

    def leave(module: Module, inputs: Any, output: Any) -> None:
        inside.pop()

    def noting(operation: Any) -> Callable[..., Any]:
        signature = inspect.signature(operation.__wrapped__)

        def call(*arguments: Any, **options: Any) -> Any:
            depth[0] += 1
            try:
                result = operation(*arguments, **options)
            finally:
                depth[0] -= 1
            results = result if isinstance(result, tuple) else (result,)
            if depth[0] == 0 and all(isinstance(each, Tensor) and each.grad_fn is not None for each in results):
                bound = signature.bind(*arguments, **options)
                bound.apply_defaults()
                for each in results:
                    each.retain_grad()
                title = (inside and inside[-1]) or operation.__name__.strip("_")
                calls.append((title, operation.__name__, bound.arguments, results))
            return result

        return call

    owners = {type(module).__module__ for module in model.modules()} | {getattr(loss, "__module__", None)}
    places: list[Any] = [
        Tensor,
        *{each for module in model.modules() for each in type(module).__mro__ if each is not object},
    ]
    places += [module for name, module in list(sys.modules.items()) if name.startswith("pydl.") or name in owners]
    changed = []
    noters: dict[int, Any] = {}
    try:
        for module in model.modules():
            handles += [module.register_forward_pre_hook(enter), module.register_forward_hook(leave)]
        for place in places:
            for name, value in list(vars(place).items()):
                if isinstance(value, Op):
                    changed.append((place, name, value))
                    setattr(place, name, noters.setdefault(id(value), noting(value)))
        yield lambda operation: noters.get(id(operation), operation)
    finally:
        for place, name, value in changed:
            setattr(place, name, value)
        for handle in handles:
            handle.remove()
