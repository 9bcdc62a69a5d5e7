"""What a benchmark is: a kernel, shapes, and how much work each shape is. The bench_*.py files hold nothing else.

pytest benchmarks/ --benchmark-only                 all of them
pytest benchmarks/ --benchmark-only -k conv2d       one operation
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from pydl.op import Kernel, empty

_rng = np.random.default_rng(0)


@dataclass
class Bench:
    """One kernel to be timed as native code, as the pure-Python reference and as plain numpy.

    shapes     argument tuples for `arguments`; the native kernel and numpy run on all of them
    small      one such tuple for the reference, which needs a microsecond for every multiplication
    arguments  shape -> the kernel's arguments
    flops      shape -> additions and multiplications, or None where memory is the limit
    bytes      shape -> bytes that have to be read and written at least
    numpy      the same computation in numpy, called with the kernel's arguments
    """

    kernel: Kernel
    shapes: Sequence[tuple[int, ...]]
    small: tuple[int, ...]
    arguments: Callable[..., tuple[Any, ...]]
    numpy: Callable[..., Any]
    flops: Callable[..., int] | None = None
    bytes: Callable[..., int] | None = None


def randn(*shape: int, dtype: Any = np.float32) -> np.ndarray:
    """Random numbers in memory that is laid out like the library's own results."""
    array = empty(shape, np.dtype(dtype))
    array[...] = _rng.standard_normal(shape)
    return array


def out(*shape: int, dtype: Any = np.float32) -> np.ndarray:
    """An array to be written, its pages touched."""
    array = empty(shape, np.dtype(dtype))
    array[...] = 0
    return array
