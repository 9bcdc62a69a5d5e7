"""capture: a computation recorded once and then replayed without Python in between.

    model.eval()
    fast = pydl.capture(model)
    y = fast(x)                     # the first call with these shapes records, the others replay

Small networks spend more time on deciding what to compute than on computing it: for every layer the arguments are
checked, a result is allocated, a gradient is prepared. None of that depends on the numbers. So the first call notes
which kernels ran on which arrays; the next ones copy their inputs into those arrays, run the same kernels in the same
order as one native call, and hand out a copy of the results.

What may be captured: functions of tensors whose work is done by kernels and does not depend on the values of the
inputs, without gradients. This is checked, not believed: after recording, the function is run again on other numbers,
and the recording must give the same bits. Parameters are used where they are: updates in place and load_state_dict
are seen, and a parameter whose data was replaced makes a module be recorded again.

Where a product is followed by its activation, the two are replayed as one (see FUSIONS).

Source    the idea is that of CUDA graphs: Gray, "Getting started with CUDA graphs", NVIDIA (2019)
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from . import _native, op
from .arguments import Array
from .tensor import Tensor, no_grad

if TYPE_CHECKING:
    from .nn import Module

Call = tuple[Any, tuple[Any, ...]]  # a native kernel and its arguments

# (kernel, the activation's kernel after it): the number that tells the first to do the second's work.
FUSIONS = {
    ("linear_forward", "relu_forward"): 1,
    ("linear_forward", "sigmoid_forward"): 2,
    ("linear_forward", "tanh_forward"): 3,
}


def capture(function: Callable[..., Any]) -> Captured:
    """A function of tensors that records `function`, a module or any other function, and replays it.

    Its arguments must be tensors or arrays; what it returns has no gradient. Each combination of shapes and dtypes is
    recorded when it is first seen and keeps the memory of its intermediate results. Raises RuntimeError for a module
    in training mode and for a function that does part of its work outside the kernels.
    """
    return Captured(function)


class Captured:
    """What capture() returns. Calls from several threads wait for each other, since they share the arrays."""

    def __init__(self, function: Callable[..., Any]) -> None:
        from .nn import Module

        if not callable(function):
            raise TypeError(f"capture: function must be a module or a function, not {type(function).__name__}")
        self._function = function
        self._module = function if isinstance(function, Module) else None
        self._recordings: dict[Any, _Recording] = {}
        self._lock = threading.Lock()

    def __repr__(self) -> str:
        return f"<captured {self._function!r}: {len(self._recordings)} recordings>"

    def __call__(self, *inputs: Any) -> Any:
        if self._module is not None and self._module.training:
            raise RuntimeError("capture: the module is in training mode; call its eval() first")
        if op.get_backend() != "native":  # the reference has no overhead worth saving
            with no_grad():
                return self._function(*inputs)
        arrays = [_array(each) for each in inputs]
        key = (op.isa, *[(each.shape, each.dtype) for each in arrays])
        with self._lock:
            recording = self._recordings.get(key)
            if recording is None or recording.is_stale():
                recording = self._recordings[key] = _Recording(self._function, self._module, arrays)
            return recording.replay(arrays)


class _Recording:
    """The calls for inputs of one combination of shapes."""

    def __init__(self, function: Callable[..., Any], module: Module | None, inputs: list[Array]) -> None:
        state = [] if module is None else [*module.parameters(), *module.buffers()]
        self.state = [(tensor, tensor.data) for tensor in state]
        # Whole numbers in the one width that kernels read, so that operations need no copy of their own.
        widths = [each.dtype if each.dtype.kind == "f" else np.dtype(np.int64) for each in inputs]
        self.inputs = [_copy(each, dtype) for each, dtype in zip(inputs, widths, strict=True)]
        tensors = [Tensor(each) if each.dtype.kind == "f" else each for each in self.inputs]
        calls, results = _record(function, tensors)
        self.structure = results
        self.outputs = [result.data for result in _leaves(results)]
        self.calls = fuse(calls, self.outputs)
        self.native = _native.Recording(self.calls)
        self._check(function, inputs)

    def _check(self, function: Callable[..., Any], inputs: list[Array]) -> None:
        others = [_other_numbers(each) for each in inputs]
        with no_grad():
            expected = function(*[Tensor(_copy(each)) if each.dtype.kind == "f" else each for each in others])
        found = self.replay(others)
        for right, replayed in zip(_leaves(expected), _leaves(found), strict=True):
            if right.shape != replayed.shape or not np.array_equal(right.data, replayed.data, equal_nan=True):
                raise RuntimeError(
                    "capture: replayed on other numbers, the recording gives another result than the function: part of "
                    "its work is done outside the kernels (with numpy or random numbers), or depends on values"
                )

    def is_stale(self) -> bool:
        """Whether a parameter or buffer has other memory than when it was recorded."""
        return any(tensor.data is not array for tensor, array in self.state)

    def replay(self, inputs: list[Array]) -> Any:
        for buffer, given in zip(self.inputs, inputs, strict=True):
            np.copyto(buffer, given)
        self.native.replay()
        outputs = iter([_copy(output) for output in self.outputs])
        return _rebuild(self.structure, outputs)


def _array(given: Any) -> Array:
    array = given.data if isinstance(given, Tensor) else given
    if not isinstance(array, np.ndarray):
        raise TypeError(f"capture: inputs must be tensors or arrays, not {type(given).__name__}")
    return array


def _copy(array: Array, dtype: Any = None) -> Array:
    copy = op.empty(array.shape, array.dtype if dtype is None else dtype)
    np.copyto(copy, array)
    return copy


def _other_numbers(array: Array) -> Array:
    """Valid inputs that differ: whole numbers (words, labels) in another order, others scaled, too."""
    turned = np.flip(array)
    return turned * array.dtype.type(0.75) if array.dtype.kind == "f" else turned.copy()


def _record(function: Callable[..., Any], inputs: list[Any]) -> tuple[list[Call], Any]:
    """Runs the function with every kernel replaced by one that notes its calls, if they come from this thread."""
    calls: list[Call] = []
    thread = threading.get_ident()

    def noting(native: Any) -> Callable[..., None]:
        def run(*arguments: Any) -> None:
            native(*arguments)
            if threading.get_ident() == thread:
                calls.append((native, arguments))

        return run

    with op.replaced_kernels(noting), no_grad():
        results = function(*inputs)
    for result in _leaves(results):
        if not isinstance(result, Tensor):
            raise TypeError(f"capture: the function must return tensors, not {type(result).__name__}")
    return calls, results


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
    if isinstance(structure, tuple | list):
        return type(structure)([_rebuild(each, outputs) for each in structure])
    if isinstance(structure, dict):
        return {key: _rebuild(each, outputs) for key, each in structure.items()}
    return Tensor(next(outputs))


def fuse(calls: list[Call], outputs: list[Array]) -> list[Call]:
    """The calls with products and the activations after them joined, where nobody else reads what is in between."""
    fused: list[Call] = []
    for kernel, arguments in calls:
        if fused:
            before, given = fused[-1]
            number = FUSIONS.get((before.__name__, kernel.__name__))
            if number is not None and _reads_only(arguments[0], given, before, calls, outputs):
                joined = dict(zip(before.arguments, given, strict=True))
                if joined["activation"] == 0:
                    joined |= {"activation": number, "y": arguments[1].reshape(joined["y"].shape)}
                    fused[-1] = before, tuple(joined.values())
                    continue
        fused.append((kernel, arguments))
    return fused


def _reads_only(x: Array, given: tuple[Any, ...], before: Any, calls: list[Call], outputs: list[Array]) -> bool:
    """Whether x is what the call before wrote, and nothing but the call that is given x reads it."""
    y = given[before.arguments.index("y")]
    if x.ctypes.data != y.ctypes.data or x.size != y.size or not (x.flags.c_contiguous and y.flags.c_contiguous):
        return False
    users = sum(
        isinstance(argument, np.ndarray) and np.may_share_memory(argument, y)
        for _, arguments in calls
        for argument in arguments
    )
    return users == 2 and not any(np.may_share_memory(output, y) for output in outputs)
