"""Recurrent layers: the products of the inputs ahead, then a scan over time."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax

from ...workloads import Arrays, Workload
from .. import Run, Variants
from .compiled import function

Weights = tuple[jax.Array, jax.Array, jax.Array, jax.Array]  # w_ih, w_hh, b_ih, b_hh


def lstm(ahead: jax.Array, state: Any, w_hh: jax.Array, b_hh: jax.Array) -> tuple[Any, jax.Array]:
    h, c = state
    i, f, g, o = jnp.split(ahead + h @ w_hh.T + b_hh, 4, axis=-1)
    c = jax.nn.sigmoid(f) * c + jax.nn.sigmoid(i) * jnp.tanh(g)
    h = jax.nn.sigmoid(o) * jnp.tanh(c)
    return (h, c), h


def gru(ahead: jax.Array, h: Any, w_hh: jax.Array, b_hh: jax.Array) -> tuple[Any, jax.Array]:
    rx, zx, nx = jnp.split(ahead, 3, axis=-1)
    rh, zh, nh = jnp.split(h @ w_hh.T + b_hh, 3, axis=-1)
    r, z = jax.nn.sigmoid(rx + rh), jax.nn.sigmoid(zx + zh)
    h = (1.0 - z) * jnp.tanh(nx + r * nh) + z * h
    return h, h


def rnn(ahead: jax.Array, h: Any, w_hh: jax.Array, b_hh: jax.Array) -> tuple[Any, jax.Array]:
    h = jnp.tanh(ahead + h @ w_hh.T + b_hh)
    return h, h


CELLS: dict[str, Callable[..., tuple[Any, jax.Array]]] = {"LSTM": lstm, "GRU": gru, "RNN": rnn}


def sequence(
    how: str, x: jax.Array, weights: Weights, start: Any = None, reverse: bool = False, unroll: int = 1
) -> tuple[Any, jax.Array]:
    """One layer in one direction over x (T, B, F): the last state and all h."""
    w_ih, w_hh, b_ih, b_hh = weights
    if start is None:
        zeros = jnp.zeros((x.shape[1], w_hh.shape[1]), x.dtype)
        start = (zeros, zeros) if how == "LSTM" else zeros
    cell = CELLS[how]
    return lax.scan(
        lambda state, ahead: cell(ahead, state, w_hh, b_hh), start, x @ w_ih.T + b_ih, reverse=reverse, unroll=unroll
    )


def _variants(workload: Workload, inputs: Arrays, names: list[str], layers: list[list[str]]) -> Variants:
    """`layers`: for each layer the endings of its directions' parameter names."""

    def make(unroll: int) -> Run:
        def apply(x: jax.Array, *arrays: jax.Array) -> jax.Array:
            named = dict(zip(names, arrays, strict=True))
            for directions in layers:
                hidden = []
                for ending in directions:
                    w_ih, w_hh, b_ih, b_hh = (
                        named[f"{part}{ending}"] for part in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
                    )
                    reverse = ending.endswith("reverse")
                    how = workload.sizes["how"]
                    hidden.append(sequence(how, x, (w_ih, w_hh, b_ih, b_hh), None, reverse, unroll)[1])
                x = jnp.concatenate(hidden, -1)
            return x

        return function(inputs, ("input", *names), workload.gradients, apply)

    return {"jit scan": lambda: make(1), "jit scan, unroll 4": lambda: make(4)}


def recurrent(workload: Workload, inputs: Arrays) -> Variants:
    directions = ["", "_reverse"][: workload.sizes.get("directions", 1)]
    layers = [[f"_l{layer}{end}" for end in directions] for layer in range(workload.sizes.get("layers", 1))]
    names = [name for name in inputs if name not in ("input", "dy")]
    return _variants(workload, inputs, names, layers)


def cell(workload: Workload, inputs: Arrays) -> Variants:
    return _variants(workload, inputs, [name for name in inputs if name not in ("input", "dy")], [[""]])


KINDS = {"recurrent": recurrent, "cell": cell}
