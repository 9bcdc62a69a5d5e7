"""Holds every native kernel against its pure-Python reference: `pydl check`, and the tests.

A kernel's `samples` function describes its valid arguments once, in terms of a *draw*:

    @relu_forward.samples
    def _(draw):
        x = draw.array(draw.shape())
        return {"x": x, "y": draw.out(x.shape)}

Here a draw is made from random numbers; the tests make one from hypothesis, which searches for the smallest
arguments that fail.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from . import optim as _optim  # noqa: F401  its kernels belong to the table
from .arguments import Array
from .op import KERNELS, Kernel

DTYPES = (np.float32, np.float64)

# Allowed difference, relative to the scale (the largest finite magnitude) of the result.
TOLERANCE = {np.dtype(np.float32): 1e-5, np.dtype(np.float64): 1e-12}


class Draw:
    """Draws arguments. `integer` and `bits` are the two sources; the rest is made of them."""

    def __init__(self, dtype: Any, rng: np.random.Generator) -> None:
        self.dtype = np.dtype(dtype)
        self._rng = rng

    def integer(self, low: int, high: int) -> int:
        """An integer from low to high, both included."""
        return int(self._rng.integers(low, high + 1))

    def bits(self) -> int:
        """A seed for the contents of an array."""
        return int(self._rng.integers(2**32))

    def choice(self, *options: Any) -> Any:
        """One of the options."""
        return options[self.integer(0, len(options) - 1)]

    def shape(self, rank: int | None = None, low: int = 0, high: int = 9) -> tuple[int, ...]:
        """A shape of up to four dimensions."""
        return tuple(self.integer(low, high) for _ in range(self.integer(0, 4) if rank is None else rank))

    def array(
        self, shape: tuple[int, ...], low: float | None = None, high: float | None = None, finite: bool = False
    ) -> Array:
        """Numbers from N(0, 1), or evenly from [low, high), in an array that may be strided or reversed.

        One array in four of N(0, 1) holds NaN, infinities, zeros and denormals as well, unless it has to be finite.
        """
        rng = np.random.default_rng(self.bits())
        layout = self.choice("contiguous", "contiguous", "strided", "reversed", "transposed")
        if low is None:
            values = rng.standard_normal(shape).astype(self.dtype)
            if not finite and self.integer(0, 3) == 3:
                add_special(values, rng)
        else:
            values = rng.uniform(low, high if high is not None else low + 1, shape).astype(self.dtype)
        return lay_out(values, layout)

    def broadcast_pair(
        self, low: float | None = None, high: float | None = None
    ) -> tuple[Array, Array, tuple[int, ...]]:
        """Two arrays whose shapes broadcast together, and the common shape."""
        full = self.shape(high=7)
        shapes = [tuple(self.choice(size, size, 1) for size in full)[self.integer(0, len(full)) :] for _ in "ab"]
        a, b = (self.array(self.choice(full, shape), low, high) for shape in shapes)
        return a, b, np.broadcast_shapes(a.shape, b.shape)

    def special(self, shape: tuple[int, ...]) -> Array:
        """N(0, 1) with some NaN, infinities, zeros and denormals among them, always."""
        values = self.array(shape, finite=True)
        add_special(values, np.random.default_rng(self.bits()))
        return values

    def integers(self, shape: tuple[int, ...], low: int, high: int) -> Array:
        """int64 numbers from low to high, both included: labels or indices."""
        return np.random.default_rng(self.bits()).integers(low, high + 1, shape)

    def out(self, shape: tuple[int, ...], dtype: Any = None) -> Array:
        """An array to be written, full of NaN (or a telltale integer), so that a forgotten element shows."""
        dtype = np.dtype(dtype or self.dtype)
        return np.full(shape, np.nan if dtype.kind == "f" else 77, dtype)


def add_special(values: Array, rng: np.random.Generator) -> None:
    """Replaces a tenth of the elements by numbers that kernels get wrong first."""
    tiny = np.finfo(values.dtype).tiny
    odd = np.array([np.nan, np.inf, -np.inf, 0.0, -0.0, tiny / 4, -tiny], values.dtype)
    where = np.asarray(rng.random(values.shape) < 0.1)
    values[where] = rng.choice(odd, int(where.sum()))


def lay_out(values: Array, layout: str) -> Array:
    """The same values in another memory layout."""
    if values.ndim == 0 or layout == "contiguous":
        return values
    if layout == "strided":
        wide = np.full((*values.shape[:-1], 2 * values.shape[-1]), np.nan, values.dtype)
        wide[..., ::2] = values
        return wide[..., ::2]
    if layout == "reversed":
        return np.ascontiguousarray(values[::-1, ...])[::-1, ...]
    return np.ascontiguousarray(values.T).T


@dataclass
class Comparison:
    """How far a native kernel is from its reference on one set of arguments."""

    argument: str
    error: float  # relative to the scale of the result; infinite where NaN, infinities or integers differ
    index: tuple[int, ...]
    native: Any
    reference: Any


def flush(values: Array) -> Array:
    """Denormal numbers as zero: kernels for float32 take them for it, references do not."""
    return np.where(np.abs(values) < np.finfo(values.dtype).tiny, 0, values) if values.dtype.kind == "f" else values


def compare(argument: str, native: Array, reference: Array) -> Comparison:
    """The largest difference between two results."""
    if native.size == 0:
        return Comparison(argument, 0.0, (), None, None)
    if native.dtype.kind != "f":
        error = np.where(native != reference, np.inf, 0.0)
    else:
        got, want = flush(native).astype(np.float64), flush(reference).astype(np.float64)
        finite = np.isfinite(want) & np.isfinite(got)
        scale = max(float(np.abs(want[finite]).max(initial=0.0)), float(np.finfo(native.dtype).tiny))
        same = (got == want) | (np.isnan(got) & np.isnan(want))
        with np.errstate(invalid="ignore", over="ignore"):
            error = np.where(same, 0.0, np.where(finite, np.abs(got - want) / scale, np.inf))
    worst = np.unravel_index(int(np.argmax(error)), error.shape)
    index = tuple(int(i) for i in worst)
    return Comparison(argument, float(error[worst]), index, native[worst], reference[worst])


def run_on_copies(run: Callable[..., None], kernel: Kernel, arguments: dict[str, Any]) -> dict[str, Any]:
    """What `run`, one of the kernel's two implementations, writes; the arguments themselves stay as they are."""
    own = {name: _copy(value) if name in kernel.writes else value for name, value in arguments.items()}
    run(*(own[name] for name in kernel.arguments))
    return {name: own[name] for name in kernel.writes}


