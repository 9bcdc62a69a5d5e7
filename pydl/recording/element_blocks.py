"""Blocks of elements, for a chain of element-by-element calls that are to be replayed: see recorded_function.py.

Call by call, each number goes through the caches and back once for every call. Block by block, a few thousand numbers
go through all calls of the chain while they are in the first-level cache, and only what others will read is written
to memory. Every element is computed as before, so the bits are the same:

    for each block of x     (in parallel)
        a = x * 2           a, b and c in a few kilobytes that belong to the thread
        b = a + 1
        c = x - 3
        block of y = b * c
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from .._native import get_num_threads
from ..arguments import Array
from ..op import KERNELS, empty
from .element_chain import COPY, chain_call, flat
from .element_chain import OPERATIONS as FORMULAS
from .element_chain import address as address
from .element_chain import owner as owner
from .fusion import Call, written

# Kernels of these operations compute each element by itself and write one array, which may be one they read.
OPERATIONS = frozenset(
    [
        "abs",
        "add",
        "clamp",
        "clone",
        "div",
        "elu",
        "exp",
        "gelu",
        "hardtanh",
        "leaky_relu",
        "log",
        "maximum",
        "minimum",
        "mish",
        "mul",
        "neg",
        "pow",
        "relu",
        "sigmoid",
        "silu",
        "softplus",
        "sqrt",
        "square",
        "sub",
        "tanh",
        "where",
    ]
)
# What the largest call reads and writes of a block. And of the whole arrays, for blocks to be worth their calls.
BLOCK_BYTES = 20 * 1024
LEAST_BYTES = 128 * 1024


def is_by_element(call: Call) -> bool:
    """Whether the call may be made for any block of elements by itself."""
    return call[0].__name__.partition("_forward")[0].partition("_backward")[0] in OPERATIONS


def layout(array: Array) -> tuple[tuple[int, int], ...] | None:
    """How an array without gaps lies in memory: () for row by row, else sizes and strides; None if it has gaps."""
    if array.flags.c_contiguous:
        return ()
    dims = tuple((n, stride // array.itemsize) for n, stride in zip(array.shape, array.strides, strict=True) if n > 1)
    expected = 1
    for n, stride in sorted(dims, key=lambda dim: dim[1]):
        if stride != expected:
            return None
        expected *= n
    return dims


def _one_number(argument: object) -> object:
    """The argument; what is the same number for all elements without its shape."""
    if isinstance(argument, np.ndarray) and argument.size > 1 and not any(argument.strides):
        return argument[(slice(1),) * argument.ndim].reshape(())
    return argument


@dataclass
class Group:
    """Calls that are made `count` times, by as many threads as there are slots.

    slots   the calls of each thread
    steps   (call, argument): bytes from one time to the next, of arguments in arrays that hold the whole
    """

    count: int
    slots: list[list[Call]]
    steps: dict[tuple[int, int], int] = field(default_factory=dict)


@dataclass
class Chain:
    """Calls one after another that may be made block by block: no array has gaps, and all lie in one way.

    size      of all arrays but single numbers
    order     how they lie: see layout()
    written   addresses of arrays that calls write, all of them
    parts     addresses of arrays of which calls read a part
    """

    size: int = 0
    order: tuple[tuple[int, int], ...] = ()
    calls: list[Call] = field(default_factory=list)
    written: set[int] = field(default_factory=set)
    parts: set[int] = field(default_factory=set)

    def take(self, call: Call) -> bool:
        """Adds the call, if it may be made block by block with those before it."""
        if not is_by_element(call):
            return False
        call = call[0], tuple([_one_number(each) for each in call[1]])
        (y,) = written(call)
        arrays = [each for each in call[1] if isinstance(each, np.ndarray)]
        parts = {address(each) for each in arrays if each.nbytes != owner(each).nbytes}
        order = layout(y)
        if (
            order is None
            or any(each.size != 1 and (each.size != y.size or layout(each) != order) for each in arrays)
            or any(layout(owner(each)) is None for each in arrays)
            or (self.calls and (y.size, order) != (self.size, self.order))
            or address(y) in parts | self.parts
            or parts & self.written
        ):
            return False
        self.size, self.order = y.size, order
        self.calls.append(call)
        self.written.add(address(y))
        self.parts |= parts
        return True

    def bytes(self) -> int:
        """What the largest call reads and writes."""
        return max(sum(each.nbytes for each in call[1] if isinstance(each, np.ndarray)) for call in self.calls)

    def pays(self) -> bool:
        """Whether blocks bring more than they cost."""
        return len(self.calls) > 1 and (
            self.bytes() >= LEAST_BYTES or all(call[0].__name__ in (*FORMULAS, COPY) for call in self.calls)
        )

    def groups(self, shared: set[int]) -> list[Group]:
        """The blocks, and what is left. shared: addresses of arrays that others see."""
        arrays = (each for _, arguments in self.calls for each in arguments if isinstance(each, np.ndarray))
        kept = shared | {address(each) for each in arrays} - self.written
        call = chain_call(self.calls, shared)
        if call is not None:
            return [Group(1, [[call]])]
        lines = BLOCK_BYTES * self.size // (64 * self.bytes())
        n = min(max(64 * lines, 64), self.size)
        count = self.size // n
        blocks = Group(count, [self._slot(0, n, kept) for _ in range(get_num_threads())])
        for c, (_, arguments) in enumerate(self.calls):
            for i, each in enumerate(arguments):
                if isinstance(each, np.ndarray) and each.size == self.size and address(each) in kept:
                    blocks.steps[c, i] = n * each.itemsize
        left = self.size - count * n
        return [blocks, Group(1, [self._slot(count * n, left, kept)])] if left > 0 else [blocks]

    def _slot(self, first: int, n: int, kept: set[int]) -> list[Call]:
        """The calls for n elements from `first` on. What is only between them takes turns in the same memory."""
        last = {address(each): c for c, (_, a) in enumerate(self.calls) for each in a if isinstance(each, np.ndarray)}
        memory: dict[int, Array] = {}
        free: dict[np.dtype[Any], list[Array]] = {}
        slot: list[Call] = []
        for c, (kernel, arguments) in enumerate(self.calls):
            mine: list[object] = list(arguments)
            # What is written comes last, when what is read for the last time is free.
            for i in sorted(range(len(mine)), key=lambda i: kernel.arguments[i] in KERNELS[kernel.__name__].writes):
                each = mine[i]
                if not isinstance(each, np.ndarray):
                    continue
                key = address(each)
                if each.size != self.size:
                    mine[i] = each.reshape(())
                elif key in kept:
                    mine[i] = flat(each)[first : first + n]
                else:
                    unused = free.setdefault(each.dtype, [])
                    if key not in memory:
                        memory[key] = unused.pop() if unused else empty((n,), each.dtype)
                    mine[i] = memory[key]
                    if last[key] == c and all(memory[key] is not one for one in unused):
                        unused.append(memory[key])
            slot.append((kernel, tuple(mine)))
        return slot
