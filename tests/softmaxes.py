"""What the tests of softmax and log_softmax share; a test gives the operation."""

import numpy as np
from checks import check_gradient, check_threads, check_torch, torch

SHAPES = [
    ((5,), 0),
    ((64, 10), 1),
    ((64, 10), 0),
    ((2, 40, 3), -1),
    ((2, 3, 5, 17), 1),
    ((0, 4), 1),
    ((3, 0), 0),
    ((), 0),
    ((3, 100, 41), 1),
    ((701, 3), 0),
]
# Worked off in pieces: a row, columns, and a few columns of which many numbers are taken as one row.
LONG = [(1, 70_001, 1), (1, 2000, 66), (20, 301, 7)]


def numbers(*shape):
    return np.random.default_rng(0).standard_normal(shape)


def of_torch(f):
    """PyTorch's operation of the same name."""
    return getattr(torch, f.name)


def check_against_torch(f, shape, dim):
    check_torch(lambda x: f(x, dim), lambda x: of_torch(f)(x, dim), np.array(3 * numbers(*shape)))


def check_empty_line(f):
    assert f(np.zeros((2, 0, 3), np.float32), 1).shape == (2, 0, 3)


def check_gradient_along(f, dim):
    check_gradient(lambda x: f(x, dim), numbers(3, 4))


def check_special_lines(f, dim):
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
        want = of_torch(f)(torch.tensor(x), dim).numpy()
        np.testing.assert_allclose(f(x, dim).numpy(), want, rtol=1e-6, atol=1e-37)


def check_long_lines(f, forward, backward):
    """In float32, with any number of threads, compared with PyTorch in float64."""
    for shape in LONG:
        x, dy = (3 * numbers(2, *shape)).astype(np.float32)
        wide = torch.tensor(x, dtype=torch.float64, requires_grad=True)
        want = of_torch(f)(wide, 1)
        want.backward(torch.tensor(dy, dtype=torch.float64))
        y = check_threads(forward, {"x": x, "y": np.empty_like(x)})["y"]
        dx = check_threads(backward, {"dy": dy, "y": y, "dx": np.empty_like(x)})["dx"]
        np.testing.assert_allclose(y, want.detach().numpy(), rtol=1e-5, atol=5e-6)
        np.testing.assert_allclose(dx, wide.grad.numpy(), rtol=1e-4, atol=1e-5)


def check_special_pieces(f):
    """Lines of which half is nothing but -inf, and then a NaN or an infinity."""
    for shape in LONG:
        x = numbers(*shape).astype(np.float32)
        x[:, : shape[1] // 2] = -np.inf
        for value in (0.0, np.nan, np.inf):
            x[:, -1] = value
            want = of_torch(f)(torch.tensor(x), 1).numpy()
            np.testing.assert_allclose(f(x, 1).numpy(), want, rtol=1e-5)


def check_any_strides(f):
    x = numbers(6, 8, 20).astype(np.float32)
    for view in (x[::-1, ::2, ::-3], x.transpose(2, 0, 1), np.broadcast_to(x[:1], (3, 8, 20))):
        for dim in range(3):
            want = f(np.ascontiguousarray(view), dim).numpy()
            np.testing.assert_allclose(f(view, dim).numpy(), want, rtol=1e-6)


# Arguments that both refuse, with the error and a part of its message.
WRONG = [
    ((np.zeros((2, 3), int), 1), TypeError, "input has dtype int64 but must be float32 or float64"),
    ((np.zeros((2, 3)), 2), IndexError, "dim is 2, but the input has 2 dimensions"),
    ((np.zeros((2, 3)), 1.0), TypeError, "dim must be an integer, not 1.0"),
    ((np.zeros((2, 3)), None), TypeError, "dim must be an integer, not None"),
]
