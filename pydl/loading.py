"""Loads the native module first of all, and says what to do where there is none."""

from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path

_FOLDER = Path(__file__).parent

if not any((_FOLDER / f"_native{suffix}").exists() for suffix in EXTENSION_SUFFIXES):
    raise ImportError(
        f"{_FOLDER} has pydl's sources but not its native modules: use the installed pydl from another "
        "folder, or build it in place (pip install -e .)"
    )

from . import _native as _native  # noqa: E402
