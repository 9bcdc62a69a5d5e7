"""cross_entropy: how surprising the right classes are to softmax(input), in nats.

    log p[n,c] = x[n,c] - log(sum over k of exp(x[n,k]))
    loss[n]    = - sum over c of w[c] * t[n,c] * log p[n,c]

t is 1 for the right class and 0 for the others, or a probability for each. Label smoothing e replaces it by
(1 - e) t + e / C. The mean divides by the sum of the weights of the right classes, or by N if t is given.

Shapes    x (N, C, d1, ...) and classes (N, d1, ...), or (C,) and (); or probabilities of the shape of x; w (C,)
Gradient  dx = p * (sum over c of w t') - w t',  times dloss and the mean's divisor; p = exp(log p), t' the smoothed t
Special   lines whose class is ignore_index have loss 0, gradient 0 and no part in the mean
Source    Goodfellow, Bengio, Courville, "Deep Learning", MIT Press 2016, section 6.2.2;
          label smoothing: Szegedy et al., "Rethinking the Inception architecture", CVPR 2016, section 7
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .._compiled import flat, usual_class_loss
from ..arguments import Array, check_floats, check_number
from ..op import empty, kernel, op
from . import losses
from .lines import draw_lines


def _log_softmax(x):
    """log p of one line, and its two parts: the largest logit and log(sum of exp(x - largest))."""
    largest = max(x) if not np.isnan(x).any() else np.nan
    log_sum = np.log(sum(np.exp(each - largest) for each in x))
    return [each - largest - log_sum for each in x], largest, log_sum


@kernel(writes="y, largest, log_sum, norm")
def cross_entropy_forward(x, target, weight, y, largest, log_sum, norm, ignore_index, label_smoothing, reduction):
    """norm: what the sum of the losses is divided by."""
    N, C, D = x.shape
    w = np.ones(C) if weight is None else weight
    terms, counted = [], 0.0
    for n, d in np.ndindex(N, D):
        log_p, largest[n * D + d], log_sum[n * D + d] = _log_softmax(x[n, :, d])
        right = target[n, d]
        if right == ignore_index:
            terms.append(0.0)
            continue
        loss = -(1 - label_smoothing) * w[right] * log_p[right]
        if label_smoothing != 0:
            for c in range(C):
                loss -= label_smoothing / C * w[c] * log_p[c]
        terms.append(loss)
        counted += w[right]
    norm[0] = counted if reduction == 1 else 1.0
    losses.reduce(terms, norm[0], reduction, y)


@kernel(writes="dx")
def cross_entropy_backward(dy, x, target, weight, largest, log_sum, norm, dx, ignore_index, label_smoothing):
    N, C, D = x.shape
    w = np.ones(C) if weight is None else weight
    for n, d in np.ndindex(N, D):
        line, right = n * D + d, target[n, d]
        g = dy[line % len(dy)] / norm[0] if right != ignore_index else 0.0
        for c in range(C):
            dx[n, c, d] = 0.0
            if right != ignore_index:
                p = np.exp(x[n, c, d] - largest[line] - log_sum[line])
                mass = (1 - label_smoothing) * w[right] + label_smoothing / C * sum(w)
                share = (1 - label_smoothing) * w[right] * (c == right) + label_smoothing / C * w[c]
                dx[n, c, d] = g * (p * mass - share)


@kernel(writes="y, largest, log_sum")
def cross_entropy_probabilities_forward(x, target, weight, y, largest, log_sum, label_smoothing, reduction):
    N, C, D = x.shape
    w = np.ones(C) if weight is None else weight
    terms = []
    for n, d in np.ndindex(N, D):
        log_p, largest[n * D + d], log_sum[n * D + d] = _log_softmax(x[n, :, d])
        loss = 0.0
        for c in range(C):
            loss -= w[c] * ((1 - label_smoothing) * target[n, c, d] + label_smoothing / C) * log_p[c]
        terms.append(loss)
    losses.reduce(terms, N * D, reduction, y)


@kernel(writes="dx, dtarget")
def cross_entropy_probabilities_backward(dy, x, target, weight, largest, log_sum, dx, dtarget, label_smoothing, mean):
    N, C, D = x.shape
    w = np.ones(C) if weight is None else weight
    for n, d in np.ndindex(N, D):
        line = n * D + d
        g = dy[line % len(dy)] / (N * D if mean else 1)
        share = [w[c] * ((1 - label_smoothing) * target[n, c, d] + label_smoothing / C) for c in range(C)]
        for c in range(C):
            log_p = x[n, c, d] - largest[line] - log_sum[line]
            dx[n, c, d] = g * (np.exp(log_p) * sum(share) - share[c])
            if dtarget is not None:
                dtarget[n, c, d] = -g * (1 - label_smoothing) * w[c] * log_p


def _draw(draw):
    """Shape, number of lines, weight, smoothing and reduction."""
    N, C, D = draw_lines(draw, 2)  # of one class the gradient is 0, or all rounding
    weight = draw.choice(None, draw.array((C,), 0.1, 2.0))
    return (N, C, D), N * D, weight, draw.choice(0.0, 0.1, 0.5), draw.integer(0, 2)


def _draw_classes(draw, shape):
    target = draw.integers((shape[0], shape[2]), 0, shape[1] - 1)
    target[draw.integers(target.shape, 0, 5) == 0] = -100
    return target


def _draw_statistics(x):
    """largest and log_sum of every line of x, as forward makes them."""
    lines = np.moveaxis(x, 1, 2).reshape(-1, x.shape[1]).astype(np.float64)
    with np.errstate(invalid="ignore"):  # infinity - infinity
        parts = [_log_softmax(line)[1:] for line in lines]
    return tuple(np.array([part[i] for part in parts], x.dtype).reshape(len(lines)) for i in (0, 1))


@cross_entropy_forward.samples
def _(draw):
    shape, lines, weight, smoothing, reduction = _draw(draw)
    return {
        "x": draw.array(shape),
        "target": _draw_classes(draw, shape),
        "weight": weight,
        "y": draw.out((1 if reduction else lines,)),
        "largest": draw.out((lines,)),
        "log_sum": draw.out((lines,)),
        "norm": draw.out((1,)),
        "ignore_index": -100,
        "label_smoothing": smoothing,
        "reduction": reduction,
    }


@cross_entropy_backward.samples
def _(draw):
    shape, lines, weight, smoothing, reduction = _draw(draw)
    x = draw.array(shape)
    largest, log_sum = _draw_statistics(x)
    return {
        "dy": draw.array((1 if reduction else lines,), finite=True),
        "x": x,
        "target": _draw_classes(draw, shape),
        "weight": weight,
        "largest": largest,
        "log_sum": log_sum,
        "norm": draw.array((1,), 1.0, 5.0),
        "dx": draw.out(shape),
        "ignore_index": -100,
        "label_smoothing": smoothing,
    }


@cross_entropy_probabilities_forward.samples
def _(draw):
    shape, lines, weight, smoothing, reduction = _draw(draw)
    return {
        "x": draw.array(shape),
        "target": draw.array(shape, 0.0, 1.0),
        "weight": weight,
        "y": draw.out((1 if reduction else lines,)),
        "largest": draw.out((lines,)),
        "log_sum": draw.out((lines,)),
        "label_smoothing": smoothing,
        "reduction": reduction,
    }


@cross_entropy_probabilities_backward.samples
def _(draw):
    shape, lines, weight, smoothing, reduction = _draw(draw)
    x = draw.array(shape)
    largest, log_sum = _draw_statistics(x)
    return {
        "dy": draw.array((1 if reduction else lines,), finite=True),
        "x": x,
        "target": draw.array(shape, 0.0, 1.0),
        "weight": weight,
        "largest": largest,
        "log_sum": log_sum,
        "dx": draw.out(shape),
        "dtarget": draw.choice(None, draw.out(shape)),
        "label_smoothing": smoothing,
        "mean": reduction == 1,
    }


@op("input", "target", "weight")
def cross_entropy(
    input: Any,
    target: Any,
    weight: Any = None,
    ignore_index: int = -100,
    reduction: str = "mean",
    label_smoothing: float = 0.0,
) -> Any:
    """-log softmax(input)[target]: the loss of a classifier, from its raw scores. See the top of this file."""
    name = "cross_entropy"
    smoothing = check_number(name, "label_smoothing", label_smoothing)
    if not 0.0 <= smoothing <= 1.0:
        raise ValueError(f"{name}: label_smoothing is {smoothing} but must lie between 0 and 1")
    usual, w = usual_class_loss(input, target, weight, ignore_index, reduction), weight
    if usual is None:
        x, w = check_floats(name, ("weight",), input=input, weight=weight)
        losses.check_class_input(name, x, w)
        if losses.are_probabilities(name, target, x.shape):
            return _of_probabilities(name, x, target, w, reduction, smoothing)
        usual = losses.class_arrays(name, x, target, ignore_index, reduction)
    how, x, x3, t2, y, line = usual
    lines, norm = t2.size, empty((1,), x.dtype)
    largest, log_sum = empty((lines,), x.dtype), empty((lines,), x.dtype)
    try:
        cross_entropy_forward(x3, t2, w, line, largest, log_sum, norm, ignore_index, smoothing, how)
    except ValueError:
        losses.check_classes(name, target, x.shape, ignore_index)  # which says what is wrong
        raise

    def gradient(dy, needs):
        losses.check_no_gradient(name, weight=needs[2])
        dx = empty(x.shape, x.dtype)
        dx3 = losses.as_classes(dx)
        cross_entropy_backward(flat(dy), x3, t2, w, largest, log_sum, norm, dx3, ignore_index, smoothing)
        return dx, None, None

    return y, gradient, ("input", "target", "weight")


def _of_probabilities(
    name: str, input: Array, target: Any, weight: Array | None, reduction: Any, smoothing: float
) -> Any:
    how = losses.check_reduction(name, reduction)
    x, t, w = check_floats(name, ("weight",), input=input, target=target, weight=weight)
    y, line = losses.result(x.shape[:1] + x.shape[2:] if x.ndim > 1 else (), x.dtype, how)
    x3, t3 = losses.as_classes(x), losses.as_classes(t)
    lines = x3.shape[0] * x3.shape[2]
    largest, log_sum = empty((lines,), x.dtype), empty((lines,), x.dtype)
    cross_entropy_probabilities_forward(x3, t3, w, line, largest, log_sum, smoothing, how)

    def gradient(dy, needs):
        losses.check_no_gradient(name, weight=needs[2])
        dx = empty(x.shape, x.dtype)
        dt = empty(x.shape, x.dtype) if needs[1] else None
        dx3, dt3 = losses.as_classes(dx), None if dt is None else losses.as_classes(dt)
        cross_entropy_probabilities_backward(flat(dy), x3, t3, w, largest, log_sum, dx3, dt3, smoothing, how == 1)
        return dx, dt, None

    return y, gradient, ("input", "target", "weight")
