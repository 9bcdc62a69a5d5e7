"""The comparison as a table for reading (text, Markdown) or as JSON for programs."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from .ratios import geometric_mean

Record = dict[str, Any]
TROUBLE = ("error", "failed", "differs")
LOSS = "<"  # marks a ratio below one
DOUBT = "?"  # marks a row measured while other processes had the cores
ERRORS = "accuracy: largest error against float64, relative to the largest number of the same output"
_OURS = ("row", "thr", "floor", "pydl", "min", "rate", "of peak")
HEADER = (*_OURS, "peer", "best variant", "time", "min", "ratio", "95 % interval")
LEGEND = (
    "ratio: peer's time / pydl's, median over blocks measured side by side; above 1 pydl is faster, "
    f"{LOSS} marks the rows where it is not, {DOUBT} those in which other processes had the cores (not counted "
    "in the means). min: the fastest single step. rate: the row's own operations (or bytes, "
    "where memory is the limit) a second; floor: the time they take at the measured peak. Inputs are handed over to "
    "each library once, outside the time; compilation is outside the time."
)


def duration(nanoseconds: float) -> str:
    """Three significant digits with a unit: 123 ns, 4.56 us, 78.9 ms, 1.23 s."""
    for unit, size in (("s", 1e9), ("ms", 1e6), ("us", 1e3)):
        if nanoseconds >= size:
            value = nanoseconds / size
            return f"{value:.{max(0, 2 - len(str(int(value))) + 1)}f} {unit}"
    return f"{nanoseconds:.0f} ns"


def peaks(rows: list[Record]) -> dict[int, float]:
    """The highest rate of multiply-adds that any probe of the run saw, for each thread count, in flops a second."""
    found: dict[int, float] = {}
    for row in rows:
        if row.get("peak"):
            found[row["threads"]] = max(found.get(row["threads"], 0.0), row["peak"]["flops"])
    return found


def rate(row: Record, nanoseconds: float, peak: dict[int, float]) -> tuple[str, str, str]:
    """What the row achieved, as GFLOP/s or GB/s, its part of what the machine showed it can do, and the time that all
    of that would take: flops / peak or bytes / bandwidth."""
    amount, unit = (row["bytes"], "GB/s") if row["bound"] == "bytes" else (row["flops"], "GFLOP/s")
    achieved = amount / nanoseconds
    limit = 0.0
    if row.get("peak"):
        flops = peak[row["threads"]] / (2 if row.get("dtype") == "float64" else 1)  # a vector holds half as many
        limit = (row["peak"]["bytes"] if row["bound"] == "bytes" else flops) / 1e9
    if not limit:
        return f"{achieved:.3g} {unit}", "", ""
    return f"{achieved:.3g} {unit}", f"{100 * achieved / limit:.0f} %", duration(amount / limit)


def table_lines(rows: list[Record]) -> list[tuple[str, ...]]:
    """One line for each row and each peer that has such a thing."""
    lines: list[tuple[str, ...]] = []
    peak = peaks(rows)
    for row in rows:
        ours = row["libraries"]["pydl"]
        if ours["status"] == "ok":
            achieved, share, floor = rate(row, ours["nanoseconds"], peak)
            measured = (floor, duration(ours["nanoseconds"]), duration(ours["fastest"]), achieved, share)
        else:
            measured = ("", ours["status"], "", "", "")
        left = (row["name"], str(row["threads"]), *measured)
        others = {name: record for name, record in row["libraries"].items() if name != "pydl"}
        peers = {name: record for name, record in others.items() if record["status"] != "not supported"}
        if not peers:
            lines.append((*left, "", "not supported" if others else "", "", "", "", ""))
        for position, (name, record) in enumerate(peers.items()):
            right: tuple[str, ...] = (name, record["status"], "", "", "", "")
            if "ratio" in record:
                mark = (f" {LOSS}" if record["ratio"] < 1 else "") + ("" if row["trusted"] else f" {DOUBT}")
                right = (
                    name,
                    record["best"],
                    duration(record["nanoseconds"]),
                    duration(record["fastest"]),
                    f"{record['ratio']:.2f}{mark}",
                    f"{record['low']:.2f} .. {record['high']:.2f}",
                )
            lines.append((left if position == 0 else ("",) * len(_OURS)) + right)
    return lines


def area_means(rows: list[Record]) -> list[Record]:
    """Geometric mean of the ratios per area, thread count and peer; "fastest" is each row's best peer."""
    groups: dict[tuple[str, int, str], list[float]] = {}
    for row in rows:
        ratios = {name: record["ratio"] for name, record in row["libraries"].items() if "ratio" in record}
        if not row["trusted"]:
            continue
        if ratios:
            ratios["fastest"] = min(ratios.values())
        for name, ratio in ratios.items():
            groups.setdefault((row["area"], row["threads"], name), []).append(ratio)
    return [
        {"area": area, "threads": threads, "peer": peer, "rows": len(ratios), "ratio": geometric_mean(ratios)}
        for (area, threads, peer), ratios in groups.items()
    ]


