"""Tensor: a numpy array that remembers how it was computed.

    w = pydl.tensor([1.0, 2.0], requires_grad=True)
    loss = (w * w).sum()
    loss.backward()
    w.grad               # tensor([2., 4.])

What a Tensor can be asked (methods and operators) is listed in methods.py; how gradients come back is in backward.pyx.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from . import _compiled as tape
from ._compiled import GradMode, backward
from .arguments import Array, check_array, check_callable, check_dim, check_dtype, check_flag
from .op import empty

if TYPE_CHECKING:
    from .methods import TensorMethods as TensorBase  # with what methods.py adds to Tensor
else:
    from ._compiled import TensorBase

float32, float64, int64 = np.dtype(np.float32), np.dtype(np.float64), np.dtype(np.int64)


class Tensor(TensorBase):
    """An n-dimensional array of numbers with a gradient.

    data: the numpy array, of which shape, dtype and ndim are; grad: dC/d(this) after backward(), a Tensor or None;
    requires_grad: whether it gets one.
    Tensor(array) shares the array's memory; pydl.tensor(...) copies.
    """

    __slots__ = ()
    is_sparse = False  # see sparse.py for what is
    __array_priority__ = 1000  # so that ndarray + Tensor asks the Tensor

    def __init__(self, data: Any, requires_grad: bool = False) -> None:
        self.data = check_array("Tensor", "data", data.data if isinstance(data, Tensor) else data)
        if requires_grad is not False:
            self.requires_grad = requires_grad

    # What it looks like

    def dim(self) -> int:
        """The number of dimensions."""
        return self.data.ndim

    def size(self, dim: int | None = None) -> Any:
        """The shape, or the size of one dimension."""
        if dim is None:
            return self.data.shape
        if self.data.ndim == 0:
            raise IndexError("size: this tensor has no dimensions")
        return self.data.shape[check_dim("size", dim, self.data.ndim)]

    def numel(self) -> int:
        """The number of elements."""
        return self.data.size

    def __len__(self) -> int:
        if self.data.ndim == 0:
            raise TypeError("len: this tensor has no dimensions")
        return len(self.data)

    def __repr__(self) -> str:
        text = np.array2string(self.data, separator=", ", prefix="tensor(", precision=4, threshold=100)
        notes = [f"size={self.shape}"] if self.data.size == 0 and self.data.ndim > 1 else []
        if self.dtype not in (float32, int64, np.bool_):
            notes.append(f"dtype={self.dtype}")
        if self.grad_fn is not None:
            notes.append(f"grad_fn={self.grad_fn!r}")
        elif self.requires_grad:
            notes.append("requires_grad=True")
        return f"tensor({', '.join([text, *notes])})"

    def __bool__(self) -> bool:
        return bool(self.item())

    def __float__(self) -> float:
        return float(self.item())

    def __int__(self) -> int:
        return int(self.item())

    def __format__(self, spec: str) -> str:
        return format(self.item() if spec and self.data.ndim == 0 else str(self), spec)

    def __contains__(self, value: Any) -> bool:
        return bool(np.any(self.data == (value.data if isinstance(value, Tensor) else value)))

    def __index__(self) -> int:
        if self.data.dtype.kind not in "iub" or self.data.size != 1:
            raise TypeError(f"index: only a tensor of one integer is an index, this is {self.dtype} {self.shape}")
        return int(self.data.item())

    __hash__ = object.__hash__

    # Other forms of the same numbers

    def numpy(self) -> Array:
        """The numpy array itself, without a copy. A tensor that needs a gradient is refused: detach() it first."""
        if self.requires_grad and tape.is_grad_enabled():
            raise RuntimeError("numpy: this tensor needs a gradient, which numpy cannot record; use detach().numpy()")
        return self.data

    def item(self) -> Any:
        """The one number that the tensor holds."""
        if self.data.size != 1:
            raise ValueError(f"item: only a tensor of one element is a number, this one has shape {self.shape}")
        return self.data.item()

    def tolist(self) -> Any:
        """Nested Python lists of the numbers."""
        return self.data.tolist()

    def detach(self) -> Tensor:
        """The same memory without the history: gradients do not flow through it."""
        twin: Tensor = tape.tensor_of(self.data)
        twin.share_version(self)
        return twin

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Array:
        array = self.numpy()
        if dtype is not None and array.dtype != dtype:
            if copy is False:
                raise ValueError(f"__array__: {array.dtype} becomes {np.dtype(dtype)} only by a copy")
            return array.astype(dtype)
        return array.copy() if copy else array

    def __dlpack__(self, **options: Any) -> Any:
        return self.numpy().__dlpack__(**options)

    def __dlpack_device__(self) -> tuple[int, int]:
        return self.data.__dlpack_device__()

    def __reduce__(self) -> tuple[Any, ...]:
        if self.grad_fn is not None:
            raise RuntimeError("pickle: only tensors made by the user can be copied or sent; detach() first")
        return type(self), (self.data, self.requires_grad)

    def __deepcopy__(self, memo: dict[int, Any]) -> Tensor:
        if self.grad_fn is not None:
            raise RuntimeError(
                "deepcopy: only tensors made by the user can be copied with their settings; detach() first"
            )
        twin = type(self).__new__(type(self))
        twin.data = self.data.copy()
        twin.requires_grad = self.requires_grad
        if self.grad is not None:
            twin.grad = self.grad.__deepcopy__(memo)
        memo[id(self)] = twin
        return twin

    # Gradients

    def backward(self, gradient: Any = None, retain_graph: bool = False, create_graph: bool = False) -> None:
        """Computes the gradient of this tensor by every leaf it was computed from, and adds it to their .grad.

        gradient: dC/d(this), needed where this is not one number. retain_graph: keep the record for another
        backward(); otherwise its memory is freed on the way. create_graph: must be False, gradients are not recorded.
        Errors: RuntimeError where nothing was recorded, the record is freed already, a tensor that a gradient needs was
        changed in place, or gradients of gradients are asked for.
        """
        if check_flag("backward", "create_graph", create_graph):
            raise RuntimeError("backward: create_graph must be False, there are no gradients of gradients")
        if gradient is not None and not isinstance(gradient, Tensor):
            check_array("backward", "gradient", gradient)
        backward(self, gradient, check_flag("backward", "retain_graph", retain_graph))

    def register_hook(self, hook: Any) -> tape.HookHandle:
        """Calls hook(gradient) when the gradient of this tensor is known; a returned value replaces it."""
        return tape.register_hook(self, hook)

    def retain_grad(self) -> None:
        """Keeps the gradient of a tensor that is not a leaf in .grad."""
        if self.grad_fn is None or self._retains_grad:
            return

        def keep(gradient: Tensor) -> None:
            # A copy: the array itself goes on to other tensors.
            new = gradient.data.copy() if self.grad is None else np.asarray(self.grad.data + gradient.data)
            self.grad = tape.tensor_of(new)

        self._retains_grad = True
        self.register_hook(keep)

    def requires_grad_(self, requires_grad: bool = True) -> Tensor:
        """Sets requires_grad; returns the tensor."""
        self.requires_grad = requires_grad
        return self

    # In-place changes: counted, so that a gradient never uses overwritten numbers

    def writable(self, operation: str) -> Array:
        """The array, to be written by an operation of this name; refused where a gradient is recorded."""
        if self.requires_grad and tape.is_grad_enabled():
            raise RuntimeError(f"{operation}: a tensor that needs a gradient changes in place only under no_grad()")
        if not self.data.flags.writeable:
            raise ValueError(f"{operation}: the tensor's memory is read-only; change a clone() instead")
        self.bump_version()
        return self.data


tape.set_tensor_type(Tensor)


def tensor(data: Any, dtype: Any = None, requires_grad: bool = False) -> Tensor:
    """A Tensor with a copy of `data`: numbers, nested lists, an array or a Tensor.

    Without dtype, Python floats become float32 and integers int64; arrays keep theirs.
    """
    array = check_array("tensor", "data", data.data if isinstance(data, Tensor) else data)
    copy = empty(array.shape, array.dtype if dtype is None else check_dtype("tensor", dtype))
    # From the numbers themselves where check_array has rounded them to float32.
    copy[...] = data if copy.dtype == float64 and isinstance(data, float | list | tuple) else array
    made: Tensor = tape.tensor_of(copy)
    if requires_grad is not False:
        made.requires_grad = requires_grad
    return made


def as_tensor(op: str, value: Any) -> Tensor:
    """`value` if it is a Tensor, else a Tensor of the array or numbers that it is."""
    return value if isinstance(value, Tensor) else Tensor(check_array(op, "input", value))


def from_numpy(array: Array) -> Tensor:
    """A Tensor that shares the array's memory."""
    if not isinstance(array, np.ndarray):
        raise TypeError(f"from_numpy: array must be a numpy array, not {type(array).__name__}")
    return Tensor(array)


