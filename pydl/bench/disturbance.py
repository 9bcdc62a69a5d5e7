"""Whether anybody else had the cores while something was measured.

A library that shares its work out to as many threads as there are cores waits for the slowest one: on two cores, one
compiler running beside it can cost it a factor of a hundred. Such blocks say nothing about the library.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

STOLEN = 0.01  # of the time of the cores: what the hypervisor may take
OTHERS = 0.10  # of the time of the cores: what other processes may use
GRAIN = 2  # clock ticks: the counts of cores and processes are that rough


@dataclass(frozen=True)
class Snapshot:
    """Clock ticks so far on some cores, and those that some processes have used. Zeros where the system hides them."""

    stolen: int = 0
    busy: int = 0
    all: int = 0
    own: int = 0


def snapshot(cores: Iterable[int], processes: Iterable[int]) -> Snapshot:
    """The state of these cores, with this process and those of these numbers counted as our own."""
    wanted = {f"cpu{core}" for core in cores}
    stolen = busy = total = 0
    try:
        for line in Path("/proc/stat").read_text().splitlines():
            name, *fields = line.split()
            if name in wanted:
                user, nice, system, idle, waiting, interrupts, soft_interrupts, steal = map(int, fields[:8])
                stolen, busy = stolen + steal, busy + user + nice + system
                total += user + nice + system + idle + waiting + interrupts + soft_interrupts + steal
        own = sum(map(_used, (os.getpid(), *processes)))
    except (OSError, ValueError):
        return Snapshot()
    return Snapshot(stolen, busy, total, own)


def _used(process: int) -> int:
    """Clock ticks of all threads of a process; 0 for one that has ended."""
    try:
        # "pid (name) state ...": the name may hold anything, so fields are counted from the last bracket
        fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0
    return int(fields[11]) + int(fields[12])


def disturbed(before: Snapshot, after: Snapshot) -> bool:
    """Whether the hypervisor or other processes took more than they may between two snapshots."""
    time = after.all - before.all
    if time <= 0:
        return False
    others = (after.busy - before.busy) - (after.own - before.own)
    return after.stolen - before.stolen > STOLEN * time or others > OTHERS * time + GRAIN


def quiet(blocks: list[bool]) -> list[int]:
    """The indices of the blocks that nobody disturbed; all of them, if those are fewer than half."""
    kept = [index for index, was_disturbed in enumerate(blocks) if not was_disturbed]
    return kept if trusted(blocks) else list(range(len(blocks)))


def trusted(blocks: list[bool]) -> bool:
    """Whether at least half of the blocks were undisturbed."""
    return 2 * sum(blocks) <= len(blocks)


def note(blocks: list[bool]) -> str:
    """What the report says about it."""
    count = sum(blocks)
    if count == 0:
        return ""
    if not trusted(blocks):
        return f"other processes had the cores in {count} of {len(blocks)} blocks, so this row cannot be trusted"
    return f"{count} of {len(blocks)} blocks left out: other processes or the hypervisor had the cores"
