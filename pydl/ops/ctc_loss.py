"""ctc_loss: how surprising a text is to frame-by-frame predictions, whichever frames its labels may stand in.

A path has one class for each of the T frames. It reads as what is left when runs of one class are merged and then the
blanks dropped: aa-ab and -a-ab, with - for the blank, both read aab. For a target of L labels, with blanks around
and between them l = (blank, label 1, blank, ..., label L, blank):

    alpha[t,s] = (alpha[t-1,s] + alpha[t-1,s-1] + alpha[t-1,s-2]) y[t,l[s]]
    beta[t,s]  = beta[t+1,s] y[t+1,l[s]] + beta[t+1,s+1] y[t+1,l[s+1]] + beta[t+1,s+2] y[t+1,l[s+2]]
    loss       = - log(alpha[T,2L] + alpha[T,2L-1])

where y = exp(log_probs), and the third term only counts between two labels that differ. alpha sums over
the beginnings of all paths, beta over their ends, so alpha beta / exp(-loss) is the probability that frame t stands at
s. All of it is computed with logarithms.

Shapes    log_probs (T, N, C) or (T, C), targets (N, S), whose rows may be padded, or the sum of target_lengths,
          input_lengths (N) and target_lengths (N) (or one number for (T, C)); loss () or, with "none", (N) (or ()).
          The mean divides each loss by its target's length (or 1) first
Gradient  dlog_probs[t,n,c] = y[t,n,c] - sum over s with l[s] = c of alpha[t,s] beta[t,s] / exp(-loss), times dloss,
          and 0 behind the input's length. This is PyTorch's convention: it is the gradient of log_softmax's input and,
          since its frames sum to 0, goes through log_softmax unchanged; without log_softmax it is not the derivative
Special   a target that no path reads as (too few frames) has loss inf and gradient NaN; both 0 with zero_infinity.
          A probability of 0 has the gradient 0 (in PyTorch NaN)
Source    Graves, Fernandez, Gomez, Schmidhuber, "Connectionist temporal classification", ICML 2006;
          Graves, "Supervised sequence labelling with recurrent neural networks", Springer 2012, section 7.3
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..arguments import Array, check_array, check_flag, check_float, check_integer, check_rank
from ..op import empty, kernel, op
from . import losses


def _with_blanks(labels, blank):
    """l of the formula: the places that a path goes through."""
    between = [blank]
    for label in labels:
        between += [label, blank]
    return between


def _labels(targets, lengths, n):
    """Those of sequence n: a row's beginning, or what lies behind the labels of the sequences before."""
    joined = len(targets) < len(lengths)
    row, first = (targets[0], sum(lengths[:n])) if joined else (targets[n], 0)
    return row[first : first + lengths[n]]


def _log_add(*terms):
    """log(sum of exp(term))."""
    largest = np.nan if np.isnan(terms).any() else max(terms)
    return largest if np.isinf(largest) else largest + np.log(sum(np.exp(each - largest) for each in terms))


def _may_skip(places, s):
    """Whether a path may go from s - 2 to s: over a blank between two labels that differ."""
    return s >= 2 and places[s] != places[s - 2]


def _log_alpha(x, places):
    """log alpha of a sequence x (T, C)."""
    alpha = np.full((len(x), len(places)), -np.inf)
    for t, s in np.ndindex(alpha.shape):
        if t == 0:
            before = [0.0] if s < 2 else [-np.inf]  # a path begins with the first blank or the first label
        else:
            before = [alpha[t - 1, s]]
            if s >= 1:
                before.append(alpha[t - 1, s - 1])
            if _may_skip(places, s):
                before.append(alpha[t - 1, s - 2])
        alpha[t, s] = _log_add(*before) + x[t, places[s]]
    return alpha


def _log_beta(x, places):
    T, last = len(x), len(places) - 1
    beta = np.full((T, len(places)), -np.inf)
    for t, s in np.ndindex(beta.shape):
        t = T - 1 - t
        if t == T - 1:
            beta[t, s] = 0.0 if s >= last - 1 else -np.inf  # it ends with the last label or the last blank
            continue
        after = [beta[t + 1, s] + x[t + 1, places[s]]]
        if s + 1 <= last:
            after.append(beta[t + 1, s + 1] + x[t + 1, places[s + 1]])
        if s + 2 <= last and _may_skip(places, s + 2):
            after.append(beta[t + 1, s + 2] + x[t + 1, places[s + 2]])
        beta[t, s] = _log_add(*after)
    return beta


