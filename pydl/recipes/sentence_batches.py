"""Batches of sentences of like length, so that little of them is padding."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from ..arguments import Array
from ..data.byte_pairs import END, PADDING, START
from ..random import generator

Numbers = Sequence[int]


class Batch(NamedTuple):
    """source (S, B), padded; lengths (B); previous (T, B), each target from its start; places (N): those in T B that
    are no padding; targets (N): the piece that comes next there, the last of a sentence being its end."""

    source: Array
    lengths: Array
    previous: Array
    places: Array
    targets: Array


def pad(sentences: Sequence[Numbers]) -> tuple[Array, Array]:
    """Sentences as the columns of one array (longest, B), and their lengths."""
    lengths = np.array([len(each) for each in sentences])
    padded = np.full((max(1, lengths.max(initial=0)), len(sentences)), PADDING)
    for column, each in enumerate(sentences):
        padded[: len(each), column] = each
    return padded, lengths


def pack(sources: Sequence[Numbers], targets: Sequence[Numbers]) -> Batch:
    """One batch of sentences as numbers."""
    source, lengths = pad(sources)
    previous, counts = pad([[START, *each] for each in targets])
    following, _ = pad([[*each, END] for each in targets])
    places = np.flatnonzero(np.arange(len(previous))[:, None] < counts)
    return Batch(source, lengths, previous, places, following.reshape(-1)[places])


class SentenceBatches:
    """Batches of all sentence pairs, each of at most `size` places in source and target together.

    shuffle: every time it is walked over, in another order, with other sentences of the same lengths together.
    """

    def __init__(self, sources: Sequence[Numbers], targets: Sequence[Numbers], size: int, shuffle: bool) -> None:
        self.sources, self.targets, self.shuffle = sources, targets, shuffle
        self._lengths = np.array([(len(t), len(s)) for s, t in zip(sources, targets, strict=True)]).T
        longest, starts, first = np.zeros(2, int), [0], 0
        for i, k in enumerate(np.lexsort(self._lengths[::-1])):
            lengths = self._lengths[:, k] + (1, 0)  # a target has its start, or its end
            longest = np.maximum(longest, lengths)
            if i > first and longest.sum() * (i + 1 - first) > size:
                longest, first = lengths, i
                starts.append(i)
        self._starts = np.array([*starts, len(sources)])

    def __len__(self) -> int:
        return len(self._starts) - 1

    def __iter__(self) -> Iterator[Batch]:
        ties = generator().permutation(len(self.sources)) if self.shuffle else np.arange(len(self.sources))
        order = np.lexsort((ties, *self._lengths[::-1]))
        for k in generator().permutation(len(self)) if self.shuffle else range(len(self)):
            chosen = order[self._starts[k] : self._starts[k + 1]]
            yield pack([self.sources[i] for i in chosen], [self.targets[i] for i in chosen])
