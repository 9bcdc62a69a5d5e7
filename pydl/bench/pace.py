"""How long the blocks of a row may take, so that the whole comparison ends in time.

Every row takes its own time for preparing (building, compiling, checking numbers) and, at the least, for the fewest
blocks. What is left of the time beyond that is shared evenly among the rows that are left.
"""

from __future__ import annotations

import time
from collections.abc import Callable

MOST = 1.6  # seconds: further blocks would make the interval of a row no narrower than the machine's own restlessness
FIRST_GUESS = 2.0  # seconds a row takes beside its blocks, until some are known


class Pace:
    def __init__(
        self, rows: int, seconds: float, clock: Callable[[], float] = time.monotonic, most: float = MOST
    ) -> None:
        self.clock, self.end, self.most = clock, clock() + seconds, most
        self.left, self.done = rows, 0
        self.beside, self.started = 0.0, clock()

    def start(self) -> float:
        """Seconds for the blocks of the row that starts now."""
        self.started = self.clock()
        beside = self.beside / self.done if self.done else FIRST_GUESS
        return max(0.0, min(self.most, (self.end - self.started) / max(1, self.left) - beside))

    def finish(self, measuring: float) -> None:
        """The row is done; its blocks took so many seconds."""
        self.beside += self.clock() - self.started - measuring
        self.done, self.left = self.done + 1, self.left - 1
