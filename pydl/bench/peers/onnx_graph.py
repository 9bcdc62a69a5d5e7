"""The networks of `workloads/networks.py` as ONNX graphs, for the libraries that run those."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from onnx import TensorProto, checker, helper, numpy_helper

from ..workloads import Arrays
from ..workloads.networks import NETWORKS


class Graph:
    """Nodes one after another: each method adds some and returns the name of its result."""

    def __init__(self, arrays: Arrays) -> None:
        self.arrays = arrays
        self.nodes: list[Any] = []
        self.constants: dict[str, np.ndarray] = {}

    def constant(self, name: str, array: np.ndarray | None = None) -> str:
        self.constants[name] = np.ascontiguousarray(self.arrays[name] if array is None else array)
        return name

    def add(self, kind: str, *inputs: str, results: int = 1, **attributes: Any) -> str:
        """A node; the name of the first of its results."""
        name = f"{len(self.nodes)} {kind}"
        outputs = [name, *(f"{name} {index}" for index in range(1, results))]
        self.nodes.append(helper.make_node(kind, list(inputs), outputs, **attributes))
        return name

    def linear(self, name: str, x: str, flat: bool = True) -> str:
        weight, bias = f"{name}.weight", self.constant(f"{name}.bias")
        if flat:
            return self.add("Gemm", x, self.constant(weight), bias, transB=1)
        turned = self.constant(f"{weight} turned", self.arrays[weight].T)
        return self.add("Add", self.add("MatMul", x, turned), bias)

    def conv(self, name: str, x: str, stride: int = 1, padding: int = 0) -> str:
        weight, bias = f"{name}.weight", f"{name}.bias"
        parameters = [self.constant(weight)] + ([self.constant(bias)] if bias in self.arrays else [])
        kernel = list(self.arrays[weight].shape[2:])
        return self.add("Conv", x, *parameters, kernel_shape=kernel, strides=[stride] * 2, pads=[padding] * 4)

    def batch_norm(self, name: str, x: str) -> str:
        parameters = [self.constant(f"{name}.{part}") for part in ("weight", "bias", "running_mean", "running_var")]
        return self.add("BatchNormalization", x, *parameters, epsilon=1e-5)

    def lstm(self, name: str, x: str, directions: int = 1, state: tuple[str, str] = ("", "")) -> tuple[str, str, str]:
        """All h (T, B, directions * H), and the last h and c. ONNX has its gates in the order i, o, f, c."""

        def stacked(part: str) -> np.ndarray:
            each = [self.arrays[f"{name}.{part}_l0{end}"] for end in ("", "_reverse")[:directions]]
            return np.stack([np.concatenate([np.split(array, 4)[gate] for gate in (0, 3, 1, 2)]) for array in each])

        weights = [self.constant(f"{name}.{part}", stacked(part)) for part in ("weight_ih", "weight_hh")]
        biases = np.concatenate([stacked("bias_ih"), stacked("bias_hh")], 1)
        direction = "forward" if directions == 1 else "bidirectional"
        hidden = weights[1] and self.constants[weights[1]].shape[2]
        inputs = [x, *weights, self.constant(f"{name}.bias", biases)] + (["", *state] if state[0] else [])
        y = self.add("LSTM", *inputs, results=3, hidden_size=hidden, direction=direction)
        # (T, directions, B, H) to (T, B, directions * H)
        shape = self.constant("rows of all directions", np.array([0, 0, -1]))
        return self.add("Reshape", self.add("Transpose", y, perm=[0, 2, 1, 3]), shape), f"{y} 1", f"{y} 2"

    def embedding(self, name: str, x: str) -> str:
        return self.add("Gather", self.constant(f"{name}.weight"), x, axis=0)


def _mlp(g: Graph, x: str) -> str:
    return g.linear("2", g.add("Relu", g.linear("0", x)))


def _lenet(g: Graph, x: str) -> str:
    for name in ("0", "3"):
        x = g.add("MaxPool", g.add("Relu", g.conv(name, x)), kernel_shape=[2, 2], strides=[2, 2])
    return g.linear("7", g.add("Flatten", x))


def _resnet(g: Graph, x: str) -> str:
    x = g.add("Relu", g.batch_norm("bn1", g.conv("conv1", x, 1, 1)))
    for block in range(3):
        name, stride = f"blocks.{block}", 1 if block == 0 else 2
        y = g.add("Relu", g.batch_norm(f"{name}.bn1", g.conv(f"{name}.conv1", x, stride, 1)))
        y = g.batch_norm(f"{name}.bn2", g.conv(f"{name}.conv2", y, 1, 1))
        if block:
            x = g.batch_norm(f"{name}.shortcut.1", g.conv(f"{name}.shortcut.0", x, stride))
        x = g.add("Relu", g.add("Add", y, x))
    return g.linear("fc", g.add("Flatten", g.add("GlobalAveragePool", x)))


def _lstm(g: Graph, x: str) -> str:
    _, h, _ = g.lstm("lstm", x)
    return g.linear("fc", g.add("Squeeze", h, g.constant("axis 0", np.array([0]))))


def _tagger(g: Graph, x: str) -> str:
    return g.linear("fc", g.lstm("lstm", g.embedding("embedding", x), 2)[0], flat=False)


def _seq2seq(g: Graph, x: str, previous: str) -> str:
    _, h, c = g.lstm("encoder", g.embedding("source", x))
    return g.linear("fc", g.lstm("decoder", g.embedding("words", previous), 1, (h, c))[0], flat=False)


GRAPHS: dict[str, Callable[..., str]] = {
    "mlp": _mlp,
    "lenet": _lenet,
    "resnet": _resnet,
    "lstm": _lstm,
    "tagger": _tagger,
    "seq2seq": _seq2seq,
}


def logits_shape(network: str, arrays: Arrays) -> tuple[int, ...]:
    """One row of classes for each target."""
    last = [array for name, array in arrays.items() if name.endswith("weight") and array.ndim == 2][-1]
    return (*arrays["target"].shape, last.shape[0])


def graph(network: str, arrays: Arrays) -> bytes:
    """The serialised model: inputs of the batch's fixed shape, output "y", parameters as constants."""
    g = Graph(arrays)
    names = NETWORKS[network].inputs
    g.nodes.append(helper.make_node("Identity", [GRAPHS[network](g, *names)], ["y"]))
    types = {"f": TensorProto.FLOAT, "i": TensorProto.INT64}
    model = helper.make_model(
        helper.make_graph(
            g.nodes,
            network,
            [helper.make_tensor_value_info(name, types[arrays[name].dtype.kind], arrays[name].shape) for name in names],
            [helper.make_tensor_value_info("y", TensorProto.FLOAT, logits_shape(network, arrays))],
            [numpy_helper.from_array(array, name) for name, array in g.constants.items()],
        ),
        opset_imports=[helper.make_opsetid("", 17)],
        ir_version=8,
    )
    checker.check_model(model, full_check=True)
    return model.SerializeToString()
