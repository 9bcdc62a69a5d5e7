"""Greedy decoding of connectionist temporal classification: the most probable class of every frame, read as a text."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..arguments import Array
from .ctc_align import Alignment
from .hypothesis import check_predictions


def ctc_greedy(log_probs: Any, lengths: Any = None, blank: int = 0) -> list[Alignment]:
    """The text of the best single path of each sequence, and where its labels stand.

    log_probs (T, N, C) or (T, C), a batch of one; lengths (N), the frames that count (all by default). Runs of one
    class are merged, then blanks dropped. The score is the path's, so a text that many paths read as may be more
    probable than this one: see ctc_beam_search.
    Source: Graves, Fernandez, Gomez, Schmidhuber, "Connectionist temporal classification", ICML 2006, section 3.2.
    """
    x, frames, blank = check_predictions("ctc_greedy", log_probs, lengths, blank)
    best, most = (x.argmax(2), x.max(2)) if x.size else (np.zeros(x.shape[:2], int), np.zeros(x.shape[:2]))
    return [_read(best[:T, n], float(most[:T, n].sum(dtype=np.float64)), blank) for n, T in enumerate(frames.tolist())]


def _read(path: Array, score: float, blank: int) -> Alignment:
    changes = np.flatnonzero(path[1:] != path[:-1]) + 1
    starts = np.concatenate([[0], changes]) if len(path) else changes
    ends = np.append(starts[1:], len(path)) if len(path) else changes
    kept = path[starts] != blank

    def numbers(each: Array) -> tuple[int, ...]:
        return tuple(each[kept].tolist())

    return Alignment(numbers(path[starts]), numbers(starts), numbers(ends), score)
