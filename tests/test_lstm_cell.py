import numpy as np
import pytest
from checks import check_gradient, check_kernel, check_torch

import pydl
from pydl.ops.lstm_cell import lstm_cell, lstm_cell_backward, lstm_cell_forward

rng = np.random.default_rng(0)
B, D, H = 3, 4, 5
X, STATE, C = rng.standard_normal((B, D)), rng.standard_normal((B, H)), rng.standard_normal((B, H))
WEIGHTS = [rng.standard_normal(shape) for shape in ((4 * H, D), (4 * H, H), (4 * H,), (4 * H,))]


def cell(x, h, c, *weights):
    return lstm_cell(x, (h, c), *weights)


@pytest.mark.parametrize("kernel", [lstm_cell_forward, lstm_cell_backward], ids=lambda k: k.name)
def test_native_equals_reference(kernel):
    check_kernel(kernel, examples=80)


def test_worked_by_hand():
    # One unit, one input, x = h = 1, c = 2. Sums of the gates: i 0, f ln 3, g atanh(1/2), o -ln 3.
    ln3, atanh = np.log(3.0), np.arctanh(0.5)
    w_ih = np.array([[0.0], [ln3], [2 * atanh], [0.0]])
    w_hh = np.array([[0.0], [0.0], [-atanh], [ln3]])
    b_ih = np.array([1.0, 0.0, 0.0, -3 * ln3])
    b_hh = np.array([-1.0, 0.0, 0.0, ln3])
    one = np.ones((1, 1))
    h, c = lstm_cell(one, (one, 2 * one), w_ih, w_hh, b_ih, b_hh)
    i, f, g, o = 1 / 2, 3 / 4, 1 / 2, 1 / 4
    assert c.item() == pytest.approx(f * 2 + i * g)
    assert h.item() == pytest.approx(o * np.tanh(1.75))


@pytest.mark.parametrize("bias", [True, False])
def test_gradient(bias):
    check_gradient(cell, X, STATE, C, *WEIGHTS[: 4 if bias else 2])


def test_gradient_where_only_one_result_is_used():
    check_gradient(lambda *a: cell(*a)[0], X, STATE, C, *WEIGHTS)
    check_gradient(lambda *a: cell(*a)[1], X, STATE, C, *WEIGHTS)


@pytest.mark.parametrize("result", [0, 1])
def test_torch(result):
    torch = pytest.importorskip("torch")
    check_torch(
        lambda x, h, c, *w: cell(x, h, c, *w)[result],
        lambda x, h, c, *w: torch.lstm_cell(x, (h, c), *w)[result],
        X, STATE, C, *WEIGHTS,
    )  # fmt: skip


def test_only_what_is_needed_gets_a_gradient():
    x, w_ih = pydl.tensor(X, requires_grad=True), pydl.tensor(WEIGHTS[0])
    h, _ = lstm_cell(x, (STATE, C), w_ih, *WEIGHTS[1:])
    h.backward(np.ones(h.shape))
    assert x.grad is not None
    assert w_ih.grad is None


def test_special_values_stay_in_their_row():
    x = X.copy()
    x[1] = np.nan
    got, want = lstm_cell(x, (STATE, C), *WEIGHTS), lstm_cell(X, (STATE, C), *WEIGHTS)
    for a, b in zip(got, want, strict=True):
        assert np.isnan(a.data[1]).all()
        np.testing.assert_array_equal(a.data[[0, 2]], b.data[[0, 2]])


def test_saturated_gates():
    big = np.full((4 * H, D), 1e30, np.float32)
    x, zero = np.ones((1, D), np.float32), np.zeros((1, H), np.float32)
    h, c = lstm_cell(x, (zero, zero), big, np.zeros((4 * H, H), np.float32))
    np.testing.assert_array_equal(c.data, np.ones((1, H)))
    np.testing.assert_allclose(h.data, np.full((1, H), np.tanh(1.0)), rtol=1e-6)


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"input": X[0]}, ValueError, r"lstm_cell: input must be \(B, D\), but has shape \(4,\)"),
        ({"input": X[:, :3]}, ValueError, r"lstm_cell: w_ih expects 4 features but input has 3 \(input \(3, 3\)"),
        ({"hx": STATE}, TypeError, r"lstm_cell: the state must be a pair \(h, c\), not ndarray"),
        ({"hx": (STATE,)}, TypeError, r"lstm_cell: the state must be a pair \(h, c\), not 1 values"),
        ({"hx": (STATE[:2], C)}, ValueError, r"lstm_cell: h has shape \(2, 5\) but must be \(3, 5\) = \(batch, H\)"),
        ({"hx": (STATE, C[:, :4])}, ValueError, r"lstm_cell: c has shape \(3, 4\) but must be \(3, 5\)"),
        ({"hx": (STATE, C.astype(np.float32))}, TypeError, "lstm_cell: c is float32 but input is float64"),
        ({"w_hh": np.ones((20, 4))}, ValueError, r"lstm_cell: w_hh must be \(4H, H\), four gates of H units"),
        ({"w_ih": np.ones((16, 4))}, ValueError, "lstm_cell: w_ih has 16 rows but w_hh has 20"),
        ({"b_ih": np.ones(5)}, ValueError, r"lstm_cell: b_ih has shape \(5,\) but must be \(20,\)"),
        ({"input": X.astype(int)}, TypeError, "lstm_cell: input has dtype int64 but must be float32 or float64"),
    ],
)
def test_refuses(change, error, message):
    names = ("w_ih", "w_hh", "b_ih", "b_hh")
    arguments = {"input": X, "hx": (STATE, C), **dict(zip(names, WEIGHTS, strict=True)), **change}
    with pytest.raises(error, match=message):
        lstm_cell(**arguments)
