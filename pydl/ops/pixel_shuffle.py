"""pixel_shuffle: r^2 channels become an image r times as large, and back.

    y[n, c, h r + i, w r + j] = x[n, c r^2 + i r + j, h, w]

Shapes    x (*, C r^2, H, W), y (*, C, H r, W r)
Gradient  dx = dy shuffled back
Source    Shi et al., "Real-time single image and video super-resolution using an efficient sub-pixel convolutional
          neural network", CVPR 2016
"""

from __future__ import annotations

import math
from typing import Any

from .._compiled import remembered
from ..arguments import Array, check_array, check_integer
from ..op import op
from ..tensor import Tensor
from .clone import copied, reshaped
from .reshape import reshape
from .transpose import permute


def _image(name: str, input: Any) -> Array:
    x = check_array(name, "input", input)
    if x.ndim < 3:
        raise ValueError(f"{name}: input must be (*, C, H, W), but has shape {x.shape}")
    return x


def _turned(x: Array, parts: tuple[int, ...], order: tuple[int, ...], shape: tuple[int, ...]) -> Array:
    """x as `parts`, its dimensions in another order, copied into the shape."""
    return copied(reshaped(x, parts).transpose(order)).reshape(shape)


# What _turned needs. All dimensions before the last three are one.
Turn = tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...]]


@remembered
def _shuffle(shape: tuple[int, ...], r: int) -> Turn:
    *N, C, H, W = shape
    lines, out = math.prod(N) * C // r**2, (*N, C // r**2, H * r, W * r)
    return (lines, r, r, H, W), (0, 3, 1, 4, 2), out


@remembered
def _unshuffle(shape: tuple[int, ...], r: int) -> Turn:
    *N, C, H, W = shape
    lines, out = math.prod(N) * C, (*N, C * r**2, H // r, W // r)
    return (lines, H // r, r, W // r, r), (0, 2, 4, 1, 3), out


def _shuffled(x: Array, r: int) -> Array:
    return _turned(x, *_shuffle(x.shape, r))


def _unshuffled(x: Array, r: int) -> Array:
    return _turned(x, *_unshuffle(x.shape, r))


@op("input")
def pixel_shuffle(input: Any, upscale_factor: int) -> Any:
    """(*, C r^2, H, W) as (*, C, H r, W r). See the top of this file."""
    x, r = _image("pixel_shuffle", input), check_integer("pixel_shuffle", "upscale_factor", upscale_factor, 1)
    if x.shape[-3] % r**2:
        raise ValueError(f"pixel_shuffle: channels must be a multiple of {r}^2, but input has shape {x.shape}")
    return _shuffled(x, r), lambda dy, needs: _unshuffled(dy, r), ()


@op("input")
def pixel_unshuffle(input: Any, downscale_factor: int) -> Any:
    """(*, C, H r, W r) as (*, C r^2, H, W): what pixel_shuffle undoes."""
    x, r = _image("pixel_unshuffle", input), check_integer("pixel_unshuffle", "downscale_factor", downscale_factor, 1)
    if x.shape[-2] % r or x.shape[-1] % r:
        raise ValueError(f"pixel_unshuffle: height and width must be multiples of {r}, but input has shape {x.shape}")
    return _unshuffled(x, r), lambda dy, needs: _shuffled(dy, r), ()


def channel_shuffle(input: Any, groups: int) -> Tensor:
    """(N, C, *) with channel g K + k in the place k G + g: what grouped convolutions need between them."""
    array = check_array("channel_shuffle", "input", input.data if isinstance(input, Tensor) else input)
    x, G = input if isinstance(input, Tensor) else Tensor(array), check_integer("channel_shuffle", "groups", groups, 1)
    if array.ndim < 3 or array.shape[1] % G:
        raise ValueError(
            f"channel_shuffle: input {array.shape} must be (N, C, *) with a multiple of groups={G} channels"
        )
    N, C, *S = array.shape
    parts = reshape(x, N, G, C // G, *S)
    return reshape(permute(parts, 0, 2, 1, *range(3, parts.ndim)), array.shape)
