"""Random brightness and contrast of images, and mixtures of two images with their labels."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ..arguments import check_array, check_integer, check_range
from .transforms import _FLOATS, _check_images

if TYPE_CHECKING:
    from numpy.random import Generator


class ColorJitter:
    """Brightness and contrast of each image of (N, C, H, W) multiplied by its own random factors.

        brightness   y = f x                            contrast   y = f x + (1 - f) m, m the mean of the image

    Each f is uniform in (max(0, 1 - brightness), 1 + brightness), or 1 - contrast and so on. Images are from 0 to 1, of
    uint8 to 255, and are clipped to that, so this comes before Normalize.

    Source: the arguments are those of torchvision.transforms.ColorJitter; Krizhevsky, Sutskever, Hinton, "ImageNet
    classification with deep convolutional neural networks", NIPS 2012, section 4.1, on changed intensities.
    """

    def __init__(self, brightness: float = 0.0, contrast: float = 0.0) -> None:
        self.brightness = check_range("ColorJitter", "brightness", brightness, 0, 1e6)
        self.contrast = check_range("ColorJitter", "contrast", contrast, 0, 1e6)

    def __call__(self, images: np.ndarray, generator: Generator) -> np.ndarray:
        _check_images("ColorJitter", images, (*_FLOATS, "uint8"))
        dtype = images.dtype if images.dtype.kind == "f" else np.dtype(np.float32)
        top = 1 if images.dtype.kind == "f" else 255
        y = images.astype(dtype)
        for strength, about_mean in ((self.brightness, False), (self.contrast, True)):
            unit = generator.random((len(images), 1, 1, 1))  # drawn whatever is switched on
            low = max(0.0, 1 - strength)
            f = (low + (1 + strength - low) * unit).astype(dtype)
            middle = y.mean((1, 2, 3), keepdims=True) if about_mean and y.size else 0
            y = np.clip(f * y + (1 - f) * middle, 0, top)
        return y if images.dtype.kind == "f" else np.rint(y).astype(images.dtype)

    def __repr__(self) -> str:
        return f"ColorJitter(brightness={self.brightness}, contrast={self.contrast})"


class MixUp:
    """Each image and its label mixed with those of another one of the batch.

        x = f x[i] + (1 - f) x[j],   y = f y[i] + (1 - f) y[j],   f ~ Beta(alpha, alpha), one for the batch

    As the transform of a DataLoader it changes batches (images, labels): labels (N), integers, become probabilities
    (N, num_classes), which cross_entropy takes.

    Source: Zhang, Cisse, Dauphin, Lopez-Paz, "mixup: beyond empirical risk minimization", ICLR 2018.
    """

    takes_labels = True

    def __init__(self, num_classes: int, alpha: float = 1.0) -> None:
        self.num_classes = check_integer("MixUp", "num_classes", num_classes, 1)
        self.alpha = check_range("MixUp", "alpha", alpha, 1e-6, 1e6)

    def __call__(self, images: np.ndarray, labels: np.ndarray, generator: Generator) -> tuple[np.ndarray, np.ndarray]:
        x, y = check_array("MixUp", "images", images), check_array("MixUp", "labels", labels)
        if x.dtype.name not in _FLOATS or y.dtype.kind not in "iu" or y.shape != x.shape[:1]:
            raise ValueError(
                f"MixUp: images must be floats (N, *) and labels integers (N), not {x.shape} and {y.shape}"
            )
        if y.size and not 0 <= y.min() <= y.max() < self.num_classes:
            raise ValueError(f"MixUp: labels go from {y.min()} to {y.max()} but there are {self.num_classes} classes")
        shares = np.eye(self.num_classes, dtype=x.dtype)[y]
        f = x.dtype.type(generator.beta(self.alpha, self.alpha))
        other = generator.permutation(len(x))
        return f * x + (1 - f) * x[other], f * shares + (1 - f) * shares[other]

    def __repr__(self) -> str:
        return f"MixUp({self.num_classes}, alpha={self.alpha})"
