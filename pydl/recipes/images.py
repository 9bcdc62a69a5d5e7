"""Image files as arrays. Needs Pillow: pip install 'pydl-cpu[images]'."""

from __future__ import annotations

import os
from typing import Any

import numpy as np

from ..arguments import Array

_LIMIT = 50_000_000  # pixels; a small file can claim to hold far more


def _pillow() -> Any:
    try:
        from PIL import Image
    except ImportError:
        raise ImportError("Reading images needs Pillow: pip install 'pydl-cpu[images]'") from None
    return Image


def read_image(path: str | os.PathLike[str], size: int) -> Array:
    """A grey image (size, size), float32 from 0 to 1, light on dark as in the training data.

    Colours become grey; the picture is scaled to fit and centred; dark on light (a scan, a photo of paper), told by
    its border being lighter than its middle brightness, is inverted. Errors: FileNotFoundError, ValueError for what is
    not an image or too large.
    """
    Image = _pillow()
    try:
        with Image.open(path) as file:
            if file.width * file.height > _LIMIT:
                raise ValueError(f"is {file.width}x{file.height} pixels large, at most {_LIMIT:,} pixels are read")
            rgba = (_eight_bits(file) if file.mode in ("F", "I") or file.mode.startswith("I;") else file).convert(
                "RGBA"
            )
    except FileNotFoundError:
        raise FileNotFoundError("there is no such file") from None
    except (Image.UnidentifiedImageError, Image.DecompressionBombError, SyntaxError, OSError) as error:
        raise ValueError(f"is no image that can be read ({type(error).__name__})") from None
    paper = Image.new("RGBA", rgba.size, "white")
    transparent = rgba.getextrema()[3][0] < 255
    grey = (Image.alpha_composite(paper, rgba) if transparent else rgba).convert("L")
    border = np.concatenate(
        [np.asarray(grey)[edge] for edge in ((0,), (-1,), (slice(None), 0), (slice(None), -1))], axis=None
    )
    low, high = grey.getextrema()
    if border.mean() > (low + high) / 2:
        grey = grey.point(lambda value: 255 - value)
    if grey.size != (size, size):
        ratio = size / max(grey.size)
        fitted = grey.resize((max(1, round(grey.width * ratio)), max(1, round(grey.height * ratio))))
        grey = Image.new("L", (size, size), 0)
        grey.paste(fitted, ((size - fitted.width) // 2, (size - fitted.height) // 2))
    return np.asarray(grey, np.float32) / 255


def _eight_bits(file: Any) -> Any:
    """A grey image of larger numbers (16-bit scans) or fractions, which Pillow would cut off, as one from 0 to 255."""
    values = np.nan_to_num(np.asarray(file, np.float64), posinf=0, neginf=0).clip(min=0)
    brightest = values.max(initial=0)
    white = next((white for white in (1 if file.mode == "F" else 255, 255, 65535) if brightest <= white), brightest)
    return _pillow().fromarray((values * (255 / white)).round().astype(np.uint8))


def write_image(path: str | os.PathLike[str], image: Array) -> None:
    """A grey image (H, W) of numbers from 0 to 1 as a PNG file; without Pillow nothing is written."""
    try:
        Image = _pillow()
    except ImportError:
        return
    Image.fromarray((np.clip(image, 0, 1) * 255).round().astype(np.uint8)).save(path)