@kernel(writes="y, nll")
def ctc_loss_forward(log_probs, targets, input_lengths, target_lengths, y, nll, blank, reduction, zero_infinity):
    """targets: rows, or one row of all labels. nll: -log p of each target. reduction: 0 none, 1 mean, 2 sum."""
    terms = []
    for n in range(len(nll)):
        T, L = input_lengths[n], target_lengths[n]
        if T == 0:
            nll[n] = 0.0 if L == 0 else np.inf
        else:
            alpha = _log_alpha(log_probs[:T, n], _with_blanks(_labels(targets, target_lengths, n), blank))
            nll[n] = -_log_add(*alpha[-1, -2:])
        loss = 0.0 if zero_infinity and nll[n] == np.inf else nll[n]
        terms.append(loss / max(L, 1) if reduction == 1 else loss)
    losses.reduce(terms, len(nll), reduction, y)


@kernel(writes="dlog_probs", tolerance=10.0)
def ctc_loss_backward(
    dy, log_probs, targets, input_lengths, target_lengths, nll, dlog_probs, blank, mean, zero_infinity
):
    N = len(nll)
    dlog_probs[...] = 0.0
    for n in range(N):
        T, L = input_lengths[n], target_lengths[n]
        if zero_infinity and nll[n] == np.inf:
            continue
        g = dy[n % len(dy)] / (N * max(L, 1) if mean else 1)
        x, places = log_probs[:T, n], _with_blanks(_labels(targets, target_lengths, n), blank)
        alpha, beta = _log_alpha(x, places), _log_beta(x, places)
        for t in range(T):
            posterior = np.zeros(x.shape[1])
            for s in range(len(places)):
                posterior[places[s]] += np.exp(alpha[t, s] + beta[t, s] + nll[n])
            for c in range(x.shape[1]):
                dlog_probs[t, n, c] = (np.exp(x[t, c]) - posterior[c]) * g if nll[n] != np.inf else np.nan


def _draw(draw, fits):
    """Log-probabilities, targets, lengths and the blank. fits: only targets that a path can read as."""
    L, N = draw.choice(draw.integer(0, 3), draw.integer(0, 40)), draw.integer(0, 3)
    T, C = 2 * L + draw.integer(0, 4), draw.integer(2, 6)
    x = draw.array((T, N, C), -4.0, -0.5)
    if draw.integer(0, 3) == 3:
        x[np.random.default_rng(draw.bits()).random(x.shape) < 0.02] = -np.inf
    blank = draw.integer(0, C - 1)
    targets = (draw.integers((N, L), 1, C - 1) + blank) % C
    target_lengths = draw.integers((N,), 0, L)
    if N > 1 and draw.choice(True, False):
        targets = targets[np.arange(L) < target_lengths[:, None]][None]
    input_lengths = np.minimum(2 * target_lengths, T) if fits else draw.integers((N,), 0, T)
    return x, targets, input_lengths, target_lengths, blank


@ctc_loss_forward.samples
def _(draw):
    x, targets, input_lengths, target_lengths, blank = _draw(draw, draw.choice(True, False))
    reduction = draw.integer(0, 2)
    return {
        "log_probs": x,
        "targets": targets,
        "input_lengths": input_lengths,
        "target_lengths": target_lengths,
        "y": draw.out((1 if reduction else x.shape[1],)),
        "nll": draw.out((x.shape[1],)),
        "blank": blank,
        "reduction": reduction,
        "zero_infinity": draw.choice(True, False),
    }


@ctc_loss_backward.samples
def _(draw):
    x, targets, input_lengths, target_lengths, blank = _draw(draw, draw.choice(True, False))
    N, mean = x.shape[1], draw.choice(True, False)
    y, nll = np.zeros(1), np.zeros(N)
    ctc_loss_forward.run_reference(x, targets, input_lengths, target_lengths, y, nll, blank, 2, False)
    return {
        "dy": draw.array((1 if mean else N,), 0.5, 2.0),
        "log_probs": x,
        "targets": targets,
        "input_lengths": input_lengths,
        "target_lengths": target_lengths,
        "nll": nll.astype(x.dtype),
        "dlog_probs": draw.out(x.shape),
        "blank": blank,
        "mean": mean,
        "zero_infinity": draw.choice(True, False),
    }


