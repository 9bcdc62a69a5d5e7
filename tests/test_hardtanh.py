import numpy as np
import pytest
from checks import check_gradient, check_kernel, check_special_values, check_torch, torch

import pydl
from pydl import ops
from pydl.ops.hardtanh import hardtanh_backward, hardtanh_forward

X = np.array([[-4.0, -2.0, -0.3, 0.3], [0.7, 2.0, 4.0, 7.0]])
CASES = [
    ("hardtanh", {}),
    ("hardtanh", {"min_val": -2.5, "max_val": 0.5}),
    ("relu6", {}),
    ("hardsigmoid", {}),
    ("hardswish", {}),
    ("threshold", {"threshold": 0.5, "value": 2.0}),
    ("softshrink", {}),
    ("softshrink", {"lambd": 1.5}),
    ("hardshrink", {}),
    ("hardshrink", {"lambd": 1.5}),
]


def oracle(name):
    """PyTorch's function; the slopes of its hardsigmoid and hardswish have the digits of a float32 only."""
    if name == "hardsigmoid":
        return lambda x: torch.nn.functional.relu6(x + 3) / 6
    if name == "hardswish":
        return lambda x: x * torch.nn.functional.relu6(x + 3) / 6
    return getattr(torch.nn.functional, name)


@pytest.mark.parametrize("kernel", [hardtanh_forward, hardtanh_backward], ids=lambda k: k.name)
def test_native_equals_reference(kernel):
    check_kernel(kernel)


@pytest.mark.parametrize(("name", "options"), CASES, ids=str)
def test_gradient_and_torch(name, options):
    mine, theirs = getattr(ops, name), oracle(name)
    check_gradient(lambda x: mine(x, **options), X)
    check_torch(lambda x: mine(x, **options), lambda x: theirs(x, **options), X)
    if name != "hardswish":  # 0 at -inf, where PyTorch multiplies with 0
        check_special_values(lambda x: mine(x, **options), lambda x: theirs(x, **options))


@pytest.mark.parametrize(("name", "options"), CASES, ids=str)
def test_at_the_limits(name, options):
    x = np.array([-3.0, -2.5, -1.5, -1.0, -0.5, 0.0, 0.5, 1.0, 1.5, 3.0, 6.0, np.nextafter(0.5, 1)])
    mine, theirs = getattr(ops, name), oracle(name)
    check_torch(lambda x: mine(x, **options), lambda x: theirs(x, **options), x)


def test_worked_by_hand():
    x = pydl.tensor([-4.0, -1.5, 0.0, 1.5, 4.0], requires_grad=True)
    y = ops.hardswish(x)
    np.testing.assert_allclose(y.tolist(), [0.0, -0.375, 0.0, 1.125, 4.0], rtol=1e-6)
    y.backward(np.ones(5))
    np.testing.assert_allclose(x.grad.tolist(), [0.0, 0.0, 0.5, 1.0, 1.0], atol=1e-6)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: ops.hardswish(np.array([1])), TypeError, "hardswish: input has dtype int64 but must be float32 or"),
        (lambda: ops.hardtanh(X, 2.0, 1.0), ValueError, "hardtanh: min_val is 2.0 but must not be above max_val, 1.0"),
        (lambda: ops.softshrink(X, -1.0), ValueError, "softshrink: lambd must be at least 0, not -1.0"),
        (lambda: ops.threshold(X, "low", 0.0), TypeError, "threshold: threshold must be a number, not 'low'"),
    ],
)
def test_refuses(call, error, message):
    with pytest.raises(error, match=message):
        call()
