"""lstm_recurrence: the recurrent half of LSTMs that are not the plain one, over whole sequences.

What the inputs add to the gates has been summed up before, for all steps at once: a_t = W_ih x_t + b. Then, in turn,

    r   = W_hh (m * h_(t-1))                      m: the mask of a recurrent dropout, one for the whole sequence, or 1
    r   = norm(r) * gain_h                        where there is layer normalisation; its shift belongs to b
    i   = sigmoid(a_i + r_i + p_i * c_(t-1))      p: peepholes, through which the gates see the cell, or 0
    f   = sigmoid(a_f + r_f + p_f * c_(t-1))
    g   = tanh   (a_g + r_g)
    c_t = f * c_(t-1) + i * g
    o   = sigmoid(a_o + r_o + p_o * c_t)          the output gate sees the new cell
    s   = norm(c_t) * gain_c + shift_c            where there is layer normalisation, else c_t
    h_t = W_hr (o * tanh(s))                      a projection to P numbers, or without W_hr the H numbers themselves

norm(v) = (v - mean) / sqrt(variance + eps), over the 4H numbers of r and the H numbers of c_t. Without all of these
it is lstm.py, which is faster. Directions, lengths and padding are as there, but one direction at a time.

Shapes    sums gates rhat dsums (T, B, 4H), lengths (B), h0 h_n mask (B, P), c0 c_n (B, H), h (T, B, P), c (T, B, H);
          w_hh (4H, P), gain_h (4H), peephole (3H): p_i p_f p_o, w_hr (P, H), gain_c shift_c (H);
          stats (T, B, 3): 1 / deviation of r, mean of c, 1 / deviation of c. Without w_hr P is H.
Gradient  back-propagation through time, step by step in the opposite order, with dh, dc what arrives at h_t and c_t:
              dy = dh W_hr    do = dy tanh(s) o (1 - o)    ds = dy o (1 - tanh(s)^2)    dc += norm'(ds) + p_o do
              di = dc g i (1 - i)    df = dc c_(t-1) f (1 - f)    dg = dc i (1 - g^2)    da = (di, df, dg, do)
              dc_(t-1) = dc f + p_i di + p_f df    dr = norm'(da)    dh_(t-1) = m (dr W_hh)
          norm'(dy) = rstd (e - mean of e - vhat mean of (e vhat)), e = dy gain, vhat the normalised v; summed over t
              dW_hh = dr^T (m h_(t-1))    dW_hr = dh^T (o tanh(s))    dp = (di c_(t-1), df c_(t-1), do c_t)
              dgain_h = da rhat    dgain_c = ds chat    dshift_c = ds
Source    Gers, Schraudolph, Schmidhuber, "Learning precise timing with LSTM recurrent networks", JMLR 3 (2002): the
          peepholes; Sak, Senior, Beaufays, "Long short-term memory recurrent neural network architectures for large
          scale acoustic modeling", Interspeech 2014: the projection; Ba, Kiros, Hinton, "Layer normalization",
          arXiv:1607.06450 (2016); Gal, Ghahramani, "A theoretically grounded application of dropout in recurrent neural
          networks", NIPS 2016: one mask for all steps
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .._compiled import TensorBase
from ..arguments import check_array, check_flag, check_floats, check_rank
from ..op import empty, kernel, op
from ..tensor import Tensor
from .batch_norm import check_eps
from .lstm_cell import sigmoid
from .recurrent import check_lengths, check_pair, steps

OPTIONAL = ("peephole", "w_hr", "gain_h", "gain_c", "shift_c")


@kernel(writes="gates, rhat, stats, c, h, h_n, c_n", tolerance=4.0)
def lstm_recurrence_forward(
    sums, h0, c0, w_hh, peephole, w_hr, norm, eps, mask, lengths, reverse, gates, rhat, stats, c, h, h_n, c_n
):
    """norm: [gain_h, gain_c, shift_c], or empty; then rhat and stats are None, as peephole, w_hr, mask may be."""
    T, B, H = c.shape
    gain_h, gain_c, shift_c = _three(norm)
    p_i, p_f, p_o = (None if peephole is None else peephole[k * H : (k + 1) * H] for k in range(3))
    for n in range(B):
        h_t, c_t = h0[n].copy(), c0[n].copy()
        for t in steps(T, lengths, n, reverse):
            seen = h_t if mask is None else mask[n] * h_t
            r = [_dot(w_hh[j], seen) for j in range(4 * H)]
            if gain_h is not None:
                rhat[t, n], _, stats[t, n, 0] = _norm(r, eps)
                r = [rhat[t, n, j] * gain_h[j] for j in range(4 * H)]
            a = [sums[t, n, j] + r[j] for j in range(4 * H)]
            for u in range(H):
                i = sigmoid(a[u] + _at(p_i, u, c_t[u]))
                f = sigmoid(a[H + u] + _at(p_f, u, c_t[u]))
                g = math.tanh(a[2 * H + u])
                c_t[u] = f * c_t[u] + i * g
                o = sigmoid(a[3 * H + u] + _at(p_o, u, c_t[u]))
                gates[t, n, u], gates[t, n, H + u], gates[t, n, 2 * H + u], gates[t, n, 3 * H + u] = i, f, g, o
            c[t, n] = s = c_t
            if gain_c is not None:
                chat, stats[t, n, 1], stats[t, n, 2] = _norm(c_t, eps)
                s = [chat[u] * gain_c[u] + shift_c[u] for u in range(H)]
            y = [gates[t, n, 3 * H + u] * math.tanh(s[u]) for u in range(H)]
            h_t = np.array(y if w_hr is None else [_dot(w_hr[k], y) for k in range(len(w_hr))])
            h[t, n] = h_t
        h_n[n], c_n[n] = h_t, c_t
        if lengths is not None:
            for each in (gates, rhat, stats, c, h):
                if each is not None:
                    each[lengths[n] :, n] = 0.0


@kernel(writes="dsums, dh0, dc0, dw_hh, dpeephole, dw_hr, dnorm", tolerance=10.0)
def lstm_recurrence_backward(
    dh, dh_n, dc_n, h0, c0, w_hh, peephole, w_hr, norm, mask, lengths, reverse, gates, rhat, stats, c, h,
    dsums, dh0, dc0, dw_hh, dpeephole, dw_hr, dnorm,
):  # fmt: skip
    """dh, dh_n, dc_n are None where no gradient arrived; dpeephole, dw_hr and dnorm are None or empty where there is no
    such option."""
    gain_h, gain_c, shift_c = _three(norm)
    dgain_h, dgain_c, dshift_c = _three(dnorm)
    T, B, H = c.shape
    P = w_hh.shape[1]
    p_i, p_f, p_o = (None if peephole is None else peephole[k * H : (k + 1) * H] for k in range(3))
    for total in (dsums, dw_hh, dpeephole, dw_hr, dgain_h, dgain_c, dshift_c):
        if total is not None:
            total[...] = 0.0
    for n in range(B):
        dh_t = np.zeros(P) if dh_n is None else dh_n[n].copy()
        dc_t = np.zeros(H) if dc_n is None else dc_n[n].copy()
        order = steps(T, lengths, n, reverse)
        for t in reversed(order):
            first = t == order[0]
            h_before, c_before = (h0[n], c0[n]) if first else (h[t - order.step, n], c[t - order.step, n])
            if dh is not None:
                dh_t = dh_t + dh[t, n]
            i, f, g, o = (gates[t, n, k * H : (k + 1) * H] for k in range(4))
            chat = s = c[t, n]
            if gain_c is not None:
                chat = [(c[t, n, u] - stats[t, n, 1]) * stats[t, n, 2] for u in range(H)]
                s = [chat[u] * gain_c[u] + shift_c[u] for u in range(H)]
            dy = dh_t if w_hr is None else [_dot(dh_t, w_hr[:, u]) for u in range(H)]
            if dw_hr is not None:
                for k, u in np.ndindex(P, H):
                    dw_hr[k, u] += dh_t[k] * o[u] * math.tanh(s[u])
            ds = [dy[u] * o[u] * (1.0 - math.tanh(s[u]) ** 2) for u in range(H)]
            through_s = ds
            if gain_c is not None:
                through_s = _norm_backward(ds, gain_c, chat, stats[t, n, 2])
            da = np.zeros(4 * H)
            for u in range(H):
                da[3 * H + u] = do = dy[u] * math.tanh(s[u]) * o[u] * (1.0 - o[u])
                dc = dc_t[u] + through_s[u] + _at(p_o, u, do)
                da[u] = di = dc * g[u] * i[u] * (1.0 - i[u])
                da[H + u] = df = dc * c_before[u] * f[u] * (1.0 - f[u])
                da[2 * H + u] = dc * i[u] * (1.0 - g[u] ** 2)
                dc_t[u] = dc * f[u] + _at(p_i, u, di) + _at(p_f, u, df)
                if dpeephole is not None:
                    dpeephole[u] += di * c_before[u]
                    dpeephole[H + u] += df * c_before[u]
                    dpeephole[2 * H + u] += do * c[t, n, u]
                if dgain_c is not None:
                    dgain_c[u] += ds[u] * chat[u]
                    dshift_c[u] += ds[u]
            dsums[t, n] = dr = da
            if gain_h is not None:
                dr = _norm_backward(da, gain_h, rhat[t, n], stats[t, n, 0])
                for j in range(4 * H):
                    dgain_h[j] += da[j] * rhat[t, n, j]
            seen = 1.0 if mask is None else mask[n]
            for j, k in np.ndindex(4 * H, P):
                dw_hh[j, k] += dr[j] * (seen * h_before)[k]
            dh_t = seen * np.array([_dot(dr, w_hh[:, k]) for k in range(P)])
        dh0[n], dc0[n] = dh_t, dc_t


def _three(norm):
    return norm or (None, None, None)


def _dot(a, b):
    return sum((a[k] * b[k] for k in range(len(a))), 0.0)


def _at(p, u, value):
    """p[u] value, nothing without peepholes."""
    return 0.0 if p is None else p[u] * value


def _norm(v, eps):
    """The normalised numbers, their mean, 1 / their deviation."""
    mean = sum(v) / len(v)
    rstd = 1.0 / math.sqrt(sum((x - mean) ** 2 for x in v) / len(v) + eps)
    return [(x - mean) * rstd for x in v], mean, rstd


def _norm_backward(dy, gain, vhat, rstd):
    e = [dy[k] * gain[k] for k in range(len(dy))]
    mean, dot = sum(e) / len(e), _dot(e, vhat) / len(e)
    return [rstd * (e[k] - mean - vhat[k] * dot) for k in range(len(e))]


def _draw(draw):
    T, B, projected, norm = draw.integer(0, 4), draw.integer(0, 5), draw.choice(True, False), draw.choice(True, False)
    H = draw.choice(3, 5, 9, 17) if norm else draw.choice(1, 2, 3, 5, 9, 17)  # two normalised numbers are always 1, -1
    P = draw.choice(1, 2, 4, 17) if projected else H

    def weight(*shape):
        return np.ascontiguousarray(draw.array(shape, finite=True))

    return {
        "sums": draw.array((T, B, 4 * H)),
        "h0": draw.array((B, P), finite=True),
        "c0": draw.array((B, H), finite=True),
        "w_hh": weight(4 * H, P),
        "peephole": weight(3 * H) if draw.choice(True, False) else None,
        "w_hr": weight(P, H) if projected else None,
        "norm": [weight(4 * H), weight(H), weight(H)] if norm else [],
        "eps": 1e-2,
        "mask": weight(B, P) if draw.choice(True, False) else None,
        "lengths": draw.integers((B,), 0, T) if draw.choice(True, False) else None,
        "reverse": draw.choice(True, False),
        "gates": draw.out((T, B, 4 * H)),
        "rhat": draw.out((T, B, 4 * H)) if norm else None,
        "stats": draw.out((T, B, 3)) if norm else None,
        "c": draw.out((T, B, H)),
        "h": draw.out((T, B, P)),
        "h_n": draw.out((B, P)),
        "c_n": draw.out((B, H)),
    }


@lstm_recurrence_forward.samples
def _(draw):
    return _draw(draw)


@lstm_recurrence_backward.samples
def _(draw):
    drawn = _draw(draw)
    lstm_recurrence_forward.run_reference(*drawn.values())
    arrived = {
        f"d{name}": draw.array(drawn[name].shape) if draw.choice(True, False) else None for name in ("h", "h_n", "c_n")
    }
    kept = {k: drawn[k] for k in lstm_recurrence_backward.arguments if k in drawn}
    results = {
        f"d{name}": None if drawn[name] is None else draw.out(drawn[name].shape)
        for name in ("sums", "h0", "c0", "w_hh", "peephole", "w_hr")
    }
    return {**arrived, **kept, **results, "dnorm": [draw.out(each.shape) for each in drawn["norm"]]}


def lstm_recurrence(
    sums: Any,
    hx: tuple[Any, Any],
    w_hh: Any,
    peephole: Any = None,
    w_hr: Any = None,
    norm: tuple[Any, Any, Any] | None = None,
    mask: Any = None,
    lengths: Any = None,
    reverse: bool = False,
    eps: float = 1e-5,
) -> tuple[Tensor, Tensor, Tensor]:
    """(h, h_n, c_n) of one layer whose inputs have been summed up in `sums`. See the top of this file.

    sums (T, B, 4H); hx = (h_0, c_0), (B, P) and (B, H); w_hh (4H, P); peephole (3H); w_hr (P, H); norm = (gain_h,
    gain_c, shift_c), (4H), (H), (H); mask (B, P), an array without gradient; lengths: B integers from 0 to T, or None.
    Errors: TypeError for hx that is no pair, norm that is not three arrays, wrong dtypes, lengths that are no integers;
    ValueError for shapes that do not fit each other, lengths out of range.
    """
    name = "lstm_recurrence"
    if norm is not None and (not isinstance(norm, tuple | list) or len(norm) != 3 or any(w is None for w in norm)):
        raise TypeError(f"{name}: norm must be the three arrays (gain_h, gain_c, shift_c), or None")
    tensors: tuple[Any, ...] = (
        sums,
        *check_pair(name, hx),
        w_hh,
        peephole,
        w_hr,
        *((None,) * 3 if norm is None else norm),
    )
    mask, lengths = (each.data if isinstance(each, TensorBase) else each for each in (mask, lengths))
    tensors += mask, lengths, check_flag(name, "reverse", reverse), check_eps(name, eps)
    results: tuple[Tensor, Tensor, Tensor] = _lstm_recurrence(*tensors)
    return results


@op("sums", "h0", "c0", "w_hh", *OPTIONAL, several=True)
def _lstm_recurrence(sums, h0, c0, w_hh, peephole, w_hr, gain_h, gain_c, shift_c, mask, lengths, reverse, eps):
    sums, h0, c0, *weights = check_floats(
        "lstm_recurrence", OPTIONAL, sums=sums, h_0=h0, c_0=c0, w_hh=w_hh, peephole=peephole, w_hr=w_hr, gain_h=gain_h,
        gain_c=gain_c, shift_c=shift_c,
    )  # fmt: skip
    w_hh, peephole, w_hr, gain_h, gain_c, shift_c = (w if w is None else np.ascontiguousarray(w) for w in weights)
    mask = _check_shapes(sums, h0, c0, w_hh, peephole, w_hr, gain_h, gain_c, shift_c, mask)
    T, B, H = sums.shape[0], sums.shape[1], c0.shape[1]
    lengths = check_lengths("lstm_recurrence", lengths, T, B)

    def new(*shape):
        return empty(shape, sums.dtype)

    gates, c, h = new(T, B, 4 * H), new(T, B, H), new(T, B, h0.shape[1])
    rhat, stats = (None, None) if gain_h is None else (new(T, B, 4 * H), new(T, B, 3))
    h_n, c_n = new(*h0.shape), new(*c0.shape)
    norm = [] if gain_h is None else [gain_h, gain_c, shift_c]
    settings = w_hh, peephole, w_hr, norm
    kept = gates, rhat, stats, c, h
    lstm_recurrence_forward(sums, h0, c0, *settings, eps, mask, lengths, reverse, *kept, h_n, c_n)

    def gradient(dys, needs):
        results = [None if each is None else new(*each.shape) for each in (sums, h0, c0, w_hh, peephole, w_hr)]
        dnorm = [new(*each.shape) for each in norm]
        lstm_recurrence_backward(*dys, h0, c0, *settings, mask, lengths, reverse, *kept, *results, dnorm)
        return *results, *(dnorm or (None, None, None))

    return [h, h_n, c_n], gradient, ("h0", "c0", "w_hh", *OPTIONAL, "output")


def _check_shapes(sums, h0, c0, w_hh, peephole, w_hr, gain_h, gain_c, shift_c, mask):
    """Raises the error that says which shape does not fit; the mask as an array of the dtype of sums."""
    name = "lstm_recurrence"
    for label, array, rank, layout in (
        ("sums", sums, 3, "(T, B, 4H)"),
        ("h_0", h0, 2, "(B, P)"),
        ("c_0", c0, 2, "(B, H)"),
    ):
        check_rank(name, label, array, rank, layout=layout)
    if mask is not None:
        mask = np.ascontiguousarray(check_array(name, "mask", mask), sums.dtype)
    B, P, H = sums.shape[1], h0.shape[1], c0.shape[1]
    for label, array, shape, meaning in (
        ("sums", sums, (sums.shape[0], B, 4 * H), "(T, B, 4H)"),
        ("h_0", h0, (B, P if w_hr is not None else H), "(B, P)"),
        ("c_0", c0, (B, H), "(B, H)"),
        ("w_hh", w_hh, (4 * H, P), "(4H, P)"),
        ("peephole", peephole, (3 * H,), "(3H,)"),
        ("w_hr", w_hr, (P, H), "(P, H)"),
        ("gain_h", gain_h, (4 * H,), "(4H,)"),
        ("gain_c", gain_c, (H,), "(H,)"),
        ("shift_c", shift_c, (H,), "(H,)"),
        ("mask", mask, (B, P), "(B, P)"),
    ):
        if array is not None and array.shape != shape:
            raise ValueError(f"{name}: {label} has shape {array.shape} but must be {shape} = {meaning}")
    return mask
