"""Batch transforms: affine maps against exact cases and a loop, normalisation, composition."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pydl.data import Compose, Normalize, RandomAffine, affine

SHAPES = [
    (3, 1, 28, 28),
    (2, 3, 5, 5),
    (1, 2, 4, 7),
    (2, 1, 1, 1),
    (1, 1, 1, 6),
    (0, 1, 8, 8),
    (2, 0, 3, 3),
    (2, 1, 0, 4),
]


def random_images(shape, dtype=np.float32, seed=0):
    generator = np.random.default_rng(seed)
    if np.dtype(dtype) == np.uint8:
        return generator.integers(0, 256, shape, dtype=np.uint8)
    return generator.random(shape).astype(dtype)


def affine_by_loops(images, angle, translate, scale):
    """The formula of affine(), one pixel after another."""
    count, channels, height, width = images.shape
    result = np.zeros(images.shape)
    cx, cy = (width - 1) / 2, (height - 1) / 2
    for n in range(count):
        cos, sin = math.cos(math.radians(angle[n])), math.sin(math.radians(angle[n]))
        for i in range(height):
            for j in range(width):
                right, down = j - cx - translate[n][0], i - cy - translate[n][1]
                x, y = cx + (cos * right + sin * down) / scale[n], cy + (-sin * right + cos * down) / scale[n]
                for p in (math.floor(y), math.floor(y) + 1):
                    for q in (math.floor(x), math.floor(x) + 1):
                        if 0 <= p < height and 0 <= q < width:
                            for c in range(channels):
                                result[n, c, i, j] += (1 - abs(y - p)) * (1 - abs(x - q)) * images[n, c, p, q]
    return result


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.uint8])
@pytest.mark.parametrize("shape", SHAPES)
def test_identity_is_exact_and_a_copy(shape, dtype):
    images = random_images(shape, dtype)
    for result in (affine(images), RandomAffine(0)(images, np.random.default_rng(0))):
        assert result.dtype == dtype
        assert result.shape == shape
        assert not np.shares_memory(result, images)
        np.testing.assert_array_equal(result, images)


@pytest.mark.parametrize(("right", "down"), [(1, 0), (0, 1), (-2, 3), (5, -1), (9, 0), (0, -100)])
def test_whole_pixel_shift_is_exact(right, down):
    images = random_images((2, 2, 7, 9))
    rolled = np.roll(images, (down, right), (2, 3))
    rows, columns = np.arange(7)[:, None] - down, np.arange(9) - right
    expected = np.where((rows >= 0) & (rows < 7) & (columns >= 0) & (columns < 9), rolled, 0)
    np.testing.assert_array_equal(affine(images, translate=(right, down)), expected)


@pytest.mark.parametrize("size", [1, 4, 5, 28])
@pytest.mark.parametrize("turns", [-1, 1, 2, 3])
def test_right_angles_equal_rot90(size, turns):
    images = random_images((2, 3, size, size), np.float64)
    expected = np.rot90(images, -turns, (2, 3))  # rot90 turns anticlockwise
    np.testing.assert_allclose(affine(images, angle=90.0 * turns), expected, rtol=0, atol=1e-12)
    pixels = random_images((2, 3, size, size), np.uint8)
    np.testing.assert_array_equal(affine(pixels, angle=90.0 * turns), np.rot90(pixels, -turns, (2, 3)))


def test_extreme_maps_stay_finite():
    images = random_images((1, 1, 5, 5))
    assert np.isfinite(affine(images, 33.0, (1e9, -1e9), 1e-6)).all()
    assert np.isfinite(affine(images, 33.0, (-1e9, 1e9), 1e30)).all()
    assert not affine(images, 0.0, (-1e9, 1e9), 1.0).any()


def test_scale_worked_by_hand():
    images = np.array([0.0, 2.0, 4.0, 6.0]).reshape(1, 1, 1, 4)
    # About the centre 1.5: x = 1.5 + (x' - 1.5) / scale.
    np.testing.assert_allclose(affine(images, scale=2.0)[0, 0, 0], [1.5, 2.5, 3.5, 4.5])
    np.testing.assert_allclose(affine(images, scale=0.5)[0, 0, 0], [0, 1.0, 5.0, 0])


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 6), st.integers(1, 6), st.sampled_from([np.float32, np.float64]))
def test_equals_the_formula(seed, height, width, dtype):
    generator = np.random.default_rng(seed)
    images = random_images((3, 2, height, width), dtype, seed)
    angle, scale = generator.uniform(-180, 180, 3), generator.uniform(0.3, 3, 3)
    translate = generator.uniform(-3, 3, (3, 2))
    expected = affine_by_loops(images, angle, translate, scale)
    tolerance = 1e-10 if dtype == np.float64 else 3e-5
    np.testing.assert_allclose(affine(images, angle, translate, scale), expected, rtol=0, atol=tolerance)


def test_non_contiguous_and_read_only_images():
    images = random_images((2, 1, 6, 8))[:, :, ::-1, ::2]
    images.flags.writeable = False
    np.testing.assert_array_equal(affine(images, 30.0), affine(np.ascontiguousarray(images), 30.0))


def test_random_affine_draws_its_documented_numbers():
    images = random_images((5, 2, 12, 10))
    transform = RandomAffine((-30, 10), translate=(0.2, 0.1), scale=(0.8, 1.1))
    unit = np.random.default_rng(4).random((4, 5))
    translate = np.stack([(2 * unit[1] - 1) * 0.2 * 10, (2 * unit[2] - 1) * 0.1 * 12], axis=1)
    expected = affine(images, -30 + 40 * unit[0], translate, 0.8 + 0.3 * unit[3])
    np.testing.assert_allclose(transform(images, np.random.default_rng(4)), expected, rtol=0, atol=1e-5)


def test_random_affine_repeats_with_the_seed_and_varies_the_images():
    images = np.repeat(random_images((1, 1, 28, 28)), 4, axis=0)
    transform = RandomAffine(15, (0.1, 0.1), (0.9, 1.1))
    once = transform(images, np.random.default_rng(7))
    assert once.tobytes() == transform(images, np.random.default_rng(7)).tobytes()
    assert once.tobytes() != transform(images, np.random.default_rng(8)).tobytes()
    assert len(np.unique(once.reshape(4, -1), axis=0)) == 4


def test_normalize():
    images = random_images((4, 2, 3, 3))
    result = Normalize((0.5, 0.1), (0.25, 2.0))(images)
    assert result.dtype == np.float32
    np.testing.assert_allclose(result[:, 1], (images[:, 1] - 0.1) / 2, rtol=1e-6, atol=1e-7)
    np.testing.assert_allclose(Normalize(0.5, 0.25)(images.astype(np.float64)), (images - 0.5) / 0.25)


def test_compose_applies_in_order():
    images = random_images((2, 1, 3, 3))
    both = Compose([Normalize(1, 1), lambda x, generator: x * 2])
    np.testing.assert_allclose(both(images, np.random.default_rng(0)), (images - 1) * 2)
    np.testing.assert_array_equal(Compose([])(images), images)
    assert repr(Compose([RandomAffine(5)])) == (
        "Compose([RandomAffine(degrees=(-5.0, 5.0), translate=(0.0, 0.0), scale=(1.0, 1.0))])"
    )


IMAGES = random_images((2, 3, 4, 4))


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: affine(IMAGES[0]), ValueError, r"affine: images are \(3, 4, 4\), needs an array of shape"),
        (lambda: affine(IMAGES.astype(np.int32)), TypeError, "needs native float32 or float64 or uint8"),
        (lambda: affine(IMAGES.astype(">f4")), TypeError, "images are >f4"),
        (lambda: affine(IMAGES, scale=0), ValueError, "scale is 0"),
        (lambda: affine(IMAGES, scale=[1, 1e-300]), ValueError, "scale is 0 or nearly so"),
        (lambda: affine(IMAGES, translate=(1e300, 0)), ValueError, "translate is larger than 1e9"),
        (lambda: affine(IMAGES, angle=np.nan), ValueError, "angle must be finite"),
        (lambda: affine(IMAGES, angle=np.zeros(3)), ValueError, r"angle has the shape \(3,\), needs \(\) or"),
        (lambda: affine(IMAGES, translate=1.0), ValueError, r"translate has the shape \(\), needs \(2,\) or"),
        (lambda: RandomAffine(5)([1, 2], None), ValueError, "images are list"),
        (lambda: RandomAffine((5, -5)), ValueError, "needs low <= high"),
        (lambda: RandomAffine(np.inf), ValueError, "needs two finite numbers"),
        (lambda: RandomAffine(0, translate=(0.1, 2)), ValueError, "between 0 and 1"),
        (lambda: RandomAffine(0, translate=0.1), ValueError, "translate is 0.1, needs two"),
        (lambda: RandomAffine(0, scale=(0, 1)), ValueError, "factors above 0"),
        (lambda: Normalize(0, 0), ValueError, "std above 0"),
        (lambda: Normalize([[1.0]], 1), ValueError, "one number per channel"),
        (lambda: Normalize((0, 1), 1)(IMAGES), ValueError, "mean has 2 channels but images have 3"),
        (lambda: Normalize(0, 1)(IMAGES.astype(np.uint8)), TypeError, "needs native float32 or float64"),
        (lambda: Compose([3]), TypeError, "transform 0 is a int"),
    ],
)
def test_rejects(call, error, message):
    with pytest.raises(error, match=message):
        call()
