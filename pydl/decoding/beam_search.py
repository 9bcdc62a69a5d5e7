"""Beam search: the most probable sequences of a decoder that says one label at a time; with a beam of 1, greedy."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..arguments import Array, check_array, check_callable, check_dim, check_integer, check_range
from ..tensor import Tensor, no_grad
from .hypothesis import Hypothesis, array_of

State = Any


def take_rows(state: State, rows: Array, dim: int = 0) -> State:
    """The rows of every array or Tensor in a state: in tuples, lists and dicts, however nested. None stays."""
    if isinstance(state, tuple | list):
        taken = [take_rows(each, rows, dim) for each in state]
        return type(state)(*taken) if hasattr(state, "_fields") else type(state)(taken)
    if isinstance(state, dict):
        return {name: take_rows(each, rows, dim) for name, each in state.items()}
    if state is None:
        return None
    array = check_array("take_rows", "state", array_of(state))
    size = array.shape[check_dim("take_rows", dim, array.ndim)] if array.ndim else 0
    if len(rows) and max(rows) >= size:
        raise ValueError(f"take_rows: state has shape {array.shape}, so no row {max(rows)} in dimension {dim}")
    part = np.take(array, rows, axis=dim)
    return Tensor(part) if isinstance(state, Tensor) else part


def beam_search(
    step: Callable[[Array, State], tuple[Any, State]],
    start_state: State,
    start: int,
    end: int,
    max_length: int,
    beam_width: int = 4,
    length_penalty: float = 0.0,
    batch_size: int = 1,
    select: Callable[[State, Array], State] = take_rows,
) -> list[list[Hypothesis]]:
    """The beam_width best sequences of each of batch_size problems, best first; without `start` and `end`.

    step(labels, state)  what the decoder says after one label more: labels (R) of R sequences at the same time and
                         the state of all of them; returns (log_probs (R, V), state)
    start_state          of batch_size sequences, before the label `start`
    max_length           labels at most; a sequence that has not ended by then is returned as it is
    select(state, rows)  the state of some sequences, in the order of rows (R'), which may repeat; by default the rows
                         of each array's first dimension. take_rows(state, rows, 1) suits (layers, batch, H)

    A sequence Y of |Y| labels, its end included, has the score log p(Y) / ((5 + |Y|) / 6)^length_penalty: 0 favours
    short ones, 0.6 to 1 are usual. A problem is solved when beam_width sequences have ended and none of
    those that go on has a better score by now.
    Source: Wu et al., "Google's neural machine translation system", arXiv 1609.08144 (2016), section 7; Graves,
    "Sequence transduction with recurrent neural networks", arXiv 1211.3711 (2012).
    """
    name = "beam_search"
    check_callable(name, "step", step)
    check_callable(name, "select", select)
    start, end = check_integer(name, "start", start, 0), check_integer(name, "end", end, 0)
    longest, width = check_integer(name, "max_length", max_length, 0), check_integer(name, "beam_width", beam_width, 1)
    penalty = check_range(name, "length_penalty", length_penalty, 0.0)
    N = check_integer(name, "batch_size", batch_size, 0)
    found: list[list[Hypothesis]] = [[] for _ in range(N)]

    def score_of(log_p: float, length: int) -> float:
        return float(log_p / ((5 + length) / 6) ** penalty)

    def keep(problem: int, labels: Array, log_p: float, length: int) -> None:
        found[problem].append(Hypothesis(tuple(labels.tolist()), score_of(log_p, length)))

    def solved(problem: int, log_p: float, length: int) -> bool:
        """Whether what goes on, with at most this log p, is not needed."""
        best = sorted((each.score for each in found[problem]), reverse=True)[width - 1 : width]
        return log_p == -np.inf or (bool(best) and best[0] >= score_of(log_p, length))

    live = np.arange(N)  # the problems that are not solved
    total = np.full((N, width), -np.inf)  # log p of their sequences; at first there is one
    total[:, 0] = 0.0
    labels = np.zeros((N, width, longest), int)
    said = np.full(N * width, start)
    with no_grad():
        state = select(start_state, np.repeat(live, width))
        for length in range(1, longest + 1):
            if not len(live):
                break
            log_probs, state = _call(name, step, said, state, end)
            V = log_probs.shape[1]
            scores = (total[:, :, None] + log_probs.reshape(len(live), width, V)).reshape(len(live), width * V)
            places = _best(scores, 2 * width)  # as many as may end, and as many as go on
            scores, parents, next_labels = np.take_along_axis(scores, places, 1), places // V, places % V
            ends = (next_labels == end) & (scores > -np.inf)
            for i, k in np.argwhere(ends[:, :width]).tolist():
                keep(live[i], labels[i, parents[i, k], : length - 1], scores[i, k], length)
            scores[ends] = -np.inf
            going = np.argsort(-scores, axis=1, kind="stable")[:, :width]
            best = scores.max(axis=1, initial=-np.inf)
            unsolved = np.array([not solved(int(n), float(p), length) for n, p in zip(live, best, strict=True)], bool)
            total, parents, next_labels = (
                np.take_along_axis(each, going, 1)[unsolved] for each in (scores, parents, next_labels)
            )
            rows = (np.flatnonzero(unsolved) * width)[:, None] + parents
            labels = labels.reshape(-1, longest)[rows]
            labels[:, :, length - 1] = next_labels
            live, said = live[unsolved], next_labels.ravel()
            state = select(state, rows.ravel())
    for i, k in np.argwhere(total > -np.inf).tolist():
        keep(live[i], labels[i, k], total[i, k], longest)
    return [sorted(each, key=lambda hypothesis: -hypothesis.score)[:width] for each in found]


def _call(name: str, step: Any, said: Array, state: State, end: int) -> tuple[Array, State]:
    """The log-probabilities that step returns, in double precision, and its state."""
    result = step(said, state)
    if not isinstance(result, tuple) or len(result) != 2:
        raise TypeError(f"{name}: step must return (log_probs, state), not {type(result).__name__}")
    log_probs = check_array(name, "what step returned", array_of(result[0])).astype(np.float64)
    if log_probs.ndim != 2 or len(log_probs) != len(said) or log_probs.shape[1] <= end:
        raise ValueError(
            f"{name}: step returned log_probs of shape {log_probs.shape} for {len(said)} sequences; they must be "
            f"({len(said)}, V) with V more than end={end}"
        )
    if np.isnan(log_probs).any():
        raise ValueError(f"{name}: step returned NaN, and nothing is more probable than that")
    return log_probs, result[1]


def _best(scores: Array, count: int) -> Array:
    """The places of the `count` largest numbers of each row, largest first, earlier ones before equal ones."""
    count = min(count, scores.shape[1])
    places = np.sort(np.argpartition(-scores, count - 1, axis=1)[:, :count], axis=1)
    order = np.argsort(-np.take_along_axis(scores, places, 1), axis=1, kind="stable")
    return np.take_along_axis(places, order, 1)
