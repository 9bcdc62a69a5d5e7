"""Runs of compiled functions of arrays, and the layouts of images."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from ...workloads import Arrays
from .. import Run


def function(
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
    dy = jnp.asarray(change("dy", inputs["dy"])) if inputs["dy"].ndim else jnp.ones((), inputs["dy"].dtype)

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


def channels_last(name: str, array: np.ndarray, inverse: bool = False) -> np.ndarray:
    """Images from NC... to N...C and filters from OI... to ...IO, or back; anything with fewer axes as it is."""
    if array.ndim < 3:
        return array
    spatial = tuple(range(2, array.ndim))
    order = (*spatial, 1, 0) if name.endswith("weight") else (0, *spatial, 1)
    return array.transpose(tuple(np.argsort(order)) if inverse else order)


def layout(dimensions: int, last: bool) -> tuple[str, str, str]:
    """The names of the axes of images, filters and results."""
    spatial = "DHW"[-dimensions:]
    if last:
        return f"N{spatial}C", f"{spatial}IO", f"N{spatial}C"
    return f"NC{spatial}", f"OI{spatial}", f"NC{spatial}"
