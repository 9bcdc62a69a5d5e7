"""The measurement: every library does every row in turn, side by side in time, on the same cores.

A row goes like this. Each library prepares its variants, and what they computed is held against pydl's numbers; one
that differs is reported and not timed. Then come the blocks. In each, all contestants run in a fresh random order
and then once more in the reverse of it (A B C C B A), so that a machine that gets slower or faster meanwhile treats
them alike; each waits for the one before to be at rest. What counts is the ratio within a block.
"""

from __future__ import annotations

import contextlib
import math
import random
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from . import disturbance
from .peers import Peer
from .process import Process, WorkerFailed
from .ratios import paired_ratio
from .workloads import Workload

Record = dict[str, Any]
Numbers = dict[str, np.ndarray]
BLOCKS = 7


@dataclass
class Settings:
    blocks: int = BLOCKS
    visit_seconds: float = 0.02  # a contestant's turn, of which each block has two
    warm_below: float = 0.3e9  # a step of so many nanoseconds has the caches to itself without a first one
    row_seconds: float = math.inf  # no block starts that would end later, once there are least_blocks: see pace.py
    least_blocks: int = 3
    prepare_timeout: float = 120.0
    run_timeout: float = 60.0
    slow_timeout: float = 40.0  # for a variant that calls a compiler
    slow_budget: float = 100.0  # for all of those of one library at one thread count
    memory: bool = False  # whether to measure the peak resident size of the rows that ask for it
    hopeless: float = 2.0  # a variant this many times slower than its library's best one is not timed further
    choose_after: int = 2  # blocks, from which on variants are left out that are
    not_the_best: float = 1.1  # times slower than their library's best one
    # After so many blocks, a library so many times slower than pydl is not timed further: it is plain how they stand.
    far_behind: dict[int, float] = field(default_factory=lambda: {1: 30.0, 3: 8.0})
    seed: int = 0