def mean_lines(means: list[Record]) -> tuple[list[str], list[tuple[str, ...]]]:
    """Header and lines of the table of means: an area and a thread count a line, a peer a column."""
    peers = list(dict.fromkeys(mean["peer"] for mean in means if mean["peer"] != "fastest"))
    peers += ["fastest"] if means else []
    by_line: dict[tuple[str, int], dict[str, str]] = {}
    for mean in means:
        mark = f" {LOSS}" if mean["ratio"] < 1 else ""
        by_line.setdefault((mean["area"], mean["threads"]), {})[mean["peer"]] = f"{mean['ratio']:.2f}{mark}"
    header = ["area", "thr", *("fastest peer" if peer == "fastest" else peer for peer in peers)]
    return header, [
        (area, str(threads), *(values.get(peer, "") for peer in peers)) for (area, threads), values in by_line.items()
    ]


def memory_lines(rows: list[Record]) -> tuple[list[str], list[tuple[str, ...]]]:
    """Header and lines of the table of peak resident sizes, whole processes, with each peer's ratio to pydl."""
    measured = [row for row in rows if row["libraries"]["pydl"].get("peak_bytes")]
    peers = list(
        dict.fromkeys(name for row in measured for name, record in row["libraries"].items() if record.get("peak_bytes"))
    )
    lines = []
    for row in measured:
        sizes = {name: record.get("peak_bytes") for name, record in row["libraries"].items()}
        cells = []
        for name in peers:
            size = sizes.get(name)
            ratio = "" if name == "pydl" or not size else f" ({size / sizes['pydl']:.1f} x)"
            cells.append(f"{size / 1e6:.0f} MB{ratio}" if size else "")
        lines.append((row["name"], str(row["threads"]), *cells))
    return ["row", "thr", *peers], lines


ERROR_HEADER = ("row", "thr", "library", "variant", "time", "largest error")


def error_lines(rows: list[Record]) -> list[tuple[str, ...]]:
    """For the rows that were held against float64: every variant, and how far its numbers are off."""
    return [
        (
            row["name"],
            str(row["threads"]),
            name,
            variant,
            duration(outcome.get("median", outcome["estimate"])),
            f"{outcome['error']:.1e}",
        )
        for row in rows
        for name, record in row["libraries"].items()
        for variant, outcome in record.get("variants", {}).items()
        if "error" in outcome
    ]


def notes(rows: list[Record]) -> list[str]:
    """Whatever was not timed as planned: wrong numbers, crashes, skipped variants, disturbances."""
    said: dict[str, None] = {}
    for row in rows:
        where = f"{row['name']}, {row['threads']} thread{'s' * (row['threads'] != 1)}"
        for name, record in row["libraries"].items():
            if record["status"] in TROUBLE:
                said[f"{where}: {name} {record['status']}: {record['note']}"] = None
            for variant, outcome in record.get("variants", {}).items():
                if outcome["status"] in (*TROUBLE, "skipped") and outcome["note"] != record["note"]:
                    said[f"{where}: {name} {variant} {outcome['status']}: {outcome['note']}"] = None
        for note in row["notes"]:
            said[f"{where}: {note}"] = None
    return list(said)


def blocks(rows: list[Record]) -> str:
    """How many times the rows were measured: as often as there was time for."""
    counts = [row["blocks"] for row in rows if "blocks" in row]
    least, most = min(counts, default=0), max(counts, default=0)
    return f"{least} blocks" if least == most else f"{least} to {most} blocks a row"


