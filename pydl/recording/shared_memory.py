"""One piece of memory for several arrays of a replay, one after another: see replay.py.

    conv2d      writes a        a in piece 1
    relu        reads a, writes b           b in piece 2
    max_pool2d  reads b, writes c           c in piece 1, since nobody reads a any more

Each array lives from the call that writes it to the last that reads it. Afterwards its piece is still in the cache, and
takes the next array; so a step needs little more memory than it does by itself, call by call. Some calls may write over
what they read (OVER): relu would have b in piece 1.
"""

from __future__ import annotations

import numpy as np

from ..arguments import Array
from ..op import KERNELS, empty
from .element_blocks import Group, address, owner
from .fusion import Call, arrays_of, named

# Arguments that kernels may write over others, all of which they read first, number by number.
OVER = {
    "batch_norm_forward": (("y", "add"),),
    "batch_norm_backward": (("dadd", "dy"), ("dx", "dy"), ("dx", "dy2")),
    "relu_backward": (("dx", "dy"),),
    "hardtanh_backward": (("dx", "dy"),),
}


def share_memory(groups: list[Group], seen: list[Array]) -> dict[int, Call]:
    """Gives arrays that only these calls see, in groups that are run once, pieces of memory that they share.

    seen: arrays that others see. Returns what became of each of these calls, by its id.
    """
    before = [call for group in groups if group.count == 1 for call in group.slots[0]]
    calls = list(before)
    others = [call for group in groups if group.count != 1 for slot in group.slots for call in slot]
    fixed = {address(each) for each in seen} | {address(each) for call in others for each in arrays_of(call)}
    fixed |= {address(one) for _, arguments in calls for each in arguments if isinstance(each, list) for one in each}
    last = {address(each): c for c, call in enumerate(calls) for each in arrays_of(call)}
    pieces: dict[int, Array] = {}  # of the arrays that live, by their address
    free: list[Array] = []
    inherited: set[int] = set()  # of the arrays that another was written over
    for c, call in enumerate(calls):
        for each in arrays_of(call):
            if address(each) not in fixed | pieces.keys():
                if is_written_first(each, call):
                    old = [key for key in _written_over(each, call) if key in pieces and last[key] == c]
                    if old := [key for key in old if key not in inherited]:
                        pieces[address(each)] = pieces[old[0]]
                        inherited.add(old[0])
                    else:
                        pieces[address(each)] = _piece(owner(each).nbytes, free)
                else:  # its numbers come from elsewhere
                    fixed.add(address(each))
        calls[c] = call[0], tuple([moved(each, pieces) for each in call[1]])
        for key in [key for key in pieces if last[key] == c]:
            piece = pieces.pop(key)
            if key not in inherited:
                free.append(piece)
    new = iter(calls)
    for group in groups:
        if group.count == 1:
            group.slots[0][:] = [next(new) for _ in group.slots[0]]
    return {id(call): now for call, now in zip(before, calls, strict=True)}


def is_written_first(array: Array, call: Call) -> bool:
    """Whether the call writes all of the memory that the array is in, and reads nothing of it."""
    writes = KERNELS[call[0].__name__].writes
    inside = [
        (name, each)
        for name, each in zip(call[0].arguments, call[1], strict=True)
        if isinstance(each, np.ndarray) and address(each) == address(array)
    ]
    return len(inside) == 1 and inside[0][0] in writes and inside[0][1].nbytes == owner(array).nbytes


def _written_over(array: Array, call: Call) -> list[int]:
    """The addresses of what the call reads where the array, which it writes, may lie instead."""
    given, found = named(call), []
    for name, other in OVER.get(call[0].__name__, ()):
        old = given[other]
        if given[name] is array and old is not None and old.size == array.size and old.flags.c_contiguous:
            users = sum(address(each) == address(old) for each in arrays_of(call))
            if users == 1 and old.nbytes == owner(old).nbytes:
                found.append(address(old))
    return found


def _piece(size: int, free: list[Array]) -> Array:
    """The smallest free piece that is large enough, the last one that was used of several; a new one if there is none
    or it is much too large. Filled with NaN: what relies on old numbers does not go unnoticed.
    """
    fitting = [i for i, piece in enumerate(free) if size <= piece.nbytes <= 2 * size]
    if fitting:
        return free.pop(min(reversed(fitting), key=lambda i: free[i].nbytes))
    piece = empty((size,), np.uint8)
    piece[...] = 255
    return piece


def moved(argument: object, pieces: dict[int, Array]) -> object:
    """The argument, in the piece of memory that takes the place of its own, if there is one."""
    if not isinstance(argument, np.ndarray) or address(argument) not in pieces:
        return argument
    offset = argument.ctypes.data - address(argument)
    return np.ndarray(argument.shape, argument.dtype, pieces[address(argument)], offset, argument.strides)
