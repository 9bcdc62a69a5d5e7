"""Prints what the benchmarks reached, beside what this machine can do, measured in the same run."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))  # so that bench_*.py can import run.py


def pytest_terminal_summary(terminalreporter):
    session = getattr(terminalreporter.config, "_benchmarksession", None)
    timed = [each for each in (session.benchmarks if session else []) if each.stats.rounds]
    if not timed:
        return
    from pydl import get_num_threads
    from pydl.bench.machine import bandwidth, fma_peak

    peak = fma_peak()
    write = terminalreporter.write_line
    terminalreporter.section("pydl kernels")
    write(
        f"{get_num_threads()} threads, float32; measured limits: {peak / 1e9:.0f} GFLOP/s in multiply-adds, "
        "and the bandwidth of arrays of the same size"
    )
    write(
        f"{'kernel':<28} {'shape':<24} {'native':>10} {'rate':>14} {'of limit':>8} {'x numpy':>8} {'x reference':>11}"
    )
    rows: dict[tuple[str, str], dict[str, float]] = {}
    facts = {}
    for each in timed:
        key = (each.extra_info["kernel"], each.extra_info["shape"])
        rows.setdefault(key, {})[each.extra_info["implementation"]] = each.stats.median
        facts[key] = each.extra_info
    limits: dict[int, float] = {}
    for key, seconds in rows.items():
        native, flops, size = seconds.get("native"), facts[key]["flops"], facts[key]["bytes"]
        rate = share = ""
        if native and flops:
            rate, share = f"{flops / native / 1e9:.1f} GFLOP/s", f"{100 * flops / native / peak:.0f} %"
        elif native and size:
            if size not in limits:
                limits[size] = bandwidth(size)
            rate, share = f"{size / native / 1e9:.1f} GB/s", f"{100 * size / native / limits[size]:.0f} %"
        times = [
            f"{seconds[name] / native:.1f}" if native and name in seconds else "" for name in ("numpy", "reference")
        ]
        time = f"{native * 1e6:.1f} us" if native else ""
        write(f"{key[0]:<28} {key[1]:<24} {time:>10} {rate:>14} {share:>8} {times[0]:>8} {times[1]:>11}")
