"""The rows of the comparison, as data: what is computed, on which sizes, and the least work it can cost.

A new row is one line in WORKLOADS. A new `kind` of work is one entry in INPUTS (how to draw its inputs), one in COST,
and one function of that name in each file of `peers/` whose library can do it; a library without it shows the row as
"not supported".
"""

from __future__ import annotations

import math
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

Arrays = dict[str, np.ndarray]
F32 = 4  # bytes of one number

# A network is a list of layers; parameters are called like those of Sequential: "0.weight", "0.bias", "3.weight", ...
NETWORKS: dict[str, tuple[tuple[Any, ...], ...]] = {
    "mlp": (("linear", 784, 256), ("relu",), ("linear", 256, 10)),
    "lenet": (
        ("conv2d", 1, 20, 5),
        ("relu",),
        ("max_pool2d", 2),
        ("conv2d", 20, 40, 5),
        ("relu",),
        ("max_pool2d", 2),
        ("flatten",),
        ("linear", 640, 10),
    ),
}
NETWORK_INPUT = {"mlp": (784,), "lenet": (1, 28, 28)}
LEARNING_RATE = 1e-3


@dataclass(frozen=True)
class Workload:
    """One row. `gradients` is "" (forward only), "all", or "weight" (a first layer: no gradient of the images)."""

    name: str
    area: str
    kind: str
    sizes: dict[str, Any]
    gradients: str = ""
    steps: int = 1  # how many steps the check of the numbers covers; more than one where a step changes a state
    tolerance: float = 2e-4  # largest difference allowed, as a part of the largest number of that output

    def inputs(self) -> Arrays:
        """The same arrays in every process: drawn with a seed made from the row's name."""
        generator = np.random.default_rng(zlib.crc32(self.name.encode()))
        return INPUTS[self.kind](generator, **self.sizes)

    @property
    def flops(self) -> int:
        return COST[self.kind](self)[0]

    @property
    def bytes(self) -> int:
        """Least traffic: every input read once, every output written once."""
        return COST[self.kind](self)[1]

    @property
    def bound(self) -> str:
        """The limit a row is measured against: "bytes" below one operation a byte, "flops" above."""
        return "bytes" if self.flops < self.bytes else "flops"


def _normal(generator: np.random.Generator, *shape: int, scale: float = 1.0) -> np.ndarray:
    return (generator.standard_normal(shape) * scale).astype(np.float32)


def _matmul_inputs(g: np.random.Generator, M: int, K: int, N: int) -> Arrays:
    return {"a": _normal(g, M, K), "b": _normal(g, K, N)}


def _conv2d_output(H: int, W: int, K: int, stride: int, padding: int) -> tuple[int, int]:
    return (H + 2 * padding - K) // stride + 1, (W + 2 * padding - K) // stride + 1


def _conv2d_inputs(
    g: np.random.Generator, N: int, C: int, H: int, W: int, M: int, K: int, stride: int = 1, padding: int = 0
) -> Arrays:
    return {
        "input": _normal(g, N, C, H, W),
        "weight": _normal(g, M, C, K, K, scale=1 / math.sqrt(C * K * K)),
        "bias": _normal(g, M),
        "dy": _normal(g, N, M, *_conv2d_output(H, W, K, stride, padding)),
    }


