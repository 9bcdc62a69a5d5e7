"""pydl's side of the comparison."""

from __future__ import annotations

from typing import Any

import numpy as np

import pydl
import pydl.nn.functional as F

from ..workloads import LEARNING_RATE, NETWORKS, Arrays, Workload, parameter_shapes
from . import Run, Variants


def set_up(threads: int) -> dict[str, str]:
    pydl.set_num_threads(threads)
    return {"pydl": pydl.__version__}


def _tensors(inputs: Arrays, names: tuple[str, ...], gradients: str = "") -> list[Any]:
    """Tensors of these inputs; with gradients where the workload wants them ("weight": not of the input)."""
    return [
        pydl.tensor(inputs[name], requires_grad=bool(gradients) and not (gradients == "weight" and name == "input"))
        for name in names
    ]


def _function(inputs: Arrays, names: tuple[str, ...], gradients: str, apply: Any) -> Run:
    """`apply` on the named inputs, without gradients or followed by backward(dy)."""
    tensors = _tensors(inputs, names, gradients)
    if not gradients:

        def forward() -> Any:
            with pydl.no_grad():
                return apply(*tensors)

        return Run(forward, lambda y: {"y": y.numpy()})

    dy = pydl.tensor(inputs["dy"]) if "dy" in inputs else None

    def forward_backward() -> Any:
        for tensor in tensors:
            tensor.grad = None
        y = apply(*tensors)
        y.backward(dy)
        return y

    def read(y: Any) -> Arrays:
        read_gradients = {f"d{name}": tensor.grad for name, tensor in zip(names, tensors, strict=True)}
        return {"y": y.detach().numpy()} | {
            name: gradient.numpy() for name, gradient in read_gradients.items() if gradient is not None
        }

    return Run(forward_backward, read)


def matmul(workload: Workload, inputs: Arrays) -> Variants:
    return {"eager": lambda: _function(inputs, ("a", "b"), "", lambda a, b: a @ b)}


def conv2d(workload: Workload, inputs: Arrays) -> Variants:
    stride, padding = workload.sizes.get("stride", 1), workload.sizes.get("padding", 0)

    def apply(x: Any, weight: Any, bias: Any) -> Any:
        return F.conv2d(x, weight, bias, stride=stride, padding=padding)

    return {"eager": lambda: _function(inputs, ("input", "weight", "bias"), workload.gradients, apply)}


def max_pool2d(workload: Workload, inputs: Arrays) -> Variants:
    size = workload.sizes["K"]
    return {"eager": lambda: _function(inputs, ("input",), workload.gradients, lambda x: F.max_pool2d(x, size))}


def lstm(workload: Workload, inputs: Arrays) -> Variants:
    def make() -> Run:
        layer = pydl.nn.LSTM(workload.sizes["F"], workload.sizes["H"])
        names = ("weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0")
        layer.load_state_dict({name: inputs[name] for name in names})
        (x,) = _tensors(inputs, ("input",), workload.gradients)
        dy = pydl.tensor(inputs["dy"])

        def forward() -> Any:
            with pydl.no_grad():
                return layer(x)[0]

        def forward_backward() -> Any:
            layer.zero_grad()
            x.grad = None
            y = layer(x)[0]
            y.backward(dy)
            return y

        def read(y: Any) -> Arrays:
            outputs = {"y": y.detach().numpy()}
            if workload.gradients:
                outputs["dinput"] = x.grad.numpy()
                outputs |= {f"d{name}": parameter.grad.numpy() for name, parameter in layer.named_parameters()}
            return outputs

        return Run(forward_backward if workload.gradients else forward, read)

    return {"eager": make}


def cross_entropy(workload: Workload, inputs: Arrays) -> Variants:
    target = inputs["target"]
    return {"eager": lambda: _function(inputs, ("input",), workload.gradients, lambda x: F.cross_entropy(x, target))}


def adam(workload: Workload, inputs: Arrays) -> Variants:
    def make() -> Run:
        names = list(parameter_shapes(workload.sizes["network"]))
        state: dict[str, Any] = {}

        def reset() -> None:
            state["parameters"] = _tensors(inputs, tuple(names), "all")
            for name, parameter in zip(names, state["parameters"], strict=True):
                parameter.grad = pydl.tensor(inputs[f"d{name}"])
            state["step"] = pydl.optim.Adam(state["parameters"], lr=LEARNING_RATE).step

        def read(_: Any) -> Arrays:
            return {name: p.detach().numpy() for name, p in zip(names, state["parameters"], strict=True)}

        return Run(lambda: state["step"](), read, reset)

    return {"eager": make}


def build(network: str, inputs: Arrays) -> Any:
    """The network as a Sequential with the parameters of `inputs`."""
    nn = pydl.nn
    layers = {
        "linear": lambda i, o: nn.Linear(i, o),
        "conv2d": lambda i, o, k: nn.Conv2d(i, o, k),
        "relu": nn.ReLU,
        "max_pool2d": nn.MaxPool2d,
        "flatten": nn.Flatten,
    }
    model = nn.Sequential(*(layers[layer](*size) for layer, *size in NETWORKS[network]))
    model.load_state_dict({name: inputs[name] for name in parameter_shapes(network)})
    return model


def train(workload: Workload, inputs: Arrays) -> Variants:
    def make() -> Run:
        x, target = pydl.tensor(inputs["input"]), inputs["target"]
        state: dict[str, Any] = {}

        def reset() -> None:
            state["model"] = build(workload.sizes["network"], inputs)
            state["optimizer"] = pydl.optim.Adam(state["model"].parameters(), lr=LEARNING_RATE)

        def step() -> Any:
            state["optimizer"].zero_grad()
            loss = F.cross_entropy(state["model"](x), target)
            loss.backward()
            state["optimizer"].step()
            return loss

        return Run(step, lambda loss: {"loss": np.array(loss.item())}, reset)

    return {"eager": make}


def infer(workload: Workload, inputs: Arrays) -> Variants:
    def make() -> Run:
        model = build(workload.sizes["network"], inputs).eval()
        x = pydl.tensor(inputs["input"])

        def step() -> Any:
            with pydl.no_grad():
                return model(x)

        return Run(step, lambda y: {"y": y.numpy()})

    return {"eager": make}


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
