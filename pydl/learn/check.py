"""Compares what a learner wrote with the answer: the first wrong number, what it should be, and if a usual mistake
gives the same, which; for a backward pass, the central difference that shows who is right; and in the end the time.
"""

from __future__ import annotations

import time
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ..arguments import Array
from ..op import use_backend
from .exercise import EXERCISES, Case, Exercise, as_arrays

RTOL, ATOL = 1e-6, 1e-9
SLOPES = 12  # numbers of a gradient that are held against central differences
BUDGET = 0.2  # seconds to time one function for


@dataclass(frozen=True)
class Verdict:
    """What came of checking one function: whether it is right, and the lines that say so."""

    name: str
    right: bool
    lines: tuple[str, ...]


class WrongError(Exception):
    """A solution is wrong; the message says where and how."""


def check_file(path: str | Path) -> list[Verdict]:
    """Checks every function of a file that bears the name of an exercise.

    Errors: ValueError if there is none, or if the file itself does not run.
    """
    path = Path(path)
    source = path.read_text(encoding="utf-8")
    namespace: dict[str, Any] = {"__name__": path.stem, "__file__": str(path)}
    try:
        exec(compile(source, str(path), "exec"), namespace)
    except Exception as error:
        raise ValueError(f"{path}: {_place(error, str(path))}") from None
    found = [name for name in EXERCISES if callable(namespace.get(name))]
    if not found:
        raise ValueError(f"{path}: has no function that is named like an exercise: {', '.join(EXERCISES)}")
    return [check_solution(EXERCISES[name], namespace[name], str(path)) for name in found]


def check_solution(exercise: Exercise, solution: Callable[..., Any], file: str = "") -> Verdict:
    """Tries a function on the exercise's cases, the simplest first, and stops at the first that is wrong."""
    cases = exercise.draw()
    try:
        for number, case in enumerate(cases, 1):
            where = f"case {number} of {len(cases)}, {_describe(case)}"
            # The last case, which is timed, is large: there the native kernel answers, which equals the reference.
            with use_backend("reference" if number < len(cases) else "native"):
                expected = exercise.answer(_copied(case))
            _compare(exercise, case, _call(exercise, solution, case, where, file), expected, where)
    except WrongError as error:
        return Verdict(exercise.name, False, tuple(str(error).splitlines()))
    lines = [f"right in all {len(cases)} cases"]
    if exercise.forward is not None:
        lines.append(_slopes(exercise, cases[-2]))
    return Verdict(exercise.name, True, (*lines, *_times(exercise, solution, cases)))


def _call(exercise: Exercise, solution: Callable[..., Any], case: Case, where: str, file: str) -> list[Array]:
    """What the solution returns, as arrays of numbers."""
    given = _copied(case)
    try:
        results = solution(**given)
    except NotImplementedError:
        raise WrongError("not written yet") from None
    except Exception as error:
        raise WrongError(f"{_place(error, file)}\nin {where}") from None
    names = ", ".join(exercise.results)
    if results is None:
        raise WrongError(f"returns None: `return {names}` is missing")
    for name, before in case.items():
        if not _same(before, given[name]):
            raise WrongError(f"changes its argument {name}: work on a copy, the caller still needs it\nin {where}")
    several = results if isinstance(results, tuple | list) else (results,)
    if len(several) != len(exercise.results):
        raise WrongError(f"returns {len(several)} results, needs {len(exercise.results)}: {names}")
    try:
        return [np.asarray(each, np.float64) for each in as_arrays(several)]
    except (TypeError, ValueError):
        raise WrongError(f"returns something that is no array of numbers; needs {names}\nin {where}") from None


def _compare(exercise: Exercise, case: Case, actual: list[Array], expected: list[Array], where: str) -> None:
    """Raises WrongError for the first wrong shape or number."""
    for name, mine, right in zip(exercise.results, actual, expected, strict=True):
        if mine.shape != right.shape:
            lines = [f"{name} has the shape {mine.shape}, needs {right.shape}", f"in {where}"]
            raise WrongError("\n".join([*lines, *_hints(exercise, case, actual)]))
        wrong = ~_close(mine, right)
        if wrong.any():
            index = tuple(int(i) for i in np.argwhere(wrong)[0])
            place = f"{name}[{', '.join(map(str, index))}]" if index else name
            lines = [f"{place} is {mine[index]:.8g}, expected {right[index]:.8g}"]
            if exercise.forward is not None and name[1:] in case:  # a bias is no argument
                lines.append(f"the central difference there is {exercise.slope(_copied(case), name, index):.8g}")
            lines.append(f"{wrong.sum()} of the {wrong.size} numbers of {name} are wrong")
            lines.append(f"in {where}")
            raise WrongError("\n".join([*lines, *(_hints(exercise, case, actual) or _factor(name, mine, right))]))


