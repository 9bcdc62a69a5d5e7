"""local_response_norm: numbers over the strength of their neighbours in other channels.

    y[n, c] = x[n, c] / (k + alpha / size (sum of x[n, d]^2 over the `size` channels d around c))^beta

Source    Krizhevsky, Sutskever, Hinton, "ImageNet classification with deep convolutional neural networks", NIPS 2012
"""

from __future__ import annotations

from typing import Any

from ..arguments import check_float, check_integer, check_number
from ..tensor import Tensor, as_tensor
from .add import add
from .div import div
from .getitem import getitem
from .mul import mul
from .pad import pad
from .pow import pow
from .square import square


def local_response_norm(input: Any, size: int, alpha: float = 1e-4, beta: float = 0.75, k: float = 1.0) -> Tensor:
    """Each number over the strength of its neighbours in `size` channels. See the top of this file."""
    name = "local_response_norm"
    x, width = as_tensor(name, input), check_integer(name, "size", size, 1)
    check_float(name, "input", x.data)
    share, power, rest = (check_number(name, *each) for each in (("alpha", alpha), ("beta", beta), ("k", k)))
    if x.ndim < 3:
        raise ValueError(f"{name}: input must be (N, C, *), of 3 dimensions or more, but has shape {x.shape}")
    squares, channels = square(x), x.shape[1]
    total: Any = None
    for d in range(-(width // 2), (width - 1) // 2 + 1):
        first, end = max(0, -d), channels - max(0, d)
        if first < end:
            near = getitem(squares, (slice(None), slice(first + d, end + d)))
            total = (
                _in_channels(near, first, channels)
                if total is None
                else add(total, _in_channels(near, first, channels))
            )
    return x if total is None else div(x, pow(add(mul(total, share / width), rest), power))


def _in_channels(x: Tensor, first: int, channels: int) -> Tensor:
    """x as the channels from `first` on of as many as there shall be, the others 0."""
    sides = (0, 0) * (x.ndim - 2) + (first, channels - first - x.shape[1])
    return x if x.shape[1] == channels else pad(x, sides)