def time_spent(result: Record) -> str:
    """How long the comparison took, and with what."""
    parts: dict[str, float] = {}
    compiling: dict[str, float] = {}
    for row in result["rows"]:
        for part, seconds in row["spent"].items():
            parts[part] = parts.get(part, 0.0) + seconds
        for name, record in row["libraries"].items():
            for variant, outcome in record["variants"].items():
                compiling[f"{name} {variant}"] = compiling.get(f"{name} {variant}", 0.0) + outcome.get("prepare", 0.0)
    longest = sorted((each for each in compiling if compiling[each] > 0), key=lambda each: -compiling[each])[:3]
    told = ", ".join(f"{part} {seconds:.0f} s" for part, seconds in parts.items())
    most = ", ".join(f"{each} {compiling[each]:.0f} s" for each in longest)
    told += f"; longest to prepare, side by side: {most}" if most else ""
    return f"took {result['seconds'] / 60:.1f} minutes: {told}"


def head(result: Record) -> list[str]:
    """Machine, date, versions, settings, measured limits."""
    machine = result["machine"]
    lines = [
        f"{machine['processor']}, {machine['cores']} cores, {machine['system']}, {result['date']}",
        ", ".join(f"{name} {version}" for name, version in result["versions"].items()),
        f"{blocks(result['rows'])}; {result['command']}",
        time_spent(result),
    ]
    for threads, peak in peaks(result["rows"]).items():
        seen = [row["peak"]["flops"] / 1e9 for row in result["rows"] if row["threads"] == threads and row.get("peak")]
        lines.append(
            f"measured peak of multiply-adds (float32), {threads} thread{'s' * (threads != 1)}: {peak / 1e9:.0f} "
            f"GFLOP/s (lowest probe of the run: {min(seen):.0f})"
        )
    return [*lines, *result["missing"]]


def text(result: Record) -> str:
    parts = [*head(result), "", *_columns(HEADER, table_lines(result["rows"])), "", LEGEND]
    header, lines = mean_lines(area_means(result["rows"]))
    if lines:
        parts += ["", "geometric mean of the ratios", *_columns(header, lines)]
    lines = error_lines(result["rows"])
    if lines:
        parts += ["", ERRORS, *_columns(ERROR_HEADER, lines)]
    header, lines = memory_lines(result["rows"])
    if lines:
        parts += ["", "peak resident size of a process", *_columns(header, lines)]
    found = notes(result["rows"])
    if found:
        parts += ["", "notes", *(f"- {note}" for note in found)]
    return "\n".join(parts) + "\n"


def markdown(result: Record) -> str:
    parts = ["# pydl compared", "", *(f"- {line}" for line in head(result)), ""]
    parts += [*_pipes(HEADER, table_lines(result["rows"])), "", LEGEND]
    header, lines = mean_lines(area_means(result["rows"]))
    if lines:
        parts += ["", "## Geometric mean of the ratios", "", *_pipes(header, lines)]
    lines = error_lines(result["rows"])
    if lines:
        parts += ["", "## Accuracy", "", ERRORS + ".", "", *_pipes(ERROR_HEADER, lines)]
    header, lines = memory_lines(result["rows"])
    if lines:
        parts += ["", "## Peak resident size of a process", "", *_pipes(header, lines)]
    found = notes(result["rows"])
    if found:
        parts += ["", "## Notes", "", *(f"- {note}" for note in found)]
    return "\n".join(parts) + "\n"


def _columns(header: Any, lines: list[tuple[str, ...]]) -> list[str]:
    widths = [max(map(len, column)) for column in zip(header, *lines, strict=True)]
    return [
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in (header, ["-" * width for width in widths], *lines)
    ]


def _pipes(header: Any, lines: list[tuple[str, ...]]) -> list[str]:
    return ["| " + " | ".join(line) + " |" for line in (header, ["---"] * len(header), *lines)]


def write(result: Record, folder: Path) -> list[Path]:
    """`bench.json` with every block of every variant, `bench.md` with the table; each appears whole or not at all."""
    folder.mkdir(parents=True, exist_ok=True)
    contents = {"bench.json": json.dumps(result, indent=1) + "\n", "bench.md": markdown(result)}
    temporary = {folder / name: folder / f".{name}.{os.getpid()}" for name in contents}
    try:
        for path, content in zip(temporary.values(), contents.values(), strict=True):
            path.write_text(content, encoding="utf-8")
        for target, path in temporary.items():
            os.replace(path, target)
    finally:
        for path in temporary.values():
            path.unlink(missing_ok=True)
    return list(temporary)
