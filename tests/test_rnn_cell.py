import numpy as np
import pytest
from checks import check_gradient, check_kernel, check_torch

import pydl
from pydl.ops.rnn_cell import rnn_cell, rnn_cell_backward, rnn_cell_forward

rng = np.random.default_rng(0)
B, D, H = 3, 4, 5
X, STATE = rng.standard_normal((B, D)), rng.standard_normal((B, H))
WEIGHTS = [rng.standard_normal(shape) for shape in ((H, D), (H, H), (H,), (H,))]
BOTH = pytest.mark.parametrize("nonlinearity", ["tanh", "relu"])


@pytest.mark.parametrize("kernel", [rnn_cell_forward, rnn_cell_backward], ids=lambda k: k.name)
def test_native_equals_reference(kernel):
    check_kernel(kernel, examples=80)


def test_worked_by_hand():
    x, h = np.array([[1.0, 2.0]]), np.array([[3.0]])
    w_ih, w_hh = np.array([[0.5, -1.0]]), np.array([[0.25]])
    biases = np.array([0.4]), np.array([0.6])
    a = 0.5 - 2.0 + 0.75 + 1.0
    assert rnn_cell(x, h, w_ih, w_hh, *biases).item() == pytest.approx(np.tanh(a))
    assert rnn_cell(x, h, w_ih, w_hh, *biases, "relu").item() == pytest.approx(a)
    assert rnn_cell(x, -h, w_ih, w_hh, nonlinearity="relu").item() == 0.0


@BOTH
@pytest.mark.parametrize("bias", [True, False])
def test_gradient(bias, nonlinearity):
    check_gradient(lambda *a: rnn_cell(*a, nonlinearity=nonlinearity), X, STATE, *WEIGHTS[: 4 if bias else 2])


@BOTH
def test_torch(nonlinearity):
    torch = pytest.importorskip("torch")
    theirs = torch.rnn_tanh_cell if nonlinearity == "tanh" else torch.rnn_relu_cell
    check_torch(lambda *a: rnn_cell(*a, nonlinearity=nonlinearity), lambda *a: theirs(*a), X, STATE, *WEIGHTS)


def test_only_what_is_needed_gets_a_gradient():
    x, w_ih = pydl.tensor(X, requires_grad=True), pydl.tensor(WEIGHTS[0])
    h = rnn_cell(x, STATE, w_ih, *WEIGHTS[1:])
    h.backward(np.ones(h.shape))
    assert x.grad is not None
    assert w_ih.grad is None


@BOTH
def test_special_values_stay_in_their_row(nonlinearity):
    x = X.copy()
    x[1] = np.nan
    got, want = (rnn_cell(each, STATE, *WEIGHTS, nonlinearity).data for each in (x, X))
    assert np.isnan(got[1]).all()
    np.testing.assert_array_equal(got[[0, 2]], want[[0, 2]])


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"input": X[0]}, ValueError, r"rnn_cell: input must be \(B, D\), but has shape \(4,\)"),
        ({"input": X[:, :3]}, ValueError, r"rnn_cell: w_ih expects 4 features but input has 3 \(input \(3, 3\)"),
        ({"hx": STATE[:2]}, ValueError, r"rnn_cell: hx has shape \(2, 5\) but must be \(3, 5\) = \(batch, H\)"),
        ({"w_hh": np.ones((20, 4))}, ValueError, r"rnn_cell: w_hh must be \(H, H\), but has shape \(20, 4\)"),
        ({"b_ih": np.ones(4)}, ValueError, r"rnn_cell: b_ih has shape \(4,\) but must be \(5,\) = \(H,\)"),
        ({"nonlinearity": 1}, ValueError, "rnn_cell: nonlinearity must be 'tanh' or 'relu', not 1"),
    ],
)
def test_refuses(change, error, message):
    arguments = dict(zip(("input", "hx", "w_ih", "w_hh", "b_ih", "b_hh"), (X, STATE, *WEIGHTS), strict=True))
    with pytest.raises(error, match=message):
        rnn_cell(**{**arguments, **change})
