"""Pieces of words: by hand, there and back again, and against the definition."""

import json
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pydl.data import BytePairs
from pydl.data.byte_pairs import UNKNOWN, joined, words

TEXTS = ["low low low low low", "lower lower", "newest newest newest newest newest newest", "widest widest widest"]


def test_by_hand():
    """The example of Sennrich, Haddow and Birch: es, est and lo are joined first."""
    learned = BytePairs.learn(TEXTS, 3)
    assert learned.joins[:2] == [("e", "s"), ("es", "t")]
    assert len(learned.joins) == 3
    assert [learned.pieces[k] for k in learned.encode("west")] == ["▁", "w", "est"]
    assert BytePairs.learn(TEXTS, 0).joins == []


def test_words():
    assert words(" Read-only:  file 12") == ["▁Read", "-", "only", ":", "▁file", "▁1", "2"]
    assert words("将 PDF 文件") == ["▁将", "▁PDF", "▁文件"]
    assert words(" \n ") == []
    assert joined(list("aaaab"), ("a", "a")) == ["aa", "aa", "b"]


def test_the_joins_are_those_of_the_definition():
    """Counting all pairs anew before every join, as the definition says."""
    learned = BytePairs.learn(TEXTS * 2, 12).joins
    split = [list(word) for text in TEXTS * 2 for word in words(text)]
    for pair in learned:
        counts = {}
        for pieces in split:
            for each in pairwise(pieces):
                counts[each] = counts.get(each, 0) + 1
        assert counts[pair] == max(counts.values())
        split = [joined(pieces, pair) for pieces in split]


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.text(st.characters(codec="utf-8", exclude_characters="▁"), max_size=12), max_size=5), st.integers(0, 8)
)
def test_there_and_back_again(texts, joins):
    pairs = BytePairs.learn(texts, joins, fewest=1)
    again = BytePairs(**json.loads(json.dumps(pairs.state())))
    for text in texts:
        assert pairs.decode(pairs.encode(text)) == " ".join(text.split())
        assert again.encode(text) == pairs.encode(text)


def test_unknown_characters():
    pairs = BytePairs.learn(["aab"], 0)
    assert pairs.encode("ab") == [UNKNOWN, pairs.pieces.index("a"), UNKNOWN]
    assert pairs.decode(pairs.encode("ab")) == "�a�"
    assert pairs.encode("") == []


@pytest.mark.parametrize("pieces", [["a", "a"], [""], [1]])
def test_wrong_pieces(pieces):
    with pytest.raises(ValueError, match="BytePairs: pieces must be texts, each once"):
        BytePairs(pieces, [])