@op("log_probs", "targets", "input_lengths", "target_lengths")
def ctc_loss(
    log_probs: Any,
    targets: Any,
    input_lengths: Any,
    target_lengths: Any,
    blank: int = 0,
    reduction: str = "mean",
    zero_infinity: bool = False,
) -> Any:
    """-log of the probability that log_probs (from log_softmax) reads as the targets. See the top of this file.

    Errors: TypeError for targets or lengths that are no integers; ValueError for lengths beyond the arrays, for labels
    that are no class or the blank, and for shapes that do not fit each other.
    """
    name = "ctc_loss"
    x = check_float(name, "log_probs", log_probs)
    check_rank(name, "log_probs", x, 2, 3, layout="(T, N, C) or (T, C)")
    x3 = x if x.ndim == 3 else x[:, None]
    T, N, C = x3.shape
    blank = check_blank(name, check_integer(name, "blank", blank, 0), x)
    how, zero = losses.check_reduction(name, reduction), check_flag(name, "zero_infinity", zero_infinity)
    frames = check_lengths(name, "input_lengths", input_lengths, N, T, f"the frames of log_probs {x.shape}")
    labels, lengths = check_targets(name, targets, target_lengths, N, C, blank)
    y, flat = losses.result((N,) if x.ndim == 3 else (), x.dtype, how)
    nll = empty((N,), x.dtype)
    ctc_loss_forward(x3, labels, frames, lengths, flat.reshape(flat.size), nll, blank, how, zero)

    def gradient(dy, needs):
        dx = empty(x3.shape, x.dtype)
        g = dy.reshape(dy.size)
        ctc_loss_backward(g, x3, labels, frames, lengths, nll, dx, blank, how == 1, zero)
        return dx.reshape(x.shape), None, None, None

    return y, gradient, ("log_probs",)


def _check_integers(name: str, argument: str, value: Any) -> Array:
    """`value` as an array of int64: the one that was given, if it can be read as it is, so that a recorded step
    reads it again."""
    given = check_array(name, argument, value)
    if given.dtype.kind not in "iu" and given.size:  # an empty list is one of floats to numpy
        raise TypeError(f"{name}: {argument} has dtype {given.dtype} but must hold integers")
    return given.astype(np.int64, copy=False)


def check_blank(name: str, blank: int, x: Array) -> int:
    """`blank`, which must be a class of log_probs x."""
    if blank >= x.shape[-1]:
        raise ValueError(f"{name}: blank is {blank} but there are {x.shape[-1]} classes (log_probs {x.shape})")
    return blank


def check_lengths(name: str, argument: str, value: Any, N: int, most: int, what: str) -> Array:
    """N lengths from 0 to `most`."""
    lengths = _check_integers(name, argument, value)
    if lengths.shape != (N,) and not (N == 1 and lengths.shape == ()):
        raise ValueError(f"{name}: {argument} has shape {lengths.shape} but must be ({N},), one for each sequence")
    if N and not 0 <= lengths.min() <= lengths.max() <= most:
        raise ValueError(
            f"{name}: {argument} must be from 0 to {most}, {what}, but go from {lengths.min()} to {lengths.max()}"
        )
    return lengths.reshape(N)


def check_targets(name: str, targets: Any, target_lengths: Any, N: int, C: int, blank: int) -> tuple[Array, Array]:
    """Targets as rows (N, S), or all labels as one row (1, sum of lengths), and their lengths."""
    labels = _check_integers(name, "targets", targets)
    check_rank(name, "targets", labels, 1, 2, layout="(N, S) or one behind another in one dimension")
    what = f"the labels of targets {labels.shape}"
    lengths = check_lengths(name, "target_lengths", target_lengths, N, labels.shape[-1], what)
    if labels.ndim == 2 and labels.shape[0] != N:
        raise ValueError(f"{name}: targets has shape {labels.shape} but must have {N} rows, one for each sequence")
    if labels.ndim == 1 and labels.size != lengths.sum():
        raise ValueError(
            f"{name}: targets has {labels.size} labels but target_lengths add up to {lengths.sum()}; "
            "targets of shape (N, S) may be padded"
        )
    rows = labels if labels.ndim == 2 else labels[None]
    counted = np.arange(rows.shape[1]) < lengths[:, None] if labels.ndim == 2 else np.True_
    wrong = np.argwhere(counted & ((rows < 0) | (rows >= C) | (rows == blank)))
    if len(wrong):
        n, s = (int(i) for i in wrong[0])
        where, label = f"{n}, {s}" if labels.ndim == 2 else str(s), rows[n, s]
        what = "the blank, which is no label" if label == blank else f"no class of {C} (0 to {C - 1})"
        raise ValueError(f"{name}: targets[{where}] is {label}, {what}")
    return rows, lengths


def padded(rows: Array, lengths: Array, filler: int) -> Array:
    """What check_targets returns as rows (N, longest), with `filler` behind their ends."""
    inside = np.arange(lengths.max(initial=0)) < lengths[:, None]
    result = np.full(inside.shape, filler)
    joined = len(rows) != len(lengths)
    result[inside] = rows[0] if joined else rows[:, : inside.shape[1]][inside]
    return result
