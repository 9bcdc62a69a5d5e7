import numpy as np
import pytest
import sequences as q
from checks import check_gradient, check_kernel, check_torch
from sequences import LENGTHS, B, D, H, T

from pydl.ops.gru import gru, gru_backward, gru_forward
from pydl.ops.gru_cell import gru_cell

KERNELS = gru_forward, gru_backward
X, H0, WEIGHTS = q.numbers(T, B, D), q.numbers(B, H), q.weights(3)


@pytest.mark.parametrize("kernel", KERNELS, ids=lambda k: k.name)
def test_native_equals_reference(kernel):
    check_kernel(kernel, examples=100)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(("B", "H"), q.SHAPES_OF_TILES)
def test_native_equals_reference_in_all_shapes_of_tiles(B, H, dtype):
    q.check_against_reference(KERNELS, 3, ("h0",), B, H, dtype)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(("B", "H"), q.SHAPES_FOR_THREADS)
def test_threads_leave_every_bit(B, H, dtype):
    q.check_bits_of_threads(KERNELS, 3, ("h0",), B, H, dtype)


@pytest.mark.parametrize("reverse", [False, True])
def test_is_the_cell_applied_in_turn(reverse):
    h = H0
    want = np.empty((T, B, H))
    for t in reversed(range(T)) if reverse else range(T):
        h = want[t] = gru_cell(X[t], h, *WEIGHTS).data
    y, h_n = gru(X, H0, *WEIGHTS, reverse=reverse)
    np.testing.assert_allclose(y.data, want, rtol=1e-12)
    np.testing.assert_allclose(h_n.data, h, rtol=1e-12)


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("lengths", [None, LENGTHS, np.array([0, 3, 4])], ids=str)
def test_gradient(reverse, lengths):
    check_gradient(lambda *a: gru(*a, reverse=reverse, lengths=lengths), X, H0, *WEIGHTS)


def test_gradient_in_both_directions():
    def f(x, h, *w):
        return gru(x, h, *zip(w[:4], w[4:], strict=True), lengths=LENGTHS)

    check_gradient(f, X, q.numbers(2, B, H), *WEIGHTS, *q.weights(3, seed=1))


@pytest.mark.parametrize("result", [0, 1])
def test_gradient_without_bias_and_of_single_results(result):
    check_gradient(lambda *a: gru(*a)[result], X, H0, *WEIGHTS[:2])


@pytest.mark.parametrize("result", [0, 1])
def test_torch(result):
    torch = pytest.importorskip("torch")

    def torch_layer(x, h, *weights):
        y, h_n = torch.gru(x, h[None], weights, True, 1, 0.0, False, False, False)
        return (y, h_n[0])[result]

    check_torch(lambda *a: gru(*a)[result], torch_layer, X, H0, *WEIGHTS)


@pytest.mark.parametrize("reverse", [False, True])
def test_lengths_are_each_sequence_alone(reverse):
    q.check_lengths_are_each_sequence_alone(gru, [H0], WEIGHTS, reverse)


@pytest.mark.parametrize("reverse", [False, True])
def test_mask(reverse):
    q.check_mask(gru, [H0], WEIGHTS, reverse)


def test_both_directions():
    q.check_both_directions(gru, [H0], 3)


def test_nan_stays_in_its_sequence():
    q.check_nan_stays_in_its_sequence(gru, [H0], WEIGHTS)


@pytest.mark.parametrize("shape", [(0, 3, 2), (4, 0, 2), (4, 3, 0)])
def test_empty(shape):
    q.check_empty(gru, [H0], WEIGHTS, shape)


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"input": X[0]}, ValueError, r"gru: input must be \(T, B, D\), but has shape \(3, 2\)"),
        ({"input": X[..., :1]}, ValueError, "gru: w_ih expects 2 features but input has 1"),
        ({"hx": H0[:2]}, ValueError, r"gru: hx has shape \(2, 3\) but must be \(3, 3\) = \(batch, H\)"),
        ({"hx": None}, TypeError, "gru: h_0 must be a tensor or an array, not NoneType"),
        ({"w_hh": np.ones((9, 4))}, ValueError, r"gru: w_hh must be \(3H, H\), three gates of H units"),
        ({"w_hh": (WEIGHTS[1], WEIGHTS[1])}, ValueError, "gru: w_ih must be a pair, one for each direction"),
        ({"w_ih": (WEIGHTS[0], WEIGHTS[0])}, ValueError, "gru: w_ih is a tuple, of two directions, but w_hh is one"),
        ({"b_hh": np.ones(3)}, ValueError, r"gru: b_hh has shape \(3,\) but must be \(9,\)"),
        ({"lengths": [1, 2, 5]}, ValueError, "gru: lengths must be from 0 to 4, .* but go from 1 to 5"),
    ],
)
def test_refuses(change, error, message):
    arguments = dict(zip(("input", "hx", "w_ih", "w_hh", "b_ih", "b_hh"), (X, H0, *WEIGHTS), strict=True))
    q.check_refused(gru, arguments, change, error, message)
