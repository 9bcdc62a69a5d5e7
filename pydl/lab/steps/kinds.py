"""The operations that a step-through knows, each with the function that makes its formulas."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .cells import lstm_cell, rnn_cell
from .forms import Forms
from .images import avg_pool2d, conv2d, max_pool2d
from .layers import (
    ACTIVATIONS,
    LOSSES,
    PAIRS,
    activation,
    batch_norm,
    cross_entropy,
    getitem,
    linear,
    loss,
    nll_loss,
    pair,
    reshape,
    softmax,
    total,
)

KINDS: dict[str, Callable[..., Forms]] = {
    **dict.fromkeys(ACTIVATIONS, activation),
    **dict.fromkeys(LOSSES, loss),
    **dict.fromkeys(PAIRS, pair),
    **dict.fromkeys(("softmax", "log_softmax"), softmax),
    **dict.fromkeys(("sum", "mean"), total),
    **dict.fromkeys(("reshape", "view", "flatten", "squeeze", "unsqueeze"), reshape),
    "_lstm_cell": lstm_cell,
    "batch_norm": batch_norm,
    "avg_pool2d": avg_pool2d,
    "conv2d": conv2d,
    "cross_entropy": cross_entropy,
    "getitem": getitem,
    "linear": linear,
    "max_pool2d": max_pool2d,
    "nll_loss": nll_loss,
    "rnn_cell": rnn_cell,
}


OF_RESULT = (reshape, getitem, max_pool2d)


def forms(name: str, given: dict[str, Any], result: Any) -> Forms:
    """The formulas of one call of an operation. Errors: ValueError for an operation or an option without formulas."""
    if name not in KINDS:
        known = ", ".join(sorted(each.strip("_") for each in KINDS))
        raise ValueError(f"step: there is no formula for {name}; the operations with one are {known}")
    kind = KINDS[name]
    return kind(name, given, result) if kind in OF_RESULT else kind(name, given)
