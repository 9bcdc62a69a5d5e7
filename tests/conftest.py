"""Which pydl is tested: the installed one, unless the clone's own has been built in place."""

import sys
from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

# `python -m pytest` puts the current folder first on the path, where the package may be without its native modules.
if not any((ROOT / f"pydl/_native{suffix}").exists() for suffix in EXTENSION_SUFFIXES):
    sys.path[:] = [folder for folder in sys.path if Path(folder).resolve() != ROOT]