@dataclass(eq=False)
class Library:
    """One library at one thread count. Its worker is started when it is first needed, and again after a failure.

    A worker that cannot even say hello is not tried again: `broken` keeps the reason.
    """

    peer: Peer
    threads: int
    cores: list[int]
    settings: Settings
    versions: dict[str, str] = field(default_factory=dict)
    slow: set[str] = field(default_factory=set)
    slow_spent: float = 0.0
    process: Process | None = None
    broken: str = ""

    @property
    def name(self) -> str:
        return self.peer.name

    def ask(self, action: str, timeout: float, **request: Any) -> Record:
        if self.process is None:
            self._start()
        assert self.process is not None
        try:
            return self.process.ask(action, timeout, **request)
        except WorkerFailed:
            self.process = None
            raise

    def _start(self) -> None:
        if self.broken:
            raise WorkerFailed(self.broken)
        self.process = Process(self.peer.module, self.threads, self.cores)
        try:
            hello = self.process.ask("hello", self.settings.prepare_timeout)
        except WorkerFailed as failure:
            self.process, self.broken = None, str(failure)
            raise
        if "error" in hello:
            self.close()
            self.broken = hello["error"]
            raise WorkerFailed(self.broken)
        self.versions, self.slow = hello["versions"], set(hello["slow"])

    def close(self) -> None:
        if self.process is not None:
            self.process.close()
            self.process = None

    def exact(self, row: Workload, directory: Path) -> Numbers | None:
        """The row's numbers in float64, if it wants to be held against them."""
        path = directory / "exact.npz"
        if not row.exact or "error" in self.ask(
            "exact", self.settings.prepare_timeout, workload=row.name, outputs=str(path)
        ):
            return None
        return read_outputs(path)

    def prepare(self, row: Workload, directory: Path, expected: Numbers | None, exact: Numbers | None = None) -> Record:
        """Prepares the variants of a row and checks their numbers. Variants that fail are noted, the others go on."""
        record: Record = {"status": "ok", "note": "", "variants": {}}
        try:
            variants = self.ask("variants", self.settings.prepare_timeout, workload=row.name)
        except WorkerFailed as failure:
            return record | {"status": "failed", "note": str(failure)}
        if "error" in variants:
            return record | {"status": "error", "note": variants["error"]}
        if not variants["variants"]:
            return record | {"status": "not supported"}
        for variant in variants["variants"]:
            outcome = self._prepare_variant(row, variant, directory, expected, exact)
            record["variants"][variant] = outcome
            if outcome["status"] == "failed":  # the worker is new and has forgotten the variants before this one
                for earlier, before in record["variants"].items():
                    if before["status"] == "ok":
                        record["variants"][earlier] = self._prepare_variant(row, earlier, directory, expected, exact)
        if not any(outcome["status"] == "ok" for outcome in record["variants"].values()):
            first = next(iter(record["variants"].values()))
            return record | {"status": first["status"], "note": first["note"]}
        return record

    def peak_bytes(self, row: Workload, variant: str, directory: Path) -> int | None:
        """The most memory a process of its own had resident that imported the library and did this row many times."""
        process = Process(self.peer.module, self.threads, self.cores)
        try:
            path = str(directory / "memory.npz")
            process.ask("prepare", self.settings.prepare_timeout, workload=row.name, variant=variant, outputs=path)
            bytes: int | None = process.ask("peak", self.settings.run_timeout).get("bytes")
        except WorkerFailed:
            return None
        process.close()
        return bytes

    def _prepare_variant(
        self, row: Workload, variant: str, directory: Path, expected: Numbers | None, exact: Numbers | None
    ) -> Record:
        timeout = self.settings.prepare_timeout
        if variant in self.slow:
            timeout = min(self.settings.slow_timeout, self.settings.slow_budget - self.slow_spent)
            if timeout <= 0:
                return {"status": "skipped", "note": f"the {self.settings.slow_budget:g} s for {variant} are used up"}
        path = directory / f"{self.name} {self.threads}.npz"
        start = time.monotonic()
        try:
            answer = self.ask("prepare", timeout, workload=row.name, variant=variant, outputs=str(path))
        except WorkerFailed as failure:
            return {"status": "failed", "note": str(failure)}
        finally:
            if variant in self.slow:
                self.slow_spent += time.monotonic() - start
        if "error" in answer:
            return {"status": "error", "note": answer["error"]}
        found = read_outputs(path)
        difference = compare_outputs(row, found, expected) if expected is not None else ""
        if difference:
            return {"status": "differs", "note": difference}
        outcome = {"status": "ok", "note": "", "estimate": answer["nanoseconds"], "prepare": time.monotonic() - start}
        return outcome | ({"error": largest_error(found, exact)} if exact is not None else {})


def read_outputs(path: Path) -> Numbers:
    with np.load(path) as outputs:
        return dict(outputs)


def largest_error(found: Numbers, exact: Numbers) -> float:
    """The largest error of any output, relative to the largest number of that output."""
    return max(float(np.abs(found[name] - exact[name]).max() / np.abs(exact[name]).max()) for name in exact)


def compare_outputs(row: Workload, found: Numbers, expected: Numbers) -> str:
    """What is different between a library's numbers and pydl's; "" when nothing is, within the row's tolerance.

    Of random numbers only the shapes are compared."""
    if found.keys() != expected.keys():
        return f"gives {', '.join(sorted(found))} where pydl gives {', '.join(sorted(expected))}"
    for name, wanted in expected.items():
        if found[name].shape != wanted.shape:
            return f"{name} has shape {found[name].shape} where pydl's has {wanted.shape}"
        if row.random:
            continue
        difference = np.abs(found[name] - wanted).max(initial=0.0)
        allowed = row.tolerance * np.abs(wanted).max(initial=0.0)
        if not difference <= allowed:  # also true for NaN
            return f"{name} differs from pydl's by {difference:.3g}, and {allowed:.3g} is allowed"
    return ""


@dataclass(frozen=True)
class Contestant:
    library: Library
    variant: str
    repetitions: int


