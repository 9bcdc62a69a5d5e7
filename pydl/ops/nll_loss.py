"""nll_loss: the negative log-likelihood of the right classes, from log-probabilities.

    loss[n] = - w[c] * x[n, c],   c = target[n]

The mean divides by the sum of the weights of the right classes. nll_loss(log_softmax(z, 1), target) is
cross_entropy(z, target), which does both in one pass.

Shapes    x (N, C, d1, ...) and target (N, d1, ...), or (C,) and (); w (C,); loss () or, with reduction "none",
          the shape of target
Gradient  dx[n, target[n]] = -w * dloss, divided by the same sum for the mean; 0 elsewhere
Special   lines whose class is ignore_index have loss 0, gradient 0 and no part in the mean
Source    Goodfellow, Bengio, Courville, "Deep Learning", MIT Press 2016, section 5.5
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .._compiled import flat, usual_class_loss
from ..arguments import check_floats
from ..op import empty, kernel, op
from . import losses
from .lines import draw_lines


@kernel(writes="y, norm")
def nll_loss_forward(x, target, weight, y, norm, ignore_index, reduction):
    """norm: what the sum of the losses is divided by. reduction: 0 none, 1 mean, 2 sum."""
    N, _, D = x.shape
    terms, counted = [], 0.0
    for n, d in np.ndindex(N, D):
        c = target[n, d]
        w = 0.0 if c == ignore_index else 1.0 if weight is None else weight[c]
        terms.append(0.0 if c == ignore_index else -w * x[n, c, d])
        counted += w
    norm[0] = counted if reduction == 1 else 1.0
    losses.reduce(terms, counted, reduction, y)


@kernel(writes="dx")
def nll_loss_backward(dy, target, weight, norm, dx, ignore_index):
    N, C, D = dx.shape
    for n, d in np.ndindex(N, D):
        for c in range(C):
            w = 1.0 if weight is None else weight[c]
            right = c == target[n, d] and c != ignore_index
            dx[n, c, d] = -w * dy[(n * D + d) % len(dy)] / norm[0] if right else 0.0


def _draw(draw):
    shape = draw_lines(draw)
    target = draw.integers((shape[0], shape[2]), 0, shape[1] - 1)
    target[draw.integers(target.shape, 0, 5) == 0] = -100
    return shape, target, draw.choice(None, draw.array((shape[1],), 0.1, 2.0)), draw.integer(0, 2)


@nll_loss_forward.samples
def _(draw):
    shape, target, weight, reduction = _draw(draw)
    return {
        "x": draw.array(shape, -5.0, 0.0),
        "target": target,
        "weight": weight,
        "y": draw.out((1 if reduction else target.size,)),
        "norm": draw.out((1,)),
        "ignore_index": -100,
        "reduction": reduction,
    }


@nll_loss_backward.samples
def _(draw):
    shape, target, weight, reduction = _draw(draw)
    return {
        "dy": draw.array((1 if reduction else target.size,)),
        "target": target,
        "weight": weight,
        "norm": draw.array((1,), 1.0, 5.0),
        "dx": draw.out(shape),
        "ignore_index": -100,
    }


@op("input", "target", "weight")
def nll_loss(input: Any, target: Any, weight: Any = None, ignore_index: int = -100, reduction: str = "mean") -> Any:
    """-input[target], its weighted mean or its sum; input holds log-probabilities. See the top of this file."""
    name = "nll_loss"
    usual, w = usual_class_loss(input, target, weight, ignore_index, reduction), weight
    if usual is None:
        x, w = check_floats(name, ("weight",), input=input, weight=weight)
        losses.check_class_input(name, x, w)
        usual = losses.class_arrays(name, x, target, ignore_index, reduction)
    how, x, x3, t2, y, line = usual
    norm = empty((1,), x.dtype)
    try:
        nll_loss_forward(x3, t2, w, line, norm, ignore_index, how)
    except ValueError:
        losses.check_classes(name, target, x.shape, ignore_index)  # which says what is wrong
        raise

    def gradient(dy, needs):
        losses.check_no_gradient(name, weight=needs[2])
        dx = empty(x.shape, x.dtype)
        nll_loss_backward(flat(dy), t2, w, norm, losses.as_classes(dx), ignore_index)
        return dx, None, None

    return y, gradient, ("target", "weight")
