"""The measurement: every library does every row in turn, side by side in time, on the same cores.

A row goes like this. Each library prepares its variants, and what they computed is held against pydl's numbers; one
that differs is reported and not timed. Then come the blocks. In each, all contestants run in a fresh random order
and then once more in the reverse of it (A B C C B A), so that a machine that gets slower or faster meanwhile treats
them alike; each waits for the one before to be at rest. What counts is the ratio within a block.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

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
    if record["status"] != "ok":
        return []
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


def prepare_row(
    row: Workload, teams: list[list[Library]], directory: Path, progress: Callable[[str], None]
) -> list[Record]:
    """Every library prepares the row, those of all thread counts at once: most of the time they compile, each on one
    core, and nothing is timed yet. pydl is the first of each team."""
    start = time.monotonic()
    progress("pydl prepares")

    def prepare_ours(ours: Library) -> tuple[Record, Numbers | None]:
        try:
            exact = ours.exact(row, directory)
        except WorkerFailed as failure:
            return {"status": "failed", "note": str(failure), "variants": {}}, None
        return ours.prepare(row, directory, None, exact), exact

    ours = at_once([partial(prepare_ours, team[0]) for team in teams], teams)
    progress("the others prepare")
    expected = [
        read_outputs(team[0].outputs(directory)) if record["status"] == "ok" else None
        for team, (record, _) in zip(teams, ours, strict=True)
    ]
    others = at_once(
        [
            partial(library.prepare, row, directory, numbers, exact)
            for team, numbers, (_, exact) in zip(teams, expected, ours, strict=True)
            if numbers is not None  # else there is nothing to compare with
            for library in team[1:]
        ],
        teams,
    )
    records = iter(others)
    spent = time.monotonic() - start
    return [
        {
            "name": row.name,
            "area": row.area,
            "threads": team[0].threads,
            "flops": row.flops,
            "bytes": row.bytes,
            "bound": row.bound,
            "dtype": row.dtype,
            "notes": [],
            "trusted": True,
            "spent": {"preparing": spent / len(teams)},
            "libraries": {team[0].name: record}
            | ({library.name: next(records) for library in team[1:]} if numbers is not None else {}),
        }
        for team, numbers, (record, _) in zip(teams, expected, ours, strict=True)
    ]


def at_once(jobs: list[Callable[[], Any]], teams: list[list[Library]]) -> list[Any]:
    """The results of the jobs, which mostly wait for the teams' workers."""
    with ThreadPoolExecutor(max(1, len(jobs))) as pool:
        futures = [pool.submit(job) for job in jobs]
        try:
            return [future.result() for future in futures]
        except KeyboardInterrupt:  # the workers do not hear of it
            for library in (each for team in teams for each in team):
                if library.process is not None:
                    library.process.kill()
            raise


def measure_row(
    row: Workload, libraries: list[Library], result: Record, directory: Path, progress: Callable[[str], None]
) -> Record:
    """Times a row that is prepared, and completes its record."""
    ours, settings, records = libraries[0], libraries[0].settings, result["libraries"]
    if records[ours.name]["status"] != "ok":
        return result
    start = time.monotonic()
    progress("first estimates")
    for library in libraries:
        if library.process is not None:
            library.process.wait_idle()
    for library in libraries:
        library.estimate(row, records[library.name])
    result["peak"] = probe(ours, row)
    order = [entry for library in libraries for entry in contestants(library, records[library.name])]
    disturbed = measure(row, order, records, settings, progress, result["notes"]) if order else []
    result["blocks"] = len(disturbed)
    for library in libraries:
        summarise(records[library.name], records[ours.name], disturbance.quiet(disturbed))
    result["trusted"] = disturbance.trusted(disturbed)
    if any(disturbed):
        result["notes"].append(disturbance.note(disturbed))
    result["spent"]["timing"] = time.monotonic() - start
    if row.memory and settings.memory:
        progress("memory")
        measured = [library for library in libraries if records[library.name]["status"] == "ok"]
        sizes = at_once([partial(each.peak_bytes, row, records[each.name]["best"], directory) for each in measured], [])
        for library, size in zip(measured, sizes, strict=True):
            records[library.name]["peak_bytes"] = size
        result["spent"]["memory"] = time.monotonic() - start - result["spent"]["timing"]
    return result


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
        if block + 1 >= settings.enough_blocks and narrow(order, records, settings.narrow):
            break
    return disturbed


def worth_going_on(contestant: Contestant, records: dict[str, Record], blocks: int) -> bool:
    """Whether more blocks could change what is reported: not for a library far behind, or one of its slow variants."""
    settings, record = contestant.library.settings, records[contestant.library.name]
    if best_median(record) > settings.far_behind.get(blocks, float("inf")) * best_median(records["pydl"]):
        return False
    allowed = min((factor for after, factor in settings.not_the_best.items() if blocks >= after), default=float("inf"))
    return float(np.median(record["variants"][contestant.variant]["blocks"])) <= allowed * best_median(record)


def narrow(order: list[Contestant], records: dict[str, Record], share: float) -> bool:
    """Whether the interval of every library that is still timed is no wider than this share of its ratio."""
    mine = best_blocks(records["pydl"])
    for name in {contestant.library.name for contestant in order} - {"pydl"}:
        theirs = best_blocks(records[name])
        ratio, low, high = paired_ratio(theirs, mine[: len(theirs)])
        if high - low > share * ratio:
            return False
    return True


def best_blocks(record: Record) -> list[float]:
    """The blocks of the library's fastest variant so far, of those timed to the end."""
    blocks: list[list[float]] = [outcome["blocks"] for outcome in record["variants"].values() if outcome.get("blocks")]
    most = max(map(len, blocks))
    return min((each for each in blocks if len(each) == most), key=np.median)


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
