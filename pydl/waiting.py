"""Loads the native module so that its idle threads soon sleep.

A thread that has done its part of a kernel waits for the next kernel. GNU's OpenMP lets it spin for 300,000 pauses
first, up to 13 ms on current processors, in which it takes the core from whoever needs it: another process, or the
very thread it waits for. On a busy machine that made training ten times slower than one thread alone. 2,000 pauses
(40 to 90 microseconds) bridge the gap between two kernels of one network.

The runtime reads the environment once, when it is loaded; a choice of the user's own is left alone.
"""

import os
from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path

_CHOICES = ("GOMP_SPINCOUNT", "OMP_WAIT_POLICY")

_FOLDER = Path(__file__).parent

if not any((_FOLDER / f"_native{suffix}").exists() for suffix in EXTENSION_SUFFIXES):
    raise ImportError(
        f"{_FOLDER} has pydl's sources but not its native modules: use the installed pydl from another "
        "folder, or build it in place (pip install -e .)"
    )

if any(name in os.environ for name in _CHOICES):
    from . import _native as _native
else:
    os.environ["GOMP_SPINCOUNT"] = "2000"
    try:
        from . import _native as _native
    finally:
        del os.environ["GOMP_SPINCOUNT"]  # for this process alone, not for the programs it starts
