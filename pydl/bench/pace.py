"""How long the blocks of a row may take, so that the whole comparison ends in time.

Every row takes its own time for preparing (building, compiling, checking numbers) and, at the least, for the fewest
blocks. What is left of the time beyond that is shared evenly among the rows that are left.
"""

from __future__ import annotations

import time
from collections.abc import Callable

MOST = 1.6  # seconds: further blocks would make the interval of a row no narrower than the machine's own restlessness

# Seconds that a row of a kind takes beside its blocks, on two cores with nothing compiled before. How much faster or
# slower it is here, the first rows tell; so many seconds of them say as much as this table does.
BESIDE = {"train": 22.0, "train_ctc": 22.0, "infer": 6.0, "optimizer": 6.0, "recurrent": 4.0, "expression": 4.0}
OTHERS = 2.0
TRUST = 20.0


class Pace:
    def __init__(
        self, kinds: list[str], seconds: float, clock: Callable[[], float] = time.monotonic, most: float = MOST
    ) -> None:
        self.clock, self.end, self.most = clock, clock() + seconds, most
        self.ahead = [BESIDE.get(kind, OTHERS) for kind in kinds]
        self.spent = self.expected = TRUST
        self.started = clock()

    def start(self) -> float:
        """Seconds for the blocks of the row that starts now."""
        self.started = self.clock()
        beside = sum(self.ahead) * self.spent / self.expected
        return max(0.0, min(self.most, (self.end - self.started - beside) / max(1, len(self.ahead))))

    def finish(self, measuring: float) -> None:
        """The row is done; its blocks took so many seconds."""
        self.spent += self.clock() - self.started - measuring
        self.expected += self.ahead.pop(0)
