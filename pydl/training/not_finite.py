"""NaNGuard, and where numbers went bad: the first layer whose output, or gradient, is not finite."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np

from ..inspection.layer_calls import is_layer, tensors_of
from ..inspection.layer_profile import unchanged
from ..tensor import Tensor, no_grad
from .batches import apply
from .callback import Callback

if TYPE_CHECKING:
    from .trainer import Trainer


class NaNGuard(Callback):
    """Raises FloatingPointError before a gradient that is not finite spoils the weights, and says where it began.

    A loss that is not finite ends a training without it, too; but that of sqrt at 0, say, is finite.
    """

    def on_before_step(self, trainer: Trainer) -> None:
        for name, each in trainer.model.named_parameters():
            if each.grad is None or np.isfinite(each.grad.data).all():
                continue
            where = first_bad_gradient(trainer.model, trainer.loss, *trainer.batch)
            raise FloatingPointError(
                f"fit: the gradient of {name} is not finite in epoch {trainer.epoch}, though the loss is: {where}"
            )


def first_bad_output(model: Any, inputs: Any) -> str:
    """A clause that says which layer first gave numbers that are not finite for these inputs, in the model's mode."""
    if not all(map(_finite, inputs.values() if isinstance(inputs, dict) else inputs)):
        return "the inputs of this batch are not finite"
    with unchanged(model), no_grad(), layer_calls(model) as calls:
        apply(model, inputs)
    for name, module, _, output in calls:
        if not all(map(_finite, tensors_of(output))):
            if not all(map(_finite, module.parameters(recurse=True))):
                return f"the weights of layer {name} are not finite, which an earlier step has spoilt"
            return f"the first layer with an output that is not finite is {name}"
    return "the outputs of all layers are finite, so it comes from the loss or its targets"


def first_bad_gradient(model: Any, loss: Any, inputs: Any, targets: Any) -> str:
    """A clause that says which gradient is the first that is not finite on the way back from the loss."""
    bad: set[int] = set()  # places of calls whose output got a gradient that is not finite
    with unchanged(model), layer_calls(model) as calls:
        model.zero_grad()
        outputs = apply(model, inputs)
        for place, call in enumerate(calls):
            for each in tensors_of(call[3]):
                if each.requires_grad:
                    each.register_hook(lambda gradient, place=place: None if _finite(gradient) else bad.add(place))
        loss(outputs, targets).backward()
        for place in reversed(range(len(calls))):
            name, module, *_ = calls[place]
            if place in bad:
                return f"going back from the loss, it begins with the gradient of the output of layer {name}"
            for part, each in module.named_parameters():
                if each.grad is not None and not _finite(each.grad):
                    return f"going back from the loss, it begins with the gradient of {part} of layer {name}"
    return "it did not happen again with the same batch"


def layer_name(name: str, module: Any) -> str:
    """'hidden.2' (Linear)"""
    return f"{name!r} ({type(module).__name__})" if name else type(module).__name__


def _finite(value: Any) -> bool:
    array = value.data if isinstance(value, Tensor) else np.asarray(value)
    return array.dtype.kind != "f" or bool(np.isfinite(array).all())


@contextmanager
def layer_calls(model: Any) -> Iterator[list[tuple[str, Any, Any, Any]]]:
    """(name, layer, inputs, output) of every call of a layer inside, in their order."""
    calls: list[tuple[str, Any, Any, Any]] = []
    handles = [
        module.register_forward_hook(
            lambda module, given, output, name=name: calls.append((layer_name(name, module), module, given, output))
        )
        for name, module in model.named_modules()
        if is_layer(module)
    ]
    try:
        yield calls
    finally:
        for handle in handles:
            handle.remove()
