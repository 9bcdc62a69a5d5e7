"""The worker process: one library at one thread count, told what to do by lines of JSON on its standard input.

Request                                             Answer
{"do": "hello"}                                     {"versions": {...}, "slow": [...]}
{"do": "variants", "workload": w}                   {"variants": [...]}, empty where the work is not supported
{"do": "prepare", "workload": w, "variant": v,
 "outputs": path}                                   {}; the numbers are in `path`
{"do": "estimate", "workload": w, "variant": v}     {"nanoseconds": of one step, roughly}
{"do": "exact", "workload": w, "outputs": path}     {}; what the same inputs give in float64 is in `path`
{"do": "run", "workload": w, "variant": v,
 "repetitions": n, "warm": whether one more step
 comes before, which is not timed}                  {"nanoseconds": of all n steps, "fastest": of one step}
{"do": "probe", "bytes": n}                         {"flops": per second, "bytes": per second}, pydl's worker only
{"do": "peak"}                                      {"bytes": the most this process has had resident}
{"do": "quit"}                                      the process ends, as it does when its standard input is closed

An answer {"error": text} says that a request failed; the worker goes on.
"""

from __future__ import annotations

import gc
import importlib
import json
import os
import sys
import time
from typing import Any

import numpy as np

from . import workloads
from .peers import Run

WARM_NANOSECONDS, ESTIMATE_NANOSECONDS = 100_000_000, 20_000_000


class Worker:
    def __init__(self, module: str, threads: int) -> None:
        self.peer = importlib.import_module(module)
        self.threads = threads
        self.versions = self.peer.set_up(threads)
        self.row: workloads.Workload | None = None
        self.inputs: workloads.Arrays = {}  # libraries may keep views of them
        self.prepared: dict[str, Run] = {}

    def hello(self) -> dict[str, Any]:
        return {"versions": self.versions, "slow": list(getattr(self.peer, "SLOW", ()))}

    def variants(self, workload: str) -> dict[str, Any]:
        row = self._turn_to(workload)
        return {"variants": list(self.peer.KINDS[row.kind](row, self.inputs)) if row.kind in self.peer.KINDS else []}

    def _turn_to(self, workload: str) -> workloads.Workload:
        """Draws the inputs of a row, once for all its variants, and forgets the row before."""
        if self.row is None or self.row.name != workload:
            self.prepared.clear()
            self.row = workloads.find(workload)
            self.inputs = self.row.inputs() if self.row.kind in self.peer.KINDS else {}
        return self.row

    def prepare(self, workload: str, variant: str, outputs: str) -> dict[str, Any]:
        row = self._turn_to(workload)
        run = self.prepared[variant] = self.peer.KINDS[row.kind](row, self.inputs)[variant]()
        save(run, row.steps, outputs)
        repeat(run, WARM_NANOSECONDS)
        # The library's own objects are kept out of the collections from here on: a million of them take ten times as
        # long to look at as a turn lasts.
        gc.unfreeze()
        gc.collect()
        gc.freeze()
        return {}

    def estimate(self, workload: str, variant: str) -> dict[str, Any]:
        return {"nanoseconds": repeat(self.prepared[variant], ESTIMATE_NANOSECONDS)}

    def exact(self, workload: str, outputs: str) -> dict[str, Any]:
        row = self._turn_to(workload)
        inputs = {
            name: value.astype(np.float64) if value.dtype.kind == "f" else value for name, value in self.inputs.items()
        }
        save(next(iter(self.peer.KINDS[row.kind](row, inputs).values()))(), row.steps, outputs)
        return {}

    def run(self, workload: str, variant: str, repetitions: int, warm: bool = True) -> dict[str, Any]:
        run = self.prepared[variant]
        gc.collect()
        run.reset()
        if warm:
            run.step()  # brings its data back into the caches after the other libraries' turns
        step, clock = run.step, time.perf_counter_ns
        fastest = last = start = clock()
        for _ in range(repetitions):
            step()
            now = clock()
            fastest, last = min(fastest, now - last), now
        return {"nanoseconds": last - start, "fastest": fastest}

    def probe(self, bytes: int) -> dict[str, Any]:
        from . import machine

        return {"flops": machine.fma_peak(), "bytes": machine.bandwidth(bytes)}

    def peak(self) -> dict[str, Any]:
        """From the system's own record of this process; what getrusage says starts from the parent's size."""
        with open("/proc/self/status", encoding="ascii", errors="replace") as status:
            sizes = dict(line.split(":", 1) for line in status)
        return {"bytes": int(sizes["VmHWM"].split()[0]) * 1024}


def repeat(run: Run, nanoseconds: int) -> int:
    """Steps for about so long after the first one, which may record or compile; how long they took, the median."""
    run.reset()
    run.step()
    steps: list[int] = []
    end = time.perf_counter_ns() + nanoseconds
    while len(steps) < 1000 and (not steps or time.perf_counter_ns() < end):
        start = time.perf_counter_ns()
        run.step()
        steps.append(time.perf_counter_ns() - start)
    return sorted(steps)[len(steps) // 2]


def save(run: Run, steps: int, path: str) -> None:
    """Writes what the first steps give."""
    run.reset()
    results = [{name: np.array(value) for name, value in run.read(run.step()).items()} for _ in range(steps)]
    stacked: dict[str, Any] = {name: np.stack([result[name] for result in results]) for name in results[0]}
    np.savez(path, **stacked)


REQUESTS = ("hello", "variants", "prepare", "estimate", "exact", "run", "probe", "peak")


def main() -> None:
    module, threads, cores = sys.argv[1], int(sys.argv[2]), [int(core) for core in sys.argv[3].split(",")]
    # Before the library is loaded: several of them count the processors once, at import.
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, cores)
    # Answers go to a private copy of standard output, so that nothing a library prints can end up among them.
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)

    worker: Worker | None = None
    for line in sys.stdin:
        request = json.loads(line)
        action = request.pop("do")
        if action == "quit":
            break
        try:
            if worker is None:
                worker = Worker(module, threads)
            if action not in REQUESTS:
                raise ValueError(f"worker: unknown request {action!r}; the known ones are {', '.join(REQUESTS)}")
            answer = getattr(worker, action)(**request)
        except Exception as error:
            answer = {"error": f"{type(error).__name__}: {error}".splitlines()[0]}
        print(json.dumps(answer), file=answers, flush=True)


if __name__ == "__main__":
    main()
