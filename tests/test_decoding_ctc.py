import itertools

import numpy as np
import pytest
from checks import check_refused

import pydl
from pydl.decoding import Alignment, ctc_align, ctc_beam_search, ctc_greedy
from pydl.ops import ctc_loss, log_softmax

RNG = np.random.default_rng(0)


def predictions(T, N, C, scale=1.0):
    return log_softmax(scale * RNG.standard_normal((T, N, C)), -1).numpy()


def reads(path, blank=0):
    merged = [c for i, c in enumerate(path) if i == 0 or c != path[i - 1]]
    return tuple(c for c in merged if c != blank)


def path_of(text, blank=0, C=4):
    """Log-probabilities that say one path almost surely."""
    x = np.full((len(text), 1, C), -20.0)
    x[np.arange(len(text)), 0, text] = -0.001
    return x


def test_greedy_by_hand():
    (found,) = ctc_greedy(path_of([0, 1, 1, 0, 1, 2, 2, 0]))
    assert found == Alignment((1, 1, 2), (1, 4, 5), (3, 5, 7), pytest.approx(-0.008))
    assert ctc_greedy(path_of([0, 0]))[0][:3] == ((), (), ())
    assert ctc_greedy(path_of([3, 1, 0]), blank=3)[0].labels == (1, 0)


def test_greedy_reads_only_the_frames_that_count():
    x = predictions(9, 3, 4, 3.0)
    for lengths in ([9, 4, 0], np.array([1, 9, 3])):
        found = ctc_greedy(pydl.tensor(x), lengths)
        assert [each.labels for each in found] == [reads(x[:T, n].argmax(1)) for n, T in enumerate(lengths)]
    assert ctc_greedy(x[:, 0])[0] == ctc_greedy(x)[0]


@pytest.mark.parametrize("blank", [0, 2])
def test_a_wide_beam_finds_the_probabilities_of_all_texts(blank):
    x = predictions(5, 2, 3)
    found = ctc_beam_search(x, beam_width=200, blank=blank)
    for n, beam in enumerate(found):
        texts = {}
        for path in itertools.product(range(3), repeat=5):
            p = np.exp(sum(x[t, n, c] for t, c in enumerate(path)))
            texts[reads(path, blank)] = texts.get(reads(path, blank), 0) + p
        assert {each.labels for each in beam} == set(texts)
        for labels, score in beam:
            np.testing.assert_allclose(score, np.log(texts[labels]), rtol=1e-10)
        assert [each.score for each in beam] == sorted((each.score for each in beam), reverse=True)


def test_a_narrow_beam_finds_a_part_of_the_probability():
    x = predictions(30, 1, 6, 3.0)
    labels, score = ctc_beam_search(x, beam_width=30)[0][0]
    whole = -ctc_loss(x, list(labels), [30], [len(labels)], reduction="sum").item()
    assert whole - 1 < score <= whole + 1e-9


def test_a_text_that_many_paths_read_as_wins_over_the_best_path():
    """The best path is blank, blank with 0.36; but 1 has 0.4 0.6 + 0.6 0.4 + 0.4 0.4 = 0.64."""
    x = np.log([[[0.6, 0.4]], [[0.6, 0.4]]])
    assert ctc_greedy(x)[0].labels == ()
    best = ctc_beam_search(x, beam_width=2)[0][0]
    assert best.labels == (1,)
    assert np.exp(best.score) == pytest.approx(0.64)


def test_a_dropped_text_that_comes_back_is_the_same_text():
    x = predictions(40, 4, 5)
    for beam in ctc_beam_search(x, [40, 13, 1, 0], beam_width=3):
        assert len({each.labels for each in beam}) == len(beam) <= 3


