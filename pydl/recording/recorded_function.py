"""capture: a computation recorded once and then replayed without Python in between.

    model.eval()
    fast = pydl.capture(model)
    y = fast(x)                     # the first call with these shapes records, the others replay

Small networks spend more time on deciding what to compute than on computing it: for every layer the arguments are
checked, a result is allocated, a gradient is prepared. None of that depends on the numbers. So the first call notes
which kernels ran on which arrays; the next ones run the same kernels in the same order as one native call, on
their own inputs and into new results. Inputs that do not lie row by row in memory are copied so before.

What may be captured: functions of tensors whose work is done by kernels and does not depend on the values of the
inputs. Gradients come back through chains of element-by-element operations: see recorded_gradient.py. This is
checked, not believed: after recording, the function is run again on other numbers, and the recording must give the same
bits. Parameters are used where they are: updates in place and load_state_dict are seen, and a parameter whose data was
replaced makes a module be recorded again.

What is noted is then shortened: see fusion.py and channels_last.py.

Source    the idea is that of CUDA graphs: Gray, "Getting started with CUDA graphs", NVIDIA (2019)
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from .. import op
from .._compiled import are_unchanged, arrays_of_forms, is_grad_enabled, tensor_of
from ..arguments import Array, check_flag
from ..fork_safety import give_lock
from ..tensor import Tensor, no_grad
from .channels_last import Layout
from .element_blocks import is_by_element
from .fusion import fold_batch_norms, join_activations, pack_weights, without_unread, work_in_place
from .recorded_gradient import NoRecordedGradient, differentiable, gradient_of
from .replay import (
    Parts,
    Replay,
    as_array,
    copy,
    key_of,
    noted,
    on_other_numbers,
    on_special_numbers,
    own_inputs,
    turns,
)

if TYPE_CHECKING:
    from ..nn import Module


class NotRecordable(RuntimeError):
    """What was recorded does not give what the function gives."""

    def __init__(self) -> None:
        super().__init__(
            "capture: replayed on other numbers, the recording gives another result than the function: part of its "
            "work is done outside the kernels (with numpy or random numbers), or depends on values"
        )


def capture(function: Callable[..., Any], fold: bool = False) -> Captured:
    """A function of tensors that records `function`, a module or any other function, and replays it.

    Its arguments must be tensors or arrays. Each combination of shapes and dtypes is recorded when it is first seen and
    keeps the memory of its intermediate results. Raises RuntimeError for a module in training mode and for a function
    that does part of its work outside the kernels.

    What a captured module returns has no gradient. Where an argument of a function needs one, the backward pass is
    replayed as well if the function returns one tensor, computed from its arguments alone by operations that take each
    element by itself, as x * 2 + y; otherwise the function runs as if it were not captured.

    fold: allows what rounds differently. Batch normalisations become part of the convolutions before them, y =
    (s w) * x + (s (b - mean) + beta) with s = gamma / sqrt(var + eps); weights of convolutions and linear layers are
    prepared once and images lie as convolutions read them fastest (channels_last.py). A change of a parameter
    makes the module be recorded again; who writes into its .data array by hand has to call its bump_version(). For
    modules only, whose parameters can be watched.
    """
    return Captured(function, check_flag("capture", "fold", fold))


class Captured:
    """What capture() returns. Calls from several threads wait for each other, since they share the arrays."""

    def __init__(self, function: Callable[..., Any], fold: bool, drop_unread: bool = False) -> None:
        """drop_unread: calls whose results nobody reads are left out."""
        from ..nn import Module

        if not callable(function):
            raise TypeError(f"capture: function must be a module or a function, not {type(function).__name__}")
        self._function = function
        self._module = function if isinstance(function, Module) else None
        if fold and self._module is None:
            raise TypeError(f"capture: fold needs a module, not {type(function).__name__}")
        self._options = fold, drop_unread
        self._recordings: dict[Any, _Recording] = {}
        self._latest: _Recording | None = None
        self._with_gradient: dict[Any, Any] = {}
        self._lock = give_lock(self)

    def __repr__(self) -> str:
        return f"<captured {self._function!r}: {len(self._recordings)} recordings>"

    def __reduce__(self) -> tuple[Any, ...]:
        return Captured, (self._function, *self._options)  # a copy records for itself

    def __call__(self, *inputs: Any) -> Any:
        if self._module is not None and self._module.training:
            raise RuntimeError("capture: the module is in training mode; call its eval() first")
        if self._module is None and is_grad_enabled():
            needs = tuple([isinstance(each, Tensor) and each.requires_grad for each in inputs])
            if any(needs):
                return self._differentiated(inputs, needs)
        with self._lock:
            latest = self._latest
            if latest is not None and (arrays := arrays_of_forms(inputs, latest.forms)) and latest.is_valid():
                return self._run(latest, arrays)
        if op.get_backend() != "native":  # the reference has no overhead worth saving
            with no_grad():
                return self._function(*inputs)
        return self._replay([as_array("capture", each) for each in inputs])

    def _replay(self, arrays: list[Array]) -> Any:
        key = key_of(arrays)
        with self._lock:
            recording = self._recordings.get(key)
            if recording is None or not recording.is_valid():
                recording = self._recordings[key] = _Recording(self._function, self._module, arrays, *self._options)
            self._latest = recording
            return self._run(recording, arrays)

    def _run(self, recording: _Recording, arrays: list[Array]) -> Any:
        try:
            return recording.replay(arrays)
        except ValueError as error:
            refusal = error
        with no_grad():  # which says what is wrong, and in which operation: a kernel knows only of arrays
            self._function(*[Tensor(each) if each.dtype.kind == "f" else each for each in arrays])
        raise refusal

    def _differentiated(self, inputs: tuple[Any, ...], needs: tuple[bool, ...]) -> Any:
        """The result with a gradient, replayed if that is possible."""
        if op.get_backend() != "native":
            return self._function(*inputs)
        arrays = [as_array("capture", each) for each in inputs]
        key = key_of(arrays), needs
        if key not in self._with_gradient:
            self._with_gradient[key] = self._differentiable(arrays, needs)
        return (self._with_gradient[key] or self._apply)(list(inputs))

    def _differentiable(self, arrays: list[Array], needs: tuple[bool, ...]) -> Any:
        """The operation on a list of the inputs; None if it cannot be recorded."""
        with no_grad():
            y = self._replay(arrays)
        if not isinstance(y, Tensor) or not all(map(is_by_element, self._recordings[key_of(arrays)].calls)):
            return None
        backward = Captured(gradient_of(self._function, needs), False, drop_unread=True)
        try:
            backward._replay([*arrays, y.data])
        except (NoRecordedGradient, NotRecordable):
            return None
        return differentiable(self._replay, backward._replay)

    def _apply(self, inputs: list[Any]) -> Any:
        return self._function(*inputs)


class _Recording:
    """The calls for inputs of one combination of shapes."""

    def __init__(
        self,
        function: Callable[..., Any],
        module: Module | None,
        inputs: list[Array],
        fold: bool,
        drop_unread: bool,
    ) -> None:
        self._parts = Parts([] if module is None else [module])
        state = [*self._parts.params, *self._parts.buffers]
        counts: list[int | None] = [None] * len(state)
        self.state = state, [tensor.data for tensor in state], counts
        self.folded = fold
        frames: list[Array] = []
        own = own_inputs(inputs)
        with no_grad():
            calls, results = noted(function, *[Tensor(each) if each.dtype.kind == "f" else each for each in own])
        for result in _leaves(results):
            if not isinstance(result, Tensor):
                raise TypeError(f"capture: the function must return tensors, not {type(result).__name__}")
        self.structure, self.gives_one, self.isa = results, isinstance(results, Tensor), op.isa
        outputs = [result.data for result in _leaves(results)]
        if drop_unread:
            calls = without_unread(calls, outputs)
        if fold:
            watched = {id(tensor.data) for tensor in state}
            calls, used = fold_batch_norms(calls, outputs, watched)
            layout = Layout(calls, outputs, watched)
            calls = layout.run()
            used |= layout.used
            frames = layout.frames
        calls = join_activations(calls, outputs)
        if fold:
            calls, packed = pack_weights(calls, watched)
            used |= packed
            counts[:] = [tensor.version.count if id(tensor.data) in used else None for tensor in state]
        self._replay = Replay(work_in_place(calls, outputs), own, outputs, self.state[1], frames, rounds=fold)
        self.calls, self.slices, self.forms = self._replay.calls, self._replay.slices, self._replay.forms
        if self._replay.keys:
            raise NotRecordable
        self._check(function, inputs)

    def _check(self, function: Callable[..., Any], inputs: list[Array]) -> None:
        def run(others: list[Array]) -> list[Array | None]:
            with no_grad():
                results = function(*[Tensor(copy(each)) if each.dtype.kind == "f" else each for each in others])
            return [each.data for each in _leaves(results)]

        for turn in turns(inputs):
            self._compare(*on_other_numbers(run, inputs, turn))
        if not self.folded:  # which is compared by the largest number
            for others, expected in on_special_numbers(run, inputs):
                self._compare(others, expected)

    def _compare(self, others: list[Array], expected: list[Array | None]) -> None:
        for right, replayed in zip(expected, _leaves(self.replay(others)), strict=True):
            if right is None or right.shape != replayed.shape or not self._same(right, replayed.data):
                raise NotRecordable

    def _same(self, right: Array, replayed: Array) -> bool:
        if not self.folded or right.dtype.kind != "f":
            return np.array_equal(right, replayed, equal_nan=True)
        allowed = np.sqrt(np.finfo(right.dtype).eps) * np.abs(right).max(initial=0.0)
        return bool(np.all((np.abs(right - replayed) <= allowed) | (np.isnan(right) & np.isnan(replayed))))

    def is_valid(self) -> bool:
        """Whether parameters and buffers are those of the recording, and what was folded has not changed."""
        return self.isa is op.isa and self._parts.are_same() and are_unchanged(*self.state)

    def replay(self, inputs: list[Array]) -> Any:
        outputs = self._replay.run(inputs)
        return tensor_of(outputs[0]) if self.gives_one else _rebuild(self.structure, iter(outputs))


def _leaves(results: Any) -> Iterator[Any]:
    """The tensors among (nested) tuples, lists and dicts of them."""
    if isinstance(results, tuple | list):
        for each in results:
            yield from _leaves(each)
    elif isinstance(results, dict):
        yield from _leaves(list(results.values()))
    else:
        yield results


def _rebuild(structure: Any, outputs: Iterator[Array]) -> Any:
    if isinstance(structure, Tensor):
        return tensor_of(next(outputs))
    if isinstance(structure, tuple | list):
        return type(structure)([_rebuild(each, outputs) for each in structure])
    return {key: _rebuild(each, outputs) for key, each in structure.items()}
