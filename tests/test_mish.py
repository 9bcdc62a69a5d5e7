import numpy as np
import pytest
from checks import check_elementwise, check_kernel, check_special_values, check_torch, torch

from pydl.ops.mish import mish, mish_backward, mish_forward

X = np.array([[-2.0, -0.5, 0.25], [3.0, -1.0, 0.75]])


@pytest.mark.parametrize("kernel", [mish_forward, mish_backward], ids=lambda k: k.name)
def test_native_equals_reference(kernel):
    check_kernel(kernel)


def test_gradient_and_torch():
    check_elementwise(mish, torch.nn.functional.mish, X)
    check_torch(mish, torch.nn.functional.mish, np.array([1e9, 100.0, 21.0, -80.0, -600.0]))


def test_special_values():
    check_special_values(mish, torch.nn.functional.mish)


def test_worked_by_hand():
    # e^x = 1: the gate is tanh(ln 2) = 3/5.
    assert mish(np.array([0.0])).tolist() == [0.0]
    np.testing.assert_allclose(mish(np.log([2.0])).tolist(), np.log([2.0]) * 0.8, rtol=1e-14)


def test_refuses():
    with pytest.raises(TypeError, match="mish: input has dtype int64 but must be float32 or float64"):
        mish(np.array([1]))
