import itertools

import numpy as np
import pytest
from checks import check_kernel, check_refused, close, torch

import pydl
from pydl import nn
from pydl.ops.ctc_loss import ctc_loss, ctc_loss_backward, ctc_loss_forward
from pydl.ops.log_softmax import log_softmax

RNG = np.random.default_rng(0)


@pytest.mark.parametrize("kernel", [ctc_loss_forward, ctc_loss_backward], ids=lambda k: k.name)
def test_native_equals_reference(kernel):
    check_kernel(kernel)


def predictions(T, N, C, dtype=np.float64, scale=1.0):
    return log_softmax((scale * RNG.standard_normal((T, N, C))).astype(dtype), -1).numpy()


def test_worked_by_hand():
    """Two frames that read as (1): 1-, -1 and 11, with probabilities 0.4 0.5, 0.6 0.5 and 0.4 0.5."""
    log_probs = np.log([[[0.6, 0.4]], [[0.5, 0.5]]])
    x = pydl.tensor(log_probs, requires_grad=True)
    loss = ctc_loss(x, [[1]], [2], [1], reduction="sum")
    np.testing.assert_allclose(loss.item(), -np.log(0.2 + 0.3 + 0.2))
    loss.backward()
    posterior = np.array([[[0.3, 0.4]], [[0.2, 0.5]]]) / 0.7  # of a blank and of a 1 in each frame
    np.testing.assert_allclose(x.grad.numpy(), np.exp(log_probs) - posterior)


def reads(path, blank):
    merged = [c for i, c in enumerate(path) if i == 0 or c != path[i - 1]]
    return [c for c in merged if c != blank]


@pytest.mark.parametrize("blank", [0, 2])
@pytest.mark.parametrize("target", [[], [1], [1, 1], [1, 3], [3, 1, 1], [3, 1, 3]])
def test_sum_over_all_paths(target, blank):
    x = predictions(5, 1, 4)
    paths = itertools.product(range(4), repeat=5)
    total = sum(np.exp(sum(x[t, 0, c] for t, c in enumerate(path))) for path in paths if reads(path, blank) == target)
    loss = ctc_loss(x, np.array([target], int), [5], [len(target)], blank, "sum")
    np.testing.assert_allclose(loss.item(), -np.log(total), rtol=1e-12)


BATCHES = {
    "words": (12, [[1, 2, 3], [2, 2, 1], [3, 1, 0]], [12, 9, 11], [3, 3, 2]),
    "repeated": (9, [[1, 1, 1], [2, 2, 3]], [9, 7], [3, 3]),
    "no labels": (6, [[1, 2], [3, 3], [0, 0]], [6, 5, 0], [0, 2, 0]),
    "impossible": (6, [[1, 2], [1, 1], [3, 2], [1, 0]], [6, 2, 1, 0], [2, 2, 2, 1]),
    "exactly enough": (5, [[1, 1, 2], [1, 2, 3]], [4, 3], [3, 3]),
    "all wide": (30, np.zeros((2, 0), int), [30, 30], [0, 0]),
}


@pytest.mark.parametrize("zero_infinity", [False, True])
@pytest.mark.parametrize("reduction", ["none", "mean", "sum"])
@pytest.mark.parametrize("batch", list(BATCHES))
def test_torch(batch, reduction, zero_infinity):
    T, targets, input_lengths, target_lengths = BATCHES[batch]
    targets = np.array(targets)
    check_as_torch(predictions(T, len(targets), 4), targets, input_lengths, target_lengths, 0, reduction, zero_infinity)


@pytest.mark.parametrize("blank", [0, 17, 40])
def test_torch_with_more_labels_than_a_vector_holds(blank):
    T, N, C, S = 90, 3, 41, 37
    targets = (RNG.integers(1, C, (N, S)) + blank) % C
    check_as_torch(predictions(T, N, C), targets, [90, 88, 61], [37, 1, 20], blank)


