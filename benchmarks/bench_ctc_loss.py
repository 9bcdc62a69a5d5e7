"""ctc_loss: spoken sentences, and one long utterance whose frames can only be worked off one after another."""

import numpy as np
from run import Bench, out, randn

from pydl.ops.ctc_loss import ctc_loss_backward, ctc_loss_forward
from pydl.ops.log_softmax import log_softmax

# T, N, C, labels
SHAPES = [(100, 16, 11, 4), (400, 16, 29, 60), (1500, 1, 29, 200)]
SMALL = (20, 1, 5, 4)


def sequences(T, N, C, S):
    x = log_softmax(randn(T, N, C), -1).numpy()
    return x, np.random.default_rng(0).integers(1, C, (N, S)), np.full(N, T), np.full(N, S)


def flops(T, N, C, S):
    """About thirty for each frame and place: three exponentials' worth of additions and a logarithm."""
    return 30 * T * N * (2 * S + 1)


def log_add(*terms):
    return np.logaddexp(np.logaddexp(*terms[:2]), terms[-1])


def emissions_and_skips(x, targets, blank):
    """log_probs of blank, label, blank, ..., blank (T, N, 2 S + 1), and -inf where no label may be skipped to."""
    N, S = targets.shape
    places = np.full((N, 2 * S + 1), blank)
    places[:, 1::2] = targets
    skip = np.full(places.shape, -np.inf)
    skip[:, 2:][places[:, 2:] != places[:, :-2]] = 0.0
    return np.take_along_axis(x, np.broadcast_to(places, (len(x), *places.shape)), 2), skip, places


def alphas(emissions, skip):
    alpha = np.full((emissions.shape[0], emissions.shape[1], emissions.shape[2] + 2), -np.inf)
    alpha[0, :, 2:4] = emissions[0, :, :2]
    for t in range(1, len(emissions)):
        before = alpha[t - 1]
        alpha[t, :, 2:] = log_add(before[:, 2:], before[:, 1:-1], before[:, :-2] + skip) + emissions[t]
    return alpha[:, :, 2:]


def forward_numpy(x, targets, input_lengths, target_lengths, y, nll, blank, reduction, zero_infinity):
    last = alphas(*emissions_and_skips(x, targets, blank)[:2])[-1]
    nll[...] = -np.logaddexp(last[:, -1], last[:, -2])
    y[0] = (nll / target_lengths).mean()


def backward_numpy(dy, x, targets, input_lengths, target_lengths, nll, dx, blank, mean, zero_infinity):
    emissions, skip, places = emissions_and_skips(x, targets, blank)
    reversed_skip = np.full(skip.shape, -np.inf)
    reversed_skip[:, 2:] = skip[:, :1:-1]
    alpha = alphas(emissions, skip)
    beta = alphas(emissions[::-1, :, ::-1], reversed_skip)[::-1, :, ::-1]
    through = np.exp(alpha + beta - emissions + nll[:, None])
    dx[...] = np.exp(x)
    for n in range(len(places)):
        np.subtract.at(dx[:, n].T, places[n], through[:, n].T)
    dx *= dy[0] / (len(nll) * target_lengths[:, None])


def backward_arguments(*shape):
    T, N, C, _ = shape
    batch, nll = sequences(*shape), out(N)
    ctc_loss_forward(*batch, out(1), nll, 0, 1, False)
    return np.ones(1, np.float32), *batch, nll, out(T, N, C), 0, True, False


BENCHES = [
    Bench(
        ctc_loss_forward,
        SHAPES,
        small=SMALL,
        arguments=lambda *s: (*sequences(*s), out(1), out(s[1]), 0, 1, False),
        numpy=forward_numpy,
        flops=flops,
    ),
    Bench(
        ctc_loss_backward,
        SHAPES,
        small=SMALL,
        arguments=backward_arguments,
        numpy=backward_numpy,
        flops=lambda *shape: 2 * flops(*shape),
    ),
]
