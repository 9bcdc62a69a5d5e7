import numpy as np
import pytest

from pydl.data import RandomCrop, RandomErasing, RandomHorizontalFlip


def images(count=200, dtype=np.float32):
    return np.random.default_rng(0).integers(1, 200, (count, 2, 6, 5)).astype(dtype)


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.uint8])
@pytest.mark.parametrize("transform", [RandomHorizontalFlip(), RandomCrop((6, 5), 2), RandomErasing()], ids=repr)
def test_shape_dtype_and_seed(transform, dtype):
    x = images(dtype=dtype)
    one, two = (transform(x, np.random.default_rng(3)) for _ in range(2))
    assert one.dtype == dtype
    assert one.shape == x.shape
    np.testing.assert_array_equal(one, two)
    assert transform(x[:0], np.random.default_rng(3)).shape == (0, 2, 6, 5)
    np.testing.assert_array_equal(x, images(dtype=dtype))


def test_flip():
    x = images()
    y = RandomHorizontalFlip(0.25)(x, np.random.default_rng(0))
    flipped = (y == x[..., ::-1]).all((1, 2, 3))
    assert (flipped | (y == x).all((1, 2, 3))).all()
    assert 0.15 < flipped.mean() < 0.35


def test_crop():
    x = images()
    y = RandomCrop(4)(x, np.random.default_rng(0))
    parts = [x[:, :, i : i + 4, j : j + 4] for i in range(3) for j in range(2)]
    hits = np.array([(y == part).all((1, 2, 3)) for part in parts])
    assert (hits.sum(0) >= 1).all()
    assert (hits.sum(1) > 10).all(), "every place is chosen"


def test_erasing():
    x = images()
    y = RandomErasing(1.0, (0.2, 0.4))(x, np.random.default_rng(0))
    assert ((y == x) | (y == 0)).all()
    assert 0.15 < (y == 0).mean() < 0.45
    assert ((y[:, 0] == 0) == (y[:, 1] == 0)).all()
    np.testing.assert_array_equal(RandomErasing(0.0)(x, np.random.default_rng(0)), x)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: RandomCrop(9)(images(), np.random.default_rng(0)), r"RandomCrop: size is \(9, 9\) but images with"),
        (lambda: RandomHorizontalFlip(2), "RandomHorizontalFlip: p must be from 0 to 1, not 2"),
        (lambda: RandomErasing(scale=(0.5, 0.1)), "RandomErasing: scale is"),
        (lambda: RandomErasing()(images()[0], None), r"RandomErasing: images are \(2, 6, 5\), needs an array of shape"),
    ],
)
def test_refuses(call, message):
    with pytest.raises(ValueError, match=message):
        call()
