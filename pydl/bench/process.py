"""The driver's end of a worker process: start it, ask it, wait until it is idle, end it."""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

IDLE_LOOKS = 3  # times in a row that a worker must be found asleep
IDLE_PAUSE = 0.001  # seconds between two looks


class WorkerFailed(RuntimeError):
    """The worker's process ended, or did not answer in time."""


class Process:
    """One worker. `ask` sends a request; an answer that does not come raises WorkerFailed, after which it is gone."""

    def __init__(self, module: str, threads: int, cores: list[int]) -> None:
        self.errors = tempfile.TemporaryFile()  # noqa: SIM115  closed with the process
        self.pending = b""
        self.child = subprocess.Popen(
            [sys.executable, "-P", "-m", "pydl.bench.worker", module, str(threads), ",".join(map(str, cores))],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self.errors,
            env=environment(threads),
            # A group of its own: Ctrl-C in the terminal reaches the driver only, which then ends its workers, and
            # ending the group also ends compilers that a worker has started.
            start_new_session=True,
        )

    def ask(self, action: str, timeout: float, **request: Any) -> dict[str, Any]:
        assert self.child.stdin is not None
        try:
            self.child.stdin.write(json.dumps({"do": action, **request}).encode() + b"\n")
            self.child.stdin.flush()
        except OSError:
            raise self._failure("ended") from None
        answer: dict[str, Any] = json.loads(self._line(action, time.monotonic() + timeout, timeout))
        return answer

    def _line(self, action: str, deadline: float, timeout: float) -> bytes:
        assert self.child.stdout is not None
        descriptor = self.child.stdout.fileno()
        while b"\n" not in self.pending:
            ready, _, _ = select.select([descriptor], [], [], max(0.0, deadline - time.monotonic()))
            if not ready:
                raise self._failure(f"did not answer {action!r} within {timeout:g} s")
            chunk = os.read(descriptor, 65536)
            if not chunk:
                raise self._failure("ended")
            self.pending += chunk
        line, self.pending = self.pending.split(b"\n", 1)
        return line

    def _failure(self, what: str) -> WorkerFailed:
        if what == "ended":
            with contextlib.suppress(subprocess.TimeoutExpired):
                code = self.child.wait(5)
                what = f"was ended by signal {-code}" if code < 0 else f"ended with code {code}"
        self.kill()
        self.errors.seek(0)
        lines = self.errors.read().decode(errors="replace").strip().splitlines()
        self.errors.close()
        return WorkerFailed(f"worker {what}" + (f" ({lines[-1].strip()[:200]})" if lines else ""))

    def wait_idle(self, limit: float = 1.0) -> bool:
        """Waits until its threads sleep; False when one still runs after `limit` seconds.

        Thread pools keep spinning for a while after each call, on the cores that the next library needs.
        """
        deadline = time.monotonic() + limit
        asleep = 0
        while asleep < IDLE_LOOKS:
            running = self._running()
            if running is None:  # this system does not tell; long enough for the usual pools
                time.sleep(0.05)
                return True
            if time.monotonic() > deadline:
                return False
            asleep = 0 if running else asleep + 1
            time.sleep(IDLE_PAUSE)
        return True

    def _running(self) -> bool | None:
        """Whether one of its threads is running or ready to run; None where the system does not tell."""
        try:
            threads = list(Path(f"/proc/{self.child.pid}/task").iterdir())
        except OSError:
            return None
        for thread in threads:
            with contextlib.suppress(OSError):  # threads end
                # "pid (name) state ...": the name may hold anything, so the state is what follows the last bracket
                if (thread / "stat").read_text().rpartition(")")[2].split()[0] == "R":
                    return True
        return False

    def close(self) -> None:
        """Ends it in good order, or the hard way when that takes more than two seconds."""
        assert self.child.stdin is not None
        with contextlib.suppress(OSError):
            self.child.stdin.write(b'{"do": "quit"}\n')
            self.child.stdin.close()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.child.wait(2)
        self.kill()
        self.errors.close()

    def kill(self) -> None:
        with contextlib.suppress(OSError):
            os.killpg(self.child.pid, signal.SIGKILL)
        self.child.wait()
        assert self.child.stdin is not None
        assert self.child.stdout is not None
        with contextlib.suppress(OSError):
            self.child.stdin.close()
        self.child.stdout.close()


def environment(threads: int) -> dict[str, str]:
    """The workers' environment.

    The thread count is said in every way a library may read it. The wait policy is each library's own: a passive one
    (OMP_WAIT_POLICY=passive, KMP_BLOCKTIME=0) would slow down libraries that start many short parallel regions, which
    is no way to win; that nobody spins on the next one's cores is seen to by `Process.wait_idle` instead. Nor is
    OMP_PROC_BIND set: it would bind the main thread to one core, and pools that are not OpenMP's inherit that. The
    processor that OpenBLAS chooses its kernels for is the one it finds (OPENBLAS_CORETYPE).
    """
    count = str(threads)
    variables = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "PYDL_NUM_THREADS")
    unset = (
        "OPENBLAS_CORETYPE",
        "OMP_WAIT_POLICY",
        "KMP_BLOCKTIME",
        "GOMP_SPINCOUNT",
        "OMP_PROC_BIND",
        "OMP_PLACES",
        "GOMP_CPU_AFFINITY",
    )
    kept = {name: value for name, value in os.environ.items() if name not in unset}
    # One process compiles for torch.compile; a pool of them would outlive the compilation.
    single = {"TORCHINDUCTOR_COMPILE_THREADS": "1"}
    # Whatever the working directory is, the workers use the package this file belongs to.
    package = str(Path(__file__).resolve().parents[2])
    path = {"PYTHONPATH": os.pathsep.join(filter(None, (package, os.environ.get("PYTHONPATH"))))}
    return kept | dict.fromkeys(variables, count) | single | path
