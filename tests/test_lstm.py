import numpy as np
import pytest
from checks import check_gradient, check_kernel, check_threads, check_torch

import pydl
from pydl import _native
from pydl.check import Draw, compare_all, limit, run_on_copies
from pydl.op import native_isa
from pydl.ops.lstm import lstm, lstm_backward, lstm_forward
from pydl.ops.lstm_cell import lstm_cell

rng = np.random.default_rng(0)
T, B, D, H = 4, 3, 2, 3
X, H0, C0 = rng.standard_normal((T, B, D)), rng.standard_normal((B, H)), rng.standard_normal((B, H))
WEIGHTS = [rng.standard_normal(shape) for shape in ((4 * H, D), (4 * H, H), (4 * H,), (4 * H,))]
LENGTHS = np.array([2, 4, 1])


def layer(x, h, c, *weights, **settings):
    return lstm(x, (h, c), *weights, **settings)


@pytest.mark.parametrize("kernel", [lstm_forward, lstm_backward], ids=lambda k: k.name)
def test_native_equals_reference(kernel):
    check_kernel(kernel, examples=120)


def both_kernels(T, B, D, H, dtype, reverse):
    """Arguments of lstm_forward and of lstm_backward after it, for sequences of different lengths."""
    draw = Draw(dtype, np.random.default_rng(1))
    out, lengths = draw.out, draw.integers((B,), 0, T)
    given = [draw.array(s, -0.4, 0.4) for s in ((T, B, D), (B, H), (B, H), (4 * H, D), (4 * H, H), (4 * H,), (4 * H,))]
    results = [out((T, B, 4 * H)), out((T, B, H)), out((T, B, H)), out((B, H)), out((B, H))]
    forward = dict(zip(lstm_forward.arguments, [*given, lengths, reverse, *results], strict=True))
    lstm_forward.native(*forward.values())
    arrived = [draw.array(s) for s in ((T, B, H), (B, H), (B, H))]
    kept = [forward[name] for name in lstm_backward.arguments[3:13]]
    results = [out(s) for s in ((T, B, D), (B, H), (B, H), (4 * H, D), (4 * H, H), (4 * H,))]
    return forward, dict(zip(lstm_backward.arguments, [*arrived, *kept, *results], strict=True))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(("B", "H"), [(1, 68), (2, 52), (3, 36), (9, 20)])
def test_native_equals_reference_in_all_shapes_of_tiles(B, H, dtype):
    # Few rows share a register tile with many units, many rows with few.
    for kernel, arguments in zip((lstm_forward, lstm_backward), both_kernels(2, B, 2, H, dtype, B == 2), strict=True):
        reference = run_on_copies(kernel.run_reference, kernel, arguments)
        for isa in _native.isas:
            with native_isa(isa):
                for comparison in compare_all(check_threads(kernel, arguments), reference):
                    assert comparison.error <= limit(kernel, dtype), (isa, comparison)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(("B", "H"), [(1, 70), (2, 40), (5, 33), (40, 48)])
def test_threads_leave_every_bit(B, H, dtype):
    # Enough work for several threads, whose rows then meet in other tiles; enough steps for W_ih x in several runs.
    for isa in _native.isas:
        with native_isa(isa):
            forward, backward = both_kernels(150, B, 7, H, dtype, B == 5)
            check_threads(lstm_forward, forward)
            check_threads(lstm_backward, backward)


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
    x = X.copy()
    for n, length in enumerate(LENGTHS):
        x[length:, n] = np.nan  # padding is never read
    tensors = [pydl.tensor(a, requires_grad=True) for a in (x, H0, C0, *WEIGHTS)]
    y, h_n, c_n = layer(*tensors, reverse=reverse, lengths=LENGTHS)
    y.backward(np.ones(y.shape))
    total = 0.0
    for n, length in enumerate(LENGTHS):
        s = slice(n, n + 1)
        alone = [pydl.tensor(a, requires_grad=True) for a in (X[:length, s], H0[s], C0[s], *WEIGHTS)]
        one, h_one, c_one = layer(*alone, reverse=reverse)
        one.backward(np.ones(one.shape))
        np.testing.assert_allclose(y.data[:length, s], one.data, rtol=1e-12)
        np.testing.assert_array_equal(y.data[length:, s], 0.0)
        np.testing.assert_allclose(h_n.data[s], h_one.data, rtol=1e-12)
        np.testing.assert_allclose(c_n.data[s], c_one.data, rtol=1e-12)
        np.testing.assert_allclose(tensors[0].grad.data[:length, s], alone[0].grad.data, rtol=1e-10)
        np.testing.assert_array_equal(tensors[0].grad.data[length:, s], 0.0)
        np.testing.assert_allclose(tensors[1].grad.data[s], alone[1].grad.data, rtol=1e-10)
        total = total + np.concatenate([w.grad.data.ravel() for w in alone[3:]])
    np.testing.assert_allclose(np.concatenate([w.grad.data.ravel() for w in tensors[3:]]), total, rtol=1e-10)


def test_gradient_at_padding_is_ignored():
    w_ih = pydl.tensor(WEIGHTS[0], requires_grad=True)
    y, _, _ = layer(X, H0, C0, w_ih, *WEIGHTS[1:], lengths=[1, 1, 1])
    dy = np.full(y.shape, np.nan)
    dy[0] = 1.0
    y.backward(dy)
    assert np.isfinite(w_ih.grad.data).all()


def test_nan_stays_in_its_sequence():
    x = X.copy()
    x[1, 2] = np.nan
    got, want = layer(x, H0, C0, *WEIGHTS)[0].data, layer(X, H0, C0, *WEIGHTS)[0].data
    assert np.isnan(got[1:, 2]).all()
    np.testing.assert_array_equal(got[:, :2], want[:, :2])
    np.testing.assert_array_equal(got[0], want[0])


@pytest.mark.parametrize("shape", [(0, 3, 2), (4, 0, 2), (4, 3, 0)])
def test_empty(shape):
    T, B, D = shape
    x = pydl.tensor(np.ones(shape), requires_grad=True)
    w = pydl.tensor(np.ones((4 * H, D)), requires_grad=True)
    y, h_n, c_n = layer(x, H0[:B], C0[:B], w, *WEIGHTS[1:])
    assert y.shape == (T, B, H)
    if T == 0:
        np.testing.assert_array_equal(h_n.data, H0)
        np.testing.assert_array_equal(c_n.data, C0)
    y.backward(np.ones(y.shape))
    assert x.grad.shape == shape
    np.testing.assert_array_equal(w.grad.data, np.zeros((4 * H, D)))


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
    out = np.empty
    with pytest.raises(ValueError, match=r"lstm_forward: lengths must be \(B\) and from 0 to T"):
        lstm_forward.native(
            X, H0, C0, *WEIGHTS, np.array([1, 2, 5]), False, None, None, out((T, B, H)), out((B, H)), out((B, H))
        )
