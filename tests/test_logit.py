import numpy as np
import pytest
from checks import check_gradient, check_special_values, check_torch, torch

import pydl
from pydl.ops.logit import logit

X = np.array([[0.1, 0.5, 0.25], [0.9, 0.02, 0.75]])


@pytest.mark.parametrize("eps", [None, 0.05])
def test_gradient_and_torch(eps):
    check_gradient(lambda x: logit(x, eps), X)
    check_torch(lambda x: logit(x, eps), lambda x: torch.logit(x, eps), X)
    check_special_values(lambda x: logit(x, eps), lambda x: torch.logit(x, eps))


@pytest.mark.parametrize("eps", [None, 0.2])
def test_outside_and_at_the_ends(eps):
    ends = np.array([0.0, 1.0, -0.5, 1.5, np.nan, 0.3])
    check_torch(lambda x: logit(x, eps), lambda x: torch.logit(x, eps), ends)


def test_by_hand():
    assert logit(np.array([0.5, 0.0, 1.0])).tolist() == [0.0, -np.inf, np.inf]
    np.testing.assert_allclose(logit(np.array([0.8])).numpy(), np.log(4.0))
    np.testing.assert_allclose(pydl.sigmoid(logit(X)).numpy(), X, rtol=1e-12)


def test_refuses():
    with pytest.raises(ValueError, match=r"logit: eps must be from 0\.0 to 0\.5, not 0\.7"):
        logit(X, eps=0.7)
