"""`pydl bench --against …`: pydl timed beside other libraries, on the same work, cores and thread counts.

`workloads/` says what is computed, `peers/` how each library does it, `compare.py` how it is measured, `library.py`
what a library does for that, `report.py` how it is told.
"""

from __future__ import annotations

import datetime
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
    minutes: float = 10,
    compile_seconds: float = 30,
) -> int:
    """Compares pydl with the peers of these names and prints the table; returns the exit code.

    `threads` are the thread counts to measure at, `only` selects rows by a part of their name or area, `everything`
    adds the rows that are left out otherwise, `out` is the folder that gets `bench.json` and `bench.md`. So many
    `blocks` are measured of each row; if it is None, as many as the `minutes` for the whole leave time for.
    torch.compile may compile for `compile_seconds` at each thread count; what it made is there the next time. The exit
    code is 1 when pydl could not do a row or its numbers differ from a peer's, 130 after Ctrl-C. Raises ValueError for
    names and numbers that make no sense.
    """
    from . import report, workloads
    from .compare import run_row
    from .library import Library
    from .machine import describe
    from .pace import Pace
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
    code = 0
    progress = Progress(len(rows) * len(threads))
    pace = Pace(len(rows) * len(threads), 60 * minutes)
    with tempfile.TemporaryDirectory(prefix="pydl-bench-") as directory:
        for count in threads:
            settings = Settings(blocks=blocks, memory=count == threads[0], slow_budget=compile_seconds)
            libraries = [Library(peer, count, cores[:count], settings) for peer in (PEERS["pydl"], *present)]
            try:
                for row in rows:
                    progress.row(f"{row.name}, {count} thread{'s' * (count != 1)}")
                    if asked is None:
                        settings.row_seconds = pace.start()
                    result["rows"].append(run_row(row, libraries, Path(directory), progress.step))
                    pace.finish(result["rows"][-1].get("seconds", 0.0))
            except KeyboardInterrupt:
                code = 130
            finally:
                for library in libraries:
                    library.close()
                    result["versions"] |= library.versions
            if code:
                break
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