def test_language_model():
    """It all but forbids label 1 behind label 1 and doubts label 2."""
    x = path_of([1, 0, 1, 0, 2])
    after_one, otherwise = np.log([1, 1e-9, 0.1, 0.9]), np.log([1, 0.5, 0.1, 0.4])

    def language_model(labels):
        return after_one if labels[-1:] == (1,) else otherwise

    assert ctc_beam_search(x)[0][0].labels == (1, 1, 2)
    assert ctc_beam_search(x, language_model=language_model)[0][0].labels[:2] != (1, 1)
    assert ctc_beam_search(x, language_model=language_model, language_weight=0.0, label_bonus=0.5)[0][0] == (
        (1, 1, 2),
        pytest.approx(1.495),
    )


def test_align_by_hand():
    (found,) = ctc_align(path_of([0, 1, 1, 0, 1, 2, 2, 0]), [[1, 1, 2]])
    assert found == Alignment((1, 1, 2), (1, 4, 5), (3, 5, 7), pytest.approx(-0.008))


@pytest.mark.parametrize("target", [(), (1,), (1, 1), (2, 1, 2), (3, 3, 1)])
def test_align_finds_the_best_of_all_paths(target):
    x = predictions(5, 1, 4)
    paths = [path for path in itertools.product(range(4), repeat=5) if reads(path) == target]
    best = max(sum(x[t, 0, c] for t, c in enumerate(path)) for path in paths)
    (found,) = ctc_align(x, np.array([target], int))
    assert found.score == pytest.approx(best)
    path = np.zeros(5, int)
    for label, begin, end in zip(*found[:3], strict=True):
        path[begin:end] = label
    assert reads(path) == target
    assert sum(x[np.arange(5), 0, path]) == pytest.approx(best)


def test_align_a_padded_batch():
    x = predictions(12, 3, 5)
    targets = [[1, 2, 2, 4], [3, 0, 0, 0], [0, 0, 0, 0]]
    found = ctc_align(pydl.tensor(x), targets, [12, 7, 0], [4, 1, 0])
    assert found[0] == ctc_align(x[:, :1], targets[:1])[0]
    assert found[1] == ctc_align(x[:7, 1:2], [[3]])[0]
    assert found[2] == ((), (), (), 0.0)
    assert ctc_align(x, [1, 2, 2, 4, 3], [12, 7, 0], [4, 1, 0]) == found


X = np.zeros((6, 2, 4), np.float32)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: ctc_greedy(X[0, 0]), ValueError, "ctc_greedy: log_probs must be (T, N, C) or (T, C), but has shape"),
        (lambda: ctc_greedy(X, [6, 7]), ValueError,
         "ctc_greedy: lengths must be from 0 to 6, the frames of log_probs (6, 2, 4), but go from 6 to 7"),
        (lambda: ctc_greedy(X * np.nan), ValueError, "ctc_greedy: log_probs has NaN, and nothing is more probable"),
        (lambda: ctc_beam_search(X * np.nan), ValueError, "ctc_beam_search: log_probs has NaN"),
        (lambda: ctc_greedy(X, blank=4), ValueError, "ctc_greedy: blank is 4 but there are 4 classes"),
        (lambda: ctc_beam_search(X, beam_width=0), ValueError, "ctc_beam_search: beam_width must be at least 1, not 0"),
        (lambda: ctc_beam_search(X, language_model="en"), TypeError,
         "ctc_beam_search: language_model must be a function, not str"),
        (lambda: ctc_beam_search(X, language_model=lambda labels: [0.0]), ValueError,
         "ctc_beam_search: language_model returned the shape (1,) but there are 4 classes"),
        (lambda: ctc_align(X, [[1, 1, 1, 1], [1, 1, 2, 2]]), ValueError,
         "ctc_align: sequence 0 has 6 frames, and no path through them reads as its target of 4 labels"),
        (lambda: ctc_align(X, [[1], [0]]), ValueError, "ctc_align: targets[1, 0] is 0, the blank, which is no label"),
    ],
)  # fmt: skip
def test_refuses(call, error, message):
    check_refused(call, error, message)
