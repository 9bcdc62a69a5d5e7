"""The statistics of the comparison: ratios of neighbours in time, their median, how sure it is."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np


def paired_ratio(
    peer: Iterable[float], ours: Iterable[float], resamples: int = 2000, seed: int = 0
) -> tuple[float, float, float]:
    """Median of peer/ours over the blocks, with its 95 % interval.

    Block k of one and block k of the other were measured side by side, so what slows the machine down for a while
    falls out of their ratio. The interval is the percentile bootstrap (Efron and Tibshirani, "An Introduction to the
    Bootstrap", 1993, chapter 13): medians of blocks drawn again with replacement.
    """
    above, below = np.asarray(list(peer), float), np.asarray(list(ours), float)
    if above.shape != below.shape or above.size == 0:
        raise ValueError(
            f"paired_ratio: peer has {above.size} blocks and ours has {below.size}, but both need the same number, "
            "at least one"
        )
    ratios = above / below
    drawn = np.random.default_rng(seed).integers(0, ratios.size, (resamples, ratios.size))
    low, high = np.percentile(np.median(ratios[drawn], axis=1), [2.5, 97.5])
    return float(np.median(ratios)), float(low), float(high)


def geometric_mean(values: Iterable[float]) -> float:
    """exp(mean(log(x))): the mean for ratios, in which 2 and 1/2 cancel."""
    return float(np.exp(np.mean(np.log(np.asarray(list(values), float)))))
