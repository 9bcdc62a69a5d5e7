"""Random changes to batches of images (N, C, H, W), to each by its own numbers, that leave what they show the same."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ..arguments import check_integer, check_range, show
from .transforms import _FLOATS, _check_images

if TYPE_CHECKING:
    from numpy.random import Generator


class RandomHorizontalFlip:
    """Left and right exchanged in each image with probability p."""

    def __init__(self, p: float = 0.5) -> None:
        self.p = check_range("RandomHorizontalFlip", "p", p, 0, 1)

    def __call__(self, images: np.ndarray, generator: Generator) -> np.ndarray:
        _check_images("RandomHorizontalFlip", images, (*_FLOATS, "uint8"))
        flipped = generator.random(len(images)) < self.p
        return np.where(flipped[:, None, None, None], images[..., ::-1], images)

    def __repr__(self) -> str:
        return f"RandomHorizontalFlip(p={self.p})"


class RandomCrop:
    """A part of `size` x `size` pixels (or size = (height, width)) from a random place of each image.

    padding: zeros put around the images before; with the images' own size this shifts them by up to `padding` pixels.

    Source: He, Zhang, Ren, Sun, "Deep residual learning for image recognition", CVPR 2016, section 4.2.
    """

    def __init__(self, size: int | tuple[int, int], padding: int = 0) -> None:
        pair = size if isinstance(size, tuple | list) else (size, size)
        if len(pair) != 2:
            raise ValueError(f"RandomCrop: size must be one integer or two, not {show(size)}")
        self.size = tuple(check_integer("RandomCrop", "size", each, 1) for each in pair)
        self.padding = check_integer("RandomCrop", "padding", padding, 0)

    def __call__(self, images: np.ndarray, generator: Generator) -> np.ndarray:
        _check_images("RandomCrop", images, (*_FLOATS, "uint8"))
        pad = self.padding
        padded = np.pad(images, ((0, 0), (0, 0), (pad, pad), (pad, pad)))
        (height, width), (rows, columns) = padded.shape[2:], self.size
        if rows > height or columns > width:
            raise ValueError(f"RandomCrop: size is {self.size} but images with padding are {height} x {width}")
        top = generator.integers(0, height - rows + 1, len(images))
        left = generator.integers(0, width - columns + 1, len(images))
        windows = np.lib.stride_tricks.sliding_window_view(padded, self.size, (2, 3))
        cropped: np.ndarray = windows[np.arange(len(images)), :, top, left]
        return cropped

    def __repr__(self) -> str:
        return f"RandomCrop({self.size}, padding={self.padding})"


class RandomErasing:
    """A rectangle of each image set to `value` with probability p.

    scale: the range of its share of the area. ratio: that of its height by its width.

    Source: Zhong et al., "Random erasing data augmentation", AAAI 2020.
    """

    def __init__(
        self,
        p: float = 0.5,
        scale: tuple[float, float] = (0.02, 0.33),
        ratio: tuple[float, float] = (0.3, 3.3),
        value: float = 0,
    ) -> None:
        self.p = check_range("RandomErasing", "p", p, 0, 1)
        self.scale, self.ratio = _rising("scale", scale, 1.0), _rising("ratio", ratio, 1e6)
        if self.ratio[0] == 0.0:
            raise ValueError(f"RandomErasing: ratio must be above 0, not {ratio}")
        self.value = check_range("RandomErasing", "value", value, -1e9, 1e9)

    def __call__(self, images: np.ndarray, generator: Generator) -> np.ndarray:
        _check_images("RandomErasing", images, (*_FLOATS, "uint8"))
        count, _, height, width = images.shape
        unit = generator.random((5, count))
        area = (self.scale[0] + (self.scale[1] - self.scale[0]) * unit[1]) * height * width
        low, high = np.log(self.ratio)
        shape = np.exp(low + (high - low) * unit[2])
        rows = np.minimum(np.rint(np.sqrt(area * shape)), height)
        columns = np.minimum(np.rint(np.sqrt(area / shape)), width)
        top, left = np.floor(unit[3] * (height - rows + 1)), np.floor(unit[4] * (width - columns + 1))
        inside = _between(np.arange(height), top, rows)[:, :, None] & _between(np.arange(width), left, columns)[:, None]
        inside &= (unit[0] < self.p)[:, None, None]
        return np.where(inside[:, None], images.dtype.type(self.value), images)

    def __repr__(self) -> str:
        return f"RandomErasing(p={self.p}, scale={self.scale}, ratio={self.ratio}, value={self.value})"


def _between(places: np.ndarray, first: np.ndarray, count: np.ndarray) -> np.ndarray:
    """Which places (S) each of the intervals (N) holds: (N, S)."""
    held: np.ndarray = (places >= first[:, None]) & (places < (first + count)[:, None])
    return held


def _rising(name: str, value: Any, most: float) -> tuple[float, float]:
    if not isinstance(value, tuple | list) or len(value) != 2:
        raise ValueError(f"RandomErasing: {name} must be two numbers, low and high, not {show(value)}")
    low, high = (check_range("RandomErasing", name, each, 0, most) for each in value)
    if low > high:
        raise ValueError(f"RandomErasing: {name} is {value}, needs low <= high")
    return low, high
