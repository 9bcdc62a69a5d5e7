"""PyTorch's side of the comparison, in each variant its documentation recommends for a processor."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F

from ..workloads import KINDS as WORK
from ..workloads import Arrays, Workload
from ..workloads.memory_bound import EXPRESSIONS, WITH_GRADIENT, WITHOUT_GRADIENT
from ..workloads.networks import NETWORKS
from ..workloads.optimizer import LEARNING_RATE, OPTIMIZERS
from ..workloads.recurrent import run_cell, run_layer
from . import Run, Variants

SLOW = ("compile",)
CHANNELS_LAST = {4: torch.channels_last, 5: torch.channels_last_3d}  # by the number of dimensions


def set_up(threads: int) -> dict[str, str]:
    torch.set_num_threads(threads)
    torch.set_flush_denormal(True)  # as pydl does inside its kernels
    return {"torch": torch.__version__}


def _compile(function: Any, **how: Any) -> Any:
    """torch.compile for the sizes of this row alone.

    All rows share their functions' code, and what it compiled for the rows before would have it compile for sizes of
    any kind, which is slower, and give up after eight of them.
    """
    torch._dynamo.reset()
    return torch.compile(function, dynamic=False, **how)


def _place(array: np.ndarray, last: bool = False) -> torch.Tensor:
    tensor = torch.from_numpy(array.copy())
    return tensor.contiguous(memory_format=CHANNELS_LAST[tensor.dim()]) if last and tensor.dim() > 3 else tensor


def _function(
    inputs: Arrays, names: tuple[str, ...], gradients: str, apply: Callable[..., torch.Tensor], last: bool = False
) -> Run:
    """`apply` on the named inputs, alone or followed by the gradients (not summed into `.grad`: that costs time)."""
    tensors = [_place(inputs[name], last) for name in names]
    if not gradients:  # of tensors that need none, so nothing is recorded
        return Run(partial(apply, *tensors), lambda y: {"y": y.numpy()})

    wanted = {
        name: tensor.requires_grad_()
        for name, tensor in zip(names, tensors, strict=True)
        if not (gradients == "weight" and name == "input")
    }
    if gradients == "record":
        return Run(lambda: apply(*tensors), lambda y: {"y": y.detach().numpy()})
    dy = None if inputs["dy"].ndim == 0 else _place(inputs["dy"], last)

    def forward_backward() -> tuple[torch.Tensor, ...]:
        y = apply(*tensors)
        return y, *torch.autograd.grad(y, list(wanted.values()), dy)

    def read(results: tuple[torch.Tensor, ...]) -> Arrays:
        outputs = ("y", *(f"d{name}" for name in wanted))
        return {name: result.detach().numpy() for name, result in zip(outputs, results, strict=True)}

    return Run(forward_backward, read)


def function(workload: Workload, inputs: Arrays) -> Variants:
    """Any kind that is one function of tensors; images also with the channels last."""
    kind, sizes, gradients = WORK[workload.kind], workload.sizes, workload.gradients
    assert kind.apply is not None
    apply = kind.apply

    def make(last: bool) -> Run:
        return _function(inputs, kind.tensors, gradients, partial(apply, F, sizes), last)

    variants: Variants = {"eager": lambda: make(False)}
    if "input" in inputs and inputs["input"].ndim > 3:
        variants["channels_last"] = lambda: make(True)
    return variants


def expression(workload: Workload, inputs: Arrays) -> Variants:
    how = workload.sizes["how"]
    names = ("input", *WITH_GRADIENT.get(how, ()))
    fixed = [_place(inputs[name]) for name in WITHOUT_GRADIENT.get(how, ())]
    apply = EXPRESSIONS[how].apply

    def make(last: bool = False, compiled: bool = False) -> Run:
        def call(*tensors: torch.Tensor) -> Any:
            return apply(F, *tensors, *fixed)

        return _function(inputs, names, workload.gradients, _compile(call) if compiled else call, last)

    variants: Variants = {"eager": lambda: make()}
    if inputs["input"].ndim > 3:
        variants["channels_last"] = lambda: make(last=True)
    return variants | {"compile": lambda: make(compiled=True)}


def _module(workload: Workload, inputs: Arrays, call: Callable[..., torch.Tensor]) -> Run:
    """call(module, x) of a layer whose parameters are among the inputs, alone or followed by the gradients."""
    build = WORK[workload.kind].module
    assert build is not None
    module = build(torch.nn, workload.sizes)
    names = tuple(name for name, _ in module.named_parameters())
    module.load_state_dict({name: torch.from_numpy(inputs[name]) for name in names})
    x = torch.from_numpy(inputs["input"].copy()).requires_grad_(bool(workload.gradients))
    dy = torch.from_numpy(inputs["dy"])

    def forward() -> tuple[torch.Tensor, ...]:
        with torch.inference_mode():
            return (call(module, x),)

    def forward_backward() -> tuple[torch.Tensor, ...]:
        y = call(module, x)
        return y, *torch.autograd.grad(y, [x, *module.parameters()], dy)

    def read(results: tuple[torch.Tensor, ...]) -> Arrays:
        outputs = ("y", "dinput", *(f"d{name}" for name in names))
        return {name: result.detach().numpy() for name, result in zip(outputs, results, strict=False)}

    return Run(forward_backward if workload.gradients else forward, read)


def recurrent(workload: Workload, inputs: Arrays) -> Variants:
    return {"eager": lambda: _module(workload, inputs, lambda module, x: run_layer(workload.sizes, module, x))}


def cell(workload: Workload, inputs: Arrays) -> Variants:
    return {
        "loop": lambda: _module(workload, inputs, lambda module, x: run_cell(workload.sizes, module, x, torch.stack))
    }


def optimizer(workload: Workload, inputs: Arrays) -> Variants:
    name, options, _, _ = OPTIMIZERS[workload.sizes["how"]]
    count = len(inputs) // 2

    def make(**more: bool) -> Run:
        state: dict[str, Any] = {}

        def reset() -> None:
            state["parameters"] = [torch.from_numpy(inputs[f"p{i}"].copy()).requires_grad_() for i in range(count)]
            for i, parameter in enumerate(state["parameters"]):
                parameter.grad = torch.from_numpy(inputs[f"dp{i}"])
            state["step"] = getattr(torch.optim, name)(state["parameters"], **options, **more).step

        def read(_: Any) -> Arrays:
            return {f"p{i}": parameter.detach().numpy() for i, parameter in enumerate(state["parameters"])}

        return Run(lambda: state["step"](), read, reset)

    return {
        "default": lambda: make(),
        "foreach": lambda: make(foreach=True),
        "fused": lambda: make(fused=True),
    }


def _build(network: str, inputs: Arrays) -> torch.nn.Module:
    model: torch.nn.Module = NETWORKS[network].build(torch.nn)
    model.load_state_dict({name: torch.from_numpy(inputs[name]) for name in model.state_dict()})
    return model


def _batch(network: str, inputs: Arrays, last: bool) -> list[torch.Tensor]:
    return [_place(inputs[name], last) for name in NETWORKS[network].inputs]


def _cross_entropy(logits: torch.Tensor, target: torch.Tensor, lengths: torch.Tensor | None = None) -> torch.Tensor:
    return F.cross_entropy(logits.reshape(-1, logits.shape[-1]), target.reshape(-1))


def _ctc(log_probs: torch.Tensor, target: torch.Tensor, lengths: torch.Tensor | None = None) -> torch.Tensor:
    T, N, _ = log_probs.shape
    steps = torch.full((N,), T) if lengths is None else lengths
    return F.ctc_loss(log_probs, target, steps, torch.full((N,), target.shape[1]))


def train(workload: Workload, inputs: Arrays, criterion: Callable[..., torch.Tensor] = _cross_entropy) -> Variants:
    network = workload.sizes["network"]

    def make(last: bool = False, compiled: bool = False, fused: bool = True) -> Run:
        model = _build(network, inputs)
        if last:
            model = model.to(memory_format=torch.channels_last)
        initial = {name: value.detach().clone() for name, value in model.state_dict().items()}
        batch, target = _batch(network, inputs, last), torch.from_numpy(inputs["target"])

        def loss_of(labels: torch.Tensor, *batch: torch.Tensor) -> torch.Tensor:
            return criterion(model(*batch), labels, *(batch[-1:] if NETWORKS[network].lengths else ()))

        forward = _compile(loss_of) if compiled else loss_of
        state: dict[str, Any] = {}

        def reset() -> None:
            with torch.no_grad():
                for name, value in model.state_dict().items():
                    value.copy_(initial[name])
            state["optimizer"] = torch.optim.Adam(model.parameters(), lr=LEARNING_RATE, fused=fused)

        def step() -> torch.Tensor:
            state["optimizer"].zero_grad()
            loss = forward(target, *batch)
            loss.backward()
            state["optimizer"].step()
            return loss

        return Run(step, lambda loss: {"loss": np.array(loss.item())}, reset)

    variants: Variants = {"default": lambda: make(fused=False), "fused": lambda: make()}
    if NETWORKS[network].images:
        variants["fused channels_last"] = lambda: make(last=True)
    if NETWORKS[network].lengths:  # which a compiled step would have to be compiled for, batch by batch
        return variants
    return variants | {"compile": lambda: make(compiled=True)}


def train_ctc(workload: Workload, inputs: Arrays) -> Variants:
    return train(workload, inputs, _ctc)


def infer(workload: Workload, inputs: Arrays) -> Variants:
    network = workload.sizes["network"]

    def make(last: bool = False, prepare: Callable[..., Any] = lambda model, *batch: model) -> Run:
        model = _build(network, inputs).eval().requires_grad_(False)
        if last:
            model = model.to(memory_format=torch.channels_last)
        batch = _batch(network, inputs, last)
        prepared = prepare(model, *batch)

        def step() -> torch.Tensor:
            with torch.inference_mode():
                return prepared(*batch)

        return Run(step, lambda y: {"y": y.numpy()})

    def frozen(model: torch.nn.Module, *batch: torch.Tensor) -> Any:
        with torch.no_grad():
            return torch.jit.optimize_for_inference(torch.jit.freeze(torch.jit.trace(model, batch)))

    def compiled(model: torch.nn.Module, *batch: torch.Tensor) -> Any:
        return _compile(model, options={"freezing": True})

    variants: Variants = {"eager": lambda: make(), "frozen": lambda: make(prepare=frozen)}
    if NETWORKS[network].images:
        variants["channels_last"] = lambda: make(last=True)
    return variants | {"compile": lambda: make(prepare=compiled)}


KINDS = {
    "matmul": function,
    "attention": function,
    "convolution": function,
    "pooling": function,
    "small": function,
    "expression": expression,
    "recurrent": recurrent,
    "cell": cell,
    "optimizer": optimizer,
    "train": train,
    "train_ctc": train_ctc,
    "infer": infer,
}
