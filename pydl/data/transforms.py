"""Batch transforms: functions ``transform(images, generator)`` of a whole batch of images (N, C, H, W)."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ..arguments import check_array, check_list, show
from ..tensor import Tensor

if TYPE_CHECKING:
    from numpy.random import Generator

Range = tuple[float, float]
_FLOATS = ("float32", "float64")


class Compose:
    """Apply ``transforms`` one after another: ``t_k(... t_2(t_1(images)))``."""

    def __init__(self, transforms: Sequence[Callable[[np.ndarray, Any], np.ndarray]]) -> None:
        self.transforms = tuple(check_list("Compose", "transforms", transforms, "a list of functions"))
        for position, transform in enumerate(self.transforms):
            if not callable(transform):
                raise TypeError(f"Compose: transform {position} is a {type(transform).__name__}, needs a function")

    def __call__(self, images: np.ndarray, generator: Generator | None = None) -> np.ndarray:
        for transform in self.transforms:
            images = transform(images, generator)
        return images

    def __repr__(self) -> str:
        return f"Compose([{', '.join(map(repr, self.transforms))}])"


class Normalize:
    """Shift and scale each channel: ``y[n, c] = (x[n, c] - mean[c]) / std[c]``.

    ``mean`` and ``std`` are numbers or one number per channel. Images are float32 or float64 of shape (N, C, H, W) and
    keep their dtype; the generator is not used.
    """

    def __init__(self, mean: float | Sequence[float], std: float | Sequence[float]) -> None:
        self.mean, self.std = (np.atleast_1d(_numbers("Normalize", *each)) for each in (("mean", mean), ("std", std)))
        if self.mean.ndim != 1 or self.std.ndim != 1:
            raise ValueError("Normalize: mean and std must be numbers or one number per channel")
        if not (np.all(np.isfinite(self.mean)) and np.all(np.isfinite(self.std)) and np.all(self.std > 0)):
            raise ValueError(f"Normalize: mean is {mean} and std is {std}, needs finite numbers and std above 0")

    def __call__(self, images: np.ndarray, generator: Generator | None = None) -> np.ndarray:
        _check_images("Normalize", images, _FLOATS)
        for name, value in (("mean", self.mean), ("std", self.std)):
            if len(value) not in (1, images.shape[1]):
                raise ValueError(
                    f"Normalize: {name} has {len(value)} channels but images have {images.shape[1]} "
                    f"(images {images.shape})"
                )
        mean, std = (value.astype(images.dtype)[:, None, None] for value in (self.mean, self.std))
        normalized: np.ndarray = (images - mean) / std
        return normalized

    def __repr__(self) -> str:
        return f"Normalize(mean={self.mean.tolist()}, std={self.std.tolist()})"


class RandomAffine:
    """Turn, shift and scale each image of a batch by its own random amounts, see :func:`affine`.

    * ``degrees``: the angle is uniform in (-degrees, degrees), or in the range (low, high).
    * ``translate`` = (a, b): the shift is uniform in (-a W, a W) horizontally and (-b H, b H) vertically, in fractions
      of a pixel as well as whole ones.
    * ``scale`` = (low, high): the factor is uniform in that range.

    Four numbers are drawn per image whatever is switched on, so that changing one range leaves the others' draws alone.

    Source: the arguments are those of torchvision.transforms.RandomAffine; augmentation of digits by affine maps:
    Simard, Steinkraus and Platt, "Best practices for convolutional neural networks applied to visual document
    analysis", ICDAR 2003, section 2.
    """

    def __init__(self, degrees: float | Range, translate: Range | None = None, scale: Range | None = None) -> None:
        self.degrees = _range("degrees", (-degrees, degrees) if isinstance(degrees, (int, float)) else degrees)
        self.translate = (0.0, 0.0) if translate is None else _pair("translate", translate)
        self.scale = (1.0, 1.0) if scale is None else _range("scale", scale)
        if not all(0 <= fraction <= 1 for fraction in self.translate):
            raise ValueError(f"RandomAffine: translate is {translate}, needs two fractions between 0 and 1")
        if not self.scale[0] > 0:
            raise ValueError(f"RandomAffine: scale is {scale}, needs two factors above 0")

    def __call__(self, images: np.ndarray, generator: Generator) -> np.ndarray:
        _check_images("RandomAffine", images, (*_FLOATS, "uint8"))
        count, _, height, width = images.shape
        unit = generator.random((4, count))
        angle = _spread(self.degrees, unit[0])
        reach_x, reach_y = self.translate[0] * width, self.translate[1] * height
        shift = np.stack([_spread((-reach_x, reach_x), unit[1]), _spread((-reach_y, reach_y), unit[2])], axis=1)
        return affine(images, angle, shift, _spread(self.scale, unit[3]))

    def __repr__(self) -> str:
        return f"RandomAffine(degrees={self.degrees}, translate={self.translate}, scale={self.scale})"


def affine(images: np.ndarray, angle: Any = 0.0, translate: Any = (0.0, 0.0), scale: Any = 1.0) -> np.ndarray:
    """Turn each image clockwise about its centre, scale it, then shift it; what lies outside the image is zero.

    Output pixel (x', y') takes the value of the input at

        x = cx + ( cos(angle) (x' - cx - tx) + sin(angle) (y' - cy - ty)) / scale
        y = cy + (-sin(angle) (x' - cx - tx) + cos(angle) (y' - cy - ty)) / scale

    with x to the right, y downwards, centre (cx, cy) = ((W-1)/2, (H-1)/2); between pixels it is bilinear.

    Shapes: images (N, C, H, W); angle (N,) or a number, in degrees; translate (N, 2) or (2,), (tx, ty) in pixels; scale
    (N,) or a number. The dtype of the images is kept: float32, float64, or uint8 (computed in float32 and rounded).

    Source: bilinear resampling by inverse mapping: Wolberg, "Digital Image Warping", 1990, chapters 3 and 6.
    """
    images = np.asarray(images)
    _check_images("affine", images, (*_FLOATS, "uint8"))
    count, channels, height, width = images.shape
    dtype = images.dtype if images.dtype.kind == "f" else np.dtype(np.float32)
    angle, scale = _per_image("angle", angle, (count,)), _per_image("scale", scale, (count,))
    translate = _per_image("translate", translate, (count, 2))
    # Within these bounds no coordinate overflows float32.
    if np.any(np.abs(scale) < 1e-6):
        raise ValueError("affine: scale is 0 or nearly so for some image, needs a factor of at least 1e-6")
    if np.any(np.abs(translate) > 1e9):
        raise ValueError("affine: translate is larger than 1e9 pixels for some image")
    if images.size == 0:
        return images.copy()

    # The inverse map is x = ax x' + bx y' + const. Its two products are made on rows and columns alone, so that only
    # their sum touches every pixel.
    cos, sin = np.cos(np.deg2rad(angle)) / scale, np.sin(np.deg2rad(angle)) / scale
    cx, cy = (width - 1) / 2, (height - 1) / 2
    across = np.arange(width) - cx - translate[:, :1]
    down = np.arange(height) - cy - translate[:, 1:]
    x = _sum(cos[:, None] * across + cx, sin[:, None] * down, dtype)
    y = _sum(-sin[:, None] * across + cy, cos[:, None] * down, dtype)

    # A border of one zero pixel and coordinates clipped to it make everything outside the image zero without masks.
    padded = np.zeros((count, channels, height + 2, width + 2), dtype)
    padded[:, :, 1:-1, 1:-1] = images
    column, right = _cell(x, width)
    row, below = _cell(y, height)
    corner = (row + 1) * (width + 2) + column + 1
    plane = (height + 2) * (width + 2)
    corner = corner[:, None] + (np.arange(count * channels) * plane).reshape(count, channels, 1, 1)
    right, below = right[:, None], below[:, None]
    left, above = 1 - right, 1 - below
    values = padded.reshape(-1)
    result: np.ndarray = (values[corner] * left + values[corner + 1] * right) * above
    corner += width + 2
    result += (values[corner] * left + values[corner + 1] * right) * below
    return result if images.dtype == dtype else np.rint(result).astype(images.dtype)


def _sum(columns: np.ndarray, rows: np.ndarray, dtype: np.dtype) -> np.ndarray:
    """Coordinates (N, H, W) from their parts along the columns (N, W) and along the rows (N, H)."""
    coordinate: np.ndarray = columns.astype(dtype)[:, None, :] + rows.astype(dtype)[:, :, None]
    return coordinate


def _cell(coordinate: np.ndarray, size: int) -> tuple[np.ndarray, np.ndarray]:
    """The pixel at or before each coordinate, from -1 to size - 1, and the fraction of the way to the next one."""
    np.clip(coordinate, -1, size, out=coordinate)
    before = np.minimum(np.floor(coordinate), size - 1)
    return before.astype(np.intp), coordinate - before


def _spread(bounds: Range, unit: np.ndarray) -> np.ndarray:
    value: np.ndarray = bounds[0] + (bounds[1] - bounds[0]) * unit
    return value


def _per_image(name: str, value: Any, shape: tuple[int, ...]) -> np.ndarray:
    value = _numbers("affine", name, value)
    if value.shape not in (shape, shape[1:]):
        raise ValueError(f"affine: {name} has the shape {value.shape}, needs {shape[1:]} or one per image, {shape}")
    if not np.all(np.isfinite(value)):
        raise ValueError(f"affine: {name} must be finite")
    return np.broadcast_to(value, shape)


def _numbers(function: str, name: str, value: Any) -> np.ndarray:
    """Numbers of double precision."""
    array = check_array(function, name, value.data if isinstance(value, Tensor) else value)
    return np.asarray(value if isinstance(value, (float, tuple, list)) else array, np.float64)


def _pair(name: str, value: Any) -> Range:
    pair = isinstance(value, (tuple, list)) and len(value) == 2 and all(isinstance(v, (int, float)) for v in value)
    if not pair or not all(-math.inf < v < math.inf for v in value):
        raise ValueError(f"RandomAffine: {name} is {show(value)}, needs two finite numbers")
    return float(value[0]), float(value[1])


def _range(name: str, value: Any) -> Range:
    low, high = _pair(name, value)
    if low > high:
        raise ValueError(f"RandomAffine: {name} is {value}, needs low <= high")
    return low, high


def _check_images(function: str, images: Any, dtypes: tuple[str, ...]) -> None:
    if not isinstance(images, np.ndarray) or images.ndim != 4:
        had = images.shape if isinstance(images, np.ndarray) else type(images).__name__
        raise ValueError(f"{function}: images are {had}, needs an array of shape (N, C, H, W)")
    if images.dtype.name not in dtypes or not images.dtype.isnative:
        raise TypeError(f"{function}: images are {images.dtype.str}, needs native {' or '.join(dtypes)}")
