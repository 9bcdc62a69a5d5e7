import numpy as np
import pytest
from checks import check_gradient, check_torch, torch

from pydl.ops import glu

X = np.random.default_rng(1).standard_normal((3, 4, 2)) * 3


@pytest.mark.parametrize("dim", [1, -1])
def test_gradient_and_torch(dim):
    check_gradient(lambda x: glu(x, dim), X)
    for x in (X, X[:0], X[::-1, ::2], 60 * X):
        check_torch(lambda x: glu(x, dim), lambda x: torch.nn.functional.glu(x, dim), x)
    check_torch(lambda x: glu(x, -3), lambda x: torch.nn.functional.glu(x, -3), X.T)


def test_infinities():
    for special in ([np.inf, np.inf], [np.inf, -np.inf], [-np.inf, 1.0], [np.nan, 0.0], [1.0, np.nan], [2.0, -np.inf]):
        want = torch.nn.functional.glu(torch.tensor(special)).numpy()
        np.testing.assert_array_equal(glu(np.array(special)).numpy(), want)


def test_worked_by_hand():
    assert glu(np.array([[2.0, 6.0, 0.0, 100.0]])).tolist() == [[1.0, 6.0]]


def test_refuses():
    with pytest.raises(ValueError, match="glu: dimension -1 must have two equal halves, but input has shape"):
        glu(np.ones((2, 3)))
    with pytest.raises(TypeError, match="glu: input has dtype int64 but must be float32 or float64"):
        glu(np.ones(2, int))
