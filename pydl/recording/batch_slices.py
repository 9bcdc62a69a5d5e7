"""Slices of a batch, for a list of kernel calls that are to be replayed: see recorded_function.py.

Call by call, large arrays go through the memory between the caches and back, and all threads meet after every call.
Slice by slice, a few images or rows go through several calls while they are in the cache of one core, and threads meet
once. What comes out is the same, because these kernels treat every image by itself:

    for each slice     (in parallel)
        conv2d, relu, ..., max_pool2d       in memory that belongs to the thread
    linear, ...                             on the whole batch
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from .._native import get_num_threads
from ..arguments import Array
from ..op import KERNELS, empty
from .channels_last import ELEMENTWISE
from .element_blocks import Chain, Group, address, owner
from .fusion import Call, arrays_of, named

# Kernels that treat every image by itself, and their arguments whose first dimension is the batch. The sums of some
# depend on how many images there are, in their last bits.
IMAGE_BY_IMAGE = {
    "conv2d_channels_last": ("x", "add", "y"),
    "conv2d_channels_last_winograd": ("x", "add", "y"),
    "max_pool2d_channels_last": ("x", "y"),
    "clone_forward": ("x", "y"),
    "mean_forward": ("x", "y"),
}
# The same, where an argument may also be repeated for all images.
REPEATING = ELEMENTWISE | {
    f"{name}_forward"
    for name in ("abs", "clamp", "div", "exp", "log", "maximum", "minimum", "neg", "pow", "softplus", "sqrt", "square")
}
# What the largest call of a slice may read and write: near what the second-level cache of a core holds, while smaller
# slices use the weights less often. And what the largest call has to move without slices, for a chain to be worth them.
SLICE_BYTES = LEAST_BYTES = 1024 * 1024


def _is_aligned(array: Array) -> bool:
    """Whether a slice of the array is in the same slice of its owner."""
    whole = owner(array)
    row = whole.nbytes // max(array.shape[0], 1)
    return bool(
        whole.flags.c_contiguous
        and whole.shape[:1] == array.shape[:1]  # a single number's is ()
        and array.strides[0] == row
        and array.ctypes.data - whole.ctypes.data < row
    )


@dataclass
class Run:
    """Calls one after another that may be made slice by slice.

    positions   of each call's arguments that have slices
    """

    N: int = 0
    calls: list[Call] = field(default_factory=list)
    positions: list[list[int]] = field(default_factory=list)
    written: set[int] = field(default_factory=set)  # addresses of owners
    apart: set[int] = field(default_factory=set)  # of owners that were read across slices

    def take(self, call: Call, rounds: bool) -> bool:
        """Adds the call, if it may be made slice by slice with those before it."""
        name, given = call[0].__name__, named(call)
        names = IMAGE_BY_IMAGE.get(name) if rounds else None
        y = given.get("y")
        if (names is None and name not in REPEATING) or not isinstance(y, np.ndarray) or y.ndim == 0:
            return False
        found, addresses = [], set()
        for i, (key, each) in enumerate(given.items()):
            if not isinstance(each, np.ndarray) or (names is not None and key not in names):
                continue
            if each.ndim == y.ndim and each.shape[0] == len(y) and each.strides[0] > 0:
                if not owner(each).flags.c_contiguous:
                    return False
                found.append(i)
            elif names is not None or (each.ndim == y.ndim and each.shape[0] != 1):
                return False
            is_written = key in KERNELS[name].writes
            if i in found and _is_aligned(each):
                if is_written and address(each) in self.apart:
                    return False
            elif is_written or address(each) in self.written:
                return False
            else:
                addresses.add(address(each))
        if address(y) in addresses or (self.calls and len(y) != self.N):
            return False
        self.N = len(y)
        self.calls.append(call)
        self.positions.append(found)
        self.written.add(address(y))
        self.apart |= addresses
        return True

    def bytes(self) -> int:
        """What the largest call reads and writes of the whole batch."""
        pairs = zip(self.calls, self.positions, strict=True)
        return max(sum(int(call[1][i].nbytes) for i in found) for call, found in pairs)

    def pays(self) -> bool:
        """Whether slices bring more than they cost."""
        convolutions = sum(call[0].__name__.startswith("conv2d") for call in self.calls)
        return (
            self.N > 1  # none if there are no calls
            and get_num_threads() <= self.N
            and (convolutions > 0 or (len(self.calls) > 1 and self.bytes() >= LEAST_BYTES))
        )


def slice_size(N: int, bytes_of_image: int) -> int:
    """Images of a slice: as many as fit, but so that all threads have equally many slices and few images are left."""
    threads = get_num_threads()
    most = max(1, min(SLICE_BYTES // max(bytes_of_image, 1), N // threads))
    candidates = range(most, max(most // 2, most - 64, 0), -1)
    return min(candidates, key=lambda n: N - N // n // threads * threads * n)


def in_slices(calls: list[Call], shared: list[Array], frames: list[Array], rounds: bool) -> list[Group]:
    """All calls as groups.

    shared: arrays that others see. frames: memory of which calls write all but zeros. rounds: whether sums may be
    taken in another order.
    """
    groups: list[Group] = []
    start = 0
    while start < len(calls):
        run, chain = Run(), Chain()
        while (end := start + len(run.calls)) < len(calls) and run.take(calls[end], rounds):
            pass
        while (last := start + len(chain.calls)) < len(calls) and chain.take(calls[last]):
            pass
        in_blocks = last >= end and chain.pays()
        if in_blocks or run.pays():
            end = last if in_blocks else end
            others = [*calls[:start], *calls[end:]]
            outside = [each for call in others for each in arrays_of(call)]
            seen = {address(each) for each in (*shared, *outside)}
            groups += chain.groups(seen) if in_blocks else _groups_of(run, seen, frames)
        else:
            end = max(end, start + 1)
            if groups and groups[-1].count == 1:
                groups[-1].slots[0].extend(calls[start:end])
            else:
                groups.append(Group(1, [list(calls[start:end])]))
        start = end
    return groups or [Group(1, [[]])]


def _groups_of(run: Run, shared: set[int], frames: list[Array]) -> list[Group]:
    """The slices of a run, and what is left of the batch."""
    n = slice_size(run.N, run.bytes() // run.N)
    threads = get_num_threads()
    count = run.N // n // threads * threads
    # What no call makes, such as numbers from outside or around an image, stays where it is.
    made = {each.ctypes.data for each in frames} | {
        address(y) for y in (named(call)["y"] for call in run.calls) if y.size == owner(y).size
    }
    slices = Group(count, [_slot(run, 0, n, shared, made) for _ in range(threads)])
    for c, (call, found) in enumerate(zip(run.calls, run.positions, strict=True)):
        for i in found:
            if address(call[1][i]) in shared or address(call[1][i]) not in made:
                slices.steps[c, i] = n * call[1][i].strides[0]
    left = run.N - count * n
    return [slices, Group(1, [_slot(run, count * n, left, shared, made)])] if left > 0 else [slices]


def _slot(run: Run, first: int, n: int, shared: set[int], made: set[int]) -> list[Call]:
    """The calls for n images from `first` on, with memory of their own for what is only between them."""
    memory: dict[int, Array] = {}
    slot: list[Call] = []
    for call, found in zip(run.calls, run.positions, strict=True):
        arguments = list(call[1])
        for i in found:
            array, whole = arguments[i], owner(arguments[i])
            key = whole.ctypes.data
            if key in shared or key not in made:
                arguments[i] = array[first : first + n]
                continue
            if key not in memory:
                memory[key] = empty((n, *whole.shape[1:]), whole.dtype)
                memory[key][...] = 0  # the zeros around images
            offset = array.ctypes.data - key
            arguments[i] = np.ndarray((n, *array.shape[1:]), array.dtype, memory[key], offset, array.strides)
        slot.append((call[0], tuple(arguments)))
    return slot