def contestants(library: Library, record: Record) -> list[Contestant]:
    """The variants worth timing: the right ones that are not hopelessly slower than the library's fastest."""
    settings, chosen = library.settings, []
    fit = {variant: outcome for variant, outcome in record["variants"].items() if outcome["status"] == "ok"}
    best = min((outcome["estimate"] for outcome in fit.values()), default=0)
    for variant, outcome in fit.items():
        if outcome["estimate"] > settings.hopeless * best:
            outcome |= {"status": "slower", "note": f"{outcome['estimate'] / best:.1f} x as long as the best variant"}
            continue
        repetitions = max(1, min(2000, round(settings.visit_seconds * 1e9 / max(1, outcome["estimate"]))))
        chosen.append(Contestant(library, variant, repetitions))
        outcome |= {"repetitions": repetitions, "blocks": [], "fastest": float("inf")}
    return chosen


def run_row(row: Workload, libraries: list[Library], directory: Path, progress: Callable[[str], None]) -> Record:
    """All of one row: pydl is the first of `libraries`."""
    ours, settings = libraries[0], libraries[0].settings
    result: Record = {
        "name": row.name,
        "area": row.area,
        "threads": ours.threads,
        "flops": row.flops,
        "bytes": row.bytes,
        "bound": row.bound,
        "dtype": row.dtype,
        "notes": [],
        "trusted": True,
    }
    progress("pydl prepares")
    try:
        exact = ours.exact(row, directory)
    except WorkerFailed as failure:
        return result | {"libraries": {ours.name: {"status": "failed", "note": str(failure), "variants": {}}}}
    records = {ours.name: ours.prepare(row, directory, None, exact)}
    if records[ours.name]["status"] != "ok":
        return result | {"libraries": records}  # nothing to compare with
    progress("the others prepare")
    expected = read_outputs(directory / f"{ours.name} {ours.threads}.npz")
    records |= prepare_side_by_side(row, libraries[1:], directory, expected, exact)

    result["peak"] = probe(ours, row)
    order = [entry for library in libraries for entry in contestants(library, records[library.name])]
    start = time.monotonic()
    disturbed = measure(row, order, records, settings, progress, result["notes"])
    result |= {"blocks": len(disturbed), "seconds": time.monotonic() - start}
    for library in libraries:
        summarise(records[library.name], records[ours.name], disturbance.quiet(disturbed))
        if row.memory and settings.memory and records[library.name]["status"] == "ok":
            progress(f"{library.name}: memory")
            records[library.name]["peak_bytes"] = library.peak_bytes(row, records[library.name]["best"], directory)
    result["trusted"] = disturbance.trusted(disturbed)
    if any(disturbed):
        result["notes"].append(disturbance.note(disturbed))
    for library in libraries:
        if library.process is not None:
            with contextlib.suppress(WorkerFailed):  # the next row starts a new one
                library.ask("drop", settings.run_timeout)
    return result | {"libraries": records}


def prepare_side_by_side(
    row: Workload, libraries: list[Library], directory: Path, expected: Numbers, exact: Numbers | None
) -> dict[str, Record]:
    """All libraries at once: most of them compile, on one core, and nothing is timed yet."""
    with ThreadPoolExecutor(max(1, len(libraries))) as pool:
        prepared = {
            library.name: pool.submit(library.prepare, row, directory, expected, exact) for library in libraries
        }
        try:
            return {name: future.result() for name, future in prepared.items()}
        except KeyboardInterrupt:  # the threads wait for workers, which do not hear of it
            for library in libraries:
                if library.process is not None:
                    library.process.kill()
            raise


