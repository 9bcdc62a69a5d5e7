import numpy as np
import pytest
from checks import check_gradient, check_torch

import pydl
from pydl.ops.adaptive_avg_pool1d import adaptive_avg_pool1d

RNG = np.random.default_rng(0)


def test_worked_by_hand():
    x = pydl.tensor([[1.0, 4.0, 1.0, 3.0, 5.0]], requires_grad=True)
    y = adaptive_avg_pool1d(x, 2)
    assert y.tolist() == [[2.0, 3.0]]  # of 1 4 1 and 1 3 5
    y.backward(np.array([[3.0, 6.0]]))
    assert x.grad.tolist() == [[1.0, 1.0, 3.0, 2.0, 2.0]]


CASES = [
    # shape of x, output_size
    ((2, 3, 17), 1),
    ((2, 3, 17), 5),
    ((2, 3, 16), 4),
    ((3, 20), (7,)),
    ((2, 3, 17), None),
    ((2, 2, 4), 9),
    ((0, 3, 6), 2),
]


@pytest.mark.parametrize(("shape", "size"), CASES, ids=str)
def test_torch(shape, size):
    torch = pytest.importorskip("torch")
    x = RNG.permutation(int(np.prod(shape))).reshape(shape) / 7.0
    theirs = tuple(shape[len(shape) - 1 :]) if size is None else size
    check_torch(lambda x: adaptive_avg_pool1d(x, size), lambda x: torch.nn.functional.adaptive_avg_pool1d(x, theirs), x)


def test_gradient():
    shape, size = (1, 2, 7), 3
    x = RNG.permutation(int(np.prod(shape))).reshape(shape) / 10.0
    check_gradient(lambda x: adaptive_avg_pool1d(x, size), x)


def test_any_strides():
    view = RNG.standard_normal((2, 3, 17)).astype(np.float32).swapaxes(0, 1)[..., ::-1]
    for size in (1, 2):
        want = adaptive_avg_pool1d(view.copy(), size).numpy()
        np.testing.assert_allclose(adaptive_avg_pool1d(view, size).numpy(), want, atol=1e-6)


X = np.zeros((2, 3, 17), np.float32)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: adaptive_avg_pool1d(X, 0), ValueError, "output_size must be at least 1, not 0"),
        (
            lambda: adaptive_avg_pool1d(X, 1.5),
            TypeError,
            "output_size must be an integer, not 1.5",
        ),
        (
            lambda: adaptive_avg_pool1d(X, (1,) * 4),
            ValueError,
            "output_size must be one integer, not (1, 1, 1, 1)",
        ),
        (
            lambda: adaptive_avg_pool1d(X[0, 0], 2),
            ValueError,
            "input must be (N, C, L) or (C, L), but has shape",
        ),
        (
            lambda: adaptive_avg_pool1d(X[..., :0], 2),
            ValueError,
            "input must have some elements to pool, but has shape",
        ),
        (
            lambda: adaptive_avg_pool1d(X.astype(int), 2),
            TypeError,
            "input has dtype int64 but must be float32 or float64",
        ),
    ],
)
def test_refuses(call, error, message):
    with pytest.raises(error) as raised:
        call()
    assert f"adaptive_avg_pool1d: {message}" in str(raised.value)
