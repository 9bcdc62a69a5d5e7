"""Figures that say how good translations are. They need sacrebleu: pip install 'pydl-cpu[translation]'."""

from __future__ import annotations

from typing import Any

from ..arguments import check_choice, check_list


def bleu(hypotheses: Any, references: Any, tokenize: str = "13a") -> float:
    """BLEU, 0 to 100: how many runs of one to four words the translations share with the references.

    hypotheses: texts; references: for each of them a text, or a list of texts that are all right. The geometric mean
    of the four precisions over all texts together, less a penalty for too short ones, as sacrebleu computes it with its
    own settings, so that it compares with published figures. tokenize: where words end, as sacrebleu
    calls it: "13a", "intl", "zh" (each Chinese character is a word), "char" or "none". Of no texts it is 0. Source:
    Papineni, Roukos, Ward, Zhu, "BLEU: a method for automatic evaluation of machine translation", ACL 2002; Post, "A
    call for clarity in reporting BLEU scores", WMT 2018.
    """
    check_choice("bleu", "tokenize", tokenize, "13a", "intl", "zh", "char", "none")
    return _score("bleu", "corpus_bleu", hypotheses, references, tokenize=tokenize)


def chrf(hypotheses: Any, references: Any) -> float:
    """chrF, 0 to 100: the F-score of the runs of one to six characters, with recall twice as important.

    Arguments as for bleu; it does justice to languages with many forms of a word. Source: Popovic, "chrF: character
    n-gram F-score for automatic MT evaluation", WMT 2015.
    """
    return _score("chrf", "corpus_chrf", hypotheses, references)


def _score(name: str, function: str, hypotheses: Any, references: Any, **settings: str) -> float:
    try:
        import sacrebleu
    except ModuleNotFoundError:
        raise ImportError(f"{name} needs sacrebleu: pip install 'pydl-cpu[translation]'") from None
    texts = _texts(name, "hypotheses", hypotheses)
    given = check_list(name, "references", references, "a list of texts, or of lists of texts")
    several = [[each] if isinstance(each, str) else _texts(name, "references", each) for each in given]
    if len(several) != len(texts):
        raise ValueError(f"{name}: there are {len(texts)} hypotheses but references for {len(several)}")
    counts = {len(each) for each in several}
    if not texts:
        return 0.0
    if 0 in counts:
        raise ValueError(f"{name}: hypothesis {[len(each) for each in several].index(0)} has no reference")
    # The first references of all texts, then the second ones; None where a text has fewer.
    columns = [[each[i] if i < len(each) else None for each in several] for i in range(max(counts))]
    return float(getattr(sacrebleu, function)(texts, columns, **settings).score)


def _texts(name: str, argument: str, value: Any) -> list[str]:
    texts = check_list(name, argument, value, "a list of texts")
    wrong = next((each for each in texts if not isinstance(each, str)), None)
    if wrong is not None:
        raise TypeError(f"{name}: {argument} must hold texts, not {type(wrong).__name__}")
    return texts
