"""Calls of native kernels with damaged arguments: run as a program, because what it looks for may end the process.

    python tests/hostile.py EXAMPLES [--seed N] [--record FILE] [--memory GIB] [KERNEL ...]

Arguments are drawn as `pydl check` draws them, then one or two are damaged: another shape, dtype, layout or rank,
numbers that overflow, indices out of range, read-only or foreign memory, no array at all. The kernel has to return or
to raise one of REFUSALS, within a few seconds, without a write beside its arrays. FILE always holds the kernel and
the example that is running, so that whoever starts this program knows what ended it. Most is found by a build with
PYDL_SANITIZE=address,undefined.
"""

import argparse
import collections
import contextlib
import faulthandler
import os
import resource
import signal
import sys

import numpy as np
from numpy.lib.stride_tricks import as_strided

import pydl
import pydl.bench.machine  # defines two kernels
from pydl.check import DTYPES, Draw
from pydl.op import KERNELS

REFUSALS = (ValueError, TypeError, OverflowError, MemoryError)
SECONDS = 30  # for one call, on a busy machine
GUARD = 64  # elements around an array that must keep their value

INTEGERS = [
    0,
    -1,
    1,
    2,
    3,
    7,
    300,
    2**31 - 1,
    2**31,
    2**32 + 1,
    2**48,
    2**62,
    -(2**62),
    2**63 - 1,
    -(2**63),
    2**63,
    2**100,
]
NO_INTEGERS = [None, 1.5, float("nan"), "1", (1,), np.float32(2), np.int64(2), np.uint8(1), True, np.bool_(True), [1]]
NUMBERS = [
    0.0,
    -1.0,
    1.0,
    1e-300,
    1e308,
    float("nan"),
    float("inf"),
    -float("inf"),
    2**2000,
    None,
    "x",
    np.float32(3),
    1j,
]
INDICES = [-1, -2, 2, 7, 100, 2**31, 2**62, -(2**62), 2**63 - 1, -(2**63)]
OTHER_DTYPES = [
    "f2",
    "f4",
    "f8",
    "g",
    "c8",
    "i4",
    "i8",
    "u8",
    "u1",
    "?",
    "O",
    "M8[s]",
    "S4",
    [("a", "f4")],
    ">f4",
    ">f8",
    ">i8",
]

# How often the work is repeated is no size; no number of repetitions is wrong.
REPETITIONS = {"rounds"}


class Array(np.ndarray):
    """A subclass: arrays that people bring along often are."""


