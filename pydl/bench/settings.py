"""How often and how long a row is measured, and when a variant or a library is not worth more time."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

BLOCKS = 7


@dataclass
class Settings:
    blocks: int = BLOCKS
    visit_seconds: float = 0.02  # a contestant's turn, of which each block has two
    warm_below: float = 0.3e9  # a step of so many nanoseconds has the caches to itself without a first one
    row_seconds: float = math.inf  # no block starts that would end later, once there are least_blocks: see pace.py
    least_blocks: int = 3
    enough_blocks: int = 5  # after so many a row ends where the intervals of all ratios are narrow:
    narrow: float = 0.02  # no wider than this share of the ratio
    prepare_timeout: float = 120.0
    run_timeout: float = 60.0
    slow_timeout: float = 90.0  # for a variant that calls a compiler
    slow_budget: float = 150.0  # for all of those of one library at one thread count
    memory: bool = False  # whether to measure the peak resident size of the rows that ask for it
    hopeless: float = 2.0  # a variant this many times slower than its library's best one is not timed further
    # After so many blocks, a variant so many times slower than its library's best one is left out.
    not_the_best: dict[int, float] = field(default_factory=lambda: {1: 1.3, 2: 1.1})
    # After so many blocks, a library so many times slower than pydl is not timed further: it is plain how they stand.
    far_behind: dict[int, float] = field(default_factory=lambda: {1: 15.0, 3: 6.0})
    seed: int = 0
