import functools

import numpy as np
import pytest
from checks import check_refused

from pydl.decoding import character_error_rate, edit_distance, word_error_rate

RNG = np.random.default_rng(0)


@pytest.mark.parametrize(
    ("a", "b", "edits"),
    [
        ("kitten", "sitting", 3),
        ("", "", 0),
        ("abc", "", 3),
        ("", "ab", 2),
        ("abc", "abc", 0),
        ("abcdef", "bcdefa", 2),
        (["to", "be"], ["to", "see"], 1),
        ([1, 2, 3], (3, 2, 1), 2),
        (np.array([1, 2]), np.array([2]), 1),
    ],
)
def test_by_hand(a, b, edits):
    assert edit_distance(a, b) == edits


def test_against_the_recursion():
    for _ in range(30):
        a, b = ("".join(RNG.choice(list("abc"), RNG.integers(0, 8))) for _ in range(2))

        @functools.cache
        def distance(i, j, a=a, b=b):
            if min(i, j) == 0:
                return max(i, j)
            return min(distance(i - 1, j) + 1, distance(i, j - 1) + 1, distance(i - 1, j - 1) + (a[i - 1] != b[j - 1]))

        assert edit_distance(a, b) == distance(len(a), len(b))


def test_error_rates():
    assert word_error_rate("the cat sat", "the cat sat down") == 1 / 3
    assert word_error_rate(["the cat", "a  dog"], ["the bat", "dog"]) == 2 / 4
    assert character_error_rate(["ab", "c d"], ["ac", "cd"]) == 2 / 5
    assert word_error_rate("", "") == 0.0
    assert word_error_rate([""], ["word"]) == float("inf")


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: edit_distance("a", None), TypeError, "edit_distance: hypothesis must be a text or a list, not None"),
        (lambda: edit_distance([["a"]], "a"), TypeError,
         "edit_distance: reference must be a flat list of words or labels"),
        (lambda: word_error_rate(["a"], ["a", "b"]), ValueError,
         "word_error_rate: there are 1 references but 2 hypotheses"),
        (lambda: character_error_rate([1], ["a"]), TypeError,
         "character_error_rate: references must hold texts, not int"),
        (lambda: word_error_rate(3, "a"), TypeError,
         "word_error_rate: references must be a text or a list of texts, not 3"),
    ],
)  # fmt: skip
def test_refuses(call, error, message):
    check_refused(call, error, message)
