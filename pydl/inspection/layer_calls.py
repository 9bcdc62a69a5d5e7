"""Which layers of a model run, in which order and on what: what summary and profile look at."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..arguments import check_float_dtype, check_shape
from ..nn import Module
from ..tensor import Tensor, no_grad


@dataclass
class LayerCall:
    """One run of one layer. own: parameters that no earlier layer of the list has."""

    name: str
    layer: Any
    inputs: tuple[Any, ...]
    output: Any
    own: int
    multiply_adds: int


def model_inputs(op: str, model: Any, inputs: Any, dtype: Any) -> tuple[Any, ...]:
    """The arguments to call the model with, of a shape, an array, or a tuple of several of these.

    For a shape, batch included, numbers of N(0, 1) are drawn; they are the same each time.
    """
    if not isinstance(model, Module):
        raise TypeError(f"{op}: model must be a Module, not {type(model).__name__}")
    if isinstance(inputs, Tensor | np.ndarray):
        return (inputs,)
    if not isinstance(inputs, tuple | list) or not inputs:
        raise TypeError(f"{op}: input must be a shape with its batch, an array or a tuple of these, not {inputs!r}")
    if all(isinstance(size, int | np.integer) for size in inputs):
        if dtype is None:
            dtype = next((each.dtype for each in model.parameters() if each.dtype.kind == "f"), np.float32)
        shape = check_shape(op, tuple(inputs))
        return (np.random.default_rng(0).standard_normal(shape).astype(check_float_dtype(op, dtype)),)
    return tuple(each for part in inputs for each in model_inputs(op, model, part, dtype))


def record_layer_calls(model: Module, inputs: tuple[Any, ...]) -> tuple[list[LayerCall], Any]:
    """The calls of all layers of one forward pass in evaluation mode, in their order, and the model's output.

    A layer is a module without modules below it, or one that says itself what it multiplies.
    """
    calls: list[LayerCall] = []
    counted: set[int] = set()
    inside: list[str] = []  # the layers whose own modules are not looked at
    handles = []
    names = {id(module): name or type(model).__name__ for name, module in model.named_modules()}

    def before(module: Module, given: tuple[Any, ...]) -> None:
        if is_layer(module):
            inside.append(names[id(module)])

    def after(module: Module, given: tuple[Any, ...], output: Any) -> None:
        if not is_layer(module):
            return
        inside.pop()
        if inside:
            return
        fresh = [each for each in module.parameters() if id(each) not in counted]
        counted.update(map(id, fresh))
        own = sum(each.numel() for each in fresh)
        work = module.multiply_adds(given, output)
        calls.append(LayerCall(names[id(module)], module, given, output, own, work))

    modes = [(module, module.training) for module in model.modules()]
    try:
        for module in model.modules():
            handles.append(module.register_forward_pre_hook(before))
            handles.append(module.register_forward_hook(after))
        model.eval()
        with no_grad():
            result = model(*inputs)
    finally:
        for handle in handles:
            handle.remove()
        for module, training in modes:
            module.__dict__["training"] = training
    return calls, result


def is_layer(module: Module) -> bool:
    """Whether a module counts as one, with all that is inside of it."""
    return not any(True for _ in module.children()) or type(module).multiply_adds is not Module.multiply_adds


def tensors_of(value: Any) -> list[Tensor]:
    """All Tensors in a result: a Tensor, or tuples, lists and dicts of them."""
    if isinstance(value, Tensor):
        return [value]
    if isinstance(value, dict):
        value = list(value.values())
    return [each for part in value for each in tensors_of(part)] if isinstance(value, tuple | list) else []


def shape_of(value: Any) -> str:
    """The shapes in a result, as people write them: 8x20x24x24."""
    return ", ".join("x".join(map(str, each.shape)) or "1" for each in tensors_of(value))


def amount(number: float, units: tuple[str, ...] = ("", " k", " M", " G", " T")) -> str:
    """Three digits and a unit: 21.8 k."""
    place = 0
    while abs(number) >= 999.5 and place + 1 < len(units):
        number, place = number / 1000, place + 1
    return f"{number:.0f}{units[place]}" if place == 0 or number >= 99.95 else f"{number:.3g}{units[place]}"


def size(number: float) -> str:
    """Bytes, in decimal units."""
    return amount(number, (" B", " kB", " MB", " GB", " TB"))


def table(header: tuple[str, ...], lines: Sequence[tuple[str, ...]], left: int) -> list[str]:
    """Aligned columns; the first `left` of them begin at the left, the others end at the right."""
    widths = [max(map(len, column)) for column in zip(header, *lines, strict=True)]
    rows = [
        "  ".join(c.ljust(w) if i < left else c.rjust(w) for i, (c, w) in enumerate(zip(line, widths, strict=True)))
        for line in [header, tuple("-" * w for w in widths), *lines]
    ]
    return [row.rstrip() for row in rows]
