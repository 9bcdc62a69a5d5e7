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
    beams = _Beams(N, width, longest, end, penalty)
    with no_grad():
        state = select(start_state, np.repeat(beams.live, width))
        said = np.full(N * width, start)
        for length in range(1, longest + 1):
            if not len(beams.live):
                break
            log_probs, state = _call(name, step, said, state, end)
            rows, said = beams.extend(log_probs, length)
            state = select(state, rows)
    return beams.best()


class _Beams:
    """The `width` best sequences so far of every problem that is not solved, and all that have ended."""

    def __init__(self, N: int, width: int, longest: int, end: int, penalty: float) -> None:
        self.width, self.longest, self.end, self.penalty = width, longest, end, penalty
        self.ended: list[list[Hypothesis]] = [[] for _ in range(N)]
        self.live = np.arange(N)  # the problems that are not solved
        self.log_p = np.full((N, width), -np.inf)  # of their sequences; at first there is one
        self.log_p[:, 0] = 0.0
        self.labels = np.zeros((N, width, longest), int)

    def extend(self, log_probs: Array, length: int) -> tuple[Array, Array]:
        """Makes sequences of `length` labels; returns which sequence each was, and its new label."""
        width, count = self.width, len(self.live)
        V = log_probs.shape[1]
        scores = (self.log_p[:, :, None] + log_probs.reshape(count, width, V)).reshape(count, width * V)
        places = _best(scores, 2 * width)  # as many as may end, and as many as go on
        scores, parents, next_labels = np.take_along_axis(scores, places, 1), places // V, places % V
        ends = (next_labels == self.end) & (scores > -np.inf)
        for i, k in np.argwhere(ends[:, :width]).tolist():
            self._end(self.live[i], self.labels[i, parents[i, k], : length - 1], scores[i, k], length)
        scores[ends] = -np.inf
        going = np.argsort(-scores, axis=1, kind="stable")[:, :width]
        best = scores.max(axis=1, initial=-np.inf)
        pairs = zip(self.live.tolist(), best.tolist(), strict=True)
        unsolved = np.array([not self._solved(n, log_p, length) for n, log_p in pairs], bool)
        self.log_p, parents, next_labels = (
            np.take_along_axis(each, going, 1)[unsolved] for each in (scores, parents, next_labels)
        )
        rows = (np.flatnonzero(unsolved) * width)[:, None] + parents
        self.labels = self.labels.reshape(-1, self.longest)[rows]
        self.labels[:, :, length - 1] = next_labels
        self.live = self.live[unsolved]
        return rows.ravel(), next_labels.ravel()

    def best(self) -> list[list[Hypothesis]]:
        """Those of every problem, best first; what has not ended is taken as it is."""
        for i, k in np.argwhere(self.log_p > -np.inf).tolist():
            self._end(self.live[i], self.labels[i, k], self.log_p[i, k], self.longest)
        return [sorted(each, key=lambda hypothesis: -hypothesis.score)[: self.width] for each in self.ended]

    def _end(self, problem: int, labels: Array, log_p: float, length: int) -> None:
        self.ended[problem].append(Hypothesis(tuple(labels.tolist()), self._score(log_p, length)))

    def _score(self, log_p: float, length: int) -> float:
        return float(log_p / ((5 + length) / 6) ** self.penalty)

    def _solved(self, problem: int, log_p: float, length: int) -> bool:
        """Whether what goes on, with at most this log p, is not needed."""
        last = sorted((each.score for each in self.ended[problem]), reverse=True)[self.width - 1 : self.width]
        return log_p == -np.inf or (bool(last) and last[0] >= self._score(log_p, length))


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
