"""Shorter ways to the same result, for a list of kernel calls that are to be replayed: see recorded_function.py.

    join_activations    linear, then relu        ->  linear with the relu in it
    fold_batch_norms    conv2d, then batch norm  ->  conv2d with other weights; not to the same bits
    pack_weights        linear                   ->  linear with its weight in panels, packed here once
    without_unread      exp, whose result nobody reads  ->  nothing
    work_in_place       conv2d, then relu        ->  conv2d writes where relu does, which works in place

Most look for two calls of which the second reads what the first writes and nobody else does.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..arguments import Array
from ..op import KERNELS
from ..ops.linear import gains_by_panels, linear_packed, pack_weight, panel_columns

Call = tuple[Any, tuple[Any, ...]]  # a native kernel and its arguments

# (kernel, the activation's kernel after it): the number that tells the first to do the second's work.
ACTIVATIONS = {
    ("linear_forward", "relu_forward"): 1,
    ("linear_forward", "sigmoid_forward"): 2,
    ("linear_forward", "tanh_forward"): 3,
}
CONVOLUTIONS = ("conv2d_forward", "conv2d_winograd", "conv2d_winograd_stride")
# Kernels that may write over their first argument.
IN_PLACE = ("relu_forward", "sigmoid_forward", "tanh_forward", "add_forward", "batch_norm_inference")


def named(call: Call) -> dict[str, Any]:
    """The arguments by their names, in order."""
    kernel, arguments = call
    return dict(zip(kernel.arguments, arguments, strict=True))


def written(call: Call) -> list[Array]:
    """The arrays that the call writes."""
    given = named(call)
    arrays = [given[name] for name in KERNELS[call[0].__name__].writes]
    return [one for each in arrays for one in (each if isinstance(each, list) else [each]) if one is not None]


def arrays_of(call: Call) -> list[Array]:
    """The arrays that the call reads or writes, also those in lists."""
    arguments = [one for each in call[1] for one in (each if isinstance(each, list) else [each])]
    return [each for each in arguments if isinstance(each, np.ndarray)]


def join_activations(calls: list[Call], outputs: list[Array]) -> list[Call]:
    """Products and the activations right after them as one call."""
    joined: list[Call] = []
    for call in calls:
        if joined:
            before, given = joined[-1][0], named(joined[-1])
            number = ACTIVATIONS.get((before.__name__, call[0].__name__))
            if number is not None and given["activation"] == 0 and _passes_on(given["y"], call, calls, outputs):
                given |= {"activation": number, "y": named(call)["y"].reshape(given["y"].shape)}
                joined[-1] = before, tuple(given.values())
                continue
        joined.append(call)
    return joined


def fold_batch_norms(calls: list[Call], outputs: list[Array], watched: set[int]) -> tuple[list[Call], set[int]]:
    """Convolutions and the batch normalisations right after them as one call, and the ids of the arrays used for it.

    watched: the ids of the arrays whose changes are noticed; no others are folded. Weights made of them join them.
    """
    folded: list[Call] = []
    used: set[int] = set()
    for call in calls:
        if folded and folded[-1][0].__name__ in CONVOLUTIONS and call[0].__name__ == "batch_norm_inference":
            given, norm = named(folded[-1]), named(call)
            parameters = {
                id(array)
                for array in (given["w"], given["b"], *(norm[name] for name in _STATISTICS))
                if array is not None
            }
            if parameters <= watched and _passes_on(given["y"], call, calls, outputs):
                used |= parameters
                w, b = _folded(given["w"], given["b"], *(norm[name] for name in (*_STATISTICS, "eps")))
                watched |= {id(w), id(b)}
                given |= {"w": w, "b": b, "y": norm["y"].reshape(given["y"].shape)}
                folded[-1] = folded[-1][0], tuple(given.values())
                continue
        folded.append(call)
    return folded, used


def pack_weights(calls: list[Call], watched: set[int]) -> tuple[list[Call], set[int]]:
    """Linear layers whose weights need not be packed in every call, and the ids of the arrays used for it."""
    packed: list[Call] = []
    used: set[int] = set()
    for call in calls:
        if call[0].__name__ == "linear_forward":
            given = named(call)
            w, y = given["weight"], given["y"]
            L = panel_columns(len(w), w.itemsize, linear_packed.native.isa)
            if id(w) in watched and gains_by_panels(L * w.itemsize, len(y)) and y.flags.c_contiguous:
                used.add(id(w))
                call = linear_packed.native, (given["x"], pack_weight(w, L), given["bias"], y, given["activation"])
        packed.append(call)
    return packed, used


_STATISTICS = ("mean", "var", "weight", "bias")


def _folded(
    w: Array, b: Array | None, mean: Array, var: Array, gamma: Array | None, beta: Array | None, eps: float
) -> tuple[Array, Array]:
    """s w and s (b - mean) + beta, in double precision until the end."""
    scale = (1.0 if gamma is None else gamma) / np.sqrt(var.astype(np.float64) + eps)
    shift = ((0.0 if b is None else b) - mean.astype(np.float64)) * scale + (0.0 if beta is None else beta)
    return (w * scale.reshape(-1, 1, 1, 1)).astype(w.dtype), shift.astype(w.dtype)


def without_unread(calls: list[Call], outputs: list[Array]) -> list[Call]:
    """The calls without those that write what is neither an output nor read by a later call."""
    kept: list[Call] = []
    read = list(outputs)
    for call in reversed(calls):
        if any(np.may_share_memory(each, one) for each in written(call) for one in read):
            kept.append(call)
            read += arrays_of(call)
    return kept[::-1]


def work_in_place(calls: list[Call], outputs: list[Array]) -> list[Call]:
    """Where a call only passes on what an earlier one wrote, both write into the same memory, which is then warm."""
    result = list(calls)
    for place, call in enumerate(calls):
        if call[0].__name__ not in IN_PLACE:
            continue
        for earlier in reversed(range(place)):
            given = named(result[earlier])
            if "y" not in given or not isinstance(given["y"], np.ndarray):
                continue
            if not is_same_memory(given["y"], call[1][0]):
                continue
            now = named(result[place])
            if (
                now["y"].flags.c_contiguous
                and now["y"].size == given["y"].size
                and _passes_on(given["y"], call, calls, outputs)
            ):
                given["y"] = now["y"].reshape(given["y"].shape)
                result[earlier] = result[earlier][0], tuple(given.values())
                result[place] = call[0], (now["y"].reshape(call[1][0].shape), *result[place][1][1:])
            break
    return result


def byte_bounds(array: Array) -> tuple[int, int]:
    """The addresses of the array's first byte and of the one behind its last, which NumPy 1.26 calls otherwise."""
    begin = array.ctypes.data
    steps = [(n - 1) * stride for n, stride in zip(array.shape, array.strides, strict=True)] if array.size else []
    low = sum(step for step in steps if step < 0)
    high = sum(step for step in steps if step > 0)
    return begin + low, begin + high + (array.itemsize if array.size else 0)


def is_same_memory(one: Array, other: Array) -> bool:
    """Whether both are all of one piece of memory."""
    return (
        one.ctypes.data == other.ctypes.data
        and one.size == other.size
        and one.flags.c_contiguous
        and other.flags.c_contiguous
    )


def _passes_on(y: Array, call: Call, calls: list[Call], outputs: list[Array]) -> bool:
    """Whether the call's first argument is y, and nothing but the call and the one that writes y knows of y."""
    users = sum(np.may_share_memory(array, y) for each in calls for array in arrays_of(each))
    return (
        users == 2 and is_same_memory(y, call[1][0]) and not any(np.may_share_memory(output, y) for output in outputs)
    )
