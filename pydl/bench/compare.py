"""The measurement: every library does every row in turn, side by side in time, on the same cores.

A row goes like this. Each library prepares its variants, and what they computed is held against pydl's numbers; one
that differs is reported and not timed. Then come the blocks. In each, all contestants run in a fresh random order
and then once more in the reverse of it (A B C C B A), so that a machine that gets slower or faster meanwhile treats
them alike; each waits for the one before to be at rest. What counts is the ratio within a block.
"""

from __future__ import annotations

import contextlib
import random
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from . import disturbance
from .library import Library, Record
from .outputs import Numbers, read_outputs
from .process import WorkerFailed
from .ratios import paired_ratio
from .settings import Settings
from .workloads import Workload


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