class Hostile:
    """Damages arguments; everything it does follows from rng."""

    def __init__(self, rng):
        self.rng = rng
        self.fences = []

    def one(self, options):
        return options[int(self.rng.integers(len(options)))]

    def damage(self, value, others):
        if isinstance(value, np.ndarray):
            return self.array(value, others)
        if isinstance(value, list):
            return self.list(value, others)
        if isinstance(value, tuple):
            return self.tuple(value)
        if isinstance(value, bool | int | np.integer):
            return self.one(self.one([INTEGERS, INTEGERS, NO_INTEGERS]))
        if isinstance(value, float):
            return self.one(NUMBERS)
        return self.one([None, 0, np.zeros(3), np.zeros((2, 2), np.float32), others[0]])

    def tuple(self, value):
        way = self.one(["item", "item", "item", "shorter", "longer", "list", "number"])
        if way == "item":
            k = int(self.rng.integers(len(value)))
            return (*value[:k], self.one(self.one([INTEGERS, INTEGERS, NO_INTEGERS])), *value[k + 1 :])
        return {"shorter": value[1:], "longer": (*value, 1), "list": list(value), "number": value[0]}[way]

    def list(self, value, others):
        way = self.one(
            ["item", "item", "shorter", "longer", "empty", "reversed", "repeated", "tuple", "none", "strings"]
        )
        if way == "item" and value:
            k = int(self.rng.integers(len(value)))
            return [*value[:k], self.array(value[k], others), *value[k + 1 :]]
        whole = {
            "shorter": value[1:],
            "longer": [*value, np.zeros(3, np.float32)],
            "empty": [],
            "reversed": value[::-1],
        }
        whole |= {"repeated": value * 3, "tuple": tuple(value), "none": None, "strings": ["a"] * len(value)}
        return whole.get(way, value)

    def array(self, x, others):
        return self.one([self.resized, self.resized, self.rearranged, self.retyped, self.laid_out, self.laid_out,
                         self.refilled, self.replaced])(x, others)  # fmt: skip

    def resized(self, x, _):
        """Another shape of the same rank."""
        if x.ndim == 0:
            return np.resize(x, (int(self.rng.integers(3)),))
        shape, d = list(x.shape), int(self.rng.integers(x.ndim))
        way = self.one(["more", "less", "zero", "one", "many", "huge and empty", "huge", "swapped"])
        if way == "swapped":
            e = int(self.rng.integers(x.ndim))
            shape[d], shape[e] = shape[e], shape[d]
        elif way == "huge and empty":
            shape = [0] * x.ndim
            shape[d] = self.one([2**20, 2**40, 2**47, 2**58])
            return np.empty(shape, x.dtype) if x.ndim > 1 else x[:0]
        elif way in ("many", "huge"):  # one element, seen again and again
            shape[d] = 5000 if way == "many" else 2**50
            return as_strided(np.resize(x, 1), shape, (0,) * x.ndim)
        else:
            shape[d] = {"more": shape[d] + 1, "less": max(0, shape[d] - 1), "zero": 0, "one": 1}[way]
        return np.resize(x, shape).astype(x.dtype)

    def rearranged(self, x, _):
        """Another rank, or the dimensions in another order."""
        way = self.one(["transposed", "flat", "none", "one more", "one more behind", "nine", "scalar", "first"])
        if way == "first" and len(x) if x.ndim else False:
            return x[0]
        if way == "nine":
            return x.reshape(x.shape + (1,) * (9 - x.ndim))
        return {
            "transposed": x.T,
            "flat": x.ravel(),
            "none": x.sum(),
            "one more": x[None],
            "scalar": x.dtype.type(1),
        }.get(way, x[..., None])

    def retyped(self, x, _):
        with np.errstate(all="ignore"):
            dtype = np.dtype(self.one(OTHER_DTYPES))
            return np.zeros(x.shape, dtype) if dtype.kind in "MV" else x.astype(dtype)

    def laid_out(self, x, _):
        """The same numbers elsewhere."""
        way = self.one(
            ["read-only", "misaligned", "foreign", "part", "repeated", "strided", "reversed", "column", "odd"]
        )
        if way == "read-only":
            copy = x.copy()
            copy.flags.writeable = False
            return copy
        if way == "misaligned":
            copy = np.zeros(x.nbytes + 1, np.uint8)[1:].view(x.dtype).reshape(x.shape)
        elif way == "foreign":
            return x.astype(x.dtype.newbyteorder())
        elif way == "part":  # strides that are no whole number of elements
            copy = np.zeros(x.shape, np.dtype({"names": ["a"], "formats": [x.dtype], "itemsize": x.itemsize + 2}))["a"]
        elif way == "repeated":
            return as_strided(np.resize(x, 1).astype(x.dtype), x.shape, (0,) * x.ndim)
        elif way == "strided":
            copy = np.zeros((*x.shape, 3), x.dtype)[..., 1]
        elif way == "reversed":
            copy = np.asarray(np.flip(np.zeros(x.shape, x.dtype)))
        elif way == "column":
            copy = np.zeros(x.shape, x.dtype, order="F")
        else:  # strides of dimensions that have none
            strides = [
                s if n > 1 else self.one([2**62, -(2**62), 2**40 * 8]) for n, s in zip(x.shape, x.strides, strict=True)
            ]
            return as_strided(x, x.shape, strides) if x.size < 2 or all(s % x.itemsize == 0 for s in strides) else x
        copy[...] = x
        return copy

    def refilled(self, x, _):
        """Numbers that are no index, or no number."""
        copy = x.copy()
        if copy.size:
            index = np.unravel_index(int(self.rng.integers(copy.size)), copy.shape)
            if copy.dtype.kind == "i":
                copy[index] = self.one(INDICES)
            elif copy.dtype.kind == "f":
                copy[index] = self.one(
                    [np.nan, np.inf, -np.inf, 0.0, np.finfo(copy.dtype).max, np.finfo(copy.dtype).tiny]
                )
            else:
                copy[...] = self.rng.integers(0, 256, copy.shape)
        return copy

    def replaced(self, x, others):
        """No array, or one that is already an argument."""
        other = self.one(others)
        if isinstance(other, np.ndarray) and other.flags.c_contiguous and other.itemsize == x.itemsize:
            other = other.view(x.dtype)
        return self.one([None, other, other, other, x.tolist(), 1.5, "array", object(), x.view(Array), x.size, {}])

    def fence(self, value):
        """A copy of an array between elements that nobody may change."""
        if isinstance(value, list):
            return [self.fence(each) for each in value]
        if not isinstance(value, np.ndarray) or not value.flags.c_contiguous or value.dtype.kind not in "fiu":
            return value
        buffer = np.full(value.size + 2 * GUARD, 77, value.dtype)
        copy = buffer[GUARD : GUARD + value.size].reshape(value.shape)
        copy[...] = value
        self.fences.append(buffer)
        return copy

    def check_fences(self):
        for buffer in self.fences:
            if (buffer[:GUARD] != 77).any() or (buffer[-GUARD:] != 77).any():
                raise SystemExit("an element beside an array was written")


