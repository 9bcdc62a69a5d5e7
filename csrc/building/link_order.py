"""The order of the functions in the native module that makes the wheel small: alike ones side by side.

Templates make nearly the same function for float, for double and for each instruction set, and deflate finds what
repeats only where it stands less than 32 kB before. So each function is followed by the one that shares most of its
bytes with what was put just before it, which saves a sixth of the module. setup.py hands the order to the linker.
"""

from __future__ import annotations

import struct
from collections import defaultdict, deque
from pathlib import Path

import numpy as np

SEQUENCE = 5  # bytes: functions are compared by the sequences of that length they have
COMMON = 300  # functions: a sequence that more of them have says little
WINDOW = 28_000  # bytes: what deflate looks back, less than 32 kB because a function has a length itself


def function_order(objects: list[str]) -> list[bytes]:
    """The sections of the functions in the object files, by name."""
    code: dict[bytes, bytes] = {}
    for path in objects:
        code.update(function_sections(Path(path).read_bytes()))
    names = sorted(code)
    return [names[i] for i in alike_together([code[name] for name in names])] if names else []


def function_sections(elf: bytes) -> dict[bytes, bytes]:
    """The content of each section of code in an ELF file of 64 bits, by name (-ffunction-sections: a function each)."""
    if elf[:5] != b"\x7fELF\x02":
        return {}
    (headers,) = struct.unpack_from("=Q", elf, 40)
    length, count, names = struct.unpack_from("=HHH", elf, 58)
    sections = [struct.unpack_from("=I20xQQ", elf, headers + i * length) for i in range(count)]
    titles = sections[names][1]
    found = {}
    for title, start, size in sections:
        name = elf[titles + title : elf.index(b"\0", titles + title)]
        if name.startswith(b".text.") and size > 0:
            found[name] = elf[start : start + size]
    return found


def alike_together(code: list[bytes]) -> list[int]:
    """An order of the functions in which each shares much with those before it; greedy, and always the same."""
    shared = shared_sequences(code)
    functions_with = defaultdict(list)
    for function, sequences in enumerate(shared):
        for sequence in sequences:
            functions_with[sequence].append(function)
    having = {sequence: np.array(functions) for sequence, functions in functions_with.items()}

    sizes = np.array([len(function) for function in code])
    found = np.zeros(len(code))  # how many sequences of each function are in the window; -inf for those in the order
    in_window: defaultdict[int, int] = defaultdict(int)
    window: deque[int] = deque()
    order: list[int] = []
    held = 0
    while len(order) < len(code):
        best = int(np.argmax(found / (sizes + 256)))  # a few bytes alike do not make a short function the best
        found[best] = -np.inf
        order.append(best)
        window.append(best)
        held += sizes[best]
        for sequence in shared[best]:
            in_window[sequence] += 1
            if in_window[sequence] == 1:
                found[having[sequence]] += 1
        while held > WINDOW and len(window) > 1:
            oldest = window.popleft()
            held -= sizes[oldest]
            for sequence in shared[oldest]:
                in_window[sequence] -= 1
                if in_window[sequence] == 0:
                    found[having[sequence]] -= 1
    return order


def shared_sequences(code: list[bytes]) -> list[list[int]]:
    """For each function, numbers of those of its sequences that another one has, but not too many."""
    sequences = []
    for function in code:
        values = np.frombuffer(function, np.uint8).astype(np.uint64)
        count = max(len(values) - SEQUENCE + 1, 0)
        joined = sum((values[k : k + count] << np.uint64(8 * k) for k in range(SEQUENCE)), np.zeros(count, np.uint64))
        sequences.append(np.unique(joined))
    _, numbers, functions = np.unique(np.concatenate(sequences), return_inverse=True, return_counts=True)
    parts = np.split(numbers, np.cumsum([len(each) for each in sequences])[:-1])
    return [part[(functions[part] > 1) & (functions[part] < COMMON)].tolist() for part in parts]
