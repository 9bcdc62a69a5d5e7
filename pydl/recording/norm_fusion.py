"""Batch normalisations of a recorded step with what is done before and after them: see recorded_step.py.

    forwards     batch norm, then + and relu           ->  one call that reads x and writes y once
    backwards    +, relu's gradient, then batch norm's  ->  one call as well

The sum backwards is that of the gradients of what is used twice, as the input of a residual block is; where others read
the gradient between relu and batch norm, such as the rest of that block, the call writes it, too. Every number goes
through the same formulas as before, so the bits are the same.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..arguments import Array
from .fusion import Call, arrays_of, byte_bounds, is_same_memory, named, written

_RELU6 = ["hardtanh_forward", "hardtanh_backward"]


def join_norms(calls: list[Call], outputs: list[Array]) -> list[Call]:
    """The calls with fewer passes over what is normalised. outputs: arrays that others see."""
    if all(call[0].__name__ != "batch_norm_forward" for call in calls):
        return calls
    found = _Calls(calls, outputs)
    # What two normalisations make is added by the last of them.
    for place in reversed(range(len(calls))):
        if calls[place][0].__name__ == "batch_norm_forward":
            found.join_forward(place)
    for place in range(len(calls)):
        if calls[place][0].__name__ == "batch_norm_backward":
            found.join_backward(place)
    return [call for call in found.calls if call is not None]


class _Calls:
    """The calls, with None in the place of those that became part of others."""

    def __init__(self, calls: list[Call], outputs: list[Array]) -> None:
        self.calls: list[Call | None] = list(calls)
        self.arrays = [[byte_bounds(each) for each in arrays_of(call)] for call in calls]
        self.outputs = [byte_bounds(each) for each in outputs]

    def users(self, array: Array) -> list[int]:
        """The places of the calls that read or write any of the array."""
        return [place for place, arrays in enumerate(self.arrays) if _meets(array, arrays)]

    def is_hidden(self, array: Array) -> bool:
        return array.flags.c_contiguous and not _meets(array, self.outputs)

    def writes(self, array: Array, first: int, end: int) -> bool:
        """Whether one of the calls between them writes any of the array."""
        calls = [call for call in self.calls[first + 1 : end] if call is not None]
        return any(np.may_share_memory(array, each) for call in calls for each in written(call))

    def put(self, place: int, call: Call, parts: list[int]) -> None:
        """The call in the place of its parts."""
        for each in parts:
            self.calls[each], self.arrays[each] = None, []
        self.calls[place] = call
        self.arrays[place] = [byte_bounds(each) for each in arrays_of(call)]

    def named(self, place: int) -> tuple[str, dict[str, Any]]:
        call = self.calls[place]
        return ("", {}) if call is None else (call[0].__name__, named(call))

    def join_forward(self, place: int) -> None:
        call = self.calls[place]
        assert call is not None
        kernel, given = call[0], named(call)
        x, parts = given["x"], [place]
        kept = [given[name] for name in ("running_mean", "running_var", "mean", "rstd") if given[name] is not None]
        following = self._only_user(given["y"], place)
        if following is not None and (terms := self._terms(following, given["y"])):
            given |= {"add": terms[0], "y": self.named(following)[1]["y"]}
            parts.append(following)
            following = self._only_user(given["y"], following)
        mask = None  # the call that reads what relu6 is given for its gradient
        if following is None and self.is_hidden(given["y"]):
            users = [each for each in self.users(given["y"]) if each != parts[-1]]
            bounds = [self._activation(each, given["y"], "x") for each in users]
            if [self.named(each)[0] for each in users] == _RELU6 and bounds[0] == bounds[1] and users[0] > parts[-1]:
                following, mask = users
        if following is not None and (between := self._activation(following, given["y"], "x")):
            if mask is not None:  # where y is beyond a bound, so is what it was made of
                of_mask = self.named(mask)[1]
                of_mask["x"] = self.named(following)[1]["y"].reshape(of_mask["x"].shape)
            given |= {"low": between[0], "high": between[1], "y": self.named(following)[1]["y"]}
            parts.append(following)
        elif mask is not None:
            return
        end = parts[-1]
        others = [arrays for i, arrays in enumerate(self.arrays) if place < i < end and i not in parts]
        if (
            end == place
            or not given["y"].flags.c_contiguous
            or any(_meets(each, arrays) for each in kept for arrays in others)
            or any(self.writes(given[name], place, end) for name in ("x", "weight", "bias") if given[name] is not None)
            or (given["add"] is not None and self.writes(given["add"], parts[1], end))
        ):
            return
        given |= {name: given[name].reshape(x.shape) for name in ("add", "y") if given[name] is not None}
        if mask is not None:
            self.put(mask, (self.calls[mask][0], tuple(of_mask.values())), [])  # type: ignore[index]
        self.put(end, (kernel, tuple(given.values())), parts)

    def join_backward(self, place: int) -> None:
        call = self.calls[place]
        assert call is not None
        kernel, given = call[0], named(call)
        dy, parts = given["dy"], []
        reads: list[tuple[int, Array]] = []  # of the calls that become parts
        source = self._writer(dy, place)
        if source is not None and (bounds := self._activation(source, dy, "dx")):
            of_source = self.named(source)[1]
            given |= {"dy": of_source["dy"], "low": bounds[0], "high": bounds[1]}
            given["y"] = of_source["y" if "y" in of_source else "x"]
            parts.append(source)
            reads.append((source, given["y"]))
            source = self._writer(given["dy"], source)
        alone = not parts or (source is not None and self._only_user(given["dy"], source) == parts[0])
        if source is not None and alone and (terms := self._terms(source)):
            given |= {"dy": terms[0], "dy2": terms[1]}
            parts.append(source)
            reads += [(source, each) for each in terms]
        if parts and given["dy2"] is None:
            reads.append((parts[0], given["dy"]))
        if not parts or any(self.writes(array, since, place) for since, array in reads):
            return
        users = self.users(dy)
        if any(parts[0] < each < place for each in users) or not all(
            each.flags.c_contiguous and each.size == dy.size for _, each in reads
        ):
            return
        if not self.is_hidden(dy) or any(each > place for each in users):
            given["dadd"] = dy
        for name in ("dy", "dy2", "y"):
            given[name] = None if given[name] is None else given[name].reshape(given["x"].shape)
        self.put(place, (kernel, tuple(given.values())), parts)

    def _only_user(self, array: Array, writer: int) -> int | None:
        """The call that reads all of what the writer writes, if nobody else knows of it."""
        users = [each for each in self.users(array) if each != writer]
        return users[0] if len(users) == 1 and users[0] > writer and self.is_hidden(array) else None

    def _writer(self, array: Array, before: int) -> int | None:
        """The last call that writes any of the array, if it writes all of it."""
        for place in reversed(range(before)):
            call = self.calls[place]
            if call is not None and any(np.may_share_memory(array, each) for each in written(call)):
                return place if any(is_same_memory(array, each) for each in written(call)) else None
        return None

    def _terms(self, place: int, one: Array | None = None) -> list[Array] | None:
        """What the call adds element by element, without the one that is given."""
        name, given = self.named(place)
        if name != "add_forward":
            return None
        terms = [given["a"], given["b"]]
        if any(each.size != given["y"].size or not each.flags.c_contiguous for each in (*terms, given["y"])):
            return None
        if one is None:
            return terms
        others = [each for each in terms if not is_same_memory(each, one)]
        return others if len(others) == 1 else None

    def _activation(self, place: int, array: Array, name: str) -> tuple[float, float] | None:
        """The bounds between which the call keeps numbers, or their gradient, if its argument is the array."""
        kernel, given = self.named(place)
        if name not in given or not is_same_memory(given[name], array):
            return None
        if kernel in ("relu_forward", "relu_backward"):
            return 0.0, math.nan
        if kernel in ("hardtanh_forward", "hardtanh_backward"):
            low, high = given["low"], given["high"]
            straight = (given["follows_below"], given["square"], given["slope"], given["follows_above"])
            if straight == (False, 0.0, 1.0, False) and low < high and math.isfinite(low) and math.isfinite(high):
                lines = [given.get(key, value) for key, value in (("below", low), ("shift", 0.0), ("above", high))]
                return (low, high) if lines == [low, 0.0, high] else None
        return None


def _meets(array: Array, arrays: list[tuple[int, int]]) -> bool:
    low, high = byte_bounds(array)
    return any(low < end and begin < high for begin, end in arrays)
