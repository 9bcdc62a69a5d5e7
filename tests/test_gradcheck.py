"""gradcheck: right gradients pass, wrong ones are pointed at, kinks are named."""

import numpy as np
import pytest

from pydl.lab import gradcheck
from pydl.nn import functional

X = np.array([[0.3, -1.2, 0.7], [2.0, -0.4, 0.1]])


def test_right_gradients():
    assert gradcheck(lambda x, w: (functional.tanh(x) @ w).exp(), (X, X.T * 0.5))
    assert gradcheck(lambda x: (x * 2, [x.square()]), (X,))
    assert gradcheck(lambda x: functional.relu(x), (X,))


def test_the_worst_element_is_named():
    factor = np.ones((2, 3))
    factor[1, 0] = 3  # of this element, half of the gradient is lost

    with pytest.raises(AssertionError) as caught:
        gradcheck(lambda x: x.square() * 0.5 + x * x.detach() * factor, (X,))
    message = str(caught.value)
    assert message.startswith("gradcheck: input 0 at (1, 0): backward gives ")
    assert "the central difference" in message
    assert "relative error 0.4" in message  # 2 + 6 against 2 + 12
    assert "kink" not in message


def test_a_complex_step_sees_errors_that_a_difference_cannot():
    exact = {"rtol": 1e-14, "atol": 1e-15}
    assert gradcheck(functional.tanh, (X,), **exact, analytic=np.tanh)
    assert gradcheck(lambda a, b: a @ b, (X, X.T.copy()), **exact, analytic=lambda a, b: a @ b)
    nearly = lambda x: functional.tanh(x) + 1e-9 * (x - x.detach())  # noqa: E731
    assert gradcheck(nearly, (X,))
    with pytest.raises(AssertionError, match="the complex step"):
        gradcheck(nearly, (X,), **exact, analytic=np.tanh)


def test_analytic_must_be_the_same_function():
    with pytest.raises(ValueError, match="gradcheck: analytic must compute what f does, but its result 0 differs"):
        gradcheck(functional.tanh, (X,), analytic=np.sinh)


@pytest.mark.parametrize("place", [0.0, 3e-8, -3e-8])
def test_kinks_are_named(place):
    x = X.copy()
    x[1, 2] = place
    with pytest.raises(AssertionError, match=r"at \(1, 2\).*kink there, its slope is .* below and .* above"):
        gradcheck(functional.relu, (x,))


def test_a_steep_curve_is_no_kink():
    with pytest.raises(AssertionError) as caught:
        gradcheck(lambda x: (x * 30).exp() + 5 * x.detach() * x, (np.array([0.1]),))
    assert "kink" not in str(caught.value)
