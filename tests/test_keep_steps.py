import numpy as np
import pytest
from checks import check_gradient, check_kernel

from pydl.ops.keep_steps import keep_steps, keep_steps_forward

X = np.random.default_rng(0).standard_normal((4, 3, 2))


def test_native_equals_reference():
    check_kernel(keep_steps_forward)


def test_worked_by_hand():
    y = keep_steps([[[1.0], [2.0]], [[3.0], [np.nan]]], [2, 1])
    np.testing.assert_array_equal(y.numpy(), [[[1.0], [2.0]], [[3.0], [0.0]]])


def test_gradient():
    check_gradient(lambda x: keep_steps(x, [0, 4, 2]), X)


@pytest.mark.parametrize(
    ("x", "lengths", "error", "message"),
    [
        (X[0], [1, 2, 2], ValueError, r"keep_steps: input must be \(T, N, D\), but has shape \(3, 2\)"),
        (X, [1, 2], ValueError, r"keep_steps: lengths has shape \(2,\) but must be \(3,\)"),
        (X, [1, 2, 5], ValueError, "keep_steps: lengths must be from 0 to 4, .* but go from 1 to 5"),
        (X, [1.0, 2.0, 3.0], TypeError, "keep_steps: lengths has dtype .* but must hold integers"),
        (X > 0, [1, 2, 3], TypeError, "keep_steps: input has dtype bool"),
    ],
)
def test_refuses(x, lengths, error, message):
    with pytest.raises(error, match=message):
        keep_steps(x, lengths)
