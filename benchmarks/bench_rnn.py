"""rnn: rows of an image as a sequence, a layer of a language model, both directions, one long sequence alone."""

import numpy as np
from bench_lstm import SHAPES
from run import Bench, out, randn

from pydl.ops.rnn import rnn_backward, rnn_forward


def weights(N, D, H):
    scale = np.sqrt(np.float32(H))
    return [[randn(*shape) / scale for _ in range(N)] for shape in ((H, D), (H, H), (H,), (H,))]


def forward_arguments(N, T, B, D, H):
    results = [out(T, B, N * H), out(N, B, H)]
    return randn(T, B, D), randn(N, B, H), *weights(N, D, H), None, False, None, False, *results


def backward_arguments(N, T, B, D, H):
    forward = forward_arguments(N, T, B, D, H)
    rnn_forward.native(*forward)
    x, h0, w_ih, w_hh, b_ih, _, lengths, reverse, mask, relu, h, _ = forward
    results = [out(*x.shape), out(*h0.shape), *([out(*w.shape) for w in each] for each in (w_ih, w_hh, b_ih))]
    return randn(*h.shape), None, x, h0, w_ih, w_hh, lengths, reverse, mask, relu, h, *results


def forward_numpy(x, h0, w_ih, w_hh, b_ih, b_hh, lengths, reverse, mask, relu, h, h_n):
    H = h0.shape[2]
    for d in range(len(h0)):
        of_x = x @ w_ih[d].T + (b_ih[d] + b_hh[d])
        state = h0[d]
        for t in reversed(range(len(x))) if d else range(len(x)):
            state = h[t, :, d * H : (d + 1) * H] = np.tanh(of_x[t] + state @ w_hh[d].T)
        h_n[d] = state


def backward_numpy(dh, dh_n, x, h0, w_ih, w_hh, lengths, reverse, mask, relu, h, dx, dh0, dw_ih, dw_hh, db):
    T, B, D = x.shape
    H = h0.shape[2]
    for d in range(len(h0)):
        units, steps = slice(d * H, (d + 1) * H), range(T)[::-1] if d else range(T)
        before = np.concatenate([h[1:, :, units], h0[d][None]] if d else [h0[d][None], h[:-1, :, units]])
        da = np.empty((T, B, H), np.float32)
        dh_t = np.zeros((B, H), np.float32)
        for t in reversed(steps):
            da[t] = (dh_t + dh[t, :, units]) * (1 - h[t, :, units] ** 2)
            dh_t = da[t] @ w_hh[d]
        dh0[d] = dh_t
        dx[...] = da @ w_ih[d] if d == 0 else dx + da @ w_ih[d]
        rows = da.reshape(T * B, H)
        np.matmul(rows.T, x.reshape(T * B, D), out=dw_ih[d])
        np.matmul(rows.T, before.reshape(T * B, H), out=dw_hh[d])
        np.sum(rows, axis=0, out=db[d])


def products(N, T, B, D, H):
    return 2 * N * T * B * H * (D + H)


BENCHES = [
    Bench(
        rnn_forward,
        SHAPES,
        small=(2, 2, 2, 4, 8),
        arguments=forward_arguments,
        numpy=forward_numpy,
        flops=products,
    ),
    Bench(
        rnn_backward,
        SHAPES,
        small=(2, 2, 2, 4, 8),
        arguments=backward_arguments,
        numpy=backward_numpy,
        flops=lambda *shape: 2 * products(*shape),
    ),
]
