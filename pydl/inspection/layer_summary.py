"""summary: the layers of a model, and what each of them makes, holds and costs."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

from ..tensor import no_grad
from .layer_calls import amount, model_inputs, record_layer_calls, shape_of, size, table, tensors_of

ROUNDS = 3


@dataclass
class LayerSummary:
    """A line of the table. parameters: those that no line before has; milliseconds: of one forward pass."""

    name: str
    kind: str
    output: str
    parameters: int
    multiply_adds: int
    output_bytes: int
    milliseconds: float


@dataclass
class Summary:
    """What summary() returns; print it. Totals are of the whole model, parameters that no layer used included."""

    layers: list[LayerSummary]
    input: str
    output: str
    parameters: int
    trainable: int
    parameter_bytes: int
    multiply_adds: int
    output_bytes: int
    milliseconds: float

    def __str__(self) -> str:
        lines = [
            (each.name, each.kind, each.output, f"{each.parameters:,}", amount(each.multiply_adds),
             size(each.output_bytes), f"{each.milliseconds:.3g}")
            for each in self.layers
        ]  # fmt: skip
        header = ("layer", "kind", "output", "parameters", "multiply-adds", "memory", "ms")
        frozen = self.parameters - self.trainable
        return "\n".join(
            [
                f"input {self.input}, output {self.output}",
                *table(header, lines, left=3),
                f"parameters {self.parameters:,} ({size(self.parameter_bytes)}"
                + (f"; {frozen:,} of them frozen)" if frozen else ")")
                + f", multiply-adds {amount(self.multiply_adds)}, outputs of all layers {size(self.output_bytes)}, "
                f"forward {self.milliseconds:.3g} ms",
            ]
        )

    __repr__ = __str__


def summary(model: Any, input: Any, dtype: Any = None) -> Summary:
    """The layers of a model in the order in which they run on an input.

        print(pydl.summary(model, (64, 1, 28, 28)))

    input    the shape of an input, its batch included; or an array, where random numbers would not do (words, say);
             or a tuple of shapes or arrays for a model of several inputs
    dtype    of inputs given by shape; None: that of the model's parameters

    For each layer: shape of the output, parameters (what is shared counts once), multiply-adds (products added up in
    one forward pass of this batch, elementwise work not counted), bytes of the output (which training keeps until
    the gradient has been computed) and measured milliseconds of one forward pass, the least of three, in evaluation
    mode. Functions that are no modules have no line; the total time includes them. The model stays as it is.

    Errors: TypeError for no Module or an input of another kind; whatever the model says about an input that does not
    fit.
    """
    inputs = model_inputs("summary", model, input, dtype)
    calls, result = record_layer_calls(model, inputs)
    layers = []
    for call in calls:
        bytes_made = sum(each.data.nbytes for each in tensors_of(call.output))
        spent = _milliseconds(call.layer, call.inputs)
        kind = type(call.layer).__name__
        layers.append(
            LayerSummary(call.name, kind, shape_of(call.output), call.own, call.multiply_adds, bytes_made, spent)
        )
    parameters = list(model.parameters())
    return Summary(
        layers=layers,
        input=", ".join("x".join(map(str, each.shape)) for each in inputs if hasattr(each, "shape")),
        output=shape_of(result),
        parameters=sum(each.numel() for each in parameters),
        trainable=sum(each.numel() for each in parameters if each.requires_grad),
        parameter_bytes=sum(each.data.nbytes for each in parameters),
        multiply_adds=sum(each.multiply_adds for each in layers),
        output_bytes=sum(each.output_bytes for each in layers),
        milliseconds=_milliseconds(model, inputs),
    )


def _milliseconds(module: Any, inputs: tuple[Any, ...]) -> float:
    """The least time of some forward passes."""
    modes = [(each, each.training) for each in module.modules()]
    module.eval()
    best = float("inf")
    with no_grad():
        for _ in range(ROUNDS):
            started = time.perf_counter()
            module(*inputs)
            best = min(best, time.perf_counter() - started)
    for each, training in modes:
        each.__dict__["training"] = training
    return 1e3 * best
