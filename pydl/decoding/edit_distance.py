"""How far texts are from the truth: insertions, deletions and substitutions of words or characters."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..arguments import check_list


def edit_distance(reference: Sequence[Any], hypothesis: Sequence[Any]) -> int:
    """The fewest insertions, deletions and substitutions of items that make one sequence of the other.

        d[i,j] = min(d[i-1,j] + 1, d[i,j-1] + 1, d[i-1,j-1] + (0 if the items are equal else 1))

    The sequences are texts, whose items are characters, or lists of words or labels.
    Source: Wagner, Fischer, "The string-to-string correction problem", Journal of the ACM 21 (1974).
    """
    a, b = (_items("edit_distance", *each) for each in (("reference", reference), ("hypothesis", hypothesis)))
    numbers: dict[Any, int] = {}
    rows, columns = ([numbers.setdefault(item, len(numbers)) for item in each] for each in (a, b))
    along = np.arange(len(columns) + 1)
    items, distance = np.array(columns, int), along.copy()
    for i, row in enumerate(rows):
        best = np.minimum(distance[1:] + 1, distance[:-1] + (items != row))
        # Insertions: d[i,j] is the smallest best[k] + (j - k) over all k up to j.
        distance = np.minimum.accumulate(np.concatenate([[i + 1], best]) - along) + along
    return int(distance[-1])


def word_error_rate(references: Any, hypotheses: Any) -> float:
    """Edits of words for each word of the references: of one text, or of two lists of texts together.

    Words are what white space parts. Without a word in the references it is 0 or, if there is one to delete, infinite.
    """
    return _error_rate("word_error_rate", references, hypotheses, str.split)


def character_error_rate(references: Any, hypotheses: Any) -> float:
    """The same of characters, white space included."""
    return _error_rate("character_error_rate", references, hypotheses, list)


def _error_rate(name: str, references: Any, hypotheses: Any, items: Any) -> float:
    texts = []
    for argument, value in (("references", references), ("hypotheses", hypotheses)):
        given = [value] if isinstance(value, str) else check_list(name, argument, value, "a text or a list of texts")
        wrong = next((each for each in given if not isinstance(each, str)), None)
        if wrong is not None:
            raise TypeError(f"{name}: {argument} must hold texts, not {type(wrong).__name__}")
        texts.append([items(each) for each in given])
    if len(texts[0]) != len(texts[1]):
        raise ValueError(f"{name}: there are {len(texts[0])} references but {len(texts[1])} hypotheses")
    edits = sum(edit_distance(*pair) for pair in zip(*texts, strict=True))
    total = sum(map(len, texts[0]))
    return edits / total if total else float("inf") if edits else 0.0


def _items(name: str, argument: str, value: Any) -> list[Any]:
    if isinstance(value, str):
        return list(value)
    items = check_list(name, argument, value.tolist() if hasattr(value, "tolist") else value, "a text or a list")
    try:
        hash(tuple(items))
    except TypeError:
        raise TypeError(f"{name}: {argument} must be a flat list of words or labels") from None
    return items
