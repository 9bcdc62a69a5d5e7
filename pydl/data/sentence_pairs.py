"""SentencePairs: texts with their translations, cleaned of what belongs to a program and split without leakage."""

from __future__ import annotations

import re
import zlib
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from .catalogues import Pair
from .dataset import Dataset

LONGEST = (200, 80)  # characters of a text and of its translation; a few are whole paragraphs

_TAG = re.compile(r"</?[A-Za-z][^<>]*>")
_PLACEHOLDER = re.compile(r"%\w+%?|\$\([A-Za-z0-9]+\)|\$\{\w+\}|\$\w+\$?|\{\w*\}|#\w+#")
_CHINESE = re.compile("[\u4e00-\u9fff]")
_LETTER = re.compile(r"[A-Za-z]{2}|^[A-Za-z]$")


class SentencePairs(Dataset):
    """A data set of translations: ``pairs[i] = (source, target)``; ``sources`` and ``targets`` are lists of all."""

    def __init__(self, sources: Sequence[str], targets: Sequence[str]) -> None:
        self.sources, self.targets = list(sources), list(targets)
        if len(self.sources) != len(self.targets):
            raise ValueError(f"SentencePairs: there are {len(self.sources)} sources, {len(self.targets)} targets")

    def __len__(self) -> int:
        return len(self.sources)

    def __getitem__(self, index: Any) -> Pair:
        place = range(len(self))[index]
        return self.sources[place], self.targets[place]

    def select(self, chosen: Any) -> SentencePairs:
        """The pairs at these places: a mask (one boolean each) or numbers."""
        places = np.arange(len(self))[np.asarray(chosen)]
        return SentencePairs([self.sources[i] for i in places], [self.targets[i] for i in places])

    def __repr__(self) -> str:
        return f"SentencePairs({len(self)})"


def clean_pairs(pairs: Iterable[Pair]) -> SentencePairs:
    """Of a program's messages those that are text, in English and Chinese, once each, in the order of the sources.

    Marks of keyboard short cuts and tags are taken out, the k-th placeholder becomes {k} on both sides, white space is
    one space. Left out are messages that are not translated, have other placeholders than their translation, or are
    longer than LONGEST. Of several translations of a text the most frequent stays.
    """
    seen: dict[str, Counter[str]] = {}
    for pair in pairs:
        source, target = clean_pair(*pair)
        if _LETTER.search(source) and _CHINESE.search(target) and not _CHINESE.search(source):
            placeholders = (sorted(re.findall(r"\{\d+\}", text)) for text in (source, target))
            if len(source) <= LONGEST[0] and len(target) <= LONGEST[1] and len(set(map(tuple, placeholders))) == 1:
                seen.setdefault(source, Counter())[target] += 1
    sources = sorted(seen)
    # most_common() keeps the first of equally frequent ones.
    return SentencePairs(sources, [seen[source].most_common(1)[0][0] for source in sources])


def clean_pair(source: str, target: str) -> Pair:
    """A message and its translation as plain text."""
    found: dict[str, str] = {}

    def numbered(match: re.Match[str]) -> str:
        return found.setdefault(match[0], f"{{{len(found) + 1}}}")

    source, target = (
        re.sub(_PLACEHOLDER, numbered, _TAG.sub("", text.replace("%PRODUCTNAME", "LibreOffice")))
        for text in (source, target)
    )
    # Chinese puts the short cut's letter behind the text: 文件(~F).
    target = re.sub(r"[(\uff08][~_&]\w[)\uff09]", "", target)
    return _plain(source), _plain(target)


def _plain(text: str) -> str:
    text = text.replace("~", "").replace("...", "…")
    for mark in "_&":  # one alone, at a letter; several are part of a name
        if text.count(mark) == 1:
            text = re.sub(rf"{mark}(?=[^\W\d_])", "", text)
    return " ".join(text.split())


def leakage_key(source: str) -> str:
    """What is left of a text without case, punctuation and white space, numbers being all the same.

    Texts with the same key belong on the same side of a split: who has learned "Font name:" need not translate
    "font name" to know it.
    """
    return re.sub(r"[\W_]+", "", re.sub(r"\d+", "0", source.casefold()))


def held_out(pairs: SentencePairs, part: int, parts: int = 20) -> np.ndarray:
    """A mask of the pairs whose key falls into `part` of `parts`, by a checksum: adding pairs moves no other."""
    return np.array([zlib.crc32(leakage_key(each).encode()) % parts == part for each in pairs.sources], bool)


def one_of_each(pairs: SentencePairs) -> SentencePairs:
    """The first pair of each key, so that a test does not ask the same twice."""
    first: dict[str, int] = {}
    for i, source in enumerate(pairs.sources):
        first.setdefault(leakage_key(source), i)
    return pairs.select(np.array(sorted(first.values()), np.int64))
