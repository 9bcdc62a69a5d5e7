"""ColorJitter and MixUp: random changes of intensities, and mixtures of images and labels."""

import numpy as np
import pytest
from checks import check_refused

import pydl
from pydl.data import ColorJitter, DataLoader, MixUp, TensorDataset

IMAGES = np.random.default_rng(0).uniform(0.2, 0.5, (50, 3, 4, 4)).astype(np.float32)


def test_brightness_is_a_factor_for_each_image():
    y = ColorJitter(brightness=0.4)(IMAGES, np.random.default_rng(1))
    factors = (y / IMAGES).reshape(50, -1)
    assert y.dtype == np.float32
    assert np.ptp(factors, 1).max() < 1e-5
    assert 0.6 <= factors.min() < 0.7
    assert 1.3 < factors.max() <= 1.4


def test_contrast_keeps_the_mean():
    y = ColorJitter(contrast=0.5)(IMAGES, np.random.default_rng(1))
    np.testing.assert_allclose(y.mean((1, 2, 3)), IMAGES.mean((1, 2, 3)), rtol=1e-5)
    spread = y.std((1, 2, 3)) / IMAGES.std((1, 2, 3))
    assert 0.5 <= spread.min() < 0.7
    assert 1.3 < spread.max() <= 1.51


def test_limits_and_bytes():
    bright = ColorJitter(brightness=3)(IMAGES, np.random.default_rng(1))
    assert bright.max() == 1
    whole = (IMAGES * 255).astype(np.uint8)
    changed = ColorJitter(0.5, 0.5)(whole, np.random.default_rng(1))
    assert changed.dtype == np.uint8
    same = ColorJitter()(whole, np.random.default_rng(1))
    np.testing.assert_array_equal(same, whole)
    assert ColorJitter(0.5)(IMAGES[:0], np.random.default_rng(1)).shape == (0, 3, 4, 4)


def test_mixtures():
    labels = np.arange(50) % 4
    x, y = MixUp(4, alpha=0.4)(IMAGES, labels, np.random.default_rng(2))
    assert (x.shape, y.shape, x.dtype, y.dtype) == (IMAGES.shape, (50, 4), np.float32, np.float32)
    np.testing.assert_allclose(y.sum(1), 1, rtol=1e-6)
    np.testing.assert_allclose(x.mean(0), IMAGES.mean(0), rtol=1e-5)  # everyone is in it with f and with 1 - f
    two = np.sort(y, 1)[:, -2:]
    shares = two[two[:, 0] > 0]
    assert np.ptp(shares[:, 1]) < 1e-6, "one f for the batch"


def test_a_loader_mixes_what_cross_entropy_takes():
    data = TensorDataset(IMAGES, np.arange(50) % 4)
    model = pydl.nn.Sequential(pydl.nn.Flatten(), pydl.nn.Linear(48, 4))
    for x, y in DataLoader(data, 16, shuffle=True, transform=MixUp(4)):
        assert y.shape == (len(x), 4)
        pydl.nn.functional.cross_entropy(model(x), y).backward()


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: ColorJitter(brightness=-1), ValueError, "ColorJitter: brightness must be from 0 to 1000000.0, not -1"),
        (lambda: MixUp(3, alpha=0), ValueError, "MixUp: alpha must be from 1e-06 to 1000000.0, not 0"),
        (lambda: MixUp(3)(IMAGES, np.full(50, 3), np.random.default_rng()), ValueError,
         "MixUp: labels go from 3 to 3 but there are 3 classes"),
        (lambda: MixUp(3)(IMAGES, np.zeros(49, int), np.random.default_rng()), ValueError,
         "MixUp: images must be floats (N, *) and labels integers (N), not (50, 3, 4, 4) and (49,)"),
    ],
)  # fmt: skip
def test_refuses(call, error, message):
    check_refused(call, error, message)
