"""lstm: rows of an image as a sequence, a layer of a language model, one long sequence alone."""

import numpy as np
from run import Bench, out, randn

from pydl.ops.lstm import lstm_backward, lstm_forward

SHAPES = [(28, 64, 28, 128), (64, 32, 128, 256), (50, 16, 100, 100), (100, 1, 64, 64)]  # T, B, D, H


def weights(D, H):
    return [randn(4 * H, D) / np.sqrt(np.float32(H)), randn(4 * H, H) / np.sqrt(np.float32(H)), randn(4 * H), None]


def forward_arguments(T, B, D, H):
    kept = [out(T, B, 4 * H), out(T, B, H)]
    results = [out(T, B, H), out(B, H), out(B, H)]
    return randn(T, B, D), randn(B, H), randn(B, H), *weights(D, H), None, False, *kept, *results


def backward_arguments(T, B, D, H):
    forward = forward_arguments(T, B, D, H)
    lstm_forward.native(*forward)
    x, h0, c0, w_ih, w_hh, _, _, lengths, reverse, gates, c, h, _, _ = forward
    results = [out(*a.shape) for a in (x, h0, c0, w_ih, w_hh)]
    return randn(T, B, H), None, None, x, h0, c0, w_ih, w_hh, lengths, reverse, gates, c, h, *results, out(4 * H)


def sigmoid(a):
    return 1 / (1 + np.exp(-a))


def forward_numpy(x, h0, c0, w_ih, w_hh, b_ih, b_hh, lengths, reverse, gates, c, h, h_n, c_n):
    H = h.shape[2]
    np.add(x @ w_ih.T, b_ih, out=gates)
    state, cell = h0, c0
    for t in range(len(x)):
        a = gates[t]
        a += state @ w_hh.T
        a[:, : 2 * H], a[:, 3 * H :] = sigmoid(a[:, : 2 * H]), sigmoid(a[:, 3 * H :])
        i, f, g, o = a[:, :H], a[:, H : 2 * H], np.tanh(a[:, 2 * H : 3 * H], out=a[:, 2 * H : 3 * H]), a[:, 3 * H :]
        c[t] = f * cell + i * g
        h[t] = o * np.tanh(c[t])
        state, cell = h[t], c[t]
    h_n[...], c_n[...] = state, cell


def backward_numpy(
    dh, dh_n, dc_n, x, h0, c0, w_ih, w_hh, lengths, reverse, gates, c, h, dx, dh0, dc0, dw_ih, dw_hh, db
):
    T, B, H = h.shape
    da = np.empty_like(gates)
    dh0[...] = dc0[...] = 0
    for t in reversed(range(T)):
        i, f, g, o = (gates[t, :, k * H : (k + 1) * H] for k in range(4))
        dh_t, squashed = dh[t] + dh0, np.tanh(c[t])
        dc_t = dc0 + dh_t * o * (1 - squashed**2)
        da[t, :, :H] = dc_t * g * i * (1 - i)
        da[t, :, H : 2 * H] = dc_t * (c[t - 1] if t else c0) * f * (1 - f)
        da[t, :, 2 * H : 3 * H] = dc_t * i * (1 - g**2)
        da[t, :, 3 * H :] = dh_t * squashed * o * (1 - o)
        np.matmul(da[t], w_hh, out=dh0)
        np.multiply(dc_t, f, out=dc0)
    rows = da.reshape(T * B, 4 * H)
    np.matmul(da, w_ih, out=dx)
    np.matmul(rows.T, x.reshape(T * B, -1), out=dw_ih)
    np.matmul(rows.T, np.concatenate([h0[None], h[:-1]]).reshape(T * B, H), out=dw_hh)
    np.sum(rows, axis=0, out=db)


def products(T, B, D, H):
    return 2 * T * B * 4 * H * (D + H)


BENCHES = [
    Bench(
        lstm_forward,
        SHAPES,
        small=(2, 2, 4, 8),
        arguments=forward_arguments,
        numpy=forward_numpy,
        flops=products,
    ),
    Bench(
        lstm_backward,
        SHAPES,
        small=(2, 2, 4, 8),
        arguments=backward_arguments,
        numpy=backward_numpy,
        flops=lambda *shape: 2 * products(*shape),
    ),
]
