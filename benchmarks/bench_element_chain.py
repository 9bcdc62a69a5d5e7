"""element_chain: y = (2 x + 1) (x - 3), from one small layer to more than the last cache holds."""

import numpy as np
from run import Bench, out, randn

from pydl.recording.element_chain import FIRST_LOCAL, FIRST_OUTPUT, INPUTS, OPERATIONS, element_chain

STEPS = [
    ("load", 0),
    ("mul_forward", 1),
    ("add_forward", 2),
    ("store", FIRST_LOCAL),
    ("load", 0),
    ("sub_forward", 3),
    ("mul_forward", FIRST_LOCAL),
    ("store", FIRST_OUTPUT),
]
PROGRAM = np.array([(list(OPERATIONS).index(name), place) for name, place in STEPS], np.int64)


def arguments(n):
    numbers = [np.full(1, value, np.float32) for value in (2, 1, 3)]
    return PROGRAM, randn(n), *numbers, *[None] * (INPUTS - 4), out(n), None, None


def numpy_chain(program, x, *others):
    np.multiply(x * 2 + 1, x - 3, out=others[INPUTS - 1])


BENCHES = [
    Bench(
        element_chain,
        [(1_000,), (1_000_000,), (10_000_000,)],
        small=(1_000,),
        arguments=arguments,
        numpy=numpy_chain,
        flops=lambda n: 4 * n,
        bytes=lambda n: 8 * n,
    ),
]
