"""What decoders return, and the predictions that those of connectionist temporal classification read."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from ..arguments import Array, check_float, check_integer, check_rank
from ..ops.ctc_loss import check_blank, check_lengths
from ..tensor import Tensor


class Hypothesis(NamedTuple):
    """One guess: its labels and the logarithm of its probability, with what a decoder added to that."""

    labels: tuple[int, ...]
    score: float


def array_of(value: Any) -> Any:
    """The array in a Tensor; anything else as it is."""
    return value.data if isinstance(value, Tensor) else value


def check_predictions(name: str, log_probs: Any, lengths: Any, blank: Any) -> tuple[Array, Array, int]:
    """log_probs as (T, N, C), the number of frames of each sequence, and the blank."""
    x = check_float(name, "log_probs", array_of(log_probs))
    check_rank(name, "log_probs", x, 2, 3, layout="(T, N, C) or (T, C)")
    if np.isnan(x).any():
        raise ValueError(f"{name}: log_probs has NaN, and nothing is more probable than that")
    blank = check_blank(name, check_integer(name, "blank", blank, 0), x)
    x = x if x.ndim == 3 else x[:, None]
    T, N, _ = x.shape
    if lengths is None:
        return x, np.full(N, T), blank
    return x, check_lengths(name, "lengths", array_of(lengths), N, T, f"the frames of log_probs {x.shape}"), blank
