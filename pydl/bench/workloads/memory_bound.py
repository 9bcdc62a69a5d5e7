"""What moves more bytes than it computes: activations, chains, softmax and losses, normalisations, sums, look-ups."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from .workload import KINDS, Arrays, Kind, Workload, normal

AREA = "memory-bound"


@dataclass(frozen=True)
class Expression:
    """apply(functional, input, *others); `arrays` and `labels` give the shapes of the others and of whole numbers.

    operations  per element of the input, forward; the backward pass is counted as twice that
    """

    apply: Callable[..., Any]
    operations: int = 1
    result: Callable[[tuple[int, ...]], tuple[int, ...]] = lambda shape: shape


EXPRESSIONS: dict[str, Expression] = {
    "relu": Expression(lambda F, x: F.relu(x)),
    "gelu": Expression(lambda F, x: F.gelu(x), 20),
    "tanh": Expression(lambda F, x: F.tanh(x), 15),
    "chain": Expression(lambda F, x: (x * 2.0 + 1.0) * (x - 3.0), 4),
    "add a row": Expression(lambda F, x, row: x + row),
    "softmax": Expression(lambda F, x: F.softmax(x, dim=1), 10),
    "cross_entropy": Expression(lambda F, x, labels: F.cross_entropy(x, labels), 10, lambda shape: ()),
    "batch_norm": Expression(
        lambda F, x, weight, bias, mean, var: F.batch_norm(x, mean, var, weight, bias, training=True), 6
    ),
    "layer_norm": Expression(lambda F, x, weight, bias: F.layer_norm(x, (x.shape[-1],), weight, bias), 6),
    "dropout": Expression(lambda F, x: F.dropout(x, 0.5, training=True), 3),
    "sum": Expression(lambda F, x: x.sum(), 1, lambda shape: ()),
    "sum of columns": Expression(lambda F, x: x.sum(0), 1, lambda shape: shape[1:]),
    "embedding": Expression(lambda F, weight, labels: F.embedding(labels, weight), 0),
}
# Further arguments: those with gradients, then those without.
WITH_GRADIENT = {"add a row": ("row",), "batch_norm": ("weight", "bias"), "layer_norm": ("weight", "bias")}
WITHOUT_GRADIENT = {"cross_entropy": ("labels",), "batch_norm": ("mean", "var"), "embedding": ("labels",)}


def result_shape(s: dict[str, Any]) -> tuple[int, ...]:
    if s["how"] == "embedding":
        return (*s["labels"], s["shape"][1])
    return EXPRESSIONS[s["how"]].result(s["shape"])


def _inputs(g: np.random.Generator, dtype: np.dtype, how: str, shape: tuple[int, ...], **s: Any) -> Arrays:
    arrays = {
        "input": normal(g, dtype, *shape),
        "dy": normal(g, dtype, *result_shape({"how": how, "shape": shape, **s})),
    }
    channels = shape[1] if how == "batch_norm" else shape[-1]
    for name in WITH_GRADIENT.get(how, ()):
        arrays[name] = normal(g, dtype, channels)
    if how == "batch_norm":
        arrays |= {"mean": np.zeros(channels, dtype), "var": np.ones(channels, dtype)}
    if how == "cross_entropy":
        arrays["labels"] = g.integers(0, shape[1], shape[0])
    if how == "embedding":
        arrays["labels"] = g.integers(0, shape[0], s["labels"])
    return arrays


def _cost(w: Workload) -> tuple[int, int]:
    size, result = math.prod(w.sizes["shape"]), math.prod(result_shape(w.sizes))
    if w.sizes["how"] == "embedding":  # reads and writes the chosen rows; the gradient writes the whole table
        return result, 2 * result + (result + size if w.backward else 0)
    operations = EXPRESSIONS[w.sizes["how"]].operations * size
    # Backward reads the gradient of the result and writes that of the input, and needs the input or the result again.
    return operations * (3 if w.backward else 1), (size + result) + (result + 2 * size if w.backward else 0)


KINDS["expression"] = Kind(_inputs, _cost)


def _row(how: str, *shape: int, gradients: str = "all", extra: bool = False, **more: Any) -> Workload:
    name = f"{how} {'x'.join(map(str, shape))}" + (", forward+backward" if gradients else "")
    sizes = {"how": how, "shape": shape, **more}
    return Workload(name, AREA, "expression", sizes, gradients, random=how == "dropout", extra=extra)


ROWS = (
    _row("relu", 1000, 1000),
    _row("gelu", 1000, 1000),
    _row("tanh", 100, 1000, gradients="", extra=True),
    _row("chain", 1000, 1000),
    _row("chain", 3163, 3163, gradients=""),
    _row("add a row", 1024, 1000, extra=True),
    _row("softmax", 1024, 1000),
    _row("softmax", 64, 33, 24, 24),
    _row("cross_entropy", 64, 10),
    _row("cross_entropy", 1024, 1000),
    _row("batch_norm", 32, 64, 56, 56),
    _row("batch_norm", 64, 100, extra=True),
    _row("layer_norm", 1024, 768),
    _row("dropout", 1000, 1000),
    _row("sum", 3163, 3163, gradients=""),
    _row("sum of columns", 1000, 1000, gradients="", extra=True),
    _row("embedding", 10000, 256, labels=(64, 50)),
)
