"""Optimizers, whole training steps and inference, each compiled as one function."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from ...workloads import Arrays, Workload
from ...workloads.networks import NETWORKS
from ...workloads.optimizer import LEARNING_RATE, OPTIMIZERS
from .. import Run, Variants
from .compiled import channels_last
from .functions import cross_entropy, cross_entropy_of_some
from .networks import FORWARD

Named = dict[str, jax.Array]
State = tuple[Named, Named, Named, jax.Array]  # parameters, two kinds of moments, step number
BUFFERS = ("running_mean", "running_var", "num_batches_tracked")


def _start(parameters: Arrays) -> State:
    """In buffers of their own, since they are donated."""
    copies = {name: jnp.array(value, copy=True) for name, value in parameters.items()}
    first, second = ({name: jnp.zeros_like(value) for name, value in copies.items()} for _ in range(2))
    return copies, first, second, jnp.zeros((), jnp.float32)


def adam(state: State, gradients: Named) -> State:
    """Kingma and Ba, "Adam" (2015), algorithm 1, with PyTorch's defaults."""
    parameters, first, second, step = state
    step = step + 1
    first = {name: 0.9 * m + 0.1 * gradients[name] for name, m in first.items()}
    second = {name: 0.999 * v + 0.001 * gradients[name] ** 2 for name, v in second.items()}
    rate, correction = LEARNING_RATE / (1 - 0.9**step), jnp.sqrt(1 - 0.999**step)
    parameters = {
        name: p - rate * first[name] / (jnp.sqrt(second[name]) / correction + 1e-8) for name, p in parameters.items()
    }
    return parameters, first, second, step


def sgd(state: State, gradients: Named) -> State:
    """With momentum; the second kind of moments stays unused."""
    parameters, first, second, step = state
    momentum = OPTIMIZERS["SGD with momentum"][1]["momentum"]
    first = {name: momentum * m + gradients[name] for name, m in first.items()}
    return {name: p - LEARNING_RATE * first[name] for name, p in parameters.items()}, first, second, step


UPDATES: dict[str, Callable[[State, Named], State]] = {"Adam": adam, "SGD with momentum": sgd}


def optimizer(workload: Workload, inputs: Arrays) -> Variants:
    def make() -> Run:
        update = jax.jit(UPDATES[workload.sizes["how"]], donate_argnums=0)
        names = [name for name in inputs if not name.startswith("d")]
        gradients = {name: jnp.asarray(inputs[f"d{name}"]) for name in names}
        current: dict[str, State] = {}

        def reset() -> None:
            current["state"] = jax.block_until_ready(_start({name: inputs[name] for name in names}))

        def step() -> State:
            current["state"] = jax.block_until_ready(update(current["state"], gradients))
            return current["state"]

        return Run(step, lambda state: {name: np.array(value) for name, value in state[0].items()}, reset)

    return {"jit": make}


def _arrays(network: str, inputs: Arrays, last: bool) -> tuple[Arrays, list[jax.Array]]:
    """Parameters and buffers, and the network's inputs, in the layout wanted."""
    names = NETWORKS[network].inputs
    arrays = inputs
    if last:
        arrays = {
            name: channels_last("input" if name in names else "weight", array) if name != "target" else array
            for name, array in inputs.items()
        }
    batch = [jnp.asarray(arrays[name]) for name in names]
    return {name: array for name, array in arrays.items() if name not in (*names, "target")}, batch


def _layouts(network: str, make: Callable[[bool], Run]) -> Variants:
    variants: Variants = {"jit": lambda: make(False)}
    if NETWORKS[network].images:
        variants["jit channels_last"] = lambda: make(True)
    return variants


def train(workload: Workload, inputs: Arrays) -> Variants:
    network = workload.sizes["network"]

    def make(last: bool) -> Run:
        arrays, batch = _arrays(network, inputs, last)
        parameters = {name: array for name, array in arrays.items() if not name.endswith(BUFFERS)}
        target = jnp.asarray(inputs["target"].reshape(-1), jnp.int32)
        criterion = cross_entropy_of_some if NETWORKS[network].lengths else cross_entropy

        def loss_of(parameters: Named, target: jax.Array, *batch: jax.Array) -> jax.Array:
            logits = FORWARD[network](parameters, True, last, *batch)
            return criterion(logits.reshape(-1, logits.shape[-1]), target)

        def whole(state: State, target: jax.Array, *batch: jax.Array) -> tuple[jax.Array, State]:
            loss, gradients = jax.value_and_grad(loss_of)(state[0], target, *batch)
            return loss, adam(state, gradients)

        compiled = jax.jit(whole, donate_argnums=0)
        current: dict[str, State] = {}

        def reset() -> None:
            current["state"] = jax.block_until_ready(_start(parameters))

        def step() -> jax.Array:
            loss, current["state"] = jax.block_until_ready(compiled(current["state"], target, *batch))
            return loss

        return Run(step, lambda loss: {"loss": np.asarray(loss)}, reset)

    return _layouts(network, make)


def infer(workload: Workload, inputs: Arrays) -> Variants:
    network = workload.sizes["network"]

    def make(last: bool) -> Run:
        arrays, batch = _arrays(network, inputs, last)
        parameters: Any = {name: jnp.asarray(array) for name, array in arrays.items()}
        compiled = jax.jit(lambda parameters, *batch: FORWARD[network](parameters, False, last, *batch))
        return Run(lambda: compiled(parameters, *batch).block_until_ready(), lambda y: {"y": np.asarray(y)})

    return _layouts(network, make)


KINDS = {"optimizer": optimizer, "train": train, "infer": infer}
