"""Settings of this process and facts of this build: version, threads, instruction set, optional packages."""

from __future__ import annotations

from typing import Any

import numpy as np

from . import _native, op
from .arguments import show

__version__ = "0.1.0"

# Optional packages, and what each is for.
EXTRAS = {
    "safetensors": "checkpoints",
    "tqdm": "progress bars",
    "matplotlib": "pictures",
    "PIL": "reading image files",
    "pooch": "downloading data sets",
}


def set_num_threads(n: int) -> None:
    """Sets how many threads a kernel may use. Results do not depend on it."""
    if isinstance(n, bool) or not isinstance(n, int | np.integer):
        raise TypeError(f"set_num_threads: n must be an integer, not {show(n)}")
    if n < 1:
        raise ValueError(f"set_num_threads: n must be at least 1, not {n}")
    _native.set_num_threads(min(int(n), 1024))


def get_num_threads() -> int:
    """How many threads a kernel may use. At first: the processors this process may run on."""
    return int(_native.get_num_threads())


def configuration() -> dict[str, Any]:
    """The facts that show_config() prints."""
    import importlib.util
    import platform

    from .ops.conv2d_winograd import get_winograd

    found = {name: importlib.util.find_spec(name) is not None for name in EXTRAS}
    return {
        "pydl": __version__,
        "python": platform.python_version(),
        "numpy": np.__version__,
        "processor": _processor(),
        "instruction set": f"{op.isa} (this machine and build can run: {', '.join(_native.isas)})",
        "threads": f"{get_num_threads()} of {_processors()} processors",
        "caches": _caches(),
        "compiler": _native.compiler + (", OpenMP" if _native.openmp else ", no OpenMP"),
        "backend": op.get_backend(),
        "winograd": "for 3x3 and 5x5 convolutions in float32" if get_winograd() else "off",
        "kernels": f"{len(op.KERNELS)}",
        "allocator": ", ".join(f"{key.replace('_', ' ')} {value:,}" for key, value in _native.arena_stats().items()),
        **{f"extra: {name}": f"{'found' if found[name] else 'not installed'} ({use})" for name, use in EXTRAS.items()},
    }


def show_config() -> None:
    """Prints version, instruction set, threads, caches, compiler and which optional packages were found."""
    facts = configuration()
    width = max(len(name) for name in facts)
    for name, value in facts.items():
        print(f"{name:<{width}}  {value}")


def _processors() -> int:
    import os

    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _processor() -> str:
    import platform

    try:
        with open("/proc/cpuinfo") as lines:
            for line in lines:
                if line.startswith(("model name", "Model")):
                    return line.split(":", 1)[1].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()


def _caches() -> str:
    from pathlib import Path

    found = []
    for folder in sorted(Path("/sys/devices/system/cpu/cpu0/cache").glob("index*")):
        try:
            level, kind, size = ((folder / name).read_text().strip() for name in ("level", "type", "size"))
        except OSError:
            continue
        if kind != "Instruction":
            found.append(f"L{level} {size}")
    return ", ".join(found) or "unknown"
