"""How good translations are: BLEU, chrF, and how many are the very same."""

from __future__ import annotations

from collections.abc import Sequence

from ..training import bleu, chrf


def scores(translations: Sequence[str], references: Sequence[str]) -> dict[str, float]:
    """bleu and chrf, from 0 to 100, and exact, the share of translations that are equal to their reference.

    BLEU counts runs of one to four characters, so that nobody has to say where a Chinese word ends. Without sacrebleu
    only exact, and one sentence.
    """
    same = sum(each == reference for each, reference in zip(translations, references, strict=True))
    figures = {"exact": round(same / len(references), 4)}
    try:
        measured = bleu(translations, references, tokenize="zh"), chrf(translations, references)
    except ImportError as error:
        print(error)
        return figures
    return {"bleu": round(measured[0], 2), "chrf": round(measured[1], 2), **figures}
