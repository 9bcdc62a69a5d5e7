"""Alignment by connectionist temporal classification: the frames in which each label of a known text stands."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from ..arguments import Array
from ..ops.ctc_loss import check_targets, padded
from .hypothesis import array_of, check_predictions


class Alignment(NamedTuple):
    """A text in a sequence of frames: label i stands in the frames from starts[i] to ends[i] - 1."""

    labels: tuple[int, ...]
    starts: tuple[int, ...]
    ends: tuple[int, ...]
    score: float  # log-probability of this one path


def ctc_align(
    log_probs: Any, targets: Any, input_lengths: Any = None, target_lengths: Any = None, blank: int = 0
) -> list[Alignment]:
    """The most probable path of each sequence that reads as its target: Viterbi's algorithm.

        v[t,s] = max(v[t-1,s], v[t-1,s-1], v[t-1,s-2]) + log_probs[t,l[s]]

    with l and the third term as in ctc_loss, whose arguments these are; without lengths all frames and labels count.
    Errors: those of ctc_loss; ValueError for a target that no path reads as.
    Source: Rabiner, "A tutorial on hidden Markov models", Proceedings of the IEEE 77 (1989), section III.B.
    """
    x, frames, blank = check_predictions("ctc_align", log_probs, input_lengths, blank)
    T, N, C = x.shape
    targets = array_of(targets)
    if target_lengths is None:
        target_lengths = np.full(N, np.shape(targets)[-1:] or 0)
    labels, counts = check_targets("ctc_align", targets, array_of(target_lengths), N, C, blank)
    rows = padded(labels, counts, blank)
    places = np.full((N, 2 * rows.shape[1] + 1), blank)
    places[:, 1::2] = rows
    emissions = np.take_along_axis(x, np.broadcast_to(places, (T, *places.shape)), 2).astype(np.float64)
    skips = np.zeros(places.shape, bool)
    skips[:, 2:] = places[:, 2:] != places[:, :-2]
    back, values = _viterbi(emissions, skips)
    alignments = []
    for n in range(N):
        path, score = _trace(values[:, n], back[:, n], int(frames[n]), 2 * int(counts[n]))
        if score == -np.inf:
            raise ValueError(
                f"ctc_align: sequence {n} has {frames[n]} frames, and no path through them reads as its target of "
                f"{counts[n]} labels"
            )
        own = np.arange(1, 2 * int(counts[n]), 2)
        starts, ends = np.searchsorted(path, own, "left"), np.searchsorted(path, own, "right")
        alignments.append(
            Alignment(tuple(rows[n, : counts[n]].tolist()), tuple(starts.tolist()), tuple(ends.tolist()), score)
        )
    return alignments


def _viterbi(emissions: Array, skips: Array) -> tuple[Array, Array]:
    """For every frame, sequence and place: how many places the best path came forward, and its log-probability."""
    T, N, S = emissions.shape
    back, values = np.zeros((T, N, S), np.int8), np.full((T, N, S), -np.inf)
    values[:1, :, :2] = emissions[:1, :, :2]
    steps = np.full((3, N, S), -np.inf)
    for t in range(1, T):
        steps[0] = values[t - 1]
        steps[1, :, 1:] = values[t - 1, :, :-1]
        steps[2, :, 2:] = np.where(skips[:, 2:], values[t - 1, :, :-2], -np.inf)
        back[t] = steps.argmax(0)
        values[t] = steps.max(0) + emissions[t]
    return back, values


def _trace(values: Array, back: Array, T: int, last: int) -> tuple[Array, float]:
    """The places of the best path of T frames that ends at place `last`, a blank, or the label before it."""
    if T == 0:
        return np.zeros(0, int), 0.0 if last == 0 else -np.inf
    place = last if last == 0 or values[T - 1, last] >= values[T - 1, last - 1] else last - 1
    score = float(values[T - 1, place])
    path = np.zeros(T, int)
    for t in range(T - 1, -1, -1):
        path[t] = place
        place -= int(back[t, place])
    return path, score
