import numpy as np
import pytest
import sequences as q
from checks import check_gradient, check_kernel, check_torch
from sequences import LENGTHS, B, D, H, T

from pydl.ops.rnn import rnn, rnn_backward, rnn_forward
from pydl.ops.rnn_cell import rnn_cell

KERNELS = rnn_forward, rnn_backward
X, H0, WEIGHTS = q.numbers(T, B, D), q.numbers(B, H), q.weights(1)
BOTH = pytest.mark.parametrize("nonlinearity", ["tanh", "relu"])


def layer(nonlinearity):
    return lambda *a, **settings: rnn(*a, nonlinearity=nonlinearity, **settings)


@pytest.mark.parametrize("kernel", KERNELS, ids=lambda k: k.name)
def test_native_equals_reference(kernel):
    check_kernel(kernel, examples=100)


@pytest.mark.parametrize("relu", [False, True])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(("B", "H"), q.SHAPES_OF_TILES)
def test_native_equals_reference_in_all_shapes_of_tiles(B, H, dtype, relu):
    q.check_against_reference(KERNELS, 1, ("h0",), B, H, dtype, {"relu": relu})


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(("B", "H"), q.SHAPES_FOR_THREADS)
def test_threads_leave_every_bit(B, H, dtype):
    q.check_bits_of_threads(KERNELS, 1, ("h0",), B, H, dtype, {"relu": False})


@BOTH
@pytest.mark.parametrize("reverse", [False, True])
def test_is_the_cell_applied_in_turn(reverse, nonlinearity):
    h = H0
    want = np.empty((T, B, H))
    for t in reversed(range(T)) if reverse else range(T):
        h = want[t] = rnn_cell(X[t], h, *WEIGHTS, nonlinearity).data
    y, h_n = rnn(X, H0, *WEIGHTS, reverse=reverse, nonlinearity=nonlinearity)
    np.testing.assert_allclose(y.data, want, rtol=1e-12)
    np.testing.assert_allclose(h_n.data, h, rtol=1e-12)


@BOTH
@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("lengths", [None, LENGTHS, np.array([0, 3, 4])], ids=str)
def test_gradient(reverse, lengths, nonlinearity):
    check_gradient(lambda *a: layer(nonlinearity)(*a, reverse=reverse, lengths=lengths), X, H0, *WEIGHTS)


def test_gradient_in_both_directions():
    def f(x, h, *w):
        return rnn(x, h, *zip(w[:4], w[4:], strict=True), lengths=LENGTHS)

    check_gradient(f, X, q.numbers(2, B, H), *WEIGHTS, *q.weights(1, seed=1))


@pytest.mark.parametrize("result", [0, 1])
def test_gradient_without_bias_and_of_single_results(result):
    check_gradient(lambda *a: rnn(*a)[result], X, H0, *WEIGHTS[:2])


@BOTH
@pytest.mark.parametrize("result", [0, 1])
def test_torch(result, nonlinearity):
    torch = pytest.importorskip("torch")

    def torch_layer(x, h, *weights):
        apply = torch.rnn_tanh if nonlinearity == "tanh" else torch.rnn_relu
        y, h_n = apply(x, h[None], weights, True, 1, 0.0, False, False, False)
        return (y, h_n[0])[result]

    check_torch(lambda *a: layer(nonlinearity)(*a)[result], torch_layer, X, H0, *WEIGHTS)


@BOTH
@pytest.mark.parametrize("reverse", [False, True])
def test_lengths_are_each_sequence_alone(reverse, nonlinearity):
    q.check_lengths_are_each_sequence_alone(layer(nonlinearity), [H0], WEIGHTS, reverse)


@pytest.mark.parametrize("reverse", [False, True])
def test_mask(reverse):
    q.check_mask(rnn, [H0], WEIGHTS, reverse)


def test_both_directions():
    q.check_both_directions(rnn, [H0], 1)


def test_nan_stays_in_its_sequence():
    q.check_nan_stays_in_its_sequence(rnn, [H0], WEIGHTS)
    q.check_nan_stays_in_its_sequence(layer("relu"), [H0], WEIGHTS)


@pytest.mark.parametrize("shape", [(0, 3, 2), (4, 0, 2), (4, 3, 0)])
def test_empty(shape):
    q.check_empty(rnn, [H0], WEIGHTS, shape)


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"input": X[0]}, ValueError, r"rnn: input must be \(T, B, D\), but has shape \(3, 2\)"),
        ({"input": X[..., :1]}, ValueError, "rnn: w_ih expects 2 features but input has 1"),
        ({"hx": H0[:2]}, ValueError, r"rnn: hx has shape \(2, 3\) but must be \(3, 3\) = \(batch, H\)"),
        ({"w_hh": np.ones((12, 4))}, ValueError, r"rnn: w_hh must be \(H, H\), but has shape \(12, 4\)"),
        ({"b_hh": np.ones(2)}, ValueError, r"rnn: b_hh has shape \(2,\) but must be \(3,\)"),
        ({"lengths": [1, 2, 5]}, ValueError, "rnn: lengths must be from 0 to 4, .* but go from 1 to 5"),
        ({"nonlinearity": "sigmoid"}, ValueError, "rnn: nonlinearity must be 'tanh' or 'relu', not 'sigmoid'"),
    ],
)
def test_refuses(change, error, message):
    arguments = dict(zip(("input", "hx", "w_ih", "w_hh", "b_ih", "b_hh"), (X, H0, *WEIGHTS), strict=True))
    q.check_refused(rnn, arguments, change, error, message)
