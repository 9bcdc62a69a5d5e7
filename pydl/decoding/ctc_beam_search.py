"""Prefix beam search of connectionist temporal classification: the most probable texts, over all of their paths."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..arguments import Array, check_callable, check_integer, check_number
from .hypothesis import Hypothesis, check_predictions

NEVER = -np.inf


def ctc_beam_search(
    log_probs: Any,
    lengths: Any = None,
    beam_width: int = 16,
    blank: int = 0,
    language_model: Callable[[tuple[int, ...]], Any] | None = None,
    language_weight: float = 1.0,
    label_bonus: float = 0.0,
) -> list[list[Hypothesis]]:
    """The beam_width best texts of each sequence, best first.

    log_probs (T, N, C) or (T, C), a batch of one; lengths (N), the frames that count (all by default). Of each text so
    far two probabilities are kept: of its paths that end with a blank, and of those that end with its last label. A
    frame may leave a text as it is, or append a label; a text reached in both ways counts once.

    language_model(labels) returns (C) log-probabilities of the label after those; language_weight times that of each
    label, and label_bonus for each, are added to the score.
    Source: Hannun, Maas, Jurafsky, Ng, "First-pass large vocabulary continuous speech recognition using bi-directional
    recurrent DNNs", arXiv 1408.2873 (2014), algorithm 1.
    """
    name = "ctc_beam_search"
    x, frames, blank = check_predictions(name, log_probs, lengths, blank)
    width = check_integer(name, "beam_width", beam_width, 1)
    weight, bonus = (
        check_number(name, *each) for each in (("language_weight", language_weight), ("label_bonus", label_bonus))
    )
    if language_model is not None:
        check_callable(name, "language_model", language_model)
    C = x.shape[2]

    def gain(labels: tuple[int, ...]) -> Array:
        """What appending each label adds to the score."""
        if language_model is None:
            return np.full(C, bonus)
        said = np.asarray(language_model(labels), np.float64)
        if said.shape != (C,):
            raise ValueError(f"{name}: language_model returned the shape {said.shape} but there are {C} classes")
        return weight * said + bonus

    return [_search(x[:T, n].astype(np.float64), width, blank, gain) for n, T in enumerate(frames.tolist())]


class _Texts:
    """All texts that were ever in the beam, as a tree: a text is its parent's with one label more."""

    def __init__(self, gain: Callable[[tuple[int, ...]], Array]) -> None:
        self.labels: list[tuple[int, ...]] = [()]
        self.parents = [-1]
        self.gains = [gain(())]
        self._children: dict[tuple[int, int], int] = {}
        self._gain = gain

    def child(self, text: int, label: int) -> int:
        """The number of the text with one label more."""
        known = self._children.get((text, label))
        if known is None:
            known = self._children[text, label] = len(self.labels)
            self.labels.append((*self.labels[text], label))
            self.parents.append(text)
            self.gains.append(self._gain(self.labels[-1]))
        return known


def _search(x: Array, width: int, blank: int, gain: Callable[[tuple[int, ...]], Array]) -> list[Hypothesis]:
    """The beam after all frames of x (T, C)."""
    texts = _Texts(gain)
    C = x.shape[1]
    beam = np.array([0])  # texts
    last = np.array([blank])  # their last labels; the blank for none
    to_blank, to_label = np.array([0.0]), np.array([NEVER])  # log-probabilities of paths that end so
    gains = np.array([texts.gains[0]])
    for frame in x:
        both = np.logaddexp(to_blank, to_label)
        # Appending the last label again takes a blank between the two.
        appended = both[:, None] + (frame + gains)
        rows = np.arange(len(beam))
        appended[rows, last] = to_blank + frame[last] + gains[rows, last]
        appended[:, blank] = NEVER
        to_blank, to_label = both + frame[blank], np.where(last == blank, NEVER, to_label + frame[last])
        # A text in the beam that is another's with one label more.
        parents = np.array([texts.parents[text] for text in beam.tolist()])
        child, parent = np.nonzero(parents[:, None] == beam)
        to_label[child] = np.logaddexp(to_label[child], appended[parent, last[child]])
        appended[parent, last[child]] = NEVER

        score = np.concatenate([np.logaddexp(to_blank, to_label), appended.ravel()])
        kept = np.argpartition(-score, width)[:width] if len(score) > width else np.arange(len(score))
        kept = kept[score[kept] > NEVER]
        old, new = kept[kept < len(beam)], kept[kept >= len(beam)] - len(beam)
        children = [texts.child(int(beam[place // C]), int(place % C)) for place in new]
        to_label = np.concatenate([to_label[old], appended.ravel()[new]])
        to_blank = np.concatenate([to_blank[old], np.full(len(new), NEVER)])
        last = np.concatenate([last[old], new % C])
        beam = np.concatenate([beam[old], np.array(children, int)])
        gains = np.array([texts.gains[text] for text in beam.tolist()]).reshape(len(beam), C)
    score = np.logaddexp(to_blank, to_label)
    order = np.argsort(-score, kind="stable")
    return [Hypothesis(texts.labels[beam[i]], float(score[i])) for i in order]
