"""capture_step: a training step, recorded once and then replayed without Python in between.

    step = pydl.capture_step(model, cross_entropy, optimizer)
    for x, y in loader:
        loss = step(x, y)

is, to the same bits,

    for x, y in loader:
        loss = cross_entropy(model(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

if x and y lie row by row in memory, as batches of a loader do: others are copied so, and products may add the numbers
of a copy in another order than those of, say, a transposed view.

Forward and backward pass, from the batch to the gradients, are one native call, in memory that the recording keeps. The
optimizer's step comes after it as always, so that schedules, momentum, clipping and load_state_dict need no care.
What does change from step to step is brought along: dropout and randn get new keys from the global generator, as many
as the step itself would draw, and buffers of whole numbers (the batches that a normalisation has seen) are counted up.

As in recorded_function.py this is checked, not believed: after recording, the step is made on other numbers, in the
batch as well as in the parameters, by itself and by the recording, and loss, gradients and buffers must be the same
bits. Neither leaves a trace in model or generator.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np

from .. import _native, op, random
from .._compiled import are_set, are_unchanged, arrays_of_forms, changed, put_gradients, set_noting, tensor_of
from ..arguments import Array, check_callable, check_integer
from ..fork_safety import give_lock
from ..ops.conv2d_winograd import get_winograd
from ..tensor import Tensor, enable_grad
from .fusion import join_activations, without_unread, work_in_place
from .made_again import make_again
from .norm_fusion import join_norms
from .replay import Parts, Replay, as_array, copy, key_of, noted, on_other_numbers, own_inputs

if TYPE_CHECKING:
    from ..nn import Module
    from ..optim import Optimizer


def capture_step(
    model: Module,
    loss: Callable[..., Tensor],
    optimizer: Optimizer,
    before_step: Callable[[], object] | None = None,
    inputs: int = 1,
) -> CapturedStep:
    """A function step(x, y) that trains the model by one batch and returns the loss: see the top of this file.

    The arguments of step, tensors or arrays, go to the model, the first `inputs` of them, and after its output to the
    loss: loss(model(x), y). Afterwards each parameter's grad has this step's gradient, in memory that the next step
    uses again. before_step: called between the gradients and the optimizer's step, as in
    before_step=lambda: clip_grad_norm_(model.parameters(), 1.0).

    Each combination of shapes and dtypes is recorded when it is first seen, which takes as long as a few steps. It is
    recorded again where modules, parameters or buffers are others or have other memory, or need gradients or train
    (train(), eval()) otherwise than they did, or where a setting that is a number or text, such as Dropout.p, differs.

    Errors: RuntimeError for what cannot be replayed: work outside the kernels or that depends on values, random numbers
    other than those of dropout and randn, hooks, sparse gradients; and as from the step itself. After an error nothing
    has moved, but buffers may have. pydl.Trainer(capture=True) trains so.
    """
    return CapturedStep(model, loss, optimizer, before_step, inputs)


class CapturedStep:
    """What capture_step() returns. Calls from several threads wait for each other, since they share the arrays."""

    def __init__(self, model: Any, loss: Any, optimizer: Any, before_step: Any, inputs: Any) -> None:
        from ..nn import Module
        from ..optim import Optimizer

        for name, given, kind in (("model", model, Module), ("optimizer", optimizer, Optimizer)):
            if not isinstance(given, kind):
                raise TypeError(f"capture_step: {name} must be {kind.__name__}, not {type(given).__name__}")
        self._model, self._optimizer = model, optimizer
        self._loss = check_callable("capture_step", "loss", loss, "a function of the model's output and the targets")
        self._before_step = before_step
        if before_step is not None:
            check_callable("capture_step", "before_step", before_step)
        self._inputs = check_integer("capture_step", "inputs", inputs, 1)
        self._modules = [model, loss] if isinstance(loss, Module) else [model]
        self._recordings: dict[Any, Recording] = {}
        self._latest: Recording | None = None
        self._lock = give_lock(self)

    def __repr__(self) -> str:
        return f"<captured step of {type(self._model).__name__}: {len(self._recordings)} recordings>"

    def __reduce__(self) -> tuple[Any, ...]:
        return CapturedStep, (self._model, self._loss, self._optimizer, self._before_step, self._inputs)

    def __call__(self, *batch: Any) -> Tensor:
        with self._lock:
            latest, variant = self._latest, self._variant()
            if latest is not None and (arrays := arrays_of_forms(batch, latest.forms)) and latest.is_valid(variant):
                loss = self._run(latest, arrays)
            else:
                loss = self._gradients([as_array("capture_step", each) for each in batch])
            if self._before_step is not None:
                self._before_step()
            self._optimizer.step()
        return loss

    def _gradients(self, arrays: list[Array]) -> Tensor:
        if op.get_backend() != "native":  # the reference has no overhead worth saving
            return self._compute([Tensor(each) if each.dtype.kind == "f" else each for each in arrays])
        key, variant = key_of(arrays), self._variant()
        recording = self._recordings.get(key)
        if recording is None or not recording.is_valid(variant):
            recording = self._recordings[key] = Recording(self._compute, self._state(), variant, arrays)
        self._latest = recording
        return self._run(recording, arrays)

    def _run(self, recording: Recording, arrays: list[Array]) -> Tensor:
        try:
            return recording.run(arrays)
        except ValueError as error:
            refusal = error
        # The step says what is wrong, and in which operation: a kernel knows only of arrays.
        self._compute([Tensor(each) if each.dtype.kind == "f" else each for each in arrays])
        raise refusal

    def _variant(self) -> Any:
        return op.isa, get_winograd(), len(self._optimizer.param_groups)

    def _state(self) -> _State:
        parts = Parts(self._modules)
        for each in parts.modules:
            if each._forward_pre_hooks or each._forward_hooks:
                raise RuntimeError(
                    f"capture_step: {type(each).__name__} has hooks, which replays do not call; remove them first"
                )
        learnt = [each for group in self._optimizer.param_groups for each in group["params"]]
        return _State(parts, list({id(each): each for each in (*parts.params, *learnt)}.values()))

    def _compute(self, batch: list[Any]) -> Tensor:
        """The gradients, and the loss without its record."""
        params = self._state().params
        put_gradients(params, [None] * len(params))
        with enable_grad():
            loss = self._loss_of(batch)
            self._penalized(loss).backward()
        return loss.detach()

    def _loss_of(self, batch: list[Any]) -> Tensor:
        loss = self._loss(self._model(*batch[: self._inputs]), *batch[self._inputs :])
        if not isinstance(loss, Tensor):
            raise TypeError(f"capture_step: the loss must be a tensor, not {type(loss).__name__}")
        return loss

    def _penalized(self, loss: Tensor) -> Tensor:
        """What the gradients are of, if that is more than the loss."""
        return loss


class _State:
    """What a step finds: modules, parameters and buffers, and how they were when it was recorded."""

    def __init__(self, parts: Parts, params: list[Any]) -> None:
        self.parts, self.params, self.buffers, modules = parts, params, parts.buffers, parts.modules
        both = [*params, *parts.buffers]
        counts: list[int | None] = [None] * len(both)
        self.memory = both, [each.data for each in both], counts
        self.settings = params, [each.requires_grad for each in params], modules, [each.training for each in modules]
        for each in params:
            if each._hooks:
                raise RuntimeError("capture_step: a parameter has a hook, which replays do not call; remove it first")

    def is_unchanged(self) -> bool:
        return self.parts.are_same() and are_unchanged(*self.memory) and are_set(*self.settings)

    def gradients(self) -> list[Array | None]:
        for each in self.params:
            if each.grad is not None and each.grad.is_sparse:
                raise RuntimeError("capture_step: a parameter has a sparse gradient, whose rows depend on the batch")
        return [None if each.grad is None else each.grad.data for each in self.params]

    @contextmanager
    def other_params(self) -> Iterator[None]:
        """Other numbers in the parameters, so that a copy of one that is made outside the kernels is seen."""
        changeable = [each for each in self.params if each.data.flags.writeable]
        numbers = [copy(each.data) for each in changeable]
        try:
            for each, array in zip(changeable, numbers, strict=True):
                np.multiply(array, 0.875, out=each.data)
                each.data += 1 / 64  # also where all are 0, and none becomes negative
            changed(changeable)
            yield
        finally:
            for each, array in zip(changeable, numbers, strict=True):
                np.copyto(each.data, array)
            changed(changeable)

    def numbers(self) -> list[Array]:
        """Copies of the buffers."""
        return [copy(each.data) for each in self.buffers]

    def put(self, numbers: list[Array]) -> None:
        for buffer, array in zip(self.buffers, numbers, strict=True):
            np.copyto(buffer.data, array)


class Recording:
    """The calls of a step, from a batch of one combination of shapes to the gradients."""

    def __init__(self, compute: Callable[[list[Any]], Tensor], state: _State, variant: Any, batch: list[Array]) -> None:
        self._state, self._variant = state, variant
        numbers, generator = state.numbers(), random.get_rng_state()

        def start_anew() -> None:
            state.put(numbers)
            random.set_rng_state(generator)

        def run(others: list[Array]) -> list[Array | None]:
            start_anew()
            loss = compute([Tensor(copy(each)) if each.dtype.kind == "f" else each for each in others])
            return [loss.data, *state.gradients(), *state.numbers()]

        try:
            # First what the replay is to give: the step's memory can then become the recording's, and what is recorded
            # begins with other buffers than what is checked.
            with state.other_params():
                others, expected = on_other_numbers(run, batch)
            self._record(compute, batch)
            _native.arena_trim()
            start_anew()
            with state.other_params():
                found = [self.run(others).data, *self._gradients, *state.numbers()]
            if not all(map(_same, expected, found)) or not state.is_unchanged():
                raise RuntimeError(
                    "capture_step: replayed on other numbers, the recording gives another loss or other gradients than "
                    "the step: part of its work is done outside the kernels (with numpy), or depends on values"
                )
        finally:
            start_anew()

    def _record(self, compute: Callable[[list[Any]], Tensor], batch: list[Array]) -> None:
        state, own, before = self._state, own_inputs(batch), self._state.numbers()
        generator = random.get_rng_state()
        set_noting(True)
        try:
            calls, loss = noted(compute, [Tensor(each) if each.dtype.kind == "f" else each for each in own])
        finally:
            set_noting(False)
        self._gradients = state.gradients()
        kept = [*state.memory[1], *[each for each in self._gradients if each is not None]]
        # The number each counter grows by.
        self._counters = [
            (buffer.data, buffer.data - array)
            for buffer, array in zip(state.buffers, before, strict=True)
            if buffer.dtype.kind != "f" and not np.array_equal(buffer.data, array)
        ]
        calls = without_unread(calls, [loss.data, *kept])
        calls = make_again(join_norms(calls, [loss.data, *kept]), [loss.data, *kept])
        calls = join_activations(calls, [loss.data, *kept])
        self._replay = Replay(work_in_place(calls, [loss.data, *kept]), own, [loss.data], kept)
        self.forms = self._replay.forms
        after = random.get_rng_state()
        random.set_rng_state(generator)
        self._keys()
        if random.get_rng_state() != after:
            raise RuntimeError("capture_step: the step draws random numbers other than those of dropout and randn")

    def _keys(self) -> tuple[int, ...]:
        return tuple([random.new_key() for _ in range(self._replay.keys)])

    def is_valid(self, variant: Any) -> bool:
        """Whether all is as it was recorded with."""
        return bool(self._variant == variant) and self._state.is_unchanged()

    def give_gradients_away(self) -> None:
        """Puts copies where they belong, which the next step does not use again."""
        put_gradients(self._state.params, [None if each is None else copy(each) for each in self._gradients])

    def run(self, batch: list[Array]) -> Tensor:
        """The loss; the gradients are where they belong."""
        (loss,) = self._replay.run(batch, self._keys() if self._replay.keys else ())
        for array, growth in self._counters:
            array += growth
        changed(self._state.buffers)
        put_gradients(self._state.params, self._gradients)
        result: Tensor = tensor_of(loss)
        return result


def _same(right: Array | None, replayed: Array | None) -> bool:
    if right is None or replayed is None:
        return right is replayed
    return np.array_equal(right, replayed, equal_nan=right.dtype.kind == "f")
