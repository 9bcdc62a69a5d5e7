"""The comparison ends in time, whatever its rows take."""

import pytest

from pydl.bench.pace import BESIDE, MOST, OTHERS, Pace


def run(kinds, seconds, slower=1.0, least=0.0):
    """The time of all rows, and what each was given, when rows take so many times what is expected beside their blocks,
    and their blocks what they are given."""
    now = 0.0
    pace = Pace(kinds, seconds, lambda: now)
    given = []
    for kind in kinds:
        given.append(pace.start())
        measuring = max(least, given[-1])
        now += slower * BESIDE.get(kind, OTHERS) + measuring
        pace.finish(measuring)
    return now, given


def test_a_row_gets_no_more_than_helps():
    time, given = run(["matmul"] * 10, 1000.0)
    assert given == [MOST] * 10
    assert time == pytest.approx(10 * (OTHERS + MOST))


@pytest.mark.parametrize("slower", [0.5, 1.0, 1.3])
def test_what_is_left_is_shared_also_with_rows_that_take_long_and_come_late(slower):
    kinds = ["matmul"] * 60 + ["train"] * 10
    time, given = run(kinds, slower * 340.0 + 50.0, slower)
    assert time == pytest.approx(slower * 340.0 + 50.0, rel=0.06)
    assert slower != 1.0 or min(given) > 0.3


def test_too_little_time_leaves_the_least():
    time, given = run(["matmul"] * 20, 10.0, least=0.3)
    assert given[-1] == 0.0
    assert time == pytest.approx(20 * (OTHERS + 0.3))