def check_as_torch(x, targets, *rest):
    for dtype, tolerance in ((np.float32, 1e-4), (np.float64, 1e-10)):  # it is PyTorch that rounds
        scores = x.astype(dtype)
        mine, theirs = pydl.tensor(scores, requires_grad=True), torch.tensor(scores, requires_grad=True)
        y = ctc_loss(mine, targets, *rest)
        z = torch.nn.functional.ctc_loss(theirs, torch.tensor(targets), *rest)
        close(y.detach().numpy(), z.detach().numpy(), tolerance, "loss")
        y.backward(np.ones(y.shape, dtype))
        z.backward(torch.ones(z.shape, dtype=z.dtype))
        close(mine.grad.numpy(), theirs.grad.numpy(), tolerance, "gradient")


def test_targets_in_one_dimension_and_without_a_batch():
    x = predictions(8, 2, 5)
    want = ctc_loss(x, [[1, 2, 9], [3, 3, 4]], [8, 7], [2, 3], reduction="none").numpy()
    assert ctc_loss(x, [1, 2, 3, 3, 4], (8, 7), (2, 3), reduction="none").tolist() == want.tolist()
    for length, count in ((8, 2), ([8], [2]), (np.array(8), np.array([2]))):
        alone = ctc_loss(x[:, 0], [1, 2], length, count, reduction="none")
        assert (alone.shape, alone.item()) == ((), want[0])


def test_gradient_goes_through_log_softmax():
    z = RNG.standard_normal((7, 2, 4))

    def loss(z):
        return ctc_loss(log_softmax(z, -1), [[1, 1], [2, 3]], [7, 5], [2, 2])

    for backend in ("native", "reference"):
        with pydl.use_backend(backend):
            pydl.lab.gradcheck(loss, (z,))


def test_padding_is_not_read():
    x = predictions(6, 2, 4)
    want = ctc_loss(x, [[1, 2], [3, 1]], [4, 6], [2, 1]).item()
    x[4:, 0] = np.nan
    leaf = pydl.tensor(x, requires_grad=True)
    loss = ctc_loss(leaf, [[1, 2], [3, 99]], [4, 6], [2, 1])
    assert loss.item() == want
    loss.backward()
    assert not leaf.grad.numpy()[4:, 0].any()


def test_a_probability_of_zero_has_no_gradient():
    x = predictions(6, 1, 4)
    x[2, 0, 1] = x[3, 0, 3] = -np.inf
    leaf = pydl.tensor(x, requires_grad=True)
    ctc_loss(leaf, [[1, 2]], [6], [2]).backward()
    gradient = leaf.grad.numpy()
    assert gradient[2, 0, 1] == gradient[3, 0, 3] == 0.0
    assert np.isfinite(gradient).all()


def test_nan_stays_nan():
    x = predictions(6, 2, 4)
    x[3, 0, 0] = np.nan
    losses = ctc_loss(x, [[1, 2], [3, 1]], [6, 6], [2, 2], reduction="none").numpy()
    assert np.isnan(losses).tolist() == [True, False]


def test_float32_keeps_its_digits_over_thousands_of_frames():
    x, targets = predictions(3000, 1, 30, np.float32, 3.0), RNG.integers(1, 30, (1, 200))
    gradients = []
    for dtype in (np.float32, np.float64):
        leaf = pydl.tensor(x.astype(dtype), requires_grad=True)
        ctc_loss(leaf, targets, [3000], [200], reduction="sum").backward()
        gradients.append(leaf.grad.numpy())
    # The logarithms of such paths are near 10,000, where neighbouring float32 numbers are 1e-3 apart.
    np.testing.assert_allclose(*gradients, atol=1e-3)


def test_any_strides():
    x = predictions(12, 4, 5)
    for view in (x[::-1, ::2, ::-1], x.transpose(0, 2, 1), np.broadcast_to(x[:, :1], (12, 3, 5))):
        N, C = view.shape[1:]
        targets = RNG.integers(1, C, (N, 3))
        results = []
        for each in (view, np.ascontiguousarray(view)):
            leaf = pydl.tensor(each, requires_grad=True)
            ctc_loss(leaf, targets, [12] * N, [3] * N).backward()
            results.append(leaf.grad.numpy())
        np.testing.assert_array_equal(*results)


def test_layer():
    x, rest = predictions(6, 2, 4), ([[1, 2], [3, 1]], [6, 1], [2, 2])
    layer = nn.CTCLoss(blank=0, reduction="sum", zero_infinity=True)
    assert layer(x, *rest).item() == ctc_loss(x, *rest, reduction="sum", zero_infinity=True).item() > 0


