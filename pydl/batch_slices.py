"""A batch in slices, for a list of kernel calls that are to be replayed: see pydl/recording.py.

Layer by layer, a batch of images goes through the memory between the caches and back, and all threads meet after every
layer. Slice by slice, a few images go through all convolutions while they are in the cache of one core, and threads
meet once. What comes out is the same: these kernels treat every image by itself.

    for each slice     (in parallel)
        conv2d, relu, ..., max_pool2d       in memory that belongs to the thread
    linear, ...                             on the whole batch
"""

from __future__ import annotations

import numpy as np

from ._native import get_num_threads
from .arguments import Array
from .channels_last import ELEMENTWISE
from .fusion import Call, named
from .op import KERNELS, empty

# Kernels that treat every image by itself, and their arguments whose first dimension is the batch.
IMAGE_BY_IMAGE = {
    "conv2d_channels_last": ("x", "add", "y"),
    "conv2d_channels_last_winograd": ("x", "add", "y"),
    "max_pool2d_channels_last": ("x", "y"),
    "clone_forward": ("x", "y"),
    "mean_forward": ("x", "y"),
} | dict.fromkeys(ELEMENTWISE, ("x", "a", "b", "y"))
# What the images between two kernels may take, so that they stay in the second-level cache of a core.
SLICE_BYTES = 384 * 1024

Step = tuple[int, int, int, int, int]  # slot, call, argument, bytes from slice to slice


def owner(array: Array) -> Array:
    """The array whose memory this one is a view of."""
    while isinstance(array.base, np.ndarray):
        array = array.base
    return array


def batches(call: Call, N: int) -> list[int] | None:
    """The positions of the arguments whose first dimension is the batch, or None if the call wants the whole batch."""
    names = IMAGE_BY_IMAGE.get(call[0].__name__)
    if names is None:
        return None
    found = [i for i, name in enumerate(named(call)) if name in names and isinstance(call[1][i], np.ndarray)]
    rank = named(call)["y"].ndim
    whole = all(call[1][i].shape[:1] == (N,) and call[1][i].ndim == rank and call[1][i].strides[0] > 0 for i in found)
    return found if whole else None


def slice_size(N: int, bytes_of_image: int) -> int:
    """Images of a slice: as many as fit, but so that all threads have equally many slices and few images are left."""
    threads = get_num_threads()
    most = max(1, min(SLICE_BYTES // max(bytes_of_image, 1), N // threads))
    return min(range(most, max(1, most // 2) - 1, -1), key=lambda n: N - N // n // threads * threads * n)


class Slices:
    """The first calls of a recording, as many as treat every image by itself: for slices of n images each.

    count   slices; what is left of the batch is not among them
    slots   the calls of each thread
    steps   (call, argument, bytes from slice to slice) of arguments in arrays that hold the whole batch
    """

    def __init__(self, calls: list[Call], N: int, shared: list[Array], frames: list[Array]) -> None:
        """shared: arrays of the whole batch that others see. frames: memory that is written but for zeros."""
        self.length = 0
        found = []
        for call in calls:
            positions = batches(call, N)
            if positions is None:
                break
            found.append(positions)
        last = [i for i, call in enumerate(calls[: len(found)]) if call[0].__name__.startswith("conv2d")]
        if get_num_threads() > N or get_num_threads() == 1 or not last:
            self.count = 0
            return
        self.length = len(found)
        self.found = found
        rest = [each for _, arguments in calls[self.length :] for each in arguments if isinstance(each, np.ndarray)]
        self.shared = {owner(each).ctypes.data for each in (*shared, *rest)}
        made = {each.ctypes.data for each in frames} | {
            owner(call[1][i]).ctypes.data
            for call in calls[: self.length]
            for i, name in enumerate(named(call))
            if name in KERNELS[call[0].__name__].writes
            and isinstance(call[1][i], np.ndarray)
            and call[1][i].size == owner(call[1][i]).size
        }
        self.calls = calls[: self.length]
        # What no call makes, such as numbers from outside or around an image, stays where it is.
        read = {owner(call[1][i]).ctypes.data for call, own in zip(self.calls, found, strict=True) for i in own}
        self.shared |= read - made
        largest = max(sum(call[1][i].nbytes for i in own) for call, own in zip(self.calls, found, strict=True))
        self.n = slice_size(N, largest // N)
        self.count = N // self.n // get_num_threads() * get_num_threads()
        self.steps: list[tuple[int, int, int]] = []
        self.slots = [self.slot(0, self.n, slot == 0) for slot in range(get_num_threads())]
        done = self.count * self.n
        self.left = self.slot(done, N - done, False) if done < N else []

    def slot(self, first: int, n: int, notes_steps: bool) -> list[Call]:
        """The calls for n images from `first` on, with memory of their own for what is only between them."""
        memory: dict[int, Array] = {}
        slot: list[Call] = []
        for place, (call, positions) in enumerate(zip(self.calls, self.found, strict=True)):
            arguments = list(call[1])
            for i in positions:
                array, whole = arguments[i], owner(arguments[i])
                if whole.ctypes.data in self.shared:
                    arguments[i] = array[first : first + n]
                    if notes_steps:
                        self.steps.append((place, i, n * array.strides[0]))
                    continue
                if whole.ctypes.data not in memory:
                    own = memory[whole.ctypes.data] = empty((n, *whole.shape[1:]), whole.dtype)
                    own[...] = 0  # the zeros around images
                offset = array.ctypes.data - whole.ctypes.data
                arguments[i] = np.ndarray(
                    (n, *array.shape[1:]), array.dtype, memory[whole.ctypes.data], offset, array.strides
                )
            slot.append((call[0], tuple(arguments)))
        return slot
