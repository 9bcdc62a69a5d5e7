"""gru: rows of an image as a sequence, a layer of a language model, both directions, one long sequence alone."""

import numpy as np
from bench_lstm import SHAPES, sigmoid
from run import Bench, out, randn

from pydl.ops.gru import gru_backward, gru_forward


def weights(N, D, H):
    scale = np.sqrt(np.float32(H))
    return [[randn(*shape) / scale for _ in range(N)] for shape in ((3 * H, D), (3 * H, H), (3 * H,), (3 * H,))]


def forward_arguments(N, T, B, D, H):
    results = [out(N, T, B, 4 * H), out(T, B, N * H), out(N, B, H)]
    return randn(T, B, D), randn(N, B, H), *weights(N, D, H), None, False, None, *results


def backward_arguments(N, T, B, D, H):
    forward = forward_arguments(N, T, B, D, H)
    gru_forward.native(*forward)
    x, h0, w_ih, w_hh, b_ih, b_hh, lengths, reverse, mask, gates, h, _ = forward
    results = [out(*x.shape), out(*h0.shape), *([out(*w.shape) for w in each] for each in (w_ih, w_hh, b_ih, b_hh))]
    return randn(*h.shape), None, x, h0, w_ih, w_hh, lengths, reverse, mask, gates, h, *results


def forward_numpy(x, h0, w_ih, w_hh, b_ih, b_hh, lengths, reverse, mask, gates, h, h_n):
    H = h0.shape[2]
    for d in range(len(h0)):
        of_x = x @ w_ih[d].T + b_ih[d]
        state = h0[d]
        for t in reversed(range(len(x))) if d else range(len(x)):
            of_h = state @ w_hh[d].T + b_hh[d]
            r, z = sigmoid(of_x[t, :, :H] + of_h[:, :H]), sigmoid(of_x[t, :, H : 2 * H] + of_h[:, H : 2 * H])
            n = np.tanh(of_x[t, :, 2 * H :] + r * of_h[:, 2 * H :])
            gates[d, t] = np.concatenate([r, z, n, of_h[:, 2 * H :]], axis=1)
            state = h[t, :, d * H : (d + 1) * H] = (1 - z) * n + z * state
        h_n[d] = state


def backward_numpy(dh, dh_n, x, h0, w_ih, w_hh, lengths, reverse, mask, gates, h, dx, dh0, dw_ih, dw_hh, db_ih, db_hh):
    T, B, D = x.shape
    H = h0.shape[2]
    for d in range(len(h0)):
        units, steps = slice(d * H, (d + 1) * H), range(T)[::-1] if d else range(T)
        before = np.concatenate([h[1:, :, units], h0[d][None]] if d else [h0[d][None], h[:-1, :, units]])
        da, db = np.empty((T, B, 3 * H), np.float32), np.empty((T, B, 3 * H), np.float32)
        dh_t = np.zeros((B, H), np.float32)
        for t in reversed(steps):
            r, z, n, m = (gates[d, t, :, k * H : (k + 1) * H] for k in range(4))
            dh_t = dh_t + dh[t, :, units]
            dn = dh_t * (1 - z) * (1 - n**2)
            da[t] = np.concatenate([dn * m * r * (1 - r), dh_t * (before[t] - n) * z * (1 - z), dn], axis=1)
            db[t] = da[t]
            db[t, :, 2 * H :] *= r
            dh_t = dh_t * z + db[t] @ w_hh[d]
        dh0[d] = dh_t
        dx[...] = da @ w_ih[d] if d == 0 else dx + da @ w_ih[d]
        a, b = da.reshape(T * B, 3 * H), db.reshape(T * B, 3 * H)
        np.matmul(a.T, x.reshape(T * B, D), out=dw_ih[d])
        np.matmul(b.T, before.reshape(T * B, H), out=dw_hh[d])
        np.sum(a, axis=0, out=db_ih[d])
        np.sum(b, axis=0, out=db_hh[d])


def products(N, T, B, D, H):
    return 2 * N * T * B * 3 * H * (D + H)


BENCHES = [
    Bench(
        gru_forward,
        SHAPES,
        small=(2, 2, 2, 4, 8),
        arguments=forward_arguments,
        numpy=forward_numpy,
        flops=products,
    ),
    Bench(
        gru_backward,
        SHAPES,
        small=(2, 2, 2, 4, 8),
        arguments=backward_arguments,
        numpy=backward_numpy,
        flops=lambda *shape: 2 * products(*shape),
    ),
]