def test_without_sequences():
    x, none = np.zeros((5, 0, 4), np.float32), np.zeros(0, int)
    assert np.isnan(ctc_loss(x, np.zeros((0, 3), int), none, none).item())
    assert ctc_loss(x, none, none, none, reduction="none").shape == (0,)


X = np.zeros((6, 2, 4), np.float32)
GOOD = np.array([[1, 2], [3, 3]])


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: ctc_loss(X, [[1, 2], [3, 4]], [6, 6], [2, 2]), ValueError,
         "ctc_loss: targets[1, 1] is 4, no class of 4 (0 to 3)"),
        (lambda: ctc_loss(X, [1, 2, -1], [6, 6], [2, 1]), ValueError,
         "ctc_loss: targets[2] is -1, no class of 4 (0 to 3)"),
        (lambda: ctc_loss(X, [[1, 2], [0, 3]], [6, 6], [2, 2]), ValueError,
         "ctc_loss: targets[1, 0] is 0, the blank, which is no label"),
        (lambda: ctc_loss(X, GOOD, [6, 7], [2, 2]), ValueError,
         "ctc_loss: input_lengths must be from 0 to 6, the frames of log_probs (6, 2, 4), but go from 6 to 7"),
        (lambda: ctc_loss(X, GOOD, [6, 6], [2, 3]), ValueError,
         "ctc_loss: target_lengths must be from 0 to 2, the labels of targets (2, 2), but go from 2 to 3"),
        (lambda: ctc_loss(X, GOOD, [6, 6], [2, -1]), ValueError, "ctc_loss: target_lengths must be from 0 to 2"),
        (lambda: ctc_loss(X, GOOD, [6], [2, 2]), ValueError,
         "ctc_loss: input_lengths has shape (1,) but must be (2,), one for each sequence"),
        (lambda: ctc_loss(X, GOOD, [6, 6], [[2, 2]]), ValueError,
         "ctc_loss: target_lengths has shape (1, 2) but must be (2,), one for each sequence"),
        (lambda: ctc_loss(X, [1, 2, 3], [6, 6], [2, 2]), ValueError,
         "ctc_loss: targets has 3 labels but target_lengths add up to 4; targets of shape (N, S) may be padded"),
        (lambda: ctc_loss(X, GOOD[:1], [6, 6], [2, 2]), ValueError,
         "ctc_loss: targets has shape (1, 2) but must have 2 rows, one for each sequence"),
        (lambda: ctc_loss(X, GOOD * 1.0, [6, 6], [2, 2]), TypeError,
         "ctc_loss: targets has dtype float64 but must hold integers"),
        (lambda: ctc_loss(X, GOOD, [6.0, 6.0], [2, 2]), TypeError,
         "ctc_loss: input_lengths has dtype float32 but must hold integers"),
        (lambda: ctc_loss(X, GOOD, [6, 6], [2, 2], blank=4), ValueError,
         "ctc_loss: blank is 4 but there are 4 classes (log_probs (6, 2, 4))"),
        (lambda: ctc_loss(X, GOOD, [6, 6], [2, 2], blank=-1), ValueError, "ctc_loss: blank must be at least 0, not -1"),
        (lambda: ctc_loss(X[0, 0], GOOD, [6, 6], [2, 2]), ValueError,
         "ctc_loss: log_probs must be (T, N, C) or (T, C), but has shape (4,)"),
        (lambda: ctc_loss(X, GOOD, [6, 6], [2, 2], reduction="avg"), ValueError,
         "ctc_loss: reduction is 'avg' but must be 'none', 'mean' or 'sum'"),
        (lambda: ctc_loss(X, GOOD, [6, 6], [2, 2], zero_infinity="yes"), TypeError,
         "ctc_loss: zero_infinity must be True or False, not 'yes'"),
        (lambda: ctc_loss(X.astype(int), GOOD, [6, 6], [2, 2]), TypeError,
         "ctc_loss: log_probs has dtype int64 but must be float32 or float64"),
    ],
)  # fmt: skip
def test_refuses(call, error, message):
    check_refused(call, error, message)
