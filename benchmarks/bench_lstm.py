"""lstm: rows of an image as a sequence, a layer of a language model, both directions, one long sequence alone."""

import numpy as np
from run import Bench, out, randn

from pydl.ops.lstm import lstm_backward, lstm_forward

# N directions, T, B, D, H
SHAPES = [(1, 28, 64, 28, 128), (1, 64, 32, 128, 256), (2, 50, 16, 100, 100), (1, 100, 1, 64, 64)]


def weights(D, H):
    return [randn(4 * H, D) / np.sqrt(np.float32(H)), randn(4 * H, H) / np.sqrt(np.float32(H)), randn(4 * H), None]


def forward_arguments(N, T, B, D, H):
    w_ih, w_hh, b_ih, _ = (list(each) for each in zip(*(weights(D, H) for _ in range(N)), strict=True))
    kept = [out(N, T, B, 4 * H), out(N, T, B, H)]
    results = [out(T, B, N * H), out(N, B, H), out(N, B, H)]
    return randn(T, B, D), randn(N, B, H), randn(N, B, H), w_ih, w_hh, b_ih, [], None, False, None, *kept, *results


def backward_arguments(N, T, B, D, H):
    forward = forward_arguments(N, T, B, D, H)
    lstm_forward.native(*forward)
    x, h0, c0, w_ih, w_hh, b_ih, _, lengths, reverse, mask, gates, c, h, _, _ = forward
    kept = (x, h0, c0, w_ih, w_hh, lengths, reverse, mask, gates, c, h)
    results = [out(*a.shape) for a in (x, h0, c0)] + [[out(*w.shape) for w in each] for each in (w_ih, w_hh, b_ih)]
    return randn(*h.shape), None, None, *kept, *results


def sigmoid(a):
    return 1 / (1 + np.exp(-a))


def forward_numpy(x, h0, c0, w_ih, w_hh, b_ih, b_hh, lengths, reverse, mask, gates, c, h, h_n, c_n):
    H = h0.shape[2]
    for d in range(len(h0)):
        np.add(x @ w_ih[d].T, b_ih[d], out=gates[d])
        state, cell = h0[d], c0[d]
        for t in reversed(range(len(x))) if d else range(len(x)):
            a = gates[d, t]
            a += state @ w_hh[d].T
            i, f, g, o = (a[:, k * H : (k + 1) * H] for k in range(4))
            i[...], f[...], g[...], o[...] = sigmoid(i), sigmoid(f), np.tanh(g), sigmoid(o)
            cell = c[d, t] = f * cell + i * g
            state = h[t, :, d * H : (d + 1) * H] = o * np.tanh(cell)
        h_n[d], c_n[d] = state, cell


def backward_numpy(
    dh, dh_n, dc_n, x, h0, c0, w_ih, w_hh, lengths, reverse, mask, gates, c, h, dx, dh0, dc0, dw_ih, dw_hh, db
):
    T, B, D = x.shape
    H = h0.shape[2]
    for d in range(len(h0)):
        units, steps = slice(d * H, (d + 1) * H), range(T)[::-1] if d else range(T)
        before = np.concatenate([h[1:, :, units], h0[d][None]] if d else [h0[d][None], h[:-1, :, units]])
        c_before = np.concatenate([c[d, 1:], c0[d][None]] if d else [c0[d][None], c[d, :-1]])
        da = np.empty((T, B, 4 * H), np.float32)
        dh_t = dc_t = np.zeros((B, H), np.float32)
        for t in reversed(steps):
            i, f, g, o = (gates[d, t, :, k * H : (k + 1) * H] for k in range(4))
            dh_t, squashed = dh_t + dh[t, :, units], np.tanh(c[d, t])
            dc_t = dc_t + dh_t * o * (1 - squashed**2)
            da[t, :, :H] = dc_t * g * i * (1 - i)
            da[t, :, H : 2 * H] = dc_t * c_before[t] * f * (1 - f)
            da[t, :, 2 * H : 3 * H] = dc_t * i * (1 - g**2)
            da[t, :, 3 * H :] = dh_t * squashed * o * (1 - o)
            dh_t, dc_t = da[t] @ w_hh[d], dc_t * f
        dh0[d], dc0[d] = dh_t, dc_t
        dx[...] = da @ w_ih[d] if d == 0 else dx + da @ w_ih[d]
        rows = da.reshape(T * B, 4 * H)
        np.matmul(rows.T, x.reshape(T * B, D), out=dw_ih[d])
        np.matmul(rows.T, before.reshape(T * B, H), out=dw_hh[d])
        np.sum(rows, axis=0, out=db[d])


def products(N, T, B, D, H):
    return 2 * N * T * B * 4 * H * (D + H)


BENCHES = [
    Bench(
        lstm_forward,
        SHAPES,
        small=(2, 2, 2, 4, 8),
        arguments=forward_arguments,
        numpy=forward_numpy,
        flops=products,
    ),
    Bench(
        lstm_backward,
        SHAPES,
        small=(2, 2, 2, 4, 8),
        arguments=backward_arguments,
        numpy=backward_numpy,
        flops=lambda *shape: 2 * products(*shape),
    ),
]
