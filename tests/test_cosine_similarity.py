import numpy as np
import pytest
from checks import check_gradient, check_refused, check_torch, torch

import pydl
from pydl.ops.cosine_similarity import cosine_similarity

RNG = np.random.default_rng(0)


def test_the_dimension_itself_broadcasts():
    a, b = np.random.default_rng(0).standard_normal((2, 3, 4))
    for other, dim in [(b[:, :1], 1), (b[:1], 0), (b[0], 0), (np.array(0.5), 1)]:
        check_torch(
            lambda x, y, d=dim: pydl.nn.functional.cosine_similarity(x, y, d),
            lambda x, y, d=dim: torch.nn.functional.cosine_similarity(x, y, d),
            a,
            other,
        )


def test_worked_by_hand():
    x = np.array([[1.0, 0.0], [3.0, 4.0], [1.0, 1.0]])
    y = np.array([[0.0, 2.0], [6.0, 8.0], [1.0, 0.0]])
    np.testing.assert_allclose(cosine_similarity(x, y).numpy(), [0.0, 1.0, np.sqrt(0.5)], atol=1e-15)


@pytest.mark.parametrize(
    ("one", "other", "dim"),
    [((4, 5), (4, 5), 1), ((3, 4, 5), (4, 1), -2), ((6,), (6,), 0), ((0, 3), (1, 3), 1)],
    ids=str,
)
def test_torch(one, other, dim):
    a, b = RNG.standard_normal(one), RNG.standard_normal(other)
    check_torch(
        lambda a, b: cosine_similarity(a, b, dim), lambda a, b: torch.nn.functional.cosine_similarity(a, b, dim), a, b
    )


def test_gradient():
    check_gradient(cosine_similarity, RNG.standard_normal((3, 4)), RNG.standard_normal((3, 4)))


def test_of_nothing_it_is_0_and_so_is_its_gradient():
    x = pydl.tensor(np.zeros((1, 3)), requires_grad=True)
    y = cosine_similarity(x, np.zeros((1, 3)))
    y.backward(np.ones(1))
    assert y.tolist() == [0.0]
    assert x.grad.tolist() == [[0.0, 0.0, 0.0]]


def test_a_length_whose_square_no_float_holds():
    assert cosine_similarity(np.ones((1, 3)), np.ones((1, 3)), eps=1e300).item() == 0


X = np.ones((2, 3), np.float32)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (
            lambda: cosine_similarity(X, X[:, :2]),
            ValueError,
            "x1 has shape (2, 3) and x2 (2, 2); they do not broadcast",
        ),
        (lambda: cosine_similarity(X, X, 2), IndexError, "dim is 2, but the input has 2 dimensions"),
        (lambda: cosine_similarity(X, X.astype(int)), TypeError, "x2 has dtype int64 but must be float32 or float64"),
        (lambda: cosine_similarity(X, X, eps=-1), ValueError, "eps must be at least 0.0, not -1"),
    ],
)
def test_refuses(call, error, message):
    check_refused(call, error, f"cosine_similarity: {message}")