def compare_all(native: dict[str, Any], reference: dict[str, Any]) -> list[Comparison]:
    """Compares two outcomes of run_on_copies, array by array."""
    comparisons = []
    for name, got in native.items():
        if got is not None:
            pairs = zip(got, reference[name], strict=True) if isinstance(got, list) else [(got, reference[name])]
            comparisons += [compare(name, a, b) for a, b in pairs]
    return comparisons


def run_both(kernel: Kernel, arguments: dict[str, Any]) -> list[Comparison]:
    """Runs the native kernel and the reference on copies of the arguments and compares all that they wrote."""
    if kernel.native is None:
        raise RuntimeError(f"run_both: {kernel.name} has no native kernel")
    return compare_all(run_on_copies(kernel.native, kernel, arguments), run_reference(kernel, arguments))


def run_reference(kernel: Kernel, arguments: dict[str, Any]) -> dict[str, Any]:
    """What the reference writes, given the numbers as a kernel sees them."""
    seen = {name: _as_seen(value) for name, value in arguments.items()}
    return run_on_copies(kernel.run_reference, kernel, seen)


def _as_seen(value: Any) -> Any:
    if isinstance(value, list):
        return [_as_seen(each) for each in value]
    return flush(value) if isinstance(value, np.ndarray) and value.dtype == np.float32 else value


def _copy(value: Any) -> Any:
    return [each.copy() for each in value] if isinstance(value, list) else None if value is None else value.copy("K")


def limit(kernel: Kernel, dtype: Any) -> float:
    """The largest allowed error of a kernel."""
    return TOLERANCE[np.dtype(dtype)] * kernel.tolerance


@dataclass
class Row:
    """One line of the table that `pydl check` prints."""

    kernel: str
    dtype: str
    cases: int
    error: float
    allowed: float
    note: str = ""

    @property
    def equal(self) -> bool:
        return not self.note and self.error <= self.allowed


def check_all(cases: int = 20, seed: int = 0, names: list[str] | None = None) -> Iterator[Row]:
    """Compares every kernel with its reference on `cases` random sets of arguments in each dtype."""
    for name in sorted(names or KERNELS):
        kernel = KERNELS[name]
        for dtype in DTYPES:
            row = Row(name, np.dtype(dtype).name, 0, 0.0, limit(kernel, dtype))
            if kernel.native is None or kernel.sample is None:
                row.note = "has no native kernel" if kernel.native is None else "describes no samples"
                yield row
                continue
            rng = np.random.default_rng([seed, DTYPES.index(dtype), *name.encode()])
            for _ in range(cases):
                for comparison in run_both(kernel, kernel.sample(Draw(dtype, rng))):
                    row.error = max(row.error, comparison.error)
                row.cases += 1
            yield row
