import numpy as np
import pytest
from checks import check_gradient, check_kernel, check_torch, torch

from pydl.ops.prelu import prelu, prelu_forward

RNG = np.random.default_rng(0)


def test_native_equals_reference():
    check_kernel(prelu_forward)


def test_nan_and_infinities_as_in_pytorch():
    odd = np.array([[np.nan, np.inf, -np.inf, 0.0, -0.0, 2.0]])
    for w in (0.5, np.inf, np.nan):
        check_torch(prelu, torch.nn.functional.prelu, odd, np.array([w]))


@pytest.mark.parametrize(
    ("shape", "weights"), [((4, 3), 3), ((2, 3, 4, 5), 3), ((2, 3, 4), 1), ((5,), 1), ((0, 3), 3), ((2, 1, 3), 1)]
)
def test_gradient_and_torch(shape, weights):
    x, w = RNG.standard_normal(shape), RNG.standard_normal(weights)
    check_gradient(prelu, x, w)
    check_torch(prelu, torch.nn.functional.prelu, x, w)


def test_worked_by_hand():
    x = np.array([[1.0, -2.0], [-4.0, 3.0]])
    assert prelu(x, np.array([0.5, 0.25])).tolist() == [[1.0, -0.5], [-2.0, 3.0]]


def test_the_gradient_at_zero_is_that_of_the_negative_side():
    check_torch(prelu, torch.nn.functional.prelu, np.zeros((1, 2)), np.array([0.25, 0.5]))


def test_refuses():
    with pytest.raises(ValueError, match=r"prelu: weight has shape \(2,\) but must be \(1,\) or one number a channel"):
        prelu(np.ones((4, 3)), np.ones(2))
    with pytest.raises(TypeError, match="prelu: weight is float32 but input is float64; convert one of them"):
        prelu(np.ones((4, 3)), np.ones(3, np.float32))
