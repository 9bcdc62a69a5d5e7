"""`pydl bench --against …`: pydl timed beside other libraries, on the same work, cores and thread counts.

`workloads/` says what is computed, `peers/` how each library does it, `compare.py` how it is measured, `library.py`
what a library does for that, `report.py` how it is told.
"""

from __future__ import annotations

import datetime
import math
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import Any


def main(
    against: list[str],
    threads: list[int],
    only: str | None = None,
    blocks: int | None = None,
    out: str | None = None,
    everything: bool = False,
    minutes: float = 12,
    compile_seconds: float = 150,
) -> int:
    """Compares pydl with the peers of these names and prints the table; returns the exit code.

    `threads` are the thread counts to measure at, `only` selects rows by a part of their name or area, `everything`
    adds the rows that are left out otherwise, `out` is the folder that gets `bench.json` and `bench.md`. So many
    `blocks` are measured of each row; if it is None, as many as the `minutes` for the whole leave time for and the
    intervals need. torch.compile may compile for `compile_seconds` at each thread count, which is done for all thread
    counts side by side; what it made is there the next time. The exit
    code is 1 when pydl could not do a row or its numbers differ from a peer's, 130 after Ctrl-C. Raises ValueError for
    names and numbers that make no sense.
    """
    from . import report, workloads
    from .compare import at_once, measure_row, prepare_row
    from .library import Library
    from .machine import describe
    from .pace import MOST, Pace
    from .peers import PEERS, choose
    from .settings import BLOCKS, Settings

    asked, blocks = blocks, BLOCKS if blocks is None else blocks
    peers = choose(against)
    rows = workloads.select(only, everything)
    cores = available_cores()
    for count in threads:
        if not 1 <= count <= len(cores):
            raise ValueError(f"bench: {count} threads need as many cores, and this process may use {len(cores)}")
    if blocks < 1:
        raise ValueError(f"bench: blocks is {blocks}, but at least 1 is needed")
    if not minutes > 0:
        raise ValueError(f"bench: minutes is {minutes}, but must be above 0")
    if not compile_seconds >= 0:
        raise ValueError(f"bench: compile_seconds is {compile_seconds}, but must not be negative")
    missing = [
        f"{peer.name} left out: {', '.join(peer.missing())} is not installed; pip install pydl-cpu[bench]"
        for peer in peers
        if peer.missing()
    ]
    for line in missing:
        print(line, file=sys.stderr)
    present = [peer for peer in peers if not peer.missing()]

    result: dict[str, Any] = {
        "date": datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "machine": describe(),
        "versions": {},
        "settings": {"blocks": blocks, "threads": threads, "only": only},
        "command": command(against, threads, only, asked, everything),
        "missing": missing,
        "rows": [],
    }
    code, start = 0, time.monotonic()
    progress = Progress(len(rows))
    with tempfile.TemporaryDirectory(prefix="pydl-bench-") as directory:
        teams = []
        for count in threads:
            settings = Settings(blocks=blocks, memory=count == threads[0], slow_budget=compile_seconds)
            teams.append([Library(peer, count, cores[:count], settings) for peer in (PEERS["pydl"], *present)])
        try:
            progress.step("the libraries start")
            at_once([library.start for team in teams for library in team], teams)
            left = start + 60 * minutes - time.monotonic()
            pace = Pace([row.kind for row in rows], left, most=MOST * len(threads))
            for row in rows:
                progress.row(row.name)
                share = pace.start() / len(teams) if asked is None else math.inf
                records = prepare_row(row, teams, Path(directory), progress.step)
                for team, record in zip(teams, records, strict=True):
                    team[0].settings.row_seconds = share
                    result["rows"].append(measure_row(row, team, record, Path(directory), progress.step))
                pace.finish(sum(record["spent"].get("timing", 0.0) for record in records))
        except KeyboardInterrupt:
            code = 130
        finally:
            for library in (each for team in teams for each in team):
                library.close()
                result["versions"] |= library.versions
    result["rows"].sort(key=lambda row: threads.index(row["threads"]))
    result["seconds"] = time.monotonic() - start
    progress.done()
    print(report.text(result), end="")
    if code:
        print("stopped: these are the rows measured so far; nothing was written", file=sys.stderr)
    elif out is not None:
        for path in report.write(result, Path(out)):
            print(f"written: {path}")
    return code or int(any(suspicious(row) for row in result["rows"]))


def suspicious(row: dict[str, Any]) -> bool:
    """Whether pydl could not do a row, or no variant of a peer has its numbers. A peer that breaks down, or one of
    whose variants differs while another agrees, is only reported."""
    statuses = {name: record["status"] for name, record in row["libraries"].items()}
    return statuses.pop("pydl") in ("error", "failed") or "differs" in statuses.values()


def available_cores() -> list[int]:
    if hasattr(os, "sched_getaffinity"):
        return sorted(os.sched_getaffinity(0))
    return list(range(os.cpu_count() or 1))


def command(against: list[str], threads: list[int], only: str | None, blocks: int | None, everything: bool) -> str:
    words = ["pydl bench --against", ",".join(against), "--threads", ",".join(map(str, threads))]
    words += ["--only", repr(only)] if only else []
    words += ["--blocks", str(blocks)] if blocks is not None else []
    return " ".join(words + ["--everything"] * everything)


class Progress:
    """One line on the standard error: which row, what it is doing, how long the rest will take.

    On a terminal the line is rewritten in place; elsewhere there is one line for each row.
    """

    def __init__(self, rows: int) -> None:
        self.rows, self.at, self.start, self.name = rows, 0, time.monotonic(), ""
        self.terminal = sys.stderr.isatty()

    def row(self, name: str) -> None:
        self.at, self.name = self.at + 1, name
        if not self.terminal:
            print(self._line(), file=sys.stderr, flush=True)

    def step(self, what: str) -> None:
        if self.terminal:
            print(f"\r\x1b[2K{self._line()}: {what}", end="", file=sys.stderr, flush=True)

    def done(self) -> None:
        if self.terminal:
            print("\r\x1b[2K", end="", file=sys.stderr, flush=True)

    def _line(self) -> str:
        finished, spent = self.at - 1, time.monotonic() - self.start
        left = f", about {spent / finished * (self.rows - finished):.0f} s left" if finished else ""
        return f"[{self.at}/{self.rows}{left}] {self.name}"
