"""Stand-ins for the large arrays of a computation whose kernel calls are noted: see replay.py.

    conv2d      writes a, 8 MB              noted: conv2d writes a', relu reads a' and writes b'
    relu        reads a, writes b           a is freed here, as it would be if nobody watched

What is asked of noted arrays is where they lie, not what is in them: which call reads what another one wrote, and which
arrays may share memory. So a large array that a call fills is noted as one of the same size in memory of its own that
nothing writes to, for which the system has no pages to give. Were the arrays themselves kept, recording would take
several times the memory of what is recorded.
"""

from __future__ import annotations

import mmap
import weakref
from collections.abc import Callable
from typing import Any

import numpy as np

from ..arguments import Array
from .element_blocks import owner
from .fusion import Call
from .shared_memory import is_written_first, moved

LARGE = 64 * 1024  # bytes


class StandIns:
    """Those of one computation."""

    def __init__(self) -> None:
        # What stands for an array, by its id; the array itself if its numbers come from elsewhere.
        self._known: dict[int, tuple[Any, Array]] = {}
        self._all: list[tuple[Any, Array]] = []

    def noted(self, call: Call) -> Call:
        """The call with stand-ins for its large arrays."""
        return _with(call, lambda each: self._noted(each, call))

    def _noted(self, argument: Any, call: Call) -> Any:
        if not isinstance(argument, np.ndarray) or (whole := owner(argument)).nbytes < LARGE:
            return argument
        reference, twin = self._known.get(id(whole), (None, whole))
        if reference is None or reference() is not whole:  # another one had this id before
            reference, twin = weakref.ref(whole), whole
            if whole.flags.c_contiguous and is_written_first(argument, call):
                twin = np.frombuffer(mmap.mmap(-1, whole.nbytes, access=mmap.ACCESS_COPY), np.uint8)
                self._all.append((reference, twin))
            self._known[id(whole)] = reference, twin
        return argument if twin is whole else moved(argument, {whole.ctypes.data: twin})

    def dismissed(self, calls: list[Call]) -> list[Call]:
        """The calls with the arrays themselves, as far as they are still there: results, gradients, buffers."""
        there = {twin.ctypes.data: whole for reference, twin in self._all if (whole := reference()) is not None}
        return [_with(call, lambda each: moved(each, there)) for call in calls]


def _with(call: Call, twin_of: Callable[[Any], Any]) -> Call:
    """The call on other arrays, also those in lists."""
    kernel, given = call
    return kernel, tuple([[twin_of(one) for one in x] if isinstance(x, list) else twin_of(x) for x in given])
