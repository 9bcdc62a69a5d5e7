"""What libraries computed, held against each other before anything is timed."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from .workloads import Workload

Numbers = dict[str, np.ndarray]


def read_outputs(path: Path) -> Numbers:
    with np.load(path) as outputs:
        return dict(outputs)


def largest_error(found: Numbers, exact: Numbers) -> float:
    """The largest error of any output, relative to the largest number of that output."""
    return max(float(np.abs(found[name] - exact[name]).max() / np.abs(exact[name]).max()) for name in exact)


def compare_outputs(row: Workload, found: Numbers, expected: Numbers) -> str:
    """What is different between a library's numbers and pydl's; "" when nothing is, within the row's tolerance.

    Of random numbers only the shapes are compared."""
    if found.keys() != expected.keys():
        return f"gives {', '.join(sorted(found))} where pydl gives {', '.join(sorted(expected))}"
    for name, wanted in expected.items():
        if found[name].shape != wanted.shape:
            return f"{name} has shape {found[name].shape} where pydl's has {wanted.shape}"
        if row.random:
            continue
        difference = np.abs(found[name] - wanted).max(initial=0.0)
        allowed = row.tolerance * np.abs(wanted).max(initial=0.0)
        if not difference <= allowed:  # also true for NaN
            return f"{name} differs from pydl's by {difference:.3g}, and {allowed:.3g} is allowed"
    return ""
