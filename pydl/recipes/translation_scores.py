"""How good translations are: BLEU and chrF, by sacrebleu, and how many are the very same."""

from __future__ import annotations

from collections.abc import Sequence


def scores(translations: Sequence[str], references: Sequence[str]) -> dict[str, float]:
    """bleu and chrf, from 0 to 100, and exact, the share of translations that are equal to their reference.

    BLEU counts runs of up to four characters, so that nobody has to say where a Chinese word ends. Without sacrebleu
    only exact, and one sentence.
    """
    same = sum(each == reference for each, reference in zip(translations, references, strict=True))
    figures = {"exact": round(same / len(references), 4)}
    try:
        import sacrebleu
    except ImportError:
        print("BLEU and chrF need sacrebleu: pip install 'pydl-cpu[translation]'")
        return figures
    bleu = sacrebleu.corpus_bleu(list(translations), [list(references)], tokenize="zh").score
    chrf = sacrebleu.corpus_chrf(list(translations), [list(references)]).score
    return {"bleu": round(bleu, 2), "chrf": round(chrf, 2), **figures}
