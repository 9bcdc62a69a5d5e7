"""Which pydl is tested: the installed one, unless the clone's own has been built in place. And no test changes the
settings for the next one.
"""

import os
import sys
from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent

# With a worker for each of many processors, threads for all of them in each worker would only wait for each other.
if workers := int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", 0)):
    os.environ.setdefault("OMP_NUM_THREADS", str(max(2, (os.cpu_count() or 1) // workers)))

# `python -m pytest` puts the current folder first on the path, where the package may be without its native modules.
if not any((ROOT / f"pydl/_native{suffix}").exists() for suffix in EXTENSION_SUFFIXES):
    sys.path[:] = [folder for folder in sys.path if Path(folder).resolve() != ROOT]


def settings():
    import pydl

    return {
        "backend": pydl.get_backend(),
        "instruction set": pydl.op.isa,
        "threads": pydl.get_num_threads(),
        "winograd": pydl.get_winograd(),
        "gradients are recorded": pydl.is_grad_enabled(),
    }


@pytest.fixture(autouse=True)
def settings_stay():
    before = settings()
    yield
    assert settings() == before, "the test leaves other settings behind"


@pytest.fixture
def winograd_stays():
    """For a test that switches Winograd's algorithm: it is afterwards as it was before."""
    import pydl

    before = pydl.get_winograd()
    yield
    pydl.set_winograd(before)