def _max_pool2d_inputs(g: np.random.Generator, N: int, C: int, H: int, W: int, K: int) -> Arrays:
    return {"input": _normal(g, N, C, H, W), "dy": _normal(g, N, C, H // K, W // K)}


def _lstm_inputs(g: np.random.Generator, T: int, B: int, F: int, H: int) -> Arrays:
    scale = 1 / math.sqrt(H)
    return {
        "input": _normal(g, T, B, F),
        "weight_ih_l0": _normal(g, 4 * H, F, scale=scale),
        "weight_hh_l0": _normal(g, 4 * H, H, scale=scale),
        "bias_ih_l0": _normal(g, 4 * H, scale=scale),
        "bias_hh_l0": _normal(g, 4 * H, scale=scale),
        "dy": _normal(g, T, B, H),
    }


def _cross_entropy_inputs(g: np.random.Generator, B: int, C: int) -> Arrays:
    return {"input": _normal(g, B, C), "target": g.integers(0, C, B)}


def parameter_shapes(network: str) -> dict[str, tuple[int, ...]]:
    """Names and shapes of the parameters of one of NETWORKS, in order."""
    shapes: dict[str, tuple[int, ...]] = {}
    for index, (layer, *size) in enumerate(NETWORKS[network]):
        if layer == "linear":
            shapes[f"{index}.weight"], shapes[f"{index}.bias"] = (size[1], size[0]), (size[1],)
        elif layer == "conv2d":
            shapes[f"{index}.weight"], shapes[f"{index}.bias"] = (size[1], size[0], size[2], size[2]), (size[1],)
    return shapes


def _parameters(g: np.random.Generator, network: str) -> Arrays:
    return {
        name: _normal(g, *shape, scale=math.sqrt(2 / math.prod(shape[1:])) if len(shape) > 1 else 0.01)
        for name, shape in parameter_shapes(network).items()
    }


def _adam_inputs(g: np.random.Generator, network: str) -> Arrays:
    parameters = _parameters(g, network)
    return parameters | {f"d{name}": _normal(g, *value.shape) for name, value in parameters.items()}


def _network_inputs(g: np.random.Generator, network: str, batch: int) -> Arrays:
    images = _normal(g, batch, *NETWORK_INPUT[network])
    return _parameters(g, network) | {"input": images, "target": g.integers(0, 10, batch)}


INPUTS: dict[str, Callable[..., Arrays]] = {
    "matmul": _matmul_inputs,
    "conv2d": _conv2d_inputs,
    "max_pool2d": _max_pool2d_inputs,
    "lstm": _lstm_inputs,
    "cross_entropy": _cross_entropy_inputs,
    "adam": _adam_inputs,
    "train": _network_inputs,
    "infer": _network_inputs,
}


def _matmul_cost(w: Workload) -> tuple[int, int]:
    M, K, N = (w.sizes[size] for size in "MKN")
    return 2 * M * K * N, F32 * (M * K + K * N + M * N)


def _conv2d_cost(w: Workload) -> tuple[int, int]:
    s = w.sizes
    H, W = _conv2d_output(s["H"], s["W"], s["K"], s.get("stride", 1), s.get("padding", 0))
    inputs, weights = s["N"] * s["C"] * s["H"] * s["W"], s["M"] * s["C"] * s["K"] ** 2
    outputs = s["N"] * s["M"] * H * W
    # One product for the result and one for each gradient. (Counted as the direct sum, whichever algorithm runs.)
    products = {"": 1, "weight": 2, "all": 3}[w.gradients]
    traffic = inputs + weights + outputs
    traffic += {"": 0, "weight": outputs + weights, "all": outputs + weights + inputs}[w.gradients]
    return products * 2 * outputs * s["C"] * s["K"] ** 2, F32 * traffic


def _max_pool2d_cost(w: Workload) -> tuple[int, int]:
    s = w.sizes
    inputs = s["N"] * s["C"] * s["H"] * s["W"]
    outputs = s["N"] * s["C"] * (s["H"] // s["K"]) * (s["W"] // s["K"])
    return inputs, F32 * (inputs + outputs) * (2 if w.gradients else 1)


def _lstm_cost(w: Workload) -> tuple[int, int]:
    T, B, F, H = (w.sizes[size] for size in "TBFH")
    traffic = T * B * F + 4 * H * (F + H + 2) + T * B * H
    return 2 * T * B * 4 * H * (F + H) * (3 if w.gradients else 1), F32 * traffic * (2 if w.gradients else 1)


def _cross_entropy_cost(w: Workload) -> tuple[int, int]:
    logits = w.sizes["B"] * w.sizes["C"]
    # exp, subtract and add for the loss; one product and one subtraction for its gradient
    return logits * (5 if w.gradients else 3), F32 * logits * (2 if w.gradients else 1)


def _adam_cost(w: Workload) -> tuple[int, int]:
    parameters = sum(math.prod(shape) for shape in parameter_shapes(w.sizes["network"]).values())
    # Reads the parameter, its gradient and both moments; writes the parameter and both moments.
    return 12 * parameters, 7 * F32 * parameters


def _network_cost(w: Workload) -> tuple[int, int]:
    """Products of the network (elementwise work is not counted); traffic of the parameters and the batch."""
    network, batch, training = w.sizes["network"], w.sizes["batch"], w.kind == "train"
    shape, flops, first = NETWORK_INPUT[network], 0, True
    for layer, *size in NETWORKS[network]:
        if layer == "conv2d":
            shape = (size[1], shape[1] - size[2] + 1, shape[2] - size[2] + 1)
            product = 2 * batch * math.prod(shape) * size[0] * size[2] ** 2
        elif layer == "linear":
            shape = (size[1],)
            product = 2 * batch * size[0] * size[1]
        else:
            if layer == "max_pool2d":
                shape = (shape[0], shape[1] // size[0], shape[2] // size[0])
            continue
        flops += product * ((2 if first else 3) if training else 1)  # the images need no gradient
        first = False
    parameters = sum(math.prod(shape) for shape in parameter_shapes(network).values())
    return flops, F32 * (parameters * (7 if training else 1) + batch * math.prod(NETWORK_INPUT[network]))


COST: dict[str, Callable[[Workload], tuple[int, int]]] = {
    "matmul": _matmul_cost,
    "conv2d": _conv2d_cost,
    "max_pool2d": _max_pool2d_cost,
    "lstm": _lstm_cost,
    "cross_entropy": _cross_entropy_cost,
    "adam": _adam_cost,
    "train": _network_cost,
    "infer": _network_cost,
}

_LENET1 = {"N": 64, "C": 1, "H": 28, "W": 28, "M": 20, "K": 5}
_LENET2 = {"N": 64, "C": 20, "H": 12, "W": 12, "M": 40, "K": 5}
_RGB = {"N": 8, "C": 3, "H": 224, "W": 224, "M": 64, "K": 7, "stride": 2, "padding": 3}
_CONV3X3 = {"N": 8, "C": 64, "H": 56, "W": 56, "M": 64, "K": 3, "padding": 1}
_POOL = {"N": 64, "C": 32, "H": 56, "W": 56, "K": 2}
_LSTM_B64 = {"T": 28, "B": 64, "F": 28, "H": 128}
_LSTM_B1 = {"T": 100, "B": 1, "F": 64, "H": 64}

# Sizes are fixed before anybody tunes a kernel on them; rows that turn out slow stay.
WORKLOADS: tuple[Workload, ...] = (
    Workload("matmul 64", "matmul", "matmul", {"M": 64, "K": 64, "N": 64}),
    Workload("matmul 256", "matmul", "matmul", {"M": 256, "K": 256, "N": 256}),
    Workload("matmul 1024", "matmul", "matmul", {"M": 1024, "K": 1024, "N": 1024}),
    Workload("conv2d LeNet 1, 64x1x28x28, 20 of 5x5", "conv2d forward", "conv2d", _LENET1),
    Workload("conv2d LeNet 2, 64x20x12x12, 40 of 5x5", "conv2d forward", "conv2d", _LENET2),
    Workload("conv2d RGB, 8x3x224x224, 64 of 7x7/2", "conv2d forward", "conv2d", _RGB),
    Workload("conv2d 3x3, 8x64x56x56, 64 of 3x3", "conv2d forward", "conv2d", _CONV3X3),
    Workload("conv2d LeNet 1, forward+backward", "conv2d gradients", "conv2d", _LENET1, "all"),
    Workload("conv2d LeNet 1, without input gradient", "conv2d gradients", "conv2d", _LENET1, "weight"),
    Workload("conv2d LeNet 2, forward+backward", "conv2d gradients", "conv2d", _LENET2, "all"),
    Workload("conv2d RGB, forward+backward", "conv2d gradients", "conv2d", _RGB, "all"),
    Workload("conv2d RGB, without input gradient", "conv2d gradients", "conv2d", _RGB, "weight"),
    Workload("conv2d 3x3, forward+backward", "conv2d gradients", "conv2d", _CONV3X3, "all"),
    Workload("max_pool2d 2x2, 64x32x56x56, forward", "pooling", "max_pool2d", _POOL),
    Workload("max_pool2d 2x2, forward+backward", "pooling", "max_pool2d", _POOL, "all"),
    Workload("LSTM T28 B64 28->128, forward", "LSTM", "lstm", _LSTM_B64),
    Workload("LSTM T28 B64 28->128, forward+backward", "LSTM", "lstm", _LSTM_B64, "all"),
    Workload("LSTM T100 B1 64->64, forward", "LSTM", "lstm", _LSTM_B1),
    Workload("LSTM T100 B1 64->64, forward+backward", "LSTM", "lstm", _LSTM_B1, "all"),
    Workload("cross_entropy 64x10, forward+backward", "loss", "cross_entropy", {"B": 64, "C": 10}, "all"),
    Workload("cross_entropy 1024x1000, forward+backward", "loss", "cross_entropy", {"B": 1024, "C": 1000}, "all"),
    Workload("Adam over LeNet's parameters", "optimizer", "adam", {"network": "lenet"}, steps=3),
    *(
        Workload(
            f"training step {title}, batch {batch}",
            "training step",
            "train",
            {"network": network, "batch": batch},
            "all",
            steps=5,
            tolerance=2e-3,
        )
        for network, title in (("mlp", "MLP 784-256-10"), ("lenet", "LeNet 20-40"))
        for batch in (1, 64)
    ),
    *(
        Workload(f"inference {title}, batch {batch}", "inference", "infer", {"network": network, "batch": batch})
        for network, title in (("mlp", "MLP 784-256-10"), ("lenet", "LeNet 20-40"))
        for batch in (1, 64)
    ),
)


def select(pattern: str | None) -> list[Workload]:
    """Rows whose name or area contains `pattern` (case does not matter); all rows without one."""
    if pattern is None:
        return list(WORKLOADS)
    wanted = pattern.lower()
    chosen = [row for row in WORKLOADS if wanted in row.name.lower() or wanted in row.area.lower()]
    if not chosen:
        areas = ", ".join(dict.fromkeys(row.area for row in WORKLOADS))
        raise ValueError(f"bench: no row contains {pattern!r}; the areas are {areas}")
    return chosen


def find(name: str) -> Workload:
    return next(row for row in WORKLOADS if row.name == name)
