"""The comparison ends in time, whatever its rows take."""

import pytest

from pydl.bench.pace import FIRST_GUESS, MOST, Pace


def run(rows, seconds, beside, least=0.0):
    """The time of all rows, and what each was given, when a row takes `beside` and its blocks what they are given."""
    now = 0.0
    pace = Pace(rows, seconds, lambda: now)
    given = []
    for _ in range(rows):
        given.append(pace.start())
        measuring = max(least, given[-1])
        now += beside + measuring
        pace.finish(measuring)
    return now, given


def test_a_row_gets_no_more_than_helps():
    time, given = run(10, 1000.0, 2.0)
    assert given == [MOST] * 10
    assert time == pytest.approx(10 * (2.0 + MOST))


@pytest.mark.parametrize("beside", [1.0, 2.0])
def test_what_is_left_is_shared(beside):
    time, given = run(100, 250.0, beside)
    assert time == pytest.approx(250.0, rel=0.02)
    assert given[0] == pytest.approx(2.5 - FIRST_GUESS)
    assert min(given[1:]) > 0.4


def test_too_little_time_leaves_the_least():
    time, given = run(20, 10.0, 1.0, least=0.3)
    assert given[-1] == 0.0
    assert time == pytest.approx(20 * 1.3, rel=0.05)
