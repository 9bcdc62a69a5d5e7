import numpy as np
import pytest
from checks import check_gradient, check_kernel, check_torch

import pydl
from pydl.ops.log_softmax import log_softmax, log_softmax_backward, log_softmax_forward

RNG = np.random.default_rng(0)


@pytest.mark.parametrize("kernel", [log_softmax_forward, log_softmax_backward], ids=lambda k: k.name)
def test_native_equals_reference(kernel):
    check_kernel(kernel)


def test_worked_by_hand():
    x = pydl.tensor([0.0, np.log(3.0)], dtype=np.float64, requires_grad=True)
    y = log_softmax(x, 0)
    np.testing.assert_allclose(y.detach().numpy(), np.log([0.25, 0.75]))
    y.backward(np.array([1.0, 0.0]))
    np.testing.assert_allclose(x.grad.numpy(), [0.75, -0.75])


@pytest.mark.parametrize(
    ("shape", "dim"),
    [((5,), 0), ((64, 10), 1), ((64, 10), 0), ((2, 40, 3), -1), ((2, 3, 5, 17), 1), ((0, 4), 1), ((3, 0), 0), ((), 0)],
    ids=str,
)
def test_torch(shape, dim):
    torch = pytest.importorskip("torch")
    check_torch(
        lambda x: log_softmax(x, dim), lambda x: torch.log_softmax(x, dim), np.array(3 * RNG.standard_normal(shape))
    )


def test_empty_line():
    assert log_softmax(np.zeros((2, 0, 3), np.float32), 1).shape == (2, 0, 3)


@pytest.mark.parametrize("dim", [0, 1])
def test_gradient(dim):
    check_gradient(lambda x: log_softmax(x, dim), RNG.standard_normal((3, 4)))


@pytest.mark.parametrize("dim", [0, 1])
def test_special_lines_as_in_torch(dim):
    torch = pytest.importorskip("torch")
    lines = [
        [1e30, -1e30, 0.0],
        [3e38, 3e38, 3e38],
        [-3e38, -3e38, 0.0],
        [-np.inf, 1.0, 2.0],
        [-np.inf, -np.inf, -np.inf],
        [np.inf, 0.0, 1.0],
        [np.inf, np.inf, 1.0],
        [np.nan, 0.0, 1.0],
        [88.0, -88.0, 88.0],
    ]
    for dtype in (np.float32, np.float64):
        x = np.array(lines, dtype)
        x = x if dim == 1 else np.ascontiguousarray(x.T)
        want = torch.log_softmax(torch.tensor(x), dim).numpy()
        np.testing.assert_allclose(log_softmax(x, dim).numpy(), want, rtol=1e-6, atol=1e-37)


def test_any_strides():
    x = RNG.standard_normal((6, 8, 20)).astype(np.float32)
    for view in (x[::-1, ::2, ::-3], x.transpose(2, 0, 1), np.broadcast_to(x[:1], (3, 8, 20))):
        for dim in range(3):
            want = log_softmax(np.ascontiguousarray(view), dim).numpy()
            np.testing.assert_allclose(log_softmax(view, dim).numpy(), want, rtol=1e-6)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ((np.zeros((2, 3), int), 1), TypeError, "log_softmax: input has dtype int64 but must be float32 or float64"),
        ((np.zeros((2, 3)), 2), IndexError, "log_softmax: dim is 2, but the input has 2 dimensions"),
        ((np.zeros((2, 3)), 1.0), TypeError, "log_softmax: dim must be an integer, not 1.0"),
        ((np.zeros((2, 3)), None), TypeError, "log_softmax: dim must be an integer, not None"),
    ],
)
def test_refuses(arguments, error, message):
    with pytest.raises(error, match=message):
        log_softmax(*arguments)
