import sys

import pytest
from checks import check_refused

from pydl.training import bleu, chrf

HYPOTHESES = ["the cat sat on the mat", "a small dog barks at the old postman"]
REFERENCES = ["the cat is sitting on the mat", "the small dog barks at the old postman"]
METRICS = pytest.mark.parametrize("metric", [bleu, chrf])


@METRICS
def test_of_perfect_and_of_foreign_texts(metric):
    pytest.importorskip("sacrebleu")
    assert metric(REFERENCES, REFERENCES) == pytest.approx(100)
    assert metric(["xyz xyz xyz xyz"] * 2, ["aaa bbb ccc ddd"] * 2) == 0.0
    assert metric([], []) == 0.0


def test_bleu_worked_by_hand():
    """Of 6 words 5 are right, of 5 pairs 3, of 4 threes 1, of 3 fours none, which counts as a half; 7 were due."""
    pytest.importorskip("sacrebleu")
    precisions = 5 / 6 * 3 / 5 * 1 / 4 * (1 / 2) / 3
    penalty = 2.718281828459045 ** (1 - 7 / 6)
    hypothesis, reference = "the cat sat on the mat", "the cat lay here on the mat"
    assert bleu([hypothesis], [reference]) == pytest.approx(100 * penalty * precisions**0.25)


@METRICS
def test_any_reference_will_do(metric):
    pytest.importorskip("sacrebleu")
    both = [[one, other] for one, other in zip(REFERENCES, HYPOTHESES, strict=True)]
    assert metric(HYPOTHESES, both) == pytest.approx(100)
    assert metric(HYPOTHESES, [REFERENCES[0], both[1]]) > metric(HYPOTHESES, REFERENCES)


def test_chinese_has_no_spaces():
    pytest.importorskip("sacrebleu")
    assert bleu(["打开新的文件"], ["打开新的文档"]) == 0
    assert 50 < bleu(["打开新的文件"], ["打开新的文档"], tokenize="zh") < 100
    check_refused(lambda: bleu(["a"], ["a"], tokenize="words"), ValueError, "bleu: tokenize")


@METRICS
def test_refuses(metric):
    pytest.importorskip("sacrebleu")
    name = metric.__name__
    for call, error, message in (
        (lambda: metric(HYPOTHESES, REFERENCES[:1]), ValueError, "there are 2 hypotheses but references for 1"),
        (lambda: metric("text", REFERENCES), TypeError, "hypotheses must be a list of texts, not 'text'"),
        (lambda: metric([1, 2], REFERENCES), TypeError, "hypotheses must hold texts, not int"),
        (lambda: metric(HYPOTHESES, [["a"], []]), ValueError, "hypothesis 1 has no reference"),
    ):
        check_refused(call, error, f"{name}: {message}")


@METRICS
def test_without_sacrebleu(metric, monkeypatch):
    monkeypatch.setitem(sys.modules, "sacrebleu", None)
    check_refused(
        lambda: metric(HYPOTHESES, REFERENCES),
        ImportError,
        f"{metric.__name__} needs sacrebleu: pip install 'pydl-cpu[translation]'",
    )
