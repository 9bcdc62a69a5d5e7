"""Kernel calls that were noted, as one native call on other numbers: see recorded_function.py and recorded_step.py."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from .. import _native, op
from .._compiled import play
from ..arguments import Array
from ..nn.module import CHANGES
from ..tensor import Tensor
from .batch_slices import in_slices
from .element_chain import flat, owner
from .element_order import side_by_side
from .fusion import Call, byte_bounds, written
from .shared_memory import share_memory
from .stand_ins import StandIns


def noted(function: Callable[..., Any], *inputs: Any) -> tuple[list[Call], Any]:
    """Runs the function with every kernel replaced by one that notes its calls, if they come from this thread."""
    calls: list[Call] = []
    stand_ins = StandIns()
    thread = threading.get_ident()

    def noting(native: Any) -> Callable[..., None]:
        def run(*arguments: Any) -> None:
            native(*arguments)
            if threading.get_ident() == thread:
                calls.append(stand_ins.noted((native, arguments)))

        return run

    with op.replaced_kernels(noting):
        result = function(*inputs)
    return stand_ins.dismissed(calls), result


class Replay:
    """Calls of kernels, replayed without Python in between, for other inputs each time.

    inputs    arrays that the calls read in the place of what the caller gives: where it has them, if no call writes
              into them and no output lies in them, else the numbers are copied here
    outputs   arrays of results: new ones each time, if the calls write all of an output, else copies
    kept      other arrays that somebody outside sees
    frames, rounds    see in_slices()

    calls     as they are made, if it is not slice by slice
    keys      how many calls want a new random key each time
    forms     shapes and dtypes of the inputs
    """

    def __init__(
        self,
        calls: list[Call],
        inputs: list[Array],
        outputs: list[Array],
        kept: list[Array],
        frames: Sequence[Array] = (),
        rounds: bool = False,
    ) -> None:
        self.inputs, self.outputs = inputs, outputs
        self.given = [array for array in inputs if _is_only_read(array, calls) and not _is_seen(array, outputs)]
        self.given_places = [any(array is each for each in self.given) for array in inputs]
        made = [array for i, array in enumerate(outputs) if self._is_made_here(i, calls, kept)]
        self.made = [(array.shape, array.dtype) for array in made]
        self.made_places = [any(array is each for each in made) for array in outputs]
        self.reads_all, self.makes_all = all(self.given_places), all(self.made_places)
        arrays = [*self.given, *made]
        moves: list[tuple[int, ...]] = []
        keys: list[tuple[int, ...]] = []
        calls = side_by_side(calls)
        groups = in_slices(calls, [*inputs, *outputs, *kept], list(frames), rounds)
        self.slices = max(group.count for group in groups)
        moved = share_memory(groups, [*inputs, *outputs, *kept, *frames])
        self.calls = [moved.get(id(call), call) for call in calls]
        for g, group in enumerate(groups):
            for s, slot in enumerate(group.slots):
                for c, (kernel, arguments) in enumerate(slot):
                    if "key" in kernel.arguments:
                        keys.append((g, s, c, kernel.arguments.index("key")))
                    for a, each in enumerate(arguments):
                        step, place = group.steps.get((c, a), 0), _place(each, arrays)
                        if place is None and step != 0:  # between the slices and what comes before or after
                            arrays.append(flat(owner(each)))
                            place = len(arrays) - 1
                        if place is not None:
                            moves.append((g, s, c, a, place, step))
        self.keys = len(keys)
        self.forms = [(each.shape, each.dtype) for each in inputs]
        self.native = _native.Recording([(group.count, group.slots) for group in groups], arrays, moves, keys)
        self._native_replay = self.native.replay

    def _is_made_here(self, index: int, calls: list[Call], kept: list[Array]) -> bool:
        """Whether the output is an array that a call writes, all of it, in memory that nothing else lies in."""
        output = self.outputs[index]
        others = [*self.inputs, *kept, *(each for i, each in enumerate(self.outputs) if i != index)]
        is_written = False
        for kernel, arguments in calls:
            for name, each in zip(kernel.arguments, arguments, strict=True):
                if isinstance(each, list) and any(np.may_share_memory(one, output) for one in each):
                    return False
                if not isinstance(each, np.ndarray) or not np.may_share_memory(each, output):
                    continue
                if _place(each, [output]) is None:
                    return False
                is_written |= name in op.KERNELS[kernel.__name__].writes and each.size == output.size
        return bool(
            is_written and output.flags.c_contiguous and not any(np.may_share_memory(output, each) for each in others)
        )

    def run(self, inputs: list[Array], keys: tuple[int, ...] = ()) -> list[Array]:
        """The outputs for these inputs."""
        if self.reads_all and self.makes_all:
            outputs = play(self._native_replay, inputs, self.made, keys)
            if outputs is not None:
                return outputs
        bound = inputs if self.reads_all else self._bind(inputs)
        arrays = [*bound, *[op.empty(shape, dtype) for shape, dtype in self.made]]
        while (unlike := self.native.replay(tuple(arrays), keys)) >= 0:
            arrays[unlike] = copy(arrays[unlike], self.given[unlike].dtype)
        outputs = arrays[len(bound) :]
        if not self.makes_all:
            made = iter(outputs)
            outputs = [
                next(made) if is_made else copy(output)
                for output, is_made in zip(self.outputs, self.made_places, strict=True)
            ]
        return outputs

    def _bind(self, inputs: list[Array]) -> list[Array]:
        """The inputs that are read where the caller has them; copies the others."""
        bound = []
        for buffer, given, is_bound in zip(self.inputs, inputs, self.given_places, strict=True):
            if is_bound:
                bound.append(given)
            else:
                np.copyto(buffer, given)
        return bound


class Parts:
    """The modules below some others, their parameters, buffers and settings, as they are when they are recorded."""

    def __init__(self, roots: list[Any]) -> None:
        self._roots, self._changes = roots, CHANGES[0]
        self.modules, self.params, self.buffers = self._found()
        self._settings = list(map(_settings, self.modules))

    def _found(self) -> list[list[Any]]:
        kinds = ("modules", "parameters", "buffers")
        return [[each for root in self._roots for each in getattr(root, kind)()] for kind in kinds]

    def are_same(self) -> bool:
        """Whether none was added, taken away, replaced or set otherwise."""
        if self._changes != CHANGES[0]:
            now, before = self._found(), [self.modules, self.params, self.buffers]
            if [[id(each) for each in kind] for kind in now] != [[id(each) for each in kind] for kind in before]:
                return False
            if list(map(_settings, self.modules)) != self._settings:
                return False
            self._changes = CHANGES[0]
        return True


def _settings(module: Any) -> dict[str, Any]:
    """What a module's forward may read beside parameters and buffers: numbers, texts; and whether it has hooks."""
    found = {
        name: value
        for name, value in vars(module).items()
        if name != "training" and (value is None or isinstance(value, int | float | str))
    }
    return found | {"": bool(module._forward_pre_hooks or module._forward_hooks)}


