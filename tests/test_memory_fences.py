"""Kernels read and write nothing beyond their arrays: here no process may touch what lies beside them."""

from __future__ import annotations

import ctypes
import mmap
import sys

import numpy as np
import pytest
from checks import MOST_EXAMPLES

from pydl import _native
from pydl.check import DTYPES, Draw
from pydl.nn import functional as F
from pydl.op import KERNELS, native_isa
from pydl.recording.fusion import byte_bounds

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="asks Linux for forbidden memory")
FORBIDDEN = 0  # PROT_NONE


def fenced(array, behind):
    """A copy in the same layout that ends where forbidden memory begins, or begins where it ends."""
    low, high = byte_bounds(array)
    page, pages = mmap.PAGESIZE, -((high - low) // -mmap.PAGESIZE)
    memory = mmap.mmap(-1, (pages + 2) * page)
    start = ctypes.addressof(ctypes.c_char.from_buffer(memory))
    for fence in (start, start + (pages + 1) * page):
        assert ctypes.CDLL(None).mprotect(ctypes.c_void_p(fence), ctypes.c_size_t(page), FORBIDDEN) == 0
    offset = page + (pages * page - (high - low) if behind else 0)
    ctypes.memmove(start + offset, low, high - low)
    return np.ndarray(array.shape, array.dtype, memory, offset + array.ctypes.data - low, array.strides)


def fence(argument, behind):
    """The argument of a kernel with fences around its arrays."""
    if isinstance(argument, list):
        return [fence(each, behind) for each in argument]
    return fenced(argument, behind) if isinstance(argument, np.ndarray) and argument.size > 0 else argument


@pytest.mark.parametrize("behind", [True, False], ids=["behind", "before"])
@pytest.mark.parametrize("kernel", KERNELS.values(), ids=lambda kernel: kernel.name)
def test_kernels_stay_inside(kernel, behind):
    rng = np.random.default_rng(0)
    for _ in range(min(10, MOST_EXAMPLES)):
        for dtype in DTYPES:
            arguments = kernel.sample(Draw(dtype, rng))
            for isa in _native.isas:
                with native_isa(isa):
                    kernel.native(*[fence(arguments[name], behind) for name in kernel.arguments])


@pytest.mark.parametrize("length", [*range(100, 132, 3), 139])
def test_reversed_images_are_read_in_place(length):
    rng = np.random.default_rng(0)
    for dtype in DTYPES:
        x = fenced(rng.standard_normal((1, 31, length)).astype(dtype), behind=True)[::-1, ::-1, ::-1]
        w = rng.standard_normal((34, 31, 1)).astype(dtype)
        for isa in _native.isas:
            with native_isa(isa):
                np.testing.assert_array_equal(F.conv1d(x, w, padding=1), F.conv1d(x.copy(), w, padding=1))
                F.conv_transpose1d(x, w.swapaxes(0, 1).copy(), padding=1)