GENERATOR = 0x20  # the flag of functions that yield: see inspect.CO_GENERATOR, without importing inspect


def in_mode(recording: bool, function: Any) -> Any:
    """What no_grad() and enable_grad() make of a function that they decorate."""
    from functools import wraps

    @wraps(function)
    def wrapped(*args: Any, **kwargs: Any) -> Any:
        with GradMode(recording):
            return function(*args, **kwargs)

    @wraps(function)
    def steps(*args: Any, **kwargs: Any) -> Any:
        """A generator: recording is switched while it computes, not while its user does."""
        generator = function(*args, **kwargs)
        while True:
            with GradMode(recording):
                try:
                    item = next(generator)
                except StopIteration as end:
                    return end.value
            yield item

    check_callable("enable_grad" if recording else "no_grad", "what it decorates", function)
    return steps if getattr(getattr(function, "__code__", None), "co_flags", 0) & GENERATOR else wrapped


def no_grad(function: Any = None) -> Any:
    """Records nothing inside: `with pydl.no_grad(): ...`, or as a decorator, `@pydl.no_grad()` or `@pydl.no_grad`."""
    return GradMode(False) if function is None else in_mode(False, function)


def enable_grad(function: Any = None) -> Any:
    """Records again inside a no_grad() block."""
    return GradMode(True) if function is None else in_mode(True, function)


inference_mode = no_grad


class set_grad_enabled:
    """Records, or not, from here on; in a `with` statement until its end: set_grad_enabled(training)."""

    def __init__(self, mode: bool) -> None:
        self._before = tape.is_grad_enabled()
        tape.set_grad_enabled(check_flag("set_grad_enabled", "mode", mode))

    def __enter__(self) -> None:
        pass

    def __exit__(self, *error: object) -> None:
        tape.set_grad_enabled(self._before)


def is_tensor(obj: Any) -> bool:
    """Whether obj is a Tensor."""
    return isinstance(obj, Tensor)
