"""lstm_recurrence: a layer with peepholes, a normalised one with a projection, one sequence alone."""

import numpy as np
from bench_lstm import sigmoid
from run import Bench, out, randn

from pydl.ops.lstm_recurrence import lstm_recurrence_backward, lstm_recurrence_forward

SHAPES = [(28, 64, 128, 128, 0), (64, 32, 256, 64, 1), (100, 1, 64, 64, 0)]  # T, B, H, P, normalised
EPS = 1e-5


def forward_arguments(T, B, H, P, norm):
    projection = None if P == H else randn(P, H) / np.sqrt(np.float32(H))
    weights = [randn(4 * H, P) / np.sqrt(np.float32(P)), randn(3 * H) / 4, projection]
    weights.append([1 + randn(size) / 8 for size in (4 * H, H, H)] if norm else [])
    of_norm = [out(T, B, 4 * H), out(T, B, 3)] if norm else [None, None]
    kept = [out(T, B, 4 * H), *of_norm, out(T, B, H), out(T, B, P)]
    return randn(T, B, 4 * H), randn(B, P), randn(B, H), *weights, EPS, None, None, False, *kept, out(B, P), out(B, H)


def backward_arguments(T, B, H, P, norm):
    forward = forward_arguments(T, B, H, P, norm)
    lstm_recurrence_forward.native(*forward)
    sums, h0, c0, w_hh, peephole, w_hr, gains, _, mask, lengths, reverse, gates, rhat, stats, c, h, _, _ = forward
    given = h0, c0, w_hh, peephole, w_hr, gains, mask, lengths, reverse, gates, rhat, stats, c, h
    results = [None if each is None else out(*each.shape) for each in (sums, h0, c0, w_hh, peephole, w_hr)]
    return randn(*h.shape), None, None, *given, *results, [out(*each.shape) for each in gains]


def normalised(v):
    mean, rstd = v.mean(1, keepdims=True), 1 / np.sqrt(v.var(1, keepdims=True) + np.float32(EPS))
    return (v - mean) * rstd, mean[:, 0], rstd[:, 0]


def forward_numpy(
    sums, h0, c0, w_hh, peephole, w_hr, gains, eps, mask, lengths, reverse, gates, rhat, stats, c, h, h_n, c_n
):
    state, cell, H = h0, c0, c0.shape[1]
    p_i, p_f, p_o = peephole.reshape(3, H)
    for t in range(len(sums)):
        r = state @ w_hh.T
        if gains:
            rhat[t], _, stats[t, :, 0] = normalised(r)
            r = rhat[t] * gains[0]
        a = gates[t] = sums[t] + r
        i, f, g, o = (gates[t][:, k * H : (k + 1) * H] for k in range(4))
        a_o = a[:, 3 * H :].copy()
        i[...], f[...], g[...] = sigmoid(i + p_i * cell), sigmoid(f + p_f * cell), np.tanh(g)
        cell = s = c[t] = f * cell + i * g
        o[...] = sigmoid(a_o + p_o * cell)
        if gains:
            chat, stats[t, :, 1], stats[t, :, 2] = normalised(cell)
            s = chat * gains[1] + gains[2]
        state = o * np.tanh(s)
        state = h[t] = state if w_hr is None else state @ w_hr.T
    h_n[...], c_n[...] = state, cell


def norm_backward(dy, gain, vhat, rstd):
    e = dy * gain
    return rstd[:, None] * (e - e.mean(1, keepdims=True) - vhat * (e * vhat).mean(1, keepdims=True))


def backward_numpy(
    dh, dh_n, dc_n, h0, c0, w_hh, peephole, w_hr, gains, mask, lengths, reverse, gates, rhat, stats, c, h,
    dsums, dh0, dc0, dw_hh, dpeephole, dw_hr, dgains,
):  # fmt: skip
    H = c0.shape[1]
    p_i, p_f, p_o = peephole.reshape(3, H)
    dh_t, dc = np.zeros_like(h0), np.zeros_like(c0)
    for each in (dw_hh, dpeephole, dw_hr, *dgains):
        if each is not None:
            each[...] = 0
    for t in reversed(range(len(dsums))):
        h_before, c_before = (h[t - 1], c[t - 1]) if t else (h0, c0)
        i, f, g, o = (gates[t][:, k * H : (k + 1) * H] for k in range(4))
        dh_t = dh_t + dh[t]
        chat = s = c[t]
        if gains:
            chat = (c[t] - stats[t, :, 1:2]) * stats[t, :, 2:]
            s = chat * gains[1] + gains[2]
        squashed = np.tanh(s)
        dy = dh_t
        if w_hr is not None:
            dw_hr += dh_t.T @ (o * squashed)
            dy = dh_t @ w_hr
        do, ds = dy * squashed * o * (1 - o), dy * o * (1 - squashed**2)
        dc = dc + p_o * do + (norm_backward(ds, gains[1], chat, stats[t, :, 2]) if gains else ds)
        di, df = dc * g * i * (1 - i), dc * c_before * f * (1 - f)
        da = dr = dsums[t] = np.concatenate([di, df, dc * i * (1 - g**2), do], 1)
        dc = dc * f + p_i * di + p_f * df
        dpeephole += np.concatenate([(di * c_before).sum(0), (df * c_before).sum(0), (do * c[t]).sum(0)])
        if gains:
            dr = norm_backward(da, gains[0], rhat[t], stats[t, :, 0])
            for total, each in zip(dgains, ((da * rhat[t]), ds * chat, ds), strict=True):
                total += each.sum(0)
        dw_hh += dr.T @ h_before
        dh_t = dr @ w_hh
    dh0[...], dc0[...] = dh_t, dc


def products(T, B, H, P, norm):
    return 2 * T * B * (4 * H * P + (P * H if P != H else 0))


BENCHES = [
    Bench(
        lstm_recurrence_forward,
        SHAPES,
        small=(2, 2, 8, 4, 1),
        arguments=forward_arguments,
        numpy=forward_numpy,
        flops=products,
    ),
    Bench(
        lstm_recurrence_backward,
        SHAPES,
        small=(2, 2, 8, 4, 1),
        arguments=backward_arguments,
        numpy=backward_numpy,
        flops=lambda *shape: 2 * products(*shape),
    ),
]
