"""JAX's side of the comparison: everything in one `jit`, state donated, results waited for."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

os.environ.setdefault("JAX_PLATFORMS", "cpu")

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from ..workloads import LEARNING_RATE, NETWORKS, Arrays, Workload, parameter_shapes
from . import Run, Variants


def set_up(threads: int) -> dict[str, str]:
    # XLA sizes its pool by the processors this process may use; the worker is pinned to as many as it has threads.
    jax.config.update("jax_default_matmul_precision", "highest")
    return {"jax": jax.__version__, "jaxlib": jax.lib.__version__}


def _function(
    inputs: Arrays, names: tuple[str, ...], gradients: str, apply: Callable[..., jax.Array], change: Any = None
) -> Run:
    """`apply` on the named inputs, alone or with its vector-Jacobian product, as one compiled function.

    `change(name, array)` rearranges an input before, and a result of that name back after (`inverse=True`).
    """
    change = change or (lambda name, array, inverse=False: array)
    arrays = [jnp.asarray(change(name, inputs[name])) for name in names]
    if not gradients:
        forward = jax.jit(apply)
        return Run(
            lambda: forward(*arrays).block_until_ready(), lambda y: {"y": change("y", np.asarray(y), inverse=True)}
        )

    wanted = [index for index, name in enumerate(names) if not (gradients == "weight" and name == "input")]
    dy = jnp.asarray(change("dy", inputs["dy"])) if "dy" in inputs else jnp.ones((), jnp.float32)

    @jax.jit
    def forward_backward(arguments: list[jax.Array], dy: jax.Array) -> tuple[jax.Array, ...]:
        def of_wanted(*values: jax.Array) -> jax.Array:
            full = list(arguments)
            for index, value in zip(wanted, values, strict=True):
                full[index] = value
            return apply(*full)

        y, vjp = jax.vjp(of_wanted, *(arguments[index] for index in wanted))
        return y, *vjp(dy)

    def read(results: tuple[jax.Array, ...]) -> Arrays:
        gradients = {
            f"d{names[index]}": change(names[index], np.asarray(result), inverse=True)
            for index, result in zip(wanted, results[1:], strict=True)
        }
        return {"y": change("y", np.asarray(results[0]), inverse=True)} | gradients

    return Run(lambda: jax.block_until_ready(forward_backward(arrays, dy)), read)


def _channels_last(name: str, array: np.ndarray, inverse: bool = False) -> np.ndarray:
    """NCHW to NHWC and OIHW to HWIO, or back."""
    if array.ndim != 4:
        return array
    order = (2, 3, 1, 0) if name == "weight" else (0, 2, 3, 1)
    return array.transpose(tuple(np.argsort(order)) if inverse else order)


def matmul(workload: Workload, inputs: Arrays) -> Variants:
    return {"jit": lambda: _function(inputs, ("a", "b"), "", lambda a, b: a @ b)}


def conv2d(workload: Workload, inputs: Arrays) -> Variants:
    stride, padding = workload.sizes.get("stride", 1), workload.sizes.get("padding", 0)

    def make(layout: tuple[str, str, str]) -> Run:
        last = layout[0] == "NHWC"

        def apply(x: jax.Array, weight: jax.Array, bias: jax.Array) -> jax.Array:
            y = lax.conv_general_dilated(x, weight, (stride,) * 2, [(padding,) * 2] * 2, dimension_numbers=layout)
            return y + (bias if last else bias[:, None, None])

        names = ("input", "weight", "bias")
        return _function(inputs, names, workload.gradients, apply, _channels_last if last else None)

    return {
        "jit": lambda: make(("NCHW", "OIHW", "NCHW")),
        "jit channels_last": lambda: make(("NHWC", "HWIO", "NHWC")),
    }


def _max_pool(x: jax.Array, size: int, axes: tuple[int, int]) -> jax.Array:
    window = tuple(size if axis in axes else 1 for axis in range(4))
    return lax.reduce_window(x, -jnp.inf, lax.max, window, window, "VALID")


def max_pool2d(workload: Workload, inputs: Arrays) -> Variants:
    size, gradients = workload.sizes["K"], workload.gradients
    return {
        "jit": lambda: _function(inputs, ("input",), gradients, lambda x: _max_pool(x, size, (2, 3))),
        "jit channels_last": lambda: _function(
            inputs, ("input",), gradients, lambda x: _max_pool(x, size, (1, 2)), _channels_last
        ),
    }


def lstm(workload: Workload, inputs: Arrays) -> Variants:
    names = ("input", "weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0")

    def make(unroll: int) -> Run:
        def apply(x: jax.Array, w_ih: jax.Array, w_hh: jax.Array, b_ih: jax.Array, b_hh: jax.Array) -> jax.Array:
            def cell(state: tuple[jax.Array, jax.Array], ahead: jax.Array) -> tuple[Any, jax.Array]:
                h, c = state
                i, f, g, o = jnp.split(ahead + h @ w_hh.T, 4, axis=-1)
                c = jax.nn.sigmoid(f) * c + jax.nn.sigmoid(i) * jnp.tanh(g)
                h = jax.nn.sigmoid(o) * jnp.tanh(c)
                return (h, c), h

            start = jnp.zeros((x.shape[1], w_hh.shape[1]), x.dtype)
            return lax.scan(cell, (start, start), x @ w_ih.T + (b_ih + b_hh), unroll=unroll)[1]

        return _function(inputs, names, workload.gradients, apply)

    return {"jit scan": lambda: make(1), "jit scan, unroll 4": lambda: make(4)}


def _cross_entropy(logits: jax.Array, target: jax.Array) -> jax.Array:
    return -jnp.take_along_axis(jax.nn.log_softmax(logits), target[:, None], axis=1).mean()


def cross_entropy(workload: Workload, inputs: Arrays) -> Variants:
    target = jnp.asarray(inputs["target"], jnp.int32)
    return {"jit": lambda: _function(inputs, ("input",), workload.gradients, lambda x: _cross_entropy(x, target))}


State = tuple[dict[str, jax.Array], dict[str, jax.Array], dict[str, jax.Array], jax.Array]


def _adam_start(inputs: Arrays, network: str) -> State:
    """Parameters, first and second moments, step number; in buffers of their own, since they are donated."""
    names = parameter_shapes(network)
    parameters = {name: jnp.array(inputs[name], copy=True) for name in names}
    first, second = ({name: jnp.zeros_like(value) for name, value in parameters.items()} for _ in range(2))
    return parameters, first, second, jnp.zeros((), jnp.float32)


def _adam_update(state: State, gradients: dict[str, jax.Array]) -> State:
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


def adam(workload: Workload, inputs: Arrays) -> Variants:
    network = workload.sizes["network"]

    def make() -> Run:
        update = jax.jit(_adam_update, donate_argnums=0)
        gradients = {name: jnp.asarray(inputs[f"d{name}"]) for name in parameter_shapes(network)}
        current: dict[str, State] = {}

        def reset() -> None:
            current["state"] = jax.block_until_ready(_adam_start(inputs, network))

        def step() -> State:
            current["state"] = jax.block_until_ready(update(current["state"], gradients))
            return current["state"]

        return Run(step, lambda state: {name: np.array(value) for name, value in state[0].items()}, reset)

    return {"jit": make}


def _forward(network: str, parameters: dict[str, jax.Array], x: jax.Array, last: bool) -> jax.Array:
    """The network; `last`: images and filters are in channels-last order."""
    layout = ("NHWC", "HWIO", "NHWC") if last else ("NCHW", "OIHW", "NCHW")
    for index, (layer, *size) in enumerate(NETWORKS[network]):
        weight, bias = parameters.get(f"{index}.weight"), parameters.get(f"{index}.bias")
        if layer == "linear":
            x = x @ weight.T + bias
        elif layer == "conv2d":
            x = lax.conv_general_dilated(x, weight, (1, 1), "VALID", dimension_numbers=layout)
            x = x + (bias if last else bias[:, None, None])
        elif layer == "relu":
            x = jax.nn.relu(x)
        elif layer == "max_pool2d":
            x = _max_pool(x, size[0], (1, 2) if last else (2, 3))
        else:
            x = (x.transpose(0, 3, 1, 2) if last else x).reshape(x.shape[0], -1)
    return x


def _in_layout(inputs: Arrays, last: bool) -> Arrays:
    if not last:
        return inputs
    return {name: _channels_last("input" if name == "input" else "weight", array) for name, array in inputs.items()}


def _layouts(network: str, make: Callable[[bool], Run]) -> Variants:
    variants: Variants = {"jit": lambda: make(False)}
    if network == "lenet":
        variants["jit channels_last"] = lambda: make(True)
    return variants


def train(workload: Workload, inputs: Arrays) -> Variants:
    network = workload.sizes["network"]

    def make(last: bool) -> Run:
        arrays = _in_layout(inputs, last)
        x, target = jnp.asarray(arrays["input"]), jnp.asarray(arrays["target"], jnp.int32)

        def loss_of(parameters: dict[str, jax.Array], x: jax.Array, target: jax.Array) -> jax.Array:
            return _cross_entropy(_forward(network, parameters, x, last), target)

        def whole(state: State, x: jax.Array, target: jax.Array) -> tuple[jax.Array, State]:
            loss, gradients = jax.value_and_grad(loss_of)(state[0], x, target)
            return loss, _adam_update(state, gradients)

        compiled = jax.jit(whole, donate_argnums=0)
        current: dict[str, State] = {}

        def reset() -> None:
            current["state"] = jax.block_until_ready(_adam_start(arrays, network))

        def step() -> jax.Array:
            loss, current["state"] = jax.block_until_ready(compiled(current["state"], x, target))
            return loss

        return Run(step, lambda loss: {"loss": np.asarray(loss)}, reset)

    return _layouts(network, make)


def infer(workload: Workload, inputs: Arrays) -> Variants:
    network = workload.sizes["network"]

    def make(last: bool) -> Run:
        arrays = {name: jnp.asarray(array) for name, array in _in_layout(inputs, last).items() if name != "target"}
        x = arrays.pop("input")
        compiled = jax.jit(lambda parameters, x: _forward(network, parameters, x, last))
        return Run(lambda: compiled(arrays, x).block_until_ready(), lambda y: {"y": np.asarray(y)})

    return _layouts(network, make)


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
