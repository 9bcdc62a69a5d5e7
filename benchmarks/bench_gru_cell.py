"""gru_cell: one step of a decoder, for one sequence and for a batch."""

import numpy as np
from bench_lstm import sigmoid
from bench_lstm_cell import SHAPES
from run import Bench, out, randn

from pydl.ops.gru_cell import gru_cell_backward, gru_cell_forward


def forward_arguments(B, D, H):
    scale = np.sqrt(np.float32(H))
    weights = [randn(*shape) / scale for shape in ((3 * H, D), (3 * H, H), (3 * H,), (3 * H,))]
    return randn(B, D), randn(B, H), *weights, out(B, 4 * H), out(B, H)


def backward_arguments(B, D, H):
    forward = forward_arguments(B, D, H)
    gru_cell_forward.native(*forward)
    x, h, w_ih, w_hh, _, _, gates, _ = forward
    results = [out(*shape) for shape in (x.shape, h.shape, (B, 3 * H), (B, 3 * H), (3 * H,), (3 * H,))]
    return randn(B, H), h, w_ih, w_hh, gates, *results


def forward_numpy(x, h, w_ih, w_hh, b_ih, b_hh, gates, h_next):
    H = h.shape[1]
    of_x, of_h = x @ w_ih.T + b_ih, h @ w_hh.T + b_hh
    r, z, n, m = (gates[:, k * H : (k + 1) * H] for k in range(4))
    r[...], z[...], m[...] = sigmoid(of_x[:, :H] + of_h[:, :H]), sigmoid((of_x + of_h)[:, H : 2 * H]), of_h[:, 2 * H :]
    np.tanh(of_x[:, 2 * H :] + r * m, out=n)
    np.add((1 - z) * n, z * h, out=h_next)


def backward_numpy(dh_next, h, w_ih, w_hh, gates, dx, dh, da, db, db_ih, db_hh):
    H = h.shape[1]
    r, z, n, m = (gates[:, k * H : (k + 1) * H] for k in range(4))
    dn = dh_next * (1 - z) * (1 - n**2)
    np.concatenate([dn * m * r * (1 - r), dh_next * (h - n) * z * (1 - z), dn], axis=1, out=da)
    np.multiply(da[:, 2 * H :], r, out=db[:, 2 * H :])
    db[:, : 2 * H] = da[:, : 2 * H]
    np.matmul(da, w_ih, out=dx)
    np.add(db @ w_hh, dh_next * z, out=dh)
    np.sum(da, axis=0, out=db_ih)
    np.sum(db, axis=0, out=db_hh)


def products(B, D, H):
    return 2 * B * 3 * H * (D + H)


BENCHES = [
    Bench(
        gru_cell_forward,
        SHAPES,
        small=(2, 4, 8),
        arguments=forward_arguments,
        numpy=forward_numpy,
        flops=products,
    ),
    Bench(
        gru_cell_backward,
        SHAPES,
        small=(2, 4, 8),
        arguments=backward_arguments,
        numpy=backward_numpy,
        flops=products,
    ),
]
