"""element_chain: a chain of element-by-element calls as one kernel, which keeps everything in registers.

    for each element i:   acc = x0[i];  acc = acc * 2;  acc = acc + 1;  y0[i] = acc

A program is a table of steps (operation, place). The operation's number is its index in OPERATIONS; a place is an
input, which may be one number for all elements, an output or one of a few locals, in this order. Every step works on
the accumulator, and its result is the accumulator of the next. chain_call() writes the program of kernel calls that
are to be replayed: see recorded_function.py. Each number goes through the same formulas as in these calls, so the bits
are the same.

Source    Ertl, Gregg, "The structure and performance of efficient interpreters", J. Instruction-Level Parallelism 5
          (2003), on threaded code
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..arguments import Array
from ..op import kernel
from .fusion import Call, named

INPUTS, OUTPUTS, LOCALS, STEPS = 12, 3, 8, 96
FIRST_OUTPUT, FIRST_LOCAL, PLACES = INPUTS, INPUTS + OUTPUTS, INPUTS + OUTPUTS + LOCALS


def _nan(form: Any) -> Any:
    return lambda a, b: math.nan if math.isnan(a) or math.isnan(b) else form(a, b)


def _sigmoid(x: Any) -> Any:
    return 1.0 / (1.0 + np.exp(-x))


# What each operation makes of the accumulator, and of the number at its place if it takes two; the same order as in
# csrc/element_chain.cpp. An operation called "name other" has its arguments exchanged.
OPERATIONS: dict[str, Any] = {
    "load": lambda a, b: b,
    "store": None,
    "add_forward": lambda a, b: a + b,
    "sub_forward": lambda a, b: a - b,
    "sub_forward other": lambda a, b: b - a,
    "mul_forward": lambda a, b: a * b,
    "div_forward": lambda a, b: a / b,
    "div_forward other": lambda a, b: b / a,
    "maximum_forward": _nan(max),
    "maximum_forward other": _nan(max),
    "minimum_forward": _nan(min),
    "minimum_forward other": _nan(min),
    "neg_forward": lambda a: -a,
    "abs_forward": lambda a: abs(a),
    "abs_backward": lambda dy, x: dy * np.sign(x),
    "abs_backward other": lambda x, dy: dy * np.sign(x),
    "square_forward": lambda a: a * a,
    "square_backward": lambda dy, x: 2.0 * x * dy,
    "square_backward other": lambda x, dy: 2.0 * x * dy,
    "sqrt_forward": np.sqrt,
    "sqrt_backward": lambda dy, y: dy / (2.0 * y),
    "sqrt_backward other": lambda y, dy: dy / (2.0 * y),
    "relu_forward": lambda x: 0.0 if x <= 0.0 else x,
    "relu_backward": lambda dy, y: 0.0 if y <= 0.0 else dy,
    "relu_backward other": lambda y, dy: 0.0 if y <= 0.0 else dy,
    "exp_forward": np.exp,
    "log_forward": np.log,
    "sigmoid_forward": _sigmoid,
    "sigmoid_backward": lambda dy, y: dy * y * (1.0 - y),
    "sigmoid_backward other": lambda y, dy: dy * y * (1.0 - y),
    "tanh_forward": np.tanh,
    "tanh_backward": lambda dy, y: dy * (1.0 - y * y),
    "tanh_backward other": lambda y, dy: dy * (1.0 - y * y),
}
_NUMBER_OF = {name: number for number, name in enumerate(OPERATIONS)}
_QUICK = ("add_forward", "sub_forward", "mul_forward", "neg_forward", "abs_forward", "square_forward")
COPY = "clone_forward"  # takes no step: the accumulator has the number already
_COMMUTES = ("add_forward", "mul_forward")
_TAKES_ONE = {name for name, form in OPERATIONS.items() if name.endswith("_forward") and name not in (
    "add_forward", "sub_forward", "mul_forward", "div_forward", "maximum_forward", "minimum_forward",
)}  # fmt: skip


@kernel(writes="y0, y1, y2", tolerance=10.0)
def element_chain(program, x0, x1, x2, x3, x4, x5, x6, x7, x8, x9, x10, x11, y0, y1, y2):
    places = [x0, x1, x2, x3, x4, x5, x6, x7, x8, x9, x10, x11, y0, y1, y2, *np.zeros((LOCALS, 1))]
    names = list(OPERATIONS)
    for i in range(len(y0)):
        acc = 0.0
        for number, place in program:
            name, array = names[number], places[place]
            if name == "store":
                array[i % len(array)] = acc
            elif name in _TAKES_ONE:
                acc = OPERATIONS[name](acc)
            else:
                acc = OPERATIONS[name](acc, array[i % len(array)])


@element_chain.samples
def _(draw):
    n = draw.choice(draw.integer(1, 40), draw.integer(1, 600))
    x = np.ascontiguousarray(draw.array((n,), 0.25, 2.0))
    steps = [("load", 0)]
    for _ in range(draw.integer(0, 12)):
        name = draw.choice(*(each for each in OPERATIONS if "exp" not in each))
        place = FIRST_OUTPUT if name == "store" else draw.choice(0, 1)
        # Numbers stay where no result is the small difference of large ones, or outside what log and sqrt take.
        steps += [(name, place), ("abs_forward", 0), ("add_forward", 1), ("sqrt_forward", 0)]
    steps += [("store", FIRST_LOCAL), ("add_forward", FIRST_LOCAL), ("store", FIRST_OUTPUT)]
    program = np.array([(_NUMBER_OF[name], place) for name, place in steps], np.int64)
    given = {"x0": x, "x1": draw.array((1,), 0.5, 1.5)} | {f"x{k}": None for k in range(2, INPUTS)}
    return {"program": program, **given, "y0": draw.out((n,)), "y1": None, "y2": None}


class _TooLong(Exception):
    """The chain does not fit into one program."""


class _Value:
    """A number of the chain: of an input array, or what an operation makes of others."""

    def __init__(self, name: str, operands: list[_Value], array: Array) -> None:
        self.name, self.operands, self.array = name, operands, array
        self.is_kept = False  # whether others will see it in its array
        self.is_late = False  # whether it overwrites an input, once nobody reads that any more
        self.is_done = False
        self.uses = -1  # by operations to come; -1: nobody knows of it
        self.place: int | None = None  # where steps find it
        self.size: int = 1 + sum(each.size for each in operands)
        self.is_number = not operands and array.size == 1  # the same for all elements: cheap as a second operand


class _Writer:
    """Writes the program of a chain of calls whose arrays are told apart by where they begin.

    Operands are computed right before the operation that reads them, the larger one first, so that most numbers need
    no place but the accumulator. What is read again later waits in a local, or is computed again if that takes no more
    than a load and a step, which a store takes, too.
    """

    def __init__(self, calls: list[Call], kept: set[int], again: bool) -> None:
        self.again = again
        self.steps: list[tuple[int, int]] = []
        self.arrays: list[list[Array]] = [[], []]  # inputs, outputs
        self.locals = list(range(FIRST_LOCAL, PLACES))
        self.inputs: dict[int, _Value] = {}
        latest: dict[int, _Value] = {}  # what lies, or would lie, at an address
        for call in calls[:STEPS]:
            read, y = _arrays(call)
            operands = [latest.get(key(x)) or self.inputs.setdefault(key(x), _Value("load", [], x)) for x in read]
            latest[key(y)] = _Value(call[0].__name__, operands, y)
        if len(calls) > STEPS:
            raise _TooLong
        self.results = [value for value in latest.values() if address(value.array) in kept]
        for value in self.results:
            value.is_kept = True
            self._note(value)

    def _note(self, value: _Value) -> None:
        if value.uses < 0:
            value.uses = 0
            for each in value.operands:
                self._note(each)
                each.uses += 1

    def write(self) -> None:
        late = [value for value in self.results if key(value.array) in self.inputs]  # what was there is read before
        for value in late:
            value.is_kept, value.is_late = False, True
            value.uses += 1
        # The last results first: on the way they compute those they depend on.
        for value in reversed(self.results):
            if not value.is_done:
                self._compute(value)
        for value in late:
            self._bring(value)
            self._step("store", self._array(1, value.array))

    def _bring(self, value: _Value) -> None:
        """Uses a number: it is in the accumulator now."""
        if self._has_place(value):
            self._step("load", self._find(value))
        else:
            value.uses -= 1
            self._compute(value)

    def _compute(self, value: _Value) -> None:
        value.is_done = True
        name, (first, *others) = value.name, value.operands
        if not others:
            self._bring(first)
            if name != COPY:
                self._step(name, 0)
        elif not first.is_number and (self._has_place(others[0]) or others[0].size <= first.size):
            self._combine(name, first, others[0])
        else:
            self._combine(_exchanged_name(name), others[0], first)
        if value.is_kept:
            self._step("store", self._array(1, value.array))
        if value.uses > 0 and not self._is_made_again(value):
            self._put_away(value)

    def _is_made_again(self, value: _Value) -> bool:
        is_quick = value.name in _QUICK and not any(each.operands for each in value.operands)
        return self.again and is_quick and not value.is_kept and not value.is_late

    def _combine(self, name: str, first: _Value, second: _Value) -> None:
        if self._is_made_again(second) and self._has_place(first):
            name, first, second = _exchanged_name(name), second, first
        self._bring(first)
        if not self._has_place(second):
            first.uses += 1  # once more: as the operand that is in a place
            if not self._has_place(first):
                self._put_away(first)
            self._bring(second)
            name, second = _exchanged_name(name), first
        self._step(name, self._find(second))

    def _put_away(self, value: _Value) -> None:
        if not self.locals:
            raise _TooLong
        value.place = self.locals.pop()
        self._step("store", value.place)

    def _has_place(self, value: _Value) -> bool:
        return value.place is not None or not value.operands

    def _find(self, value: _Value) -> int:
        """Uses a number: the place where it is. A local is free after its last use."""
        if value.place is None:
            return self._array(0, value.array)
        place = value.place
        value.uses -= 1
        if value.uses == 0:
            value.place = None
            self.locals.append(place)
        return place

    def _array(self, kind: int, x: Array) -> int:
        known = self.arrays[kind]
        for i, each in enumerate(known):
            if key(each) == key(x):
                return i + kind * FIRST_OUTPUT
        known.append(flat(x))
        return len(known) - 1 + kind * FIRST_OUTPUT

    def _step(self, name: str, place: int) -> None:
        self.steps.append((_NUMBER_OF[name], place))

    def cost(self) -> int:
        """How long it takes, in steps that store nothing."""
        return len(self.steps) + sum(number == _NUMBER_OF["store"] for number, _ in self.steps)

    def fits(self) -> bool:
        inputs, outputs = self.arrays
        counts = (inputs, INPUTS), (outputs, OUTPUTS), (self.steps, STEPS)
        return bool(outputs) and all(len(each) <= most for each, most in counts)


def _exchanged_name(name: str) -> str:
    if name in _COMMUTES:
        return name
    return name.removesuffix(" other") if name.endswith(" other") else f"{name} other"


def owner(array: Array) -> Array:
    """The array whose memory this one is a view of."""
    while isinstance(array.base, np.ndarray):
        array = array.base
    return array


def address(array: Array) -> int:
    """Where the memory begins that the array is a view of."""
    return int(owner(array).ctypes.data)


def flat(array: Array) -> Array:
    """An array without gaps as it lies in memory, whatever the order of its dimensions: a view."""
    return array.ravel("K")


def key(array: Array) -> int:
    """What tells arrays apart: where they begin."""
    return int(array.ctypes.data)


def _arrays(call: Call) -> tuple[list[Array], Array]:
    """What a call reads and what it writes, if it is one of OPERATIONS."""
    if call[0].__name__ not in OPERATIONS and call[0].__name__ != COPY:
        raise _TooLong
    *read, y = named(call).values()
    return read, y


def _written(calls: list[Call], kept: set[int], again: bool) -> _Writer | None:
    try:
        writer = _Writer(calls, kept, again)
        writer.write()
    except _TooLong:
        return None
    return writer if writer.fits() else None


def chain_call(calls: list[Call], kept: set[int]) -> Call | None:
    """The calls as one, if there is a program for them. kept: addresses of arrays that others see."""
    written = [writer for again in (False, True) if (writer := _written(calls, kept, again)) is not None]
    if not written:
        return None
    writer = min(written, key=_Writer.cost)  # the first of equals
    inputs, outputs = writer.arrays
    missing = [None] * INPUTS
    arrays = [*(inputs + missing)[:INPUTS], *(outputs + missing)[:OUTPUTS]]
    return element_chain.native, (np.array(writer.steps, np.int64), *arrays)
