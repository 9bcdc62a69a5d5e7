import numpy as np
import pytest
import softmaxes
from checks import check_kernel, check_refused

import pydl
from pydl.ops.log_softmax import log_softmax, log_softmax_backward, log_softmax_forward


@pytest.mark.parametrize("kernel", [log_softmax_forward, log_softmax_backward], ids=lambda k: k.name)
def test_native_equals_reference(kernel):
    check_kernel(kernel)


def test_worked_by_hand():
    x = pydl.tensor([0.0, np.log(3.0)], dtype=np.float64, requires_grad=True)
    y = log_softmax(x, 0)
    np.testing.assert_allclose(y.detach().numpy(), np.log([0.25, 0.75]))
    y.backward(np.array([1.0, 0.0]))
    np.testing.assert_allclose(x.grad.numpy(), [0.75, -0.75])


@pytest.mark.parametrize(("shape", "dim"), softmaxes.SHAPES, ids=str)
def test_torch(shape, dim):
    softmaxes.check_against_torch(log_softmax, shape, dim)


def test_empty_line():
    softmaxes.check_empty_line(log_softmax)


@pytest.mark.parametrize("dim", [0, 1])
def test_gradient(dim):
    softmaxes.check_gradient_along(log_softmax, dim)


@pytest.mark.parametrize("dim", [0, 1])
def test_special_lines_as_in_torch(dim):
    softmaxes.check_special_lines(log_softmax, dim)


def test_long_lines():
    softmaxes.check_long_lines(log_softmax, log_softmax_forward, log_softmax_backward)


def test_special_pieces_as_in_torch():
    softmaxes.check_special_pieces(log_softmax)


def test_any_strides():
    softmaxes.check_any_strides(log_softmax)


@pytest.mark.parametrize(("arguments", "error", "message"), softmaxes.WRONG)
def test_refuses(arguments, error, message):
    check_refused(lambda: log_softmax(*arguments), error, f"log_softmax: {message}")
