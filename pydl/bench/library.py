"""One library of a comparison: the worker that computes for it, and the variants of a row that it prepares there."""

from __future__ import annotations

import contextlib
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .outputs import Numbers, compare_outputs, largest_error, read_outputs
from .peers import Peer
from .process import Process, WorkerFailed
from .settings import Settings
from .workloads import Workload

Record = dict[str, Any]


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

    def start(self) -> None:
        """Loads the library; a failure is reported with the first row."""
        with contextlib.suppress(WorkerFailed):
            self._start()

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
        path = directory / f"exact {self.threads}.npz"
        if not row.exact or "error" in self.ask(
            "exact", self.settings.prepare_timeout, workload=row.name, outputs=str(path)
        ):
            return None
        return read_outputs(path)

    def outputs(self, directory: Path) -> Path:
        """The file of what it computed last."""
        return directory / f"{self.name} {self.threads}.npz"

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

    def estimate(self, row: Workload, record: Record) -> None:
        """How long a step of each variant takes, while nothing else runs."""
        try:
            for variant, outcome in record["variants"].items():
                if outcome["status"] == "ok":
                    answer = self.ask("estimate", self.settings.run_timeout, workload=row.name, variant=variant)
                    outcome |= {"status": "error", "note": answer["error"]} if "error" in answer else {}
                    outcome["estimate"] = answer.get("nanoseconds", 0)
        except WorkerFailed as failure:
            record |= {"status": "failed", "note": str(failure)}

    def peak_bytes(self, row: Workload, variant: str, directory: Path) -> int | None:
        """The most memory a process of its own had resident that imported the library and did this row many times."""
        process = Process(self.peer.module, self.threads, self.cores)
        try:
            path = str(directory / f"{self.name} memory.npz")
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
        path = self.outputs(directory)
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
        outcome = {"status": "ok", "note": "", "prepare": time.monotonic() - start}
        return outcome | ({"error": largest_error(found, exact)} if exact is not None else {})