def damaged_arguments(kernel, seed):
    """Example `seed` of a kernel: its arguments and the fences around them."""
    rng = np.random.default_rng([seed, *kernel.name.encode()])
    hostile = Hostile(rng)
    arguments = kernel.sample(Draw(DTYPES[seed % 2], rng))
    if rng.random() < 0.5:
        arguments = {name: hostile.fence(value) for name, value in arguments.items()}
    names = [name for name in kernel.arguments if name not in REPETITIONS]
    for name in rng.permutation(names)[: 1 + seed % 2]:
        others = [value for value in arguments.values() if isinstance(value, np.ndarray)] or [np.zeros(3)]
        with contextlib.suppress(*REFUSALS):  # what numpy itself refuses to make is no argument
            arguments[name] = hostile.damage(arguments[name], others)
    return [arguments[name] for name in kernel.arguments], hostile


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("examples", type=int)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--record", default=os.devnull)
    parser.add_argument("--memory", type=float, default=0.0, help="GiB of address space; 0 for no limit")
    parser.add_argument("kernels", nargs="*")
    options = parser.parse_args()
    faulthandler.enable()
    if options.memory:
        resource.setrlimit(resource.RLIMIT_AS, (int(options.memory * 2**30),) * 2)
    record = os.open(options.record, os.O_WRONLY | os.O_CREAT, 0o600)
    outcomes = collections.Counter()
    for name in options.kernels or sorted(KERNELS):
        kernel = KERNELS[name]
        for seed in range(options.seed, options.seed + options.examples):
            os.pwrite(record, f"{name}, example {seed}".ljust(80).encode(), 0)
            arguments, hostile = damaged_arguments(kernel, seed)
            pydl.set_num_threads(1 + seed % 3)
            signal.alarm(SECONDS)
            try:
                kernel.native(*arguments)
                outcomes["returned"] += 1
            except REFUSALS as error:
                outcomes[type(error).__name__] += 1
                if not str(error) and not isinstance(error, MemoryError):
                    raise SystemExit("an error without a message") from None
            signal.alarm(0)
            hostile.check_fences()
    os.pwrite(record, b"done".ljust(80), 0)
    print(dict(outcomes))


if __name__ == "__main__":
    sys.exit(main())
