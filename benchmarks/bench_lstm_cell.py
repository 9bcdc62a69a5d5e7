"""lstm_cell: one step of a decoder, for one sequence and for a batch."""

import numpy as np
from bench_lstm import sigmoid, weights
from run import Bench, out, randn

from pydl.ops.lstm_cell import lstm_cell_backward, lstm_cell_forward

SHAPES = [(64, 28, 128), (32, 256, 256), (1, 256, 256)]  # B, D, H


def forward_arguments(B, D, H):
    return randn(B, D), randn(B, H), randn(B, H), *weights(D, H), out(B, 4 * H), out(B, H), out(B, H)


def backward_arguments(B, D, H):
    forward = forward_arguments(B, D, H)
    lstm_cell_forward.native(*forward)
    x, h, c, w_ih, w_hh, _, _, gates, _, c_next = forward
    return (
        randn(B, H),
        randn(B, H),
        c,
        w_ih,
        w_hh,
        gates,
        c_next,
        *(out(*a.shape) for a in (x, h, c, gates)),
        out(4 * H),
    )


def forward_numpy(x, h, c, w_ih, w_hh, b_ih, b_hh, gates, h_next, c_next):
    H = h.shape[1]
    np.add(x @ w_ih.T + h @ w_hh.T, b_ih, out=gates)
    i, f, g, o = (gates[:, k * H : (k + 1) * H] for k in range(4))
    i[...], f[...], g[...], o[...] = sigmoid(i), sigmoid(f), np.tanh(g), sigmoid(o)
    np.add(f * c, i * g, out=c_next)
    np.multiply(o, np.tanh(c_next), out=h_next)


def backward_numpy(dh_next, dc_next, c, w_ih, w_hh, gates, c_next, dx, dh, dc, da, db):
    H = c.shape[1]
    i, f, g, o = (gates[:, k * H : (k + 1) * H] for k in range(4))
    squashed = np.tanh(c_next)
    dc_sum = dc_next + dh_next * o * (1 - squashed**2)
    np.concatenate(
        [dc_sum * g * i * (1 - i), dc_sum * c * f * (1 - f), dc_sum * i * (1 - g**2), dh_next * squashed * o * (1 - o)],
        axis=1,
        out=da,
    )
    np.matmul(da, w_ih, out=dx)
    np.matmul(da, w_hh, out=dh)
    np.multiply(dc_sum, f, out=dc)
    np.sum(da, axis=0, out=db)


def products(B, D, H):
    return 2 * B * 4 * H * (D + H)


BENCHES = [
    Bench(
        lstm_cell_forward,
        SHAPES,
        small=(2, 4, 8),
        arguments=forward_arguments,
        numpy=forward_numpy,
        flops=products,
    ),
    Bench(
        lstm_cell_backward,
        SHAPES,
        small=(2, 4, 8),
        arguments=backward_arguments,
        numpy=backward_numpy,
        flops=products,
    ),
]
