"""The file a learner begins with: the formula and an empty function."""

from __future__ import annotations

import textwrap
from pathlib import Path

from .exercise import EXERCISES, Exercise

FILE = '''"""Write {name}, then check it:

    pydl learn check {file}

Plain Python loops are welcome: write the formula down first, make it fast later.
"""

import numpy as np


def {name}({arguments}):
    """{formula}
    """
    raise NotImplementedError("your code instead of this line")
'''


def find_exercise(name: str) -> Exercise:
    """The exercise of that name. Error: ValueError that lists what exists."""
    if name not in EXERCISES:
        raise ValueError(f"there is no exercise {name!r}; the exercises are {', '.join(EXERCISES)}")
    return EXERCISES[name]


def write_exercise(name: str, path: str | Path, overwrite: bool = False) -> Path:
    """Writes the exercise into a file. Error: FileExistsError if there is one, for it may hold somebody's work."""
    exercise, path = find_exercise(name), Path(path)
    if path.exists() and not overwrite:
        raise FileExistsError(f"{path}: is there already, and may hold your work; --overwrite begins anew")
    formula = textwrap.indent(exercise.formula, "    ").strip()
    text = FILE.format(name=name, file=path, arguments=", ".join(exercise.arguments), formula=formula)
    path.write_text(text, encoding="utf-8")
    return path
