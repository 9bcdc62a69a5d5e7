"""Interpreter: a trained network of the recipe translation with the pieces that it reads and writes in."""

from __future__ import annotations

import os
from collections.abc import Sequence

import numpy as np

import pydl
from pydl.data import BytePairs, SentencePairs
from pydl.data.byte_pairs import END, START
from pydl.decoding import beam_search

from .report import whole
from .sentence_batches import pad
from .translator import Translator, select

LENGTH_PENALTY = 1.0
TOGETHER = 64  # sentences
_LONGEST = 400  # pieces of a source; a network of menus and hints has nothing to say on more


class Interpreter:
    """Translates texts. english, chinese: the pieces of sources, which are read without case, and of targets."""

    def __init__(self, model: Translator, english: BytePairs, chinese: BytePairs) -> None:
        self.model, self.english, self.chinese = model, english, chinese

    def numbers(self, pairs: SentencePairs) -> tuple[list[list[int]], list[list[int]]]:
        """Sources and targets as numbers of their pieces."""
        return self._read(pairs.sources), [self.chinese.encode(each) for each in pairs.targets]

    def translate(self, texts: Sequence[str], beam: int) -> list[str]:
        """The translation of each text, the best of beam search; with a beam of 1 greedy. Nothing says nothing."""
        sources = self._read(texts)
        said = [""] * len(sources)
        order = [k for k in np.argsort([len(each) for each in sources], kind="stable").tolist() if sources[k]]
        self.model.eval()
        for start in range(0, len(order), TOGETHER):
            chosen = order[start : start + TOGETHER]
            for k, numbers in zip(chosen, self._search([sources[k] for k in chosen], beam), strict=True):
                said[k] = self.chinese.decode(numbers)
        return said

    def attention(self, text: str, beam: int) -> tuple[list[str], list[str], np.ndarray]:
        """The pieces of a text and of its translation, and how much each of these looked at each of those, (T, S)."""
        (source,) = self._read([text])
        if not source:
            raise ValueError("translate: a text to draw must not be empty")
        self.model.eval()
        (said,) = self._search([source], beam)
        with pydl.no_grad():
            state = self.model.read(*pad([source]))
        weights = self.model.looks(np.array([[START, *said]]).T, state)[0]
        read, written = (
            [pieces.pieces[number].replace("▁", "") or "(space)" for number in numbers]
            for pieces, numbers in ((self.english, source), (self.chinese, said))
        )
        return read, [*written, "(end)"], weights

    def draw(self, text: str, path: str | os.PathLike[str], beam: int) -> None:
        """The picture of attention(). Error: ImportError where matplotlib is missing."""
        from .. import plot

        plot.attention(*self.attention(text, beam), path)

    def _read(self, texts: Sequence[str]) -> list[list[int]]:
        return [self.english.encode(text.casefold())[:_LONGEST] for text in texts]

    def _search(self, sources: list[list[int]], beam: int) -> list[tuple[int, ...]]:
        source, lengths = pad(sources)
        longest = 20 + 3 * int(lengths.max())
        with pydl.no_grad():
            state = self.model.read(source, lengths)
            found = beam_search(self.model.step, state, START, END, longest, beam, LENGTH_PENALTY, len(sources), select)
        return [best[0].labels for best in found]


def load_interpreter(path: str | os.PathLike[str]) -> Interpreter:
    """The network in a model.safetensors of the recipe translation. Errors: OSError, ValueError for another file."""
    facts = pydl.load_metadata(path)
    with whole(path, "translation"):
        if facts["recipe"] != "translation":
            raise ValueError(f"its recipe is {facts['recipe']}")
        english, chinese = BytePairs(**facts["english"]), BytePairs(**facts["chinese"])
        width = facts["width"]
        state = pydl.load(path)
        if state["join.weight"].shape != (width, 2 * width):
            raise ValueError(f"its width is not {width}")
        model = Translator(len(english), len(chinese), width)
        model.load_state_dict(state)
    model.eval()
    return Interpreter(model, english, chinese)
