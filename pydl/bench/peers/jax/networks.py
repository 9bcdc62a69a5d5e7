"""The networks of `workloads/networks.py` as functions of their parameters (by their names there) and inputs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax

from .compiled import layout
from .functions import batch_norm, mean_of_map, pool
from .recurrent import Weights, sequence

Parameters = dict[str, jax.Array]


def linear(p: Parameters, name: str, x: jax.Array) -> jax.Array:
    return x @ p[f"{name}.weight"].T + p[f"{name}.bias"]


def conv(p: Parameters, name: str, x: jax.Array, last: bool, stride: int = 1, padding: int = 0) -> jax.Array:
    weight, bias = p[f"{name}.weight"], p.get(f"{name}.bias")
    y = lax.conv_general_dilated(x, weight, (stride,) * 2, [(padding,) * 2] * 2, dimension_numbers=layout(2, last))
    return y if bias is None else y + (bias if last else bias[:, None, None])


def mlp(p: Parameters, training: bool, last: bool, x: jax.Array) -> jax.Array:
    return linear(p, "2", jax.nn.relu(linear(p, "0", x)))


def lenet(p: Parameters, training: bool, last: bool, x: jax.Array) -> jax.Array:
    window = {"how": "max", "K": 2}
    for name in ("0", "3"):
        x = pool(jax.nn.relu(conv(p, name, x, last)), window, last)
    x = (x.transpose(0, 3, 1, 2) if last else x).reshape(x.shape[0], -1)
    return linear(p, "7", x)


def resnet(p: Parameters, training: bool, last: bool, x: jax.Array) -> jax.Array:
    channel = 3 if last else 1

    def norm(name: str, x: jax.Array) -> jax.Array:
        weight, bias = p[f"{name}.weight"], p[f"{name}.bias"]
        if training:
            return batch_norm(x, weight, bias, channel)
        factor = weight / jnp.sqrt(p[f"{name}.running_var"] + 1e-5)
        shape = tuple(-1 if axis == channel else 1 for axis in range(4))
        return x * factor.reshape(shape) + (bias - p[f"{name}.running_mean"] * factor).reshape(shape)

    x = jax.nn.relu(norm("bn1", conv(p, "conv1", x, last, 1, 1)))
    for block in range(3):
        name, stride = f"blocks.{block}", 1 if block == 0 else 2
        y = jax.nn.relu(norm(f"{name}.bn1", conv(p, f"{name}.conv1", x, last, stride, 1)))
        y = norm(f"{name}.bn2", conv(p, f"{name}.conv2", y, last, 1, 1))
        if block:
            x = norm(f"{name}.shortcut.1", conv(p, f"{name}.shortcut.0", x, last, stride))
        x = jax.nn.relu(y + x)
    return linear(p, "fc", mean_of_map(x, last))


def _weights(p: Parameters, name: str, end: str = "") -> Weights:
    w_ih, w_hh, b_ih, b_hh = (p[f"{name}.{part}_l0{end}"] for part in ("weight_ih", "weight_hh", "bias_ih", "bias_hh"))
    return w_ih, w_hh, b_ih, b_hh


def lstm(p: Parameters, training: bool, last: bool, x: jax.Array) -> jax.Array:
    return linear(p, "fc", sequence("LSTM", x, _weights(p, "lstm"))[0][0])


def tagger(p: Parameters, training: bool, last: bool, words: jax.Array) -> jax.Array:
    x = p["embedding.weight"][words]
    forward = sequence("LSTM", x, _weights(p, "lstm"))[1]
    backward = sequence("LSTM", x, _weights(p, "lstm", "_reverse"), None, True)[1]
    return linear(p, "fc", jnp.concatenate([forward, backward], -1))


def tagger_of_lengths(p: Parameters, training: bool, last: bool, words: jax.Array, lengths: jax.Array) -> jax.Array:
    """What comes out behind the end of a sentence has no target; backwards each sentence is turned by itself."""
    x = p["embedding.weight"][words]
    forward = sequence("LSTM", x, _weights(p, "lstm"))[1]
    steps = jnp.arange(len(x))[:, None]
    turned = jnp.where(steps < lengths, lengths - 1 - steps, steps), jnp.arange(len(lengths))
    backward = sequence("LSTM", x[turned], _weights(p, "lstm", "_reverse"))[1][turned]
    return linear(p, "fc", jnp.concatenate([forward, backward], -1))


def seq2seq(p: Parameters, training: bool, last: bool, words: jax.Array, previous: jax.Array) -> jax.Array:
    state = sequence("LSTM", p["source.weight"][words], _weights(p, "encoder"))[0]
    return linear(p, "fc", sequence("LSTM", p["words.weight"][previous], _weights(p, "decoder"), state)[1])


FORWARD: dict[str, Callable[..., Any]] = {
    "mlp": mlp,
    "lenet": lenet,
    "resnet": resnet,
    "lstm": lstm,
    "tagger": tagger,
    "tagger_of_lengths": tagger_of_lengths,
    "seq2seq": seq2seq,
}
