"""Formulas of convolution and pooling, in the notes' indices.

Source: Nielsen, "Neural Networks and Deep Learning", chapter 6; LeCun et al., "Handwritten digit recognition with a
back-propagation network", NeurIPS 1989.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .forms import Forms, refuse, shape_of, two


def place(output: str, inside: str, stride: int, padding: int, dilation: int) -> str:
    """Where in the input the number `inside` of the window of output number `output` lies."""
    return (
        (output if stride == 1 else f"{output} * {stride}")
        + f" + {inside if dilation == 1 else f'{inside} * {dilation}'}"
        + (f" - {padding}" if padding else "")
    )


def back(input: str, inside: str, stride: int, padding: int, dilation: int) -> str:
    """Which output number has the input number `input` as number `inside` of its window."""
    text = input + (f" + {padding}" if padding else "") + f" - {inside if dilation == 1 else f'{inside} * {dilation}'}"
    return text if stride == 1 else f"({text}) / {stride}"


def zeros_around(padding: Any, weight: tuple[int, ...], dilation: tuple[int, int]) -> tuple[int, int]:
    """The padding of a convolution above and to the left."""
    if padding == "valid":
        return 0, 0
    return two(
        [d * (size - 1) // 2 for d, size in zip(dilation, weight[2:], strict=True)] if padding == "same" else padding
    )


def image(name: str, given: dict[str, Any]) -> Any:
    """The input, which must be a batch of images."""
    if len(shape_of(given["input"])) != 4:
        refuse(name, f"images without a batch (input {shape_of(given['input'])}; needed: (N, C, H, W))")
    return given["input"]


def conv2d(name: str, given: dict[str, Any]) -> Forms:
    """Convolution in the notes' indices."""
    x, w, groups = image(name, given), given["weight"], int(given["groups"])
    shape, stride, dilation = shape_of(w), two(given["stride"]), two(given["dilation"])
    settings = list(zip(stride, zeros_around(given["padding"], shape, dilation), dilation, strict=True))
    there = f"{place('j', 'l', *settings[0])}, {place('k', 'm', *settings[1])}"
    from_there = f"{back('j', 'l', *settings[0])}, {back('k', 'm', *settings[1])}"
    each, C = shape[0] // groups, shape[1]
    channel = "c" if groups == 1 else f"o // {each} * {C} + c"
    own = "o" if groups == 1 else f"c // {C} * {each} + o"
    filters, inside = ("o", "c") if groups == 1 else (f"o < {each}", f"c % {C}")
    inputs = {"a0": x, "w": w} | ({} if given["bias"] is None else {"b": given["bias"]})
    bias = "b[o] + " if "b" in inputs else ""
    return Forms(
        inputs,
        ["a1"],
        [
            (
                "the same weights w at every place of the image",
                f"a1[n,o,j,k] = {bias}sum(w[o,c,l,m] * a0[n,{channel},{there}], c, l, m)",
            )
        ],
        [
            (
                "full correlation: every place that the number had gone to, zeros beyond the border",
                f"da0[n,c,j,k] = sum(da1[n,{own},{from_there}] * w[{own},{inside},l,m], {filters}, l, m)",
            ),
            (
                "a weight is used at every place, so its gradient is a sum over all of them",
                f"dw[o,c,l,m] = sum(da1[n,o,j,k] * a0[n,{channel},{there}], n, j, k)",
            ),
            ("the bias is added at every place", "db[o] = sum(da1[n,o,j,k], n, j, k)"),
        ],
    )


def pooling(given: dict[str, Any]) -> tuple[tuple[int, int], str, str, str]:
    """The window, its place in the image, in words of the formulas, and how far its indices run."""
    window = two(given["kernel_size"])
    stride = window if given["stride"] is None else two(given["stride"])
    settings = list(zip(stride, two(given["padding"]), two(given.get("dilation", 1)), strict=True))
    rows, columns = place("j", "l", *settings[0]), place("k", "m", *settings[1])
    backwards = f"{back('j', 'l', *settings[0])}, {back('k', 'm', *settings[1])}"
    return window, f"{rows}|{columns}", backwards, f"l < {window[0]}, m < {window[1]}"


def max_pool2d(name: str, given: dict[str, Any], result: Any) -> Forms:
    """The gradient goes to the winner."""
    x = image(name, given)
    if given["return_indices"]:
        refuse(name, "return_indices")
    _, where, _, over = pooling(given)
    rows, columns = where.split("|")
    width = shape_of(x)[3]
    return Forms(
        {"a0": x},
        ["a1"],
        [
            ("the largest number of each window", f"a1[n,c,j,k] = largest(a0[n,c,{rows},{columns}], {over})"),
            (
                f"the winner, as row times {width} plus column",
                f"winner[n,c,j,k] = argmax(a0[n,c,{rows},{columns}], ({rows}) * {width} + {columns}, {over})",
            ),
        ],
        [
            (
                "1 for the winner, 0 for the others: what arrives is routed to the winner",
                f"da0[n,c,j,k] = sum(da1[n,c,u,v] * (winner[n,c,u,v] == j * {width} + k), u, v)",
            )
        ],
        {"winner": shape_of(result)},
    )


def avg_pool2d(name: str, given: dict[str, Any]) -> Forms:
    """Every number of a window has the same share."""
    if given["ceil_mode"] or given["divisor_override"] or (not given["count_include_pad"] and np.any(given["padding"])):
        refuse(name, "ceil_mode, divisor_override, and count_include_pad=False")
    window, where, backwards, over = pooling(given)
    size = math.prod(window)
    inside = where.replace("|", ",")
    return Forms(
        {"a0": image(name, given)},
        ["a1"],
        [("the mean of each window", f"a1[n,c,j,k] = sum(a0[n,c,{inside}], {over}) / {size}")],
        [("an equal share for all of a window", f"da0[n,c,j,k] = sum(da1[n,c,{backwards}], {over}) / {size}")],
    )
