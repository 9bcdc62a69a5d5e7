import numpy as np
import pytest
from checks import check_gradient, check_kernel, check_torch

import pydl
from pydl.ops.linear import linear, linear_backward_bias, linear_backward_weight, linear_forward

rng = np.random.default_rng(0)
INPUT_SHAPES = [(3,), (1, 3), (4, 3), (2, 5, 3), (0, 3)]


@pytest.mark.parametrize("kernel", [linear_forward, linear_backward_bias, linear_backward_weight], ids=lambda k: k.name)
def test_native_equals_reference(kernel):
    check_kernel(kernel)


def test_worked_by_hand():
    x = pydl.tensor([[1.0, 2.0]], requires_grad=True)
    weight = pydl.tensor([[3.0, 4.0], [5.0, 6.0]], requires_grad=True)
    bias = pydl.tensor([10.0, 20.0], requires_grad=True)
    y = linear(x, weight, bias)
    y.backward(np.array([[1.0, 2.0]], np.float32))
    assert y.tolist() == [[21.0, 37.0]]
    assert x.grad.tolist() == [[13.0, 16.0]]
    assert weight.grad.tolist() == [[1.0, 2.0], [2.0, 4.0]]
    assert bias.grad.tolist() == [1.0, 2.0]


@pytest.mark.parametrize("shape", [s for s in INPUT_SHAPES if 0 not in s], ids=str)
def test_gradient(shape):
    check_gradient(linear, rng.standard_normal(shape), rng.standard_normal((4, 3)), rng.standard_normal(4))


@pytest.mark.parametrize("activation", ["relu", "sigmoid", "tanh"])
def test_activation(activation):
    inputs = rng.standard_normal((5, 3)), rng.standard_normal((4, 3)), rng.standard_normal(4)
    check_gradient(lambda *given: linear(*given, activation=activation), *inputs)
    x, weight, bias = (pydl.tensor(each) for each in inputs)
    apart = getattr(linear(x, weight, bias), activation)()
    np.testing.assert_allclose(linear(x, weight, bias, activation).numpy(), apart.numpy(), rtol=1e-14)


def test_refuses_an_unknown_activation():
    with pytest.raises(ValueError, match="activation must be one of None, 'relu', 'sigmoid', 'tanh', not 'sine'"):
        linear(np.ones((2, 3)), np.ones((4, 3)), activation="sine")


@pytest.mark.parametrize("shape", INPUT_SHAPES, ids=str)
@pytest.mark.parametrize("with_bias", [True, False])
def test_torch(shape, with_bias):
    torch = pytest.importorskip("torch")
    bias = [rng.standard_normal(4)] if with_bias else []
    check_torch(linear, torch.nn.functional.linear, rng.standard_normal(shape), rng.standard_normal((4, 3)), *bias)


@pytest.mark.parametrize("layers", [(64, 784, 128), (1, 784, 128), (64, 128, 10), (1500, 20, 30)], ids=str)
def test_torch_layers(layers):
    torch = pytest.importorskip("torch")
    N, K, M = layers
    inputs = rng.standard_normal((N, K)), rng.standard_normal((M, K)), rng.standard_normal(M)
    check_torch(linear, torch.nn.functional.linear, *inputs)


@pytest.mark.parametrize(
    ("x", "weight", "bias", "message"),
    [
        ((2, 5), (4, 3), None, r"linear: input has 5 features but weight needs 3 \(input \(2, 5\), weight \(4, 3\)\)"),
        ((), (4, 3), None, "linear: input has no dimension but weight needs 3"),
        ((2, 3), (3,), None, r"linear: weight must be \(out_features, in_features\), but has shape \(3,\)"),
        ((2, 3), (4, 3), (3,), r"linear: bias has shape \(3,\) but must be \(4,\)"),
    ],
)
def test_refuses(x, weight, bias, message):
    with pytest.raises(ValueError, match=message):
        linear(np.ones(x), np.ones(weight), None if bias is None else np.ones(bias))


def test_refuses_mixed_types():
    with pytest.raises(TypeError, match="linear: weight is float32 but input is float64"):
        linear(np.ones((2, 3)), np.ones((4, 3), np.float32))