def _place(array: Any, arrays: list[Array]) -> int | None:
    """The first of the arrays that the array lies in."""
    if isinstance(array, np.ndarray):
        for i, each in enumerate(arrays):
            begin = each.ctypes.data
            low, high = byte_bounds(array)
            if array.size > 0 and begin <= low and high <= begin + each.nbytes:
                return i
    return None


def _is_only_read(array: Array, calls: list[Call]) -> bool:
    """Whether no call writes into the array or has it in a list."""
    for call in calls:
        in_lists = [one for each in call[1] if isinstance(each, list) for one in each]
        if any(np.may_share_memory(one, array) for one in (*in_lists, *written(call))):
            return False
    return True


def _is_seen(array: Array, outputs: list[Array]) -> bool:
    """Whether an output lies in the array, as a transpose does."""
    return any(np.may_share_memory(array, output) for output in outputs)


def key_of(inputs: list[Array]) -> Any:
    """What calls for inputs of these shapes and dtypes have in common."""
    return (op.isa, *[(each.shape, each.dtype) for each in inputs])


def as_array(name: str, given: Any) -> Array:
    """A tensor's array, or the array itself."""
    array = given.data if isinstance(given, Tensor) else given
    if not isinstance(array, np.ndarray):
        raise TypeError(f"{name}: inputs must be tensors or arrays, not {type(given).__name__}")
    return array