def _hints(exercise: Exercise, case: Case, actual: list[Array]) -> list[str]:
    """The usual mistakes that give the same numbers."""
    hints = []
    for hint, mistake in exercise.mistakes.items():
        wrong = as_arrays(mistake(**_copied(case)))
        if all(a.shape == b.shape and _close(a, b).all() for a, b in zip(actual, wrong, strict=True)):
            hints.append(f"These are the numbers of a usual mistake: {hint}.")
    return hints


def _factor(name: str, mine: Array, right: Array) -> list[str]:
    """What to say if all numbers are the same multiple of the right ones."""
    if right.size > 1 and np.all(right != 0):
        factor = float(mine.flat[0] / right.flat[0])
        if factor != 0 and _close(mine, factor * right).all():
            return [f"All of {name} is {factor:.6g} times what it should be."]
    return []


def _slopes(exercise: Exercise, case: Case) -> str:
    """Says how well the answer, which the solution equals, agrees with central differences."""
    worst, count = 0.0, 0
    for name, gradient in zip(exercise.results, exercise.answer(_copied(case)), strict=True):
        if name[1:] not in case:  # a bias, which the forward pass does without
            continue
        chosen = np.random.default_rng(1).permutation(gradient.size)[:SLOPES]
        for index in (tuple(int(i) for i in np.unravel_index(k, gradient.shape)) for k in chosen):
            error = abs(exercise.slope(_copied(case), name, index) - gradient[index])
            worst, count = max(worst, error / max(1.0, abs(gradient[index]))), count + 1
    return f"central differences of the forward pass agree at {count} places, to {worst:.0e}"


def _times(exercise: Exercise, solution: Callable[..., Any], cases: list[Case]) -> Iterator[str]:
    """How long the solution takes, beside the pure-Python reference and the native kernel."""
    case = cases[-1]
    mine = _seconds(lambda: solution(**case))
    yield f"time for {_describe(case)}:"
    yield f"    yours                  {_show(mine)}"
    for backend, label in (("reference", "pure-Python reference"), ("native", "native kernel")):
        with use_backend(backend):
            theirs = _seconds(lambda: exercise.answer(case))
        yield f"    {label:<21}  {_show(theirs)}, {_ratio(mine, theirs)} than yours"


def _ratio(mine: float, theirs: float) -> str:
    return f"{mine / theirs:.3g} times faster" if mine >= theirs else f"{theirs / mine:.3g} times slower"


def _seconds(call: Callable[[], Any]) -> float:
    """The shortest of some runs; a slow function runs once."""
    best, spent = np.inf, 0.0
    while not spent or spent < BUDGET:
        start = time.perf_counter()
        call()
        seconds = time.perf_counter() - start
        best, spent = min(best, seconds), spent + seconds
    return float(best)


def _show(seconds: float) -> str:
    unit, scale = next(
        (unit, scale) for unit, scale in (("s", 1), ("ms", 1e3), ("us", 1e6)) if seconds * scale >= 1 or unit == "us"
    )
    return f"{seconds * scale:8.3g} {unit}"


def _close(mine: Array, right: Array) -> Array:
    """Which numbers agree; the size of all counts, since small ones are differences of large ones."""
    finite = right[np.isfinite(right)]
    scale = float(np.abs(finite).max()) if finite.size else 0.0
    with np.errstate(invalid="ignore"):
        return np.asarray((np.abs(mine - right) <= ATOL + RTOL * scale) | (mine == right))


def _copied(case: Case) -> Case:
    """The same arguments, safe from being written into."""
    return {
        name: [each.copy() for each in value]
        if isinstance(value, list)
        else value.copy()
        if isinstance(value, np.ndarray)
        else value
        for name, value in case.items()
    }


def _same(before: Any, after: Any) -> bool:
    if isinstance(before, list):
        return len(before) == len(after) and all(map(np.array_equal, before, after))
    return bool(np.array_equal(before, after))


def _describe(case: Case) -> str:
    """The arguments: small ones by their values, the others by their shapes."""
    parts = []
    for name, value in case.items():
        if isinstance(value, list):
            parts.append(f"{len(value)} {name} {value[0].shape}")
        elif isinstance(value, np.ndarray):
            parts.append(
                f"{name} = {np.array2string(value, precision=4)}"
                if value.size <= 3 and value.ndim == 1
                else f"{name} {value.shape}"
            )
        else:
            parts.append(f"{name} {value}")
    return ", ".join(parts)


def _place(error: Exception, file: str) -> str:
    """An error of somebody else's code in one line, with the line of the file where it happened."""
    line = (
        error.lineno
        if isinstance(error, SyntaxError)
        else next(
            (frame.lineno for frame in reversed(traceback.extract_tb(error.__traceback__)) if frame.filename == file),
            None,
        )
    )
    where = f"line {line}: " if line else ""
    return f"{where}{type(error).__name__}: {error.msg if isinstance(error, SyntaxError) else error}"
