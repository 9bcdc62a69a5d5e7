"""rnn_cell: one step of a decoder, for one sequence and for a batch."""

import numpy as np
from bench_lstm_cell import SHAPES
from run import Bench, out, randn

from pydl.ops.rnn_cell import rnn_cell_backward, rnn_cell_forward


def forward_arguments(B, D, H):
    scale = np.sqrt(np.float32(H))
    weights = [randn(*shape) / scale for shape in ((H, D), (H, H), (H,), (H,))]
    return randn(B, D), randn(B, H), *weights, False, out(B, H)


def backward_arguments(B, D, H):
    forward = forward_arguments(B, D, H)
    rnn_cell_forward.native(*forward)
    x, h, w_ih, w_hh, _, _, relu, h_next = forward
    return randn(B, H), w_ih, w_hh, relu, h_next, *(out(*a.shape) for a in (x, h, h)), out(H)


def forward_numpy(x, h, w_ih, w_hh, b_ih, b_hh, relu, h_next):
    np.tanh(x @ w_ih.T + h @ w_hh.T + (b_ih + b_hh), out=h_next)


def backward_numpy(dh_next, w_ih, w_hh, relu, h_next, dx, dh, da, db):
    np.multiply(dh_next, 1 - h_next**2, out=da)
    np.matmul(da, w_ih, out=dx)
    np.matmul(da, w_hh, out=dh)
    np.sum(da, axis=0, out=db)


def products(B, D, H):
    return 2 * B * H * (D + H)


BENCHES = [
    Bench(
        rnn_cell_forward,
        SHAPES,
        small=(2, 4, 8),
        arguments=forward_arguments,
        numpy=forward_numpy,
        flops=products,
    ),
    Bench(
        rnn_cell_backward,
        SHAPES,
        small=(2, 4, 8),
        arguments=backward_arguments,
        numpy=backward_numpy,
        flops=products,
    ),
]
