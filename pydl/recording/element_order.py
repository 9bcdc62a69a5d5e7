"""Element-by-element calls that stand next to each other, so that they can be one chain: see element_blocks.py.

Between the forward and the backward pass of a loss that is a sum or a mean over elements, such as
((x - target) ** 2).mean(), there are only calls that make single numbers: the loss, of what the forward pass wrote, and
the gradient that all elements share, which does not depend on it. So the backward pass need not wait for the loss, and
both passes are one:

    sub, pow                    mean's gradient
    mean                        sub, pow, pow's gradient        reads x and target once
    mean's gradient             mean
    pow's gradient

Each call still reads what it read before, so the bits are the same.
"""

from __future__ import annotations

from ..arguments import Array
from .element_blocks import is_by_element
from .fusion import Call, arrays_of, byte_bounds, written


def side_by_side(calls: list[Call]) -> list[Call]:
    """The calls, those for single numbers before or behind the chains that they stand in."""
    result: list[Call] = []
    while calls:
        before, chain, behind = _chain(calls)
        result += [*before, *chain, *behind]
        calls = calls[len(before) + len(chain) + len(behind) :]
    return result


def _chain(calls: list[Call]) -> tuple[list[Call], list[Call], list[Call]]:
    """A chain that begins with the first call, and the calls in between that are to come before and behind it."""
    first = calls[0]
    before: list[Call] = []
    chain, behind = [first], before[:]
    found = before[:], chain[:], behind[:]
    if not is_by_element(first) or _makes_one_number(first):
        return found
    size = written(first)[0].size
    for call in calls[1:]:
        if _makes_one_number(call):
            (behind if _depends(call, [*chain, *behind]) else before).append(call)
        elif is_by_element(call) and written(call)[0].size == size and not _depends(call, behind):
            chain.append(call)
            found = before[:], chain[:], behind[:]
        else:
            break
    return found


def _makes_one_number(call: Call) -> bool:
    """Whether that is all it does. Random numbers are drawn in the order in which they were recorded."""
    return all(each.size == 1 for each in written(call)) and "key" not in call[0].arguments


def _depends(call: Call, others: list[Call]) -> bool:
    """Whether the call has to stay behind one of the others: one of the two writes what the other one uses."""
    return any(_meet(written(call), arrays_of(other)) or _meet(written(other), arrays_of(call)) for other in others)


def _meet(some: list[Array], others: list[Array]) -> bool:
    bounds = [byte_bounds(each) for each in others]
    return any(low < end and begin < high for low, high in map(byte_bounds, some) for begin, end in bounds)
