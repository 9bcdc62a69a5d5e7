import numpy as np
import pytest
from checks import check_gradient, check_kernel, check_torch

import pydl
from pydl.ops.gru_cell import gru_cell, gru_cell_backward, gru_cell_forward

rng = np.random.default_rng(0)
B, D, H = 3, 4, 5
X, STATE = rng.standard_normal((B, D)), rng.standard_normal((B, H))
WEIGHTS = [rng.standard_normal(shape) for shape in ((3 * H, D), (3 * H, H), (3 * H,), (3 * H,))]


@pytest.mark.parametrize("kernel", [gru_cell_forward, gru_cell_backward], ids=lambda k: k.name)
def test_native_equals_reference(kernel):
    check_kernel(kernel, examples=80)


def test_worked_by_hand():
    # One unit, x = 1, h = 2. Sums: r ln 3, z -ln 3, m = 2 w + b, n's part of x atanh(1/2) - 3/4 m.
    ln3, atanh = np.log(3.0), np.arctanh(0.5)
    w_hh = np.array([[0.0], [-ln3], [1.5]])
    b_hh = np.array([ln3, ln3, 1.0])
    m = 4.0
    w_ih = np.array([[0.0], [0.0], [atanh - 0.75 * m]])
    h = gru_cell(np.ones((1, 1)), np.full((1, 1), 2.0), w_ih, w_hh, np.zeros(3), b_hh)
    z, n = 1 / 4, 1 / 2
    assert h.item() == pytest.approx((1 - z) * n + z * 2)


@pytest.mark.parametrize("bias", [True, False])
def test_gradient(bias):
    check_gradient(gru_cell, X, STATE, *WEIGHTS[: 4 if bias else 2])


@pytest.mark.parametrize("bias", [True, False])
def test_torch(bias):
    torch = pytest.importorskip("torch")
    check_torch(gru_cell, lambda *a: torch.gru_cell(*a), X, STATE, *WEIGHTS[: 4 if bias else 2])


def test_only_what_is_needed_gets_a_gradient():
    x, w_ih = pydl.tensor(X, requires_grad=True), pydl.tensor(WEIGHTS[0])
    h = gru_cell(x, STATE, w_ih, *WEIGHTS[1:])
    h.backward(np.ones(h.shape))
    assert x.grad is not None
    assert w_ih.grad is None


def test_special_values_stay_in_their_row():
    x = X.copy()
    x[1] = np.nan
    got, want = gru_cell(x, STATE, *WEIGHTS).data, gru_cell(X, STATE, *WEIGHTS).data
    assert np.isnan(got[1]).all()
    np.testing.assert_array_equal(got[[0, 2]], want[[0, 2]])


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"input": X[0]}, ValueError, r"gru_cell: input must be \(B, D\), but has shape \(4,\)"),
        ({"input": X[:, :3]}, ValueError, r"gru_cell: w_ih expects 4 features but input has 3 \(input \(3, 3\)"),
        ({"hx": STATE[:2]}, ValueError, r"gru_cell: hx has shape \(2, 5\) but must be \(3, 5\) = \(batch, H\)"),
        ({"hx": STATE.astype(np.float32)}, TypeError, "gru_cell: hx is float32 but input is float64"),
        ({"w_hh": np.ones((20, 4))}, ValueError, r"gru_cell: w_hh must be \(3H, H\), three gates of H units"),
        ({"w_ih": np.ones((16, 4))}, ValueError, "gru_cell: w_ih has 16 rows but w_hh has 15"),
        ({"b_ih": np.ones(5)}, ValueError, r"gru_cell: b_ih has shape \(5,\) but must be \(15,\)"),
    ],
)
def test_refuses(change, error, message):
    arguments = dict(zip(("input", "hx", "w_ih", "w_hh", "b_ih", "b_hh"), (X, STATE, *WEIGHTS), strict=True))
    with pytest.raises(error, match=message):
        gru_cell(**{**arguments, **change})
