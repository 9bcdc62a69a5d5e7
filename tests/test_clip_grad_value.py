import numpy as np
import pytest
from checks import check_kernel

import pydl
from pydl.optim import clip_grad_value_
from pydl.optim.clip_grad_value import clip_grad_value


def test_native_equals_reference():
    check_kernel(clip_grad_value)


def test_worked_by_hand():
    w = pydl.tensor(np.zeros(5, np.float32), requires_grad=True)
    w.grad = pydl.tensor([-3.0, -0.5, 0.0, np.nan, np.inf])
    clip_grad_value_([w, pydl.tensor([1.0], requires_grad=True)], 1)
    np.testing.assert_array_equal(w.grad.numpy(), [-1.0, -0.5, 0.0, np.nan, 1.0])


def test_refuses():
    w = pydl.tensor([0.0], requires_grad=True)
    with pytest.raises(ValueError, match="clip_grad_value_: clip_value must be at least 0, not -1"):
        clip_grad_value_(w, -1)
    with pytest.raises(TypeError, match="clip_grad_value_: parameters must be Tensors, not ndarray"):
        clip_grad_value_([np.ones(1)], 1)
