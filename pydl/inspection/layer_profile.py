"""profile: where a model's time goes, layer by layer, forward and backward, and how near to the machine's limit."""

from __future__ import annotations

import copy
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..arguments import check_integer
from ..random import get_rng_state, set_rng_state
from ..tensor import Tensor
from .layer_calls import LayerCall, amount, model_inputs, record_layer_calls, shape_of, table, tensors_of


@dataclass
class LayerProfile:
    """A line of the table: seconds of the forward and of the backward pass; share of the machine's multiply-adds."""

    name: str
    kind: str
    output: str
    multiply_adds: int
    forward: float
    backward: float
    peak: float


@dataclass
class Profile:
    """What profile() returns; print it. forward and backward are of the whole model, measured as one."""

    layers: list[LayerProfile]
    forward: float
    backward: float
    flops_per_second: float
    threads: int

    def __str__(self) -> str:
        total = sum(each.forward + each.backward for each in self.layers) or 1.0
        lines = [
            (each.name, each.kind, each.output, amount(each.multiply_adds), f"{1e3 * each.forward:.3f}",
             f"{1e3 * each.backward:.3f}", f"{100 * (each.forward + each.backward) / total:.0f} %",
             f"{100 * each.peak:.0f} %" if each.multiply_adds else "")
            for each in self.layers
        ]  # fmt: skip
        header = ("layer", "kind", "output", "multiply-adds", "forward ms", "backward ms", "time", "of peak")
        threads = f"{self.threads} thread{'s' * (self.threads != 1)}"
        return "\n".join(
            [
                *table(header, lines, left=3),
                f"whole model: forward {1e3 * self.forward:.3f} ms, backward {1e3 * self.backward:.3f} ms; "
                f"with {threads} this machine can do {self.flops_per_second / 1e9:.0f} GFLOP/s",
            ]
        )

    __repr__ = __str__


def profile(model: Any, x: Any, rounds: int = 10, dtype: Any = None) -> Profile:
    """The time of every layer's forward and backward pass, each layer alone, on the inputs that it has in the model.

        print(pydl.profile(model, (64, 1, 28, 28)))

    x        as in pydl.summary: a shape with its batch, an array, or a tuple of these
    rounds   each pass is run so often; the median counts

    A layer's backward pass computes the gradients of its parameters and of its input; of the model's own input it does
    not. Where a layer multiplies, forward plus backward are held against the measured rate of multiply-adds of this
    machine (float32 or float64, at the number of threads in use): forward once the layer's products, each gradient as
    many again. The model stays as it is, gradients included.
    """
    from ..bench.machine import fma_peak
    from ..config import get_num_threads

    rounds = check_integer("profile", "rounds", rounds, 1)
    inputs = model_inputs("profile", model, x, dtype)
    given = {id(each) for each in inputs}
    with unchanged(model):
        calls, result = record_layer_calls(model, inputs)
        precision = next((each.dtype for each in tensors_of(result) if each.dtype.kind == "f"), np.dtype(np.float32))
        limit = fma_peak(precision)
        layers = [_layer(call, any(id(each) in given for each in call.inputs), rounds, limit) for call in calls]
        forward, backward = _measure(model, inputs, rounds)
    return Profile(layers, forward, backward, limit, get_num_threads())


@contextmanager
def unchanged(model: Any, optimizer: Any = None, generators: Sequence[Any] = ()) -> Iterator[None]:
    """Afterwards gradients, modes, buffers (running means, say) and the source of random numbers are what they were.

    With an optimizer also the weights and its own state; generators: other sources of random numbers.
    """
    gradients = [(each, each.grad) for each in model.parameters()]
    modes = [(module, module.training) for module in model.modules()]
    learnt = () if optimizer is None else model.parameters()
    arrays = [(each, each.data.copy()) for each in (*model.buffers(), *learnt)]
    state = None if optimizer is None else copy.deepcopy(optimizer.state_dict())
    random, own = get_rng_state(), [each.bit_generator.state for each in generators]
    try:
        yield
    finally:
        set_rng_state(random)
        for generator, before in zip(generators, own, strict=True):
            generator.bit_generator.state = before
        for parameter, gradient in gradients:
            parameter.grad = gradient
        for module, training in modes:
            module.__dict__["training"] = training
        for each, values in arrays:
            each.data[...] = values
            each.bump_version()
        if optimizer is not None:
            optimizer.load_state_dict(state)


def _layer(call: LayerCall, first: bool, rounds: int, limit: float) -> LayerProfile:
    inputs = [_leaf(each, not first) for each in call.inputs]
    forward, backward = _measure(call.layer, inputs, rounds)
    learns = any(each.requires_grad for each in call.layer.parameters())
    passes = 1 + (learns and backward > 0) + (not first and backward > 0)
    seconds = forward + backward
    peak = 2 * call.multiply_adds * passes / (limit * seconds) if seconds else 0.0
    name, kind = call.name, type(call.layer).__name__
    return LayerProfile(name, kind, shape_of(call.output), call.multiply_adds, forward, backward, peak)


def _leaf(value: Any, wants_gradient: bool) -> Any:
    """An input cut off from what made it."""
    if not isinstance(value, Tensor):
        return value
    leaf = value.detach()
    leaf.requires_grad = wants_gradient and leaf.dtype.kind == "f"
    return leaf


def _measure(module: Any, inputs: Any, rounds: int) -> tuple[float, float]:
    """Median seconds of a forward and of a backward pass."""
    times: tuple[list[float], list[float]] = ([], [])
    for _ in range(rounds):
        module.zero_grad()
        begin = time.perf_counter()
        outputs = [each for each in tensors_of(module(*inputs)) if each.requires_grad]
        middle = time.perf_counter()
        if outputs:
            whole, gradient = outputs[0], None
            if len(outputs) == 1:  # in memory of its own, as it comes from a next layer; that of a sum is one number
                gradient = np.ones(whole.shape, whole.dtype)
            else:
                whole = outputs[0].sum()
                for each in outputs[1:]:
                    whole = whole + each.sum()
            ready = time.perf_counter()
            whole.backward(gradient)
            times[1].append(time.perf_counter() - ready)
        times[0].append(middle - begin)
    return float(np.median(times[0])), float(np.median(times[1])) if times[1] else 0.0
