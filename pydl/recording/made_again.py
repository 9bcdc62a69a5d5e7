"""Normalised images of a recorded step that are made a second time instead of being kept: see recorded_step.py.

    batch norm      reads x, writes y       batch norm          reads x, writes y
    conv2d          reads y                 conv2d              reads y
    ...                                     ...                 in the memory that y had
    conv2d's        reads y, writes dw      batch norm again    reads x, writes y'
    gradient                                conv2d's gradient   reads y', writes dw

The gradient of the normalisation needs x anyway. Where so much happens in between that y would have left the caches,
writing it to memory and fetching it takes longer than making it, and keeping it takes nearly half of the step's memory.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from ..arguments import Array
from ..op import empty
from ..ops.batch_norm import batch_norm_again
from .element_blocks import address, owner
from .fusion import Call, arrays_of, named, written
from .shared_memory import moved

# Bytes that other calls write in between, from which on it pays.
AWAY = 16 * 1024 * 1024


def make_again(calls: list[Call], outputs: list[Array]) -> list[Call]:
    """The calls, with more of them in between. outputs: arrays that others see."""
    calls = list(calls)
    seen = {address(each) for each in outputs}
    sizes = [sum(each.nbytes for each in written(call)) for call in calls]
    insertions: list[tuple[int, Call]] = []
    for place, call in enumerate(calls):
        if call[0].__name__ != "batch_norm_forward":
            continue
        given = named(call)
        x, y = given["x"], given["y"]
        if given["add"] is not None or address(y) in seen or y.nbytes != owner(y).nbytes or not x.flags.c_contiguous:
            continue
        users = [i for i, each in enumerate(calls) if any(address(one) == address(y) for one in arrays_of(each))]
        apart = [i for before, i in pairwise(users) if sum(sizes[before + 1 : i]) >= AWAY]
        if users[0] != place or not apart:
            continue
        (first, *_), later = apart, [i for i in users if i >= apart[0]]
        if any(np.may_share_memory(x, each) for other in calls[place + 1 : later[-1]] for each in written(other)):
            continue
        if any(np.may_share_memory(y, each) for i in users[1:] for each in written(calls[i])):
            continue
        again = empty(y.shape, y.dtype)
        given["affine"] = affine = empty((3, x.shape[1]), x.dtype)
        calls[place] = call[0], tuple(given.values())
        for i in later:
            calls[i] = calls[i][0], tuple([moved(each, {address(y): again}) for each in calls[i][1]])
        insertions.append((first, (batch_norm_again.native, (x, affine, given["low"], given["high"], again))))
    for first, call in sorted(insertions, key=lambda each: each[0], reverse=True):
        calls.insert(first, call)
    return calls
