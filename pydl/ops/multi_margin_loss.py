"""multi_margin_loss: the score of the right class shall exceed every other one by a margin; so says a support vector
machine of several classes.

    loss[n] = sum over c other than t of weight[t] max(margin - x[n, t] + x[n, c], 0)^p / C,   t = target[n]

    multilabel_margin_loss   sum over the right classes t and the others c of max(1 - x[n, t] + x[n, c], 0) / C;
                             target[n] holds the right classes, and -1 behind the last of them

and with reduction "mean" or "sum" the mean or the sum over all n.

Shapes    input (N, C) or (C), target (N) or () of classes (multilabel: as input); weight (C);
          loss () or, with reduction "none", (N) or ()
Gradient  of the operations that they are made of; 0 where a score exceeds another one by just the margin
Source    Crammer, Singer, "On the algorithmic implementation of multiclass kernel-based vector machines", JMLR 2 (2001)
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..arguments import check_array, check_integer, check_number, check_rank
from ..tensor import Tensor
from . import losses
from .cosine_similarity import as_tensors
from .gather import gather
from .margin_ranking_loss import reduced
from .mul import mul
from .relu import relu
from .reshape import reshape, unsqueeze
from .square import square
from .sum import sum
from .where import where


def _scores(name: str, input: Any) -> tuple[Tensor, int]:
    """input as (N, C), and its number of dimensions."""
    (x,) = as_tensors(name, input=input)
    check_rank(name, "input", x.shape, 1, 2, layout="(N, C) or (C)")
    if x.shape[-1] == 0:
        raise ValueError(f"{name}: input has no classes (shape {x.shape})")
    return reshape(x, (-1, x.shape[-1])) if x.ndim == 1 else x, x.ndim


def multi_margin_loss(
    input: Any, target: Any, p: int = 1, margin: float = 1.0, weight: Any = None, *, reduction: str = "mean"
) -> Tensor:
    """What the right class's score lacks to exceed the others by margin; p: 1 or 2. See the top of this file."""
    name = "multi_margin_loss"
    x, rank = _scores(name, input)
    how, least = losses.check_reduction(name, reduction), check_number(name, "margin", margin)
    power = check_integer(name, "p", p, 1)
    if power > 2:
        raise ValueError(f"{name}: p must be 1 or 2, not {power}")
    answers = target.data if isinstance(target, Tensor) else target
    shape = np.shape(answers)
    if rank == 1:
        answers = np.reshape(check_array(name, "target", answers), -1)
    labels = losses.check_classes(name, answers, x.shape, -1)
    if (labels < 0).any():
        raise ValueError(f"{name}: target must hold classes from 0 to {x.shape[1] - 1}, but holds {labels.min()}")
    short = relu(least - gather(x, 1, labels[:, None]) + x)
    terms = short if power == 1 else square(short)
    if weight is not None:
        (w,) = as_tensors(name, weight=weight)
        losses.check_class_weight(name, w.shape, x.shape)
        losses.check_no_gradient(name, weight=w.requires_grad)
        terms = mul(terms, w.data.astype(x.dtype)[labels][:, None])
    others = np.arange(x.shape[1]) != labels[:, None]
    loss = sum(where(others, terms, np.zeros((), x.dtype)), 1) / x.shape[1]
    return reduced(loss if rank == 2 else reshape(loss, shape), how)


def multilabel_margin_loss(input: Any, target: Any, *, reduction: str = "mean") -> Tensor:
    """The same for several right classes of a sample. See the top of this file."""
    name = "multilabel_margin_loss"
    x, rank = _scores(name, input)
    how = losses.check_reduction(name, reduction)
    labels = check_array(name, "target", target.data if isinstance(target, Tensor) else target)
    if labels.dtype.kind not in "iu" or labels.shape != (x.shape if rank == 2 else x.shape[1:]):
        raise ValueError(
            f"{name}: target is {labels.dtype} {labels.shape}, but must hold integers in the shape of input"
        )
    rows = labels.reshape(x.shape).astype(np.int64)
    counts = np.logical_and.accumulate(rows >= 0, 1)
    if rows.size and not -1 <= rows.min() <= rows.max() < x.shape[1]:
        raise ValueError(f"{name}: target must hold classes from 0 to {x.shape[1] - 1}, and -1 behind the last of them")
    right = np.zeros(x.shape, np.bool_)
    n, k = np.nonzero(counts)
    right[n, rows[n, k]] = True
    most = int(counts.sum(1).max(initial=1))  # right classes of a sample
    rows, counts = rows[:, :most], counts[:, :most]
    chosen = gather(x, 1, np.where(counts, rows, 0))
    terms = relu(1 - unsqueeze(chosen, 2) + unsqueeze(x, 1))  # (N, right classes, others)
    pairs = counts[:, :, None] & ~right[:, None, :]
    loss = sum(where(pairs, terms, np.zeros((), x.dtype)), (1, 2)) / x.shape[1]
    return reduced(loss if rank == 2 else reshape(loss, ()), how)
