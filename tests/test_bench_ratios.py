"""The statistics of the comparison, and what it knows of disturbances. Nothing depends on speed."""

from __future__ import annotations

import numpy as np
import pytest

from pydl import bench
from pydl.bench import disturbance, ratios


def test_paired_ratio_is_the_median_of_the_ratios_within_blocks():
    # Ratios 2, 3, 4; the second block was slow for both, which must not matter.
    ratio, low, high = ratios.paired_ratio([2.0, 300.0, 4.0], [1.0, 100.0, 1.0])
    assert (ratio, low, high) == (3.0, 2.0, 4.0)


def test_interval_covers_the_true_ratio_and_is_the_same_for_the_same_seed():
    generator = np.random.default_rng(1)
    covered = 0
    for _ in range(100):
        ours = generator.lognormal(0.0, 0.5, 21)
        peer = 1.5 * ours * generator.lognormal(0.0, 0.1, 21)
        ratio, low, high = ratios.paired_ratio(peer, ours)
        assert low <= ratio <= high
        covered += low <= 1.5 <= high
    assert 88 <= covered <= 100
    assert ratios.paired_ratio(peer, ours, seed=3) == ratios.paired_ratio(peer, ours, seed=3)


def test_paired_ratio_needs_pairs():
    with pytest.raises(ValueError, match="peer has 2 blocks and ours has 1"):
        ratios.paired_ratio([1.0, 2.0], [1.0])
    with pytest.raises(ValueError, match="at least one"):
        ratios.paired_ratio([], [])


def test_geometric_mean():
    assert ratios.geometric_mean([2.0, 0.5]) == pytest.approx(1.0)
    assert ratios.geometric_mean([1.0, 8.0, 1.0]) == pytest.approx(2.0)


@pytest.mark.parametrize(
    ("after", "disturbed"),
    [
        (disturbance.Snapshot(stolen=0, busy=90, all=100, own=85), False),
        (disturbance.Snapshot(stolen=0, busy=90, all=100, own=50), True),  # somebody else used 40 %
        (disturbance.Snapshot(stolen=5, busy=90, all=100, own=90), True),  # the hypervisor took 5 %
        (disturbance.Snapshot(), False),  # a system that does not tell
    ],
)
def test_disturbance(after, disturbed):
    assert disturbance.disturbed(disturbance.Snapshot(), after) is disturbed


def test_disturbed_blocks_are_left_out_unless_they_are_the_most():
    assert disturbance.quiet([False, True, False]) == [0, 2]
    assert "1 of 3 blocks left out" in disturbance.note([False, True, False])
    assert disturbance.quiet([True, True, False]) == [0, 1, 2]
    assert "cannot be trusted" in disturbance.note([True, True, False])
    assert disturbance.note([False]) == ""


def test_snapshots_grow():
    first = disturbance.snapshot(bench.available_cores(), [])
    sum(range(10**6))
    second = disturbance.snapshot(bench.available_cores(), [])
    assert second.all >= first.all
    assert second.own >= first.own