def copy(array: Array, dtype: Any = None) -> Array:
    """The same numbers in memory of their own."""
    twin = op.empty(array.shape, array.dtype if dtype is None else dtype)
    np.copyto(twin, array)
    return twin


def own_inputs(inputs: list[Array]) -> list[Array]:
    """Copies: whole numbers in the one width that kernels read, so that operations need no copy of their own."""
    return [copy(each, each.dtype if each.dtype.kind == "f" else np.dtype(np.int64)) for each in inputs]


def on_other_numbers(
    run: Callable[[list[Array]], list[Array | None]], inputs: list[Array], turn: int = 0
) -> tuple[list[Array], list[Array | None]]:
    """Valid inputs that differ, and what `run` gives for them; others for each `turn`.

    Numbers of both signs and many sizes come first: were they all like the inputs, then x > 0 would be, too, and a mask
    made outside the kernels would not be missed. Where they are refused (no probabilities, say), or where what comes of
    them is infinite or NaN, behind which a difference could hide, the inputs themselves are changed a little.
    """
    others = [_spread(each, i, turn) if each.dtype.kind == "f" else _moved(each) for i, each in enumerate(inputs)]
    try:
        results = run(others)
        if all(each is None or np.isfinite(each).all() for each in results):
            return others, results
    except Exception:  # whatever a function of somebody else's says of numbers that it does not expect
        results = []
    others = [_scaled(each) if each.dtype.kind == "f" else _moved(each) for each in inputs]
    return others, run(others)


def turns(inputs: list[Array]) -> range:
    """How often on_other_numbers() is to be asked: a few numbers hide what many of them show at once."""
    return range(1 if max((each.size for each in inputs), default=0) >= len(_SPREAD) else len(_SPREAD))


_SPREAD = np.array([3, -3, 0.3, -0.3, 30, -1, 1, -30, 0.01, -0.1, 0.7])


def on_special_numbers(
    run: Callable[[list[Array]], list[Array | None]], inputs: list[Array]
) -> Iterator[tuple[list[Array], list[Array | None]]]:
    """The inputs with NaN and with infinities among them, and what `run` gives: other numbers do not show what is made
    of isnan(x). Not where they are refused, or no input can hold them.
    """
    if not any(each.dtype.kind == "f" for each in inputs):
        return
    for special in ([np.nan], [np.inf, -np.inf]):
        others = [copy(each) for each in inputs]
        for each in others:
            if each.dtype.kind == "f":
                each.reshape(-1)[: len(special)] = special[: each.size]
        try:
            results = run(others)
        except Exception:  # see above
            continue
        yield others, results


def _spread(array: Array, place: int, turn: int) -> Array:
    """Numbers that another place or turn has in another order; in the first turn the first has not the array's sign."""
    numbers: Array = np.resize(np.roll(_SPREAD, 3 * place + turn), array.shape).astype(array.dtype)
    is_like = turn == 0 and array.size > 0 and (array.flat[0] > 0) == (numbers.flat[0] > 0)
    return -numbers if is_like else numbers


def _scaled(array: Array) -> Array:
    """The numbers backwards, smaller, and none of them 0."""
    turned = np.flip(array)
    other: Array = np.where(turned == 0, array.dtype.type(0.25), turned * array.dtype.type(0.75))
    return other


def _moved(array: Array) -> Array:
    """Whole numbers (words, labels, lengths) in another order, row by row, so that what stands behind a row's end stays
    there, or smaller, where that is the same."""
    turned: Array = np.flip(array, None if array.ndim == 0 or len(array) < 2 else 0)
    is_same = array.dtype.kind in "iu" and np.array_equal(turned, array)
    other: Array = turned - (turned > 1) if is_same else turned.copy()
    return other
