import numpy as np
import pytest
from checks import check_gradient, check_torch

import pydl
from pydl.ops.adaptive_max_pool2d import adaptive_max_pool2d

RNG = np.random.default_rng(0)


def test_worked_by_hand():
    x = pydl.tensor([[[1.0, 4.0, 2.0, 3.0, 5.0]]], requires_grad=True)
    y, indices = adaptive_max_pool2d(x, (1, 2), return_indices=True)
    assert y.tolist() == [[[4.0, 5.0]]]  # of 1 4 2 and 2 3 5
    assert indices.tolist() == [[[1, 4]]]
    y.backward(np.array([[[1.0, 2.0]]]))
    assert x.grad.tolist() == [[[0.0, 1.0, 0.0, 0.0, 2.0]]]


CASES = [
    # shape of x, output_size
    ((2, 3, 7, 7), 1),
    ((2, 3, 13, 17), (6, 5)),
    ((2, 3, 14, 14), 7),
    ((3, 9, 20), (None, 4)),
    ((2, 3, 8, 33), (4, 3)),
    ((2, 2, 2, 3), (3, 5)),
    ((0, 3, 6, 6), 2),
]


@pytest.mark.parametrize(("shape", "size"), CASES, ids=str)
def test_torch(shape, size):
    torch = pytest.importorskip("torch")
    x = RNG.permutation(int(np.prod(shape))).reshape(shape) / 7.0
    theirs = tuple(shape[len(shape) - 2 :]) if size is None else size
    check_torch(lambda x: adaptive_max_pool2d(x, size), lambda x: torch.nn.functional.adaptive_max_pool2d(x, theirs), x)


@pytest.mark.parametrize(("shape", "size"), CASES, ids=str)
def test_torch_indices_of_equals_and_special_values(shape, size):
    torch = pytest.importorskip("torch")
    x = RNG.integers(0, 3, shape).astype(np.float32)
    odd = RNG.random(shape)
    x[odd < 0.02], x[(odd > 0.1) & (odd < 0.4)], x[odd > 0.95] = np.nan, -np.inf, np.inf
    theirs = tuple(shape[len(shape) - 2 :]) if size is None else size
    y, indices = adaptive_max_pool2d(x, size, return_indices=True)
    z, positions = torch.nn.functional.adaptive_max_pool2d(torch.tensor(x), theirs, return_indices=True)
    np.testing.assert_array_equal(y.numpy(), z.numpy())
    np.testing.assert_array_equal(indices.numpy(), positions.numpy())


def test_gradient():
    shape, size = (1, 2, 5, 4), (3, 2)
    x = RNG.permutation(int(np.prod(shape))).reshape(shape) / 10.0
    check_gradient(lambda x: adaptive_max_pool2d(x, size), x)


def test_any_strides():
    view = RNG.standard_normal((2, 3, 9, 17)).astype(np.float32).swapaxes(0, 1)[..., ::-1]
    for size in (1, 2):
        np.testing.assert_array_equal(
            adaptive_max_pool2d(view, size).numpy(), adaptive_max_pool2d(view.copy(), size).numpy()
        )


X = np.zeros((2, 3, 9, 17), np.float32)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: adaptive_max_pool2d(X, 0), ValueError, "output_size must be at least 1, not 0"),
        (
            lambda: adaptive_max_pool2d(X, 1.5),
            TypeError,
            "output_size must be an integer, not 1.5",
        ),
        (
            lambda: adaptive_max_pool2d(X, (1,) * 4),
            ValueError,
            "output_size must be one integer or two, not (1, 1, 1, 1)",
        ),
        (
            lambda: adaptive_max_pool2d(X[0, 0], 2),
            ValueError,
            "input must be (N, C, H, W) or (C, H, W), but has shape",
        ),
        (
            lambda: adaptive_max_pool2d(X[..., :0], 2),
            ValueError,
            "input must have some elements to pool, but has shape",
        ),
        (
            lambda: adaptive_max_pool2d(X.astype(int), 2),
            TypeError,
            "input has dtype int64 but must be float32 or float64",
        ),
    ],
)
def test_refuses(call, error, message):
    with pytest.raises(error) as raised:
        call()
    assert f"adaptive_max_pool2d: {message}" in str(raised.value)
