"""The machine of a run: its name, and the two limits that percentages refer to.

    multiply-add  y = y * factor + term, again and again in registers: operations a second
    triad         y = a + factor * b over arrays of a given total size: bytes a second

Source    the roofline's two roofs: Williams, Waterman, Patterson, "Roofline: an insightful visual performance model
          for multicore architectures", CACM 52(4), 2009; triad: McCalpin, "STREAM: sustainable memory bandwidth in
          high performance computers", 1995
"""

from __future__ import annotations

import os
import platform
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from ..config import get_num_threads
from ..op import Kernel, empty, kernel

PROBE_SECONDS = 0.01
PROBES = 3  # of which the fastest counts
TILE = 192  # elements that make whole tiles of twelve vectors in every instruction set


@kernel(writes="y")
def machine_peak_multiply_add(y: Any, factor: float, term: float, rounds: int) -> None:
    for i in range(y.shape[0]):
        for _ in range(rounds):
            y[i] = y[i] * factor + term


@kernel(writes="y")
def machine_peak_triad(a: Any, b: Any, y: Any, factor: float, rounds: int) -> None:
    for _ in range(rounds):
        for i in range(y.shape[0]):
            y[i] = a[i] + factor * b[i]


@machine_peak_multiply_add.samples
def _(draw: Any) -> dict[str, Any]:
    y = np.ascontiguousarray(draw.array((draw.integer(0, 500),)))
    return {"y": y, "factor": draw.integer(-4, 4) / 8, "term": draw.integer(-8, 8) / 4, "rounds": draw.integer(0, 9)}


@machine_peak_triad.samples
def _(draw: Any) -> dict[str, Any]:
    n = draw.integer(0, 600)
    a, b = (np.ascontiguousarray(draw.special((n,))) for _ in range(2))
    return {"a": a, "b": b, "y": draw.out((n,)), "factor": draw.integer(-8, 8) / 4, "rounds": draw.integer(1, 3)}


def fma_peak(dtype: Any = np.float32) -> float:
    """Additions and multiplications a second, at the thread count in force."""
    y = _full(TILE * get_num_threads(), 1.0, dtype)
    # Towards 1 / (1 - 1/2) * 1/2 = 1: numbers that neither overflow nor become denormal, however long it runs.
    work = 2 * y.size
    return work * _rounds_a_second(lambda rounds: _native(machine_peak_multiply_add)(y, 0.5, 0.5, rounds), work)


def bandwidth(bytes: int, dtype: Any = np.float32) -> float:
    """Bytes a second when a working set of this size is passed over again and again, so at the cache level it fits.

    Counted are two arrays read and one written. (What a cache reads before it overwrites is not counted.) Sizes are
    kept between 12 KB and 192 MB.
    """
    itemsize: int = np.dtype(dtype).itemsize
    size: int = min(max(bytes, 12_000), 192_000_000) // (3 * itemsize)
    a, b, y = (_full(size, value, dtype) for value in (1.0, 2.0, 0.0))
    work = 3 * itemsize * size
    return work * _rounds_a_second(lambda rounds: _native(machine_peak_triad)(a, b, y, 0.5, rounds), work)


def _native(probe: Kernel) -> Callable[..., None]:
    """The native form: the machine's limits do not depend on the backend in use."""
    if probe.native is None:
        raise RuntimeError(f"{probe.name}: this build has no native kernel, so the machine cannot be measured")
    native: Callable[..., None] = probe.native
    return native


def _full(size: int, value: float, dtype: Any) -> np.ndarray:
    array: np.ndarray = empty((size,), np.dtype(dtype))
    array[...] = value
    return array


def _rounds_a_second(run: Callable[[int], None], work: int) -> float:
    """More and more rounds, until the best of PROBES measurements lasts PROBE_SECONDS.

    The best, also on the way there: starting the threads, or another process, can make a single call long. The first
    try already has enough work not to measure the call alone.
    """
    rounds = max(1, 20_000_000 // work)
    while (seconds := min(_time(run, rounds) for _ in range(PROBES))) < PROBE_SECONDS:
        rounds = round(rounds * min(max(1.2 * PROBE_SECONDS / seconds, 2), 100))
    return rounds / seconds


def _time(run: Callable[[int], None], rounds: int) -> float:
    start = time.perf_counter()
    run(rounds)
    return time.perf_counter() - start


def describe() -> dict[str, str | int]:
    """Processor, cores this process may use, system, Python."""
    processor = platform.processor() or platform.machine()
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                processor = line.split(":", 1)[1].strip()
                break
    except OSError:
        pass
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return {
        "processor": processor,
        "cores": cores,
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
    }
