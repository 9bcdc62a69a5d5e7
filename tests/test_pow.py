import numpy as np
import pytest
from checks import (
    check_broadcasting,
    check_gradient,
    check_kernel,
    check_promotion,
    check_special_values,
    check_torch,
    torch,
)

import pydl
from pydl.ops.pow import pow, pow_backward_exponent, pow_backward_input, pow_forward


@pytest.mark.parametrize(
    "kernel", [pow_forward, pow_backward_input, pow_backward_exponent], ids=lambda kernel: kernel.name
)
def test_native_equals_reference(kernel):
    check_kernel(kernel)


def test_broadcasting():
    check_broadcasting(pow, torch.pow, 0.5, 3.0)


def test_dtypes():
    check_promotion(pow, torch.pow)


def test_special_values():
    check_special_values(pow, torch.pow, arity=2)


@pytest.mark.parametrize("exponent", [-2.0, -1.0, -0.5, 0.0, 0.5, 1.0, 2.0, 3.0, 2.5])
def test_one_exponent(exponent):
    x = np.array([0.3, 1.0, 2.0])
    check_gradient(lambda x: x**exponent, x)
    check_torch(lambda x: x**exponent, lambda x: x**exponent, x)
    special = np.array([np.nan, np.inf, -np.inf, 0.0, -0.0, -1.5, 1e30])
    want = torch.pow(torch.tensor(special), torch.full((7,), exponent, dtype=torch.float64)).numpy()
    np.testing.assert_allclose(pow(special, exponent).numpy(), want, rtol=1e-14)


def test_gradient_where_the_base_is_zero():
    a = pydl.tensor([0.0, 0.0, 2.0], requires_grad=True)
    b = pydl.tensor([0.0, 2.0, 0.0], requires_grad=True)
    (a**b).backward(np.ones(3))
    assert a.grad.tolist() == [0.0, 0.0, 0.0]
    np.testing.assert_allclose(b.grad.numpy(), [0.0, 0.0, np.log(2)], rtol=1e-6)


def test_number_to_the_power_of_a_tensor():
    assert (2.0 ** pydl.tensor([3.0, -1.0])).tolist() == [8.0, 0.5]


def test_refuses():
    with pytest.raises(ValueError, match="pow: exponent is negative"):
        pow(np.array([2]), -1)
