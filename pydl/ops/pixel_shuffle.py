"""Pixel shuffling: r^2 channels become an image r times as large, and back.

    y[n, c, h r + i, w r + j] = x[n, c r^2 + i r + j, h, w]

Source    Shi et al., "Real-time single image and video super-resolution using an efficient sub-pixel convolutional
          neural network", CVPR 2016
"""

from __future__ import annotations

from typing import Any

from ..arguments import check_array, check_integer
from ..tensor import Tensor
from .reshape import reshape
from .transpose import permute


def _image(name: str, input: Any) -> Tensor:
    array = check_array(name, "input", input.data if isinstance(input, Tensor) else input)
    if array.ndim < 3:
        raise ValueError(f"{name}: input must be (*, C, H, W), but has shape {array.shape}")
    return input if isinstance(input, Tensor) else Tensor(array)


def pixel_shuffle(input: Any, upscale_factor: int) -> Tensor:
    """(*, C r^2, H, W) as (*, C, H r, W r). See the top of this file."""
    x, r = _image("pixel_shuffle", input), check_integer("pixel_shuffle", "upscale_factor", upscale_factor, 1)
    *N, C, H, W = x.shape
    if C % r**2:
        raise ValueError(f"pixel_shuffle: channels must be a multiple of {r}^2, but input has shape {x.shape}")
    n = len(N)
    parts = permute(reshape(x, *N, C // r**2, r, r, H, W), *range(n), n, n + 3, n + 1, n + 4, n + 2)
    return reshape(parts, *N, C // r**2, H * r, W * r)


def pixel_unshuffle(input: Any, downscale_factor: int) -> Tensor:
    """(*, C, H r, W r) as (*, C r^2, H, W): what pixel_shuffle undoes."""
    x, r = _image("pixel_unshuffle", input), check_integer("pixel_unshuffle", "downscale_factor", downscale_factor, 1)
    *N, C, H, W = x.shape
    if H % r or W % r:
        raise ValueError(f"pixel_unshuffle: height and width must be multiples of {r}, but input has shape {x.shape}")
    n = len(N)
    parts = permute(reshape(x, *N, C, H // r, r, W // r, r), *range(n), n, n + 2, n + 4, n + 1, n + 3)
    return reshape(parts, *N, C * r**2, H // r, W // r)


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