def measure(
    row: Workload,
    order: list[Contestant],
    records: dict[str, Record],
    settings: Settings,
    progress: Callable[[str], None],
    notes: list[str],
) -> list[bool]:
    """The blocks: fills in the records' "blocks" and "fastest", returns for each whether it was disturbed."""
    shuffle = random.Random(f"{settings.seed} {row.name}")
    libraries = {contestant.library for contestant in order}
    cores = next(iter(libraries)).cores
    disturbed: list[bool] = []
    start, latest = time.monotonic(), 0.0
    for block in range(settings.blocks):
        spent = time.monotonic() - start
        if block >= settings.least_blocks and spent + (spent - latest) > settings.row_seconds:
            break
        latest = spent
        progress(f"block {block + 1}/{settings.blocks}")
        shuffle.shuffle(order)
        sums: dict[Contestant, float] = dict.fromkeys(order, 0.0)
        before = disturbance.snapshot(cores, processes(libraries))
        for contestant in [*order, *reversed(order)]:
            library = contestant.library
            record = records[library.name]
            if record["status"] != "ok":
                continue
            answer: Record
            try:
                answer = library.ask(
                    "run",
                    settings.run_timeout,
                    workload=row.name,
                    variant=contestant.variant,
                    repetitions=contestant.repetitions,
                    warm=record["variants"][contestant.variant]["estimate"] < settings.warm_below,
                )
            except WorkerFailed as failure:
                answer = {"error": str(failure)}
            if "error" in answer:
                record |= {"status": "failed", "note": answer["error"]}
                continue
            sums[contestant] += answer["nanoseconds"] / contestant.repetitions / 2
            outcome = record["variants"][contestant.variant]
            outcome["fastest"] = min(outcome["fastest"], answer["fastest"])
            restless = f"{library.name}'s threads did not come to rest between turns"
            if library.process is not None and not library.process.wait_idle() and restless not in notes:
                notes.append(restless)
        disturbed.append(disturbance.disturbed(before, disturbance.snapshot(cores, processes(libraries))))
        order = [contestant for contestant in order if records[contestant.library.name]["status"] == "ok"]
        for contestant in order:
            records[contestant.library.name]["variants"][contestant.variant]["blocks"].append(sums[contestant])
        if not any(contestant.library.name == "pydl" for contestant in order):
            break
        order = [contestant for contestant in order if worth_going_on(contestant, records, block + 1)]
    return disturbed


def worth_going_on(contestant: Contestant, records: dict[str, Record], blocks: int) -> bool:
    """Whether more blocks could change what is reported: not for a library far behind, or one of its slow variants."""
    settings, record = contestant.library.settings, records[contestant.library.name]
    if best_median(record) > settings.far_behind.get(blocks, float("inf")) * best_median(records["pydl"]):
        return False
    own = float(np.median(record["variants"][contestant.variant]["blocks"]))
    return blocks < settings.choose_after or own <= settings.not_the_best * best_median(record)


def best_median(record: Record) -> float:
    """The median of the library's fastest variant so far, in nanoseconds."""
    blocks = [outcome["blocks"] for outcome in record["variants"].values() if outcome.get("blocks")]
    return min(float(np.median(each)) for each in blocks)


def processes(libraries: set[Library]) -> list[int]:
    return [library.process.child.pid for library in libraries if library.process is not None]


def summarise(record: Record, ours: Record, kept: list[int]) -> None:
    """Adds the medians, which variant is the best, and its ratio to pydl."""
    if record["status"] != "ok":
        return
    timed = {variant: outcome for variant, outcome in record["variants"].items() if outcome["status"] == "ok"}
    for outcome in timed.values():  # some were timed in fewer blocks than pydl
        outcome["median"] = float(np.median([outcome["blocks"][index] for index in among(kept, outcome["blocks"])]))
    record["best"] = min(timed, key=lambda variant: timed[variant]["median"])
    best = timed[record["best"]]
    record["nanoseconds"], record["fastest"] = best["median"], best["fastest"]
    if record is not ours and ours["status"] == "ok":
        mine = ours["variants"][ours["best"]]["blocks"]
        both = among(among(kept, mine), best["blocks"])
        ratio, low, high = paired_ratio([best["blocks"][i] for i in both], [mine[i] for i in both])
        record |= {"ratio": ratio, "low": low, "high": high}


def among(kept: list[int], blocks: list[float]) -> list[int]:
    """Those of the kept blocks that there are; all there are, when these are none."""
    return [index for index in kept if index < len(blocks)] or list(range(len(blocks)))


def probe(ours: Library, row: Workload) -> Record | None:
    """What the machine can do now, measured by pydl's worker: flops a second, bytes a second at this working set."""
    try:
        answer = ours.ask("probe", ours.settings.run_timeout, bytes=row.bytes)
    except WorkerFailed:
        return None
    return None if "error" in answer else answer
