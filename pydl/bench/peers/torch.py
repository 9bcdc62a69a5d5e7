"""PyTorch's side of the comparison, in each variant its documentation recommends for a processor."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F

from ..workloads import LEARNING_RATE, NETWORKS, Arrays, Workload, parameter_shapes
from . import Run, Variants

SLOW = ("compile",)
CHANNELS_LAST = torch.channels_last


def set_up(threads: int) -> dict[str, str]:
    torch.set_num_threads(threads)
    torch.set_flush_denormal(True)  # as pydl does inside its kernels
    return {"torch": torch.__version__}


def _function(
    inputs: Arrays,
    names: tuple[str, ...],
    gradients: str,
    apply: Callable[..., torch.Tensor],
    memory_format: torch.memory_format = torch.contiguous_format,
) -> Run:
    """`apply` on the named inputs, alone or followed by the gradients (not summed into `.grad`: that costs time)."""

    def place(name: str) -> torch.Tensor:
        tensor = torch.from_numpy(inputs[name].copy())
        return tensor.contiguous(memory_format=memory_format) if tensor.dim() == 4 else tensor

    tensors = [place(name) for name in names]
    if not gradients:

        def forward() -> torch.Tensor:
            with torch.inference_mode():
                return apply(*tensors)

        return Run(forward, lambda y: {"y": y.numpy()})

    wanted = {
        name: tensor.requires_grad_()
        for name, tensor in zip(names, tensors, strict=True)
        if not (gradients == "weight" and name == "input")
    }
    dy = place("dy") if "dy" in inputs else None

    def forward_backward() -> tuple[torch.Tensor, ...]:
        y = apply(*tensors)
        return y, *torch.autograd.grad(y, list(wanted.values()), dy)

    def read(results: tuple[torch.Tensor, ...]) -> Arrays:
        outputs = ("y", *(f"d{name}" for name in wanted))
        return {name: result.detach().numpy() for name, result in zip(outputs, results, strict=True)}

    return Run(forward_backward, read)


def matmul(workload: Workload, inputs: Arrays) -> Variants:
    return {"eager": lambda: _function(inputs, ("a", "b"), "", torch.matmul)}


def conv2d(workload: Workload, inputs: Arrays) -> Variants:
    stride, padding = workload.sizes.get("stride", 1), workload.sizes.get("padding", 0)

    def make(memory_format: torch.memory_format) -> Run:
        return _function(
            inputs,
            ("input", "weight", "bias"),
            workload.gradients,
            lambda x, weight, bias: F.conv2d(x, weight, bias, stride, padding),
            memory_format,
        )

    return {"eager": lambda: make(torch.contiguous_format), "channels_last": lambda: make(CHANNELS_LAST)}


def max_pool2d(workload: Workload, inputs: Arrays) -> Variants:
    def make(memory_format: torch.memory_format) -> Run:
        size = workload.sizes["K"]
        return _function(inputs, ("input",), workload.gradients, lambda x: F.max_pool2d(x, size), memory_format)

    return {"eager": lambda: make(torch.contiguous_format), "channels_last": lambda: make(CHANNELS_LAST)}


def lstm(workload: Workload, inputs: Arrays) -> Variants:
    def make() -> Run:
        layer = torch.nn.LSTM(workload.sizes["F"], workload.sizes["H"])
        names = tuple(name for name, _ in layer.named_parameters())
        layer.load_state_dict({name: torch.from_numpy(inputs[name]) for name in names})
        x = torch.from_numpy(inputs["input"].copy()).requires_grad_(bool(workload.gradients))
        dy = torch.from_numpy(inputs["dy"])

        def forward() -> tuple[torch.Tensor, ...]:
            with torch.inference_mode():
                return (layer(x)[0],)

        def forward_backward() -> tuple[torch.Tensor, ...]:
            y = layer(x)[0]
            return y, *torch.autograd.grad(y, [x, *layer.parameters()], dy)

        def read(results: tuple[torch.Tensor, ...]) -> Arrays:
            outputs = ("y", "dinput", *(f"d{name}" for name in names))
            return {name: result.detach().numpy() for name, result in zip(outputs, results, strict=False)}

        return Run(forward_backward if workload.gradients else forward, read)

    return {"eager": make}


def cross_entropy(workload: Workload, inputs: Arrays) -> Variants:
    target = torch.from_numpy(inputs["target"])

    def make(apply: Callable[..., torch.Tensor]) -> Run:
        return _function(inputs, ("input",), workload.gradients, lambda x: apply(x, target))

    return {"eager": lambda: make(F.cross_entropy), "compile": lambda: make(torch.compile(F.cross_entropy))}


def adam(workload: Workload, inputs: Arrays) -> Variants:
    names = list(parameter_shapes(workload.sizes["network"]))

    def make(**options: bool) -> Run:
        state: dict[str, Any] = {}

        def reset() -> None:
            state["parameters"] = [torch.from_numpy(inputs[name].copy()).requires_grad_() for name in names]
            for name, parameter in zip(names, state["parameters"], strict=True):
                parameter.grad = torch.from_numpy(inputs[f"d{name}"].copy())
            state["step"] = torch.optim.Adam(state["parameters"], lr=LEARNING_RATE, **options).step

        def read(_: Any) -> Arrays:
            return {name: p.detach().numpy() for name, p in zip(names, state["parameters"], strict=True)}

        return Run(lambda: state["step"](), read, reset)

    return {
        "default": lambda: make(),
        "foreach": lambda: make(foreach=True),
        "fused": lambda: make(fused=True),
    }


def _build(network: str, inputs: Arrays) -> torch.nn.Sequential:
    nn = torch.nn
    layers: dict[str, Callable[..., torch.nn.Module]] = {
        "linear": nn.Linear,
        "conv2d": nn.Conv2d,
        "relu": nn.ReLU,
        "max_pool2d": nn.MaxPool2d,
        "flatten": nn.Flatten,
    }
    model = nn.Sequential(*(layers[layer](*size) for layer, *size in NETWORKS[network]))
    model.load_state_dict({name: torch.from_numpy(inputs[name]) for name in parameter_shapes(network)})
    return model


def train(workload: Workload, inputs: Arrays) -> Variants:
    network = workload.sizes["network"]

    def make(
        memory_format: torch.memory_format = torch.contiguous_format, compiled: bool = False, fused: bool = True
    ) -> Run:
        model = _build(network, inputs).to(memory_format=memory_format)
        initial = [parameter.detach().clone() for parameter in model.parameters()]
        x, target = torch.from_numpy(inputs["input"].copy()), torch.from_numpy(inputs["target"])
        if x.dim() == 4:
            x = x.contiguous(memory_format=memory_format)

        def loss_of(images: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
            return F.cross_entropy(model(images), labels)

        forward = torch.compile(loss_of) if compiled else loss_of
        state: dict[str, Any] = {}

        def reset() -> None:
            with torch.no_grad():
                for parameter, value in zip(model.parameters(), initial, strict=True):
                    parameter.copy_(value)
            state["optimizer"] = torch.optim.Adam(model.parameters(), lr=LEARNING_RATE, fused=fused)

        def step() -> torch.Tensor:
            state["optimizer"].zero_grad()
            loss = forward(x, target)
            loss.backward()
            state["optimizer"].step()
            return loss

        return Run(step, lambda loss: {"loss": np.array(loss.item())}, reset)

    variants: Variants = {"default": lambda: make(fused=False), "fused": lambda: make()}
    if network == "lenet":
        variants["fused channels_last"] = lambda: make(CHANNELS_LAST)
    return variants | {"compile": lambda: make(compiled=True)}


def infer(workload: Workload, inputs: Arrays) -> Variants:
    network = workload.sizes["network"]

    def make(
        memory_format: torch.memory_format = torch.contiguous_format,
        prepare: Callable[[Any, torch.Tensor], Any] = lambda model, x: model,
    ) -> Run:
        x = torch.from_numpy(inputs["input"].copy())
        if x.dim() == 4:
            x = x.contiguous(memory_format=memory_format)
        model = _build(network, inputs).eval().requires_grad_(False).to(memory_format=memory_format)
        model = prepare(model, x)

        def step() -> torch.Tensor:
            with torch.inference_mode():
                return model(x)

        return Run(step, lambda y: {"y": y.numpy()})

    def frozen(model: torch.nn.Module, x: torch.Tensor) -> Any:
        with torch.no_grad():
            return torch.jit.optimize_for_inference(torch.jit.freeze(torch.jit.trace(model, x)))

    def compiled(model: torch.nn.Module, x: torch.Tensor) -> Any:
        return torch.compile(model, options={"freezing": True})

    variants: Variants = {"eager": lambda: make(), "frozen": lambda: make(prepare=frozen)}
    if network == "lenet":
        variants["channels_last"] = lambda: make(CHANNELS_LAST)
    return variants | {"compile": lambda: make(prepare=compiled)}


KINDS = {
    "matmul": matmul,
    "conv2d": conv2d,
    "max_pool2d": max_pool2d,
    "lstm": lstm,
    "cross_entropy": cross_entropy,
    "adam": adam,
    "train": train,
    "infer": infer,
}
