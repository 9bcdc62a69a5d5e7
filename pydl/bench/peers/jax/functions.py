"""The kinds of work that are one function of arrays."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax

from ...workloads import Arrays, Workload
from ...workloads.memory_bound import WITH_GRADIENT
from ...workloads.overhead import OPERATIONS
from .. import Run, Variants
from .compiled import channels_last, function, layout


def matmul(workload: Workload, inputs: Arrays) -> Variants:
    form = workload.sizes.get("form", "NN")

    def apply(a: jax.Array, b: jax.Array) -> jax.Array:
        return (a if form[0] == "N" else a.T) @ (b if form[1] == "N" else b.T)

    return {"jit": lambda: function(inputs, ("a", "b"), "", apply)}


def attention(workload: Workload, inputs: Arrays) -> Variants:
    def apply(query: jax.Array, key: jax.Array, value: jax.Array) -> jax.Array:
        turned = (x.swapaxes(1, 2) for x in (query, key, value))  # jax wants the heads behind the positions
        return jax.nn.dot_product_attention(*turned, is_causal=workload.sizes["causal"]).swapaxes(1, 2)

    return {"jit": lambda: function(inputs, ("query", "key", "value"), workload.gradients, apply)}


def convolution(workload: Workload, inputs: Arrays) -> Variants:
    s = workload.sizes
    dimensions, stride, dilation = len(s["size"]), s.get("stride", 1), s.get("dilation", 1)
    padding = [(s.get("padding", 0),) * 2] * dimensions

    def make(last: bool) -> Run:
        axes = layout(dimensions, last)
        spatial = tuple(range(dimensions)) if last else tuple(range(2, dimensions + 2))

        def apply(x: jax.Array, weight: jax.Array, bias: jax.Array) -> jax.Array:
            if s.get("transposed"):  # the stride spreads the input, and the filter is turned around
                weight = jnp.flip(weight, spatial).swapaxes(*((-1, -2) if last else (0, 1)))
                around = [(dilation * (s["K"] - 1) - s.get("padding", 0),) * 2] * dimensions
                spread = (stride,) * dimensions
                y = lax.conv_general_dilated(
                    x, weight, (1,) * dimensions, around, lhs_dilation=spread, dimension_numbers=axes
                )
            else:
                y = lax.conv_general_dilated(
                    x,
                    weight,
                    (stride,) * dimensions,
                    padding,
                    rhs_dilation=(dilation,) * dimensions,
                    dimension_numbers=axes,
                    feature_group_count=s.get("groups", 1),
                )
            return y + (bias if last else bias[(slice(None), *(None,) * dimensions)])

        names = ("input", "weight", "bias")
        return function(inputs, names, workload.gradients, apply, channels_last if last else None)

    return {"jit": lambda: make(False), "jit channels_last": lambda: make(True)}


def pool(x: jax.Array, s: dict[str, Any], last: bool) -> jax.Array:
    """Maximum or mean over windows; an adaptive pool's window is the part of the map that one result covers."""
    axes = (1, 2) if last else (2, 3)
    if "out" in s:
        size, stride, padding = x.shape[axes[0]] // s["out"], x.shape[axes[0]] // s["out"], 0
    else:
        size, stride, padding = s["K"], s.get("stride", s["K"]), s.get("padding", 0)

    def each(value: Any, rest: Any) -> tuple[Any, ...]:
        return tuple(value if axis in axes else rest for axis in range(4))

    window, strides, around = each(size, 1), each(stride, 1), each((padding, padding), (0, 0))
    if s["how"].startswith("max"):
        return lax.reduce_window(x, -jnp.inf, lax.max, window, strides, around)
    return lax.reduce_window(x, 0.0, lax.add, window, strides, around) / size**2


def pooling(workload: Workload, inputs: Arrays) -> Variants:
    def make(last: bool) -> Run:
        change = channels_last if last else None
        return function(inputs, ("input",), workload.gradients, lambda x: pool(x, workload.sizes, last), change)

    return {"jit": lambda: make(False), "jit channels_last": lambda: make(True)}


def small(workload: Workload, inputs: Arrays) -> Variants:
    if workload.gradients == "record":  # nothing is recorded: gradients are compiled
        return {}
    operation = OPERATIONS[workload.sizes["how"]]
    return {"jit": lambda: function(inputs, ("a", "b"), workload.gradients, operation)}


def cross_entropy(logits: jax.Array, target: jax.Array) -> jax.Array:
    return -jnp.take_along_axis(jax.nn.log_softmax(logits), target[:, None], axis=1).mean()


def cross_entropy_of_some(logits: jax.Array, target: jax.Array) -> jax.Array:
    """The mean over the rows that have a target; others have a negative number."""
    losses = -jnp.take_along_axis(jax.nn.log_softmax(logits), jnp.maximum(target, 0)[:, None], axis=1)[:, 0]
    return jnp.mean(losses, where=target >= 0)


def batch_norm(x: jax.Array, weight: jax.Array, bias: jax.Array, channel: int = 1) -> jax.Array:
    """Ioffe, Szegedy, "Batch normalization" (2015), algorithm 1. The running statistics are not kept: less work."""
    rest = tuple(axis for axis in range(x.ndim) if axis != channel)
    shape = tuple(-1 if axis == channel else 1 for axis in range(x.ndim))
    mean = x.mean(rest, keepdims=True)
    variance = ((x - mean) ** 2).mean(rest, keepdims=True)
    return (x - mean) / jnp.sqrt(variance + 1e-5) * weight.reshape(shape) + bias.reshape(shape)


def _layer_norm(x: jax.Array, weight: jax.Array, bias: jax.Array) -> jax.Array:
    mean = x.mean(-1, keepdims=True)
    variance = ((x - mean) ** 2).mean(-1, keepdims=True)
    return (x - mean) / jnp.sqrt(variance + 1e-5) * weight + bias


def expression(workload: Workload, inputs: Arrays) -> Variants:
    how = workload.sizes["how"]
    labels = jnp.asarray(inputs["labels"], jnp.int32) if "labels" in inputs else None
    # The generator's state is carried along by the caller; here it is fixed, which costs the same.
    key = jax.random.key(0)
    expressions: dict[str, Callable[..., jax.Array]] = {
        "relu": jax.nn.relu,
        "gelu": lambda x: jax.nn.gelu(x, approximate=False),
        "tanh": jnp.tanh,
        "chain": lambda x: (x * 2.0 + 1.0) * (x - 3.0),
        "add a row": lambda x, row: x + row,
        "softmax": lambda x: jax.nn.softmax(x, axis=1),
        "cross_entropy": lambda x: cross_entropy(x, labels),
        "batch_norm": batch_norm,
        "layer_norm": _layer_norm,
        "dropout": lambda x: jnp.where(jax.random.bernoulli(key, 0.5, x.shape), x * 2.0, 0.0),
        "sum": lambda x: x.sum(),
        "sum of columns": lambda x: x.sum(0),
        "embedding": lambda x: x[labels],
    }
    names = ("input", *WITH_GRADIENT.get(how, ()))
    return {"jit": lambda: function(inputs, names, workload.gradients, expressions[how])}


def mean_of_map(x: jax.Array, last: bool) -> jax.Array:
    axes = (1, 2) if last else (2, 3)
    return x.sum(axes) / math.prod(x.shape[axis] for axis in axes)


KINDS = {
    "matmul": matmul,
    "attention": attention,
    "convolution": convolution,
    "pooling": pooling,
    "small": small,
    "expression": expression,
}
