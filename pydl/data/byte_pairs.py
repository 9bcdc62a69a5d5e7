"""Byte-pair encoding: text as a sequence of numbers for frequent pieces of words, learned from text.

    start with single characters; as often as asked: join the pair of neighbours that is most frequent

A piece never goes across words. Words are runs of letters, single digits and single signs; a space before a word
belongs to it and is written ▁, so pieces in a row say the text again. Without joins the pieces are characters.

Source: Sennrich, Haddow, Birch, "Neural machine translation of rare words with subword units", ACL 2016.
"""

from __future__ import annotations

import heapq
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Any

from ..arguments import check_integer

PADDING, START, END, UNKNOWN = range(4)
SPECIAL = ("<padding>", "<start>", "<end>", "<unknown>")
_WORD = re.compile(r"▁?(?:[^\W\d_]+|.)|▁")

Joins = list[tuple[str, str]]


class BytePairs:
    """Learned pieces: ``encode(text)`` gives their numbers, ``decode(numbers)`` the text.

    pieces: the learned pieces, piece k having the number k + 4, after those for padding, start, end and unknown.
    joins: pairs of pieces in the order in which they are joined. Both are lists that JSON can hold.
    """

    def __init__(self, pieces: Sequence[str], joins: Iterable[Sequence[str]]) -> None:
        if not all(isinstance(piece, str) and piece for piece in pieces) or len(set(pieces)) != len(pieces):
            raise ValueError("BytePairs: pieces must be texts, each once")
        self.pieces = [*SPECIAL, *pieces]
        self.joins: Joins = [(first, second) for first, second in joins]
        self._rank = {pair: rank for rank, pair in enumerate(self.joins)}
        self._number = {piece: number for number, piece in enumerate(self.pieces)}
        self._known: dict[str, list[str]] = {}

    @classmethod
    def learn(cls, texts: Iterable[str], joins: int, fewest: int = 2) -> BytePairs:
        """Learns at most `joins` joins, each of pairs found `fewest` times or more; rarer characters are unknown."""
        joins, fewest = check_integer("learn", "joins", joins, 0), check_integer("learn", "fewest", fewest, 1)
        counts = Counter(word for text in texts for word in words(text))
        split = {word: list(word) for word in counts}
        characters = Counter[str]()
        pairs = Counter[tuple[str, str]]()
        where: dict[tuple[str, str], set[str]] = defaultdict(set)  # the words that have, or had, a pair
        for word, pieces in split.items():
            for piece in pieces:
                characters[piece] += counts[word]
            for pair in pairwise(pieces):
                pairs[pair] += counts[word]
                where[pair].add(word)
        # The most frequent pair on top; a count that is no longer true is met when it gets there.
        queue = [(-count, pair) for pair, count in pairs.items()]
        heapq.heapify(queue)
        learned: Joins = []
        while len(learned) < joins and queue:
            count, best = heapq.heappop(queue)
            if -count != pairs[best]:
                if pairs[best] > 0:
                    heapq.heappush(queue, (-pairs[best], best))
                continue
            if -count < fewest:
                break
            learned.append(best)
            changed: set[tuple[str, str]] = set()
            for word in where.pop(best):
                before, after = split[word], joined(split[word], best)
                for pair in pairwise(before):
                    pairs[pair] -= counts[word]
                for pair in pairwise(after):
                    pairs[pair] += counts[word]
                    where[pair].add(word)
                    changed.add(pair)
                split[word] = after
            pairs[best] = 0
            for pair in changed - {best}:
                heapq.heappush(queue, (-pairs[pair], pair))
        pieces = sorted(each for each, count in characters.items() if count >= fewest)
        return cls(list(dict.fromkeys(pieces + [first + second for first, second in learned])), learned)

    def __len__(self) -> int:
        return len(self.pieces)

    def encode(self, text: str) -> list[int]:
        """The numbers of the pieces of a text."""
        return [self._number.get(piece, UNKNOWN) for word in words(text) for piece in self._split(word)]

    def decode(self, numbers: Iterable[int]) -> str:
        """The text of pieces; padding, start and end say nothing, and what was unknown becomes �."""
        said = ["�" if number == UNKNOWN else self.pieces[number] for number in numbers if number >= UNKNOWN]
        return "".join(said).replace("▁", " ").strip(" ")

    def state(self) -> dict[str, Any]:
        """What BytePairs(**state) needs, as JSON can hold it."""
        return {"pieces": self.pieces[len(SPECIAL) :], "joins": [list(pair) for pair in self.joins]}

    def _split(self, word: str) -> list[str]:
        """The pieces of a word: its characters, joined in the order in which the joins were learned."""
        if word not in self._known:
            pieces = list(word)
            while len(pieces) > 1:
                pair = min(pairwise(pieces), key=lambda pair: self._rank.get(pair, len(self.joins)))
                if pair not in self._rank:
                    break
                pieces = joined(pieces, pair)
            self._known[word] = pieces
        return self._known[word]


def words(text: str) -> list[str]:
    """The words of a text, each with the space before it; the first one has one, too."""
    return _WORD.findall("▁" + "▁".join(text.split())) if text.strip() else []


def joined(pieces: list[str], pair: tuple[str, str]) -> list[str]:
    """The pieces with every occurrence of the pair as one."""
    result: list[str] = []
    for piece in pieces:
        # A piece that has just been joined is longer than the pair's first part, so it is not joined again.
        if result and (result[-1], piece) == pair:
            result[-1] += piece
        else:
            result.append(piece)
    return result
