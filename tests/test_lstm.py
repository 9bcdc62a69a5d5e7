import numpy as np
import pytest
import sequences as q
from checks import check_gradient, check_kernel, check_torch
from sequences import LENGTHS, B, D, H, T

import pydl
from pydl.ops.lstm import lstm, lstm_backward, lstm_forward
from pydl.ops.lstm_cell import lstm_cell

KERNELS = lstm_forward, lstm_backward
X, H0, C0, WEIGHTS = q.numbers(T, B, D), q.numbers(B, H), q.numbers(B, H, seed=1), q.weights(4)


def layer(x, h, c, *weights, **settings):
    return lstm(x, (h, c), *weights, **settings)


@pytest.mark.parametrize("kernel", KERNELS, ids=lambda k: k.name)
def test_native_equals_reference(kernel):
    check_kernel(kernel, examples=120)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(("B", "H"), q.SHAPES_OF_TILES)
def test_native_equals_reference_in_all_shapes_of_tiles(B, H, dtype):
    q.check_against_reference(KERNELS, 4, ("h0", "c0"), B, H, dtype)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(("B", "H"), q.SHAPES_FOR_THREADS)
def test_threads_leave_every_bit(B, H, dtype):
    q.check_bits_of_threads(KERNELS, 4, ("h0", "c0"), B, H, dtype)


@pytest.mark.parametrize("reverse", [False, True])
def test_mask(reverse):
    q.check_mask(layer, [H0, C0], WEIGHTS, reverse)


def test_both_directions():
    q.check_both_directions(layer, [H0, C0], 4)


@pytest.mark.parametrize("reverse", [False, True])
def test_is_the_cell_applied_in_turn(reverse):
    h, c = H0, C0
    want = np.empty((T, B, H))
    for t in reversed(range(T)) if reverse else range(T):
        h, c = (each.data for each in lstm_cell(X[t], (h, c), *WEIGHTS))
        want[t] = h
    y, h_n, c_n = layer(X, H0, C0, *WEIGHTS, reverse=reverse)
    np.testing.assert_allclose(y.data, want, rtol=1e-13)
    np.testing.assert_allclose(h_n.data, h, rtol=1e-13)
    np.testing.assert_allclose(c_n.data, c, rtol=1e-13)


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("lengths", [None, LENGTHS, np.array([0, 3, 4])], ids=str)
def test_gradient(reverse, lengths):
    check_gradient(lambda *a: layer(*a, reverse=reverse, lengths=lengths), X, H0, C0, *WEIGHTS)


def test_gradient_without_bias_and_of_single_results():
    for result in range(3):
        check_gradient(lambda *a, r=result: layer(*a)[r], X, H0, C0, *WEIGHTS[:2])


@pytest.mark.parametrize("result", [0, 1, 2])
def test_torch(result):
    torch = pytest.importorskip("torch")

    def torch_layer(x, h, c, *weights):
        y, h_n, c_n = torch.lstm(x, (h[None], c[None]), weights, True, 1, 0.0, False, False, False)
        return (y, h_n[0], c_n[0])[result]

    check_torch(lambda *a: layer(*a)[result], torch_layer, X, H0, C0, *WEIGHTS)


@pytest.mark.parametrize("reverse", [False, True])
def test_lengths_are_each_sequence_alone(reverse):
    q.check_lengths_are_each_sequence_alone(layer, [H0, C0], WEIGHTS, reverse)


def test_gradient_at_padding_is_ignored():
    w_ih = pydl.tensor(WEIGHTS[0], requires_grad=True)
    y, _, _ = layer(X, H0, C0, w_ih, *WEIGHTS[1:], lengths=[1, 1, 1])
    dy = np.full(y.shape, np.nan)
    dy[0] = 1.0
    y.backward(dy)
    assert np.isfinite(w_ih.grad.data).all()


def test_nan_stays_in_its_sequence():
    q.check_nan_stays_in_its_sequence(layer, [H0, C0], WEIGHTS)


@pytest.mark.parametrize("shape", [(0, 3, 2), (4, 0, 2), (4, 3, 0)])
def test_empty(shape):
    q.check_empty(layer, [H0, C0], WEIGHTS, shape)


def test_batch_first_view():
    # A batch-first array seen time-major has rows that do not follow each other.
    x = np.ascontiguousarray(X.transpose(1, 0, 2)).transpose(1, 0, 2)
    tensors = [pydl.tensor(a, requires_grad=True) for a in WEIGHTS]
    seen = []
    for each in (X, x):
        y, _, _ = layer(each, H0, C0, *tensors)
        y.backward(np.ones(y.shape))
        seen.append([y.data, *(w.grad.data.copy() for w in tensors)])
        for w in tensors:
            w.grad = None
    for a, b in zip(*seen, strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"input": X[0]}, ValueError, r"lstm: input must be \(T, B, D\), but has shape \(3, 2\)"),
        ({"input": X[..., :1]}, ValueError, "lstm: w_ih expects 2 features but input has 1"),
        ({"hx": (H0[:2], C0)}, ValueError, r"lstm: h has shape \(2, 3\) but must be \(3, 3\) = \(batch, H\)"),
        ({"hx": None}, TypeError, r"lstm: the state must be a pair \(h, c\), not NoneType"),
        ({"w_hh": np.ones((12, 4))}, ValueError, r"lstm: w_hh must be \(4H, H\), four gates of H units"),
        ({"b_hh": np.ones(3)}, ValueError, r"lstm: b_hh has shape \(3,\) but must be \(12,\)"),
        ({"lengths": [1, 2]}, ValueError, r"lstm: lengths has shape \(2,\) but must be \(3,\)"),
        ({"lengths": [1, 2, 5]}, ValueError, "lstm: lengths must be from 0 to 4, .* but go from 1 to 5"),
        ({"lengths": [-1, 2, 4]}, ValueError, "lstm: lengths must be from 0 to 4, .* but go from -1 to 4"),
        ({"lengths": [1.0, 2.0, 3.0]}, TypeError, "lstm: lengths has dtype float32 but must hold integers"),
    ],
)
def test_refuses(change, error, message):
    names = ("w_ih", "w_hh", "b_ih", "b_hh")
    arguments = {"input": X, "hx": (H0, C0), **dict(zip(names, WEIGHTS, strict=True)), **change}
    with pytest.raises(error, match=message):
        lstm(**arguments)


def test_kernel_refuses_lengths_out_of_range():
    weights, out = [[w] for w in WEIGHTS], np.empty
    results = [None, None, out((T, B, H)), out((1, B, H)), out((1, B, H))]
    with pytest.raises(ValueError, match=r"lstm_forward: lengths must be \(B\) and from 0 to T"):
        lstm_forward.native(X, H0[None], C0[None], *weights, np.array([1, 2, 5]), False, None, *results)


@pytest.mark.parametrize("value", [np.inf, np.nan])
def test_weights_that_are_not_finite_meet_a_first_state_of_zeros(value):
    x, w_ih, w_hh = np.ones((1, 4, 3), np.float32), np.ones((8, 3), np.float32), np.ones((8, 2), np.float32)
    w_hh[0, 0] = value
    zeros = np.zeros((4, 2), np.float32)
    h = pydl.ops.lstm(x, (zeros, zeros), w_ih, w_hh)[0].numpy()
    assert np.isnan(h[..., 0]).all()
    assert np.isfinite(h[..., 1]).all()
