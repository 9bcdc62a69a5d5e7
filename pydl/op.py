"""Joins the two forms of every operation, and is the only place that chooses between them.

A *kernel* is a function of arrays that writes its results into arrays it is given. It exists twice under one name
and with the same arguments: as a pure-Python reference, which is the text one reads, and as native code:

    @kernel(writes="y")
    def relu_forward(x, y):
        for i in np.ndindex(x.shape):
            y[i] = max(x[i], 0.0)

Calling relu_forward runs the native kernel of that name, or the reference under use_backend("reference").
relu_forward.reference and relu_forward.native are the two themselves; KERNELS lists all there are.

An *op* is the public function around kernels: it checks its arguments, allocates results and states the gradient:

    @op("input")
    def relu(input):
        y = empty(input.shape, input.dtype)
        relu_forward(input, y)

        def gradient(dy, needs):
            dx = empty(y.shape, y.dtype)
            relu_backward(dy, y, dx)
            return dx

        return y, gradient, ("output",)

What it returns: the array (or a list of arrays, for several results), the function that turns dC/dy into one gradient
for each tensor argument, and the names of the tensor arguments (or "output") whose data that function still needs.
A name that only the gradient of argument i needs may be given as (name, i): it then counts only if i has a gradient.
The gradient function returns new arrays, dy itself or views of dy, and None where needs[i] is False or there is no
gradient; in place of an array also a Summand, which is computed into a sum (summand.pyx). With several results it
receives a tuple of gradients, None for a result that was not used.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, Literal, ParamSpec, overload

import numpy as np

from . import _native
from ._compiled import KernelCall, Op, called_directly, choose_native
from ._compiled import gradient_wanted as gradient_wanted
from .arguments import show

if TYPE_CHECKING:
    from .tensor import Tensor

P = ParamSpec("P")

KERNELS: dict[str, Kernel] = {}
empty, empty_like = _native.empty, _native.empty_like

_BACKENDS = ("native", "reference")


def _choose_isa() -> str:
    asked = os.environ.get("PYDL_ISA")
    if asked and asked not in _native.isas:
        raise ImportError(f"PYDL_ISA is {asked}, but this build and processor have {', '.join(_native.isas)}")
    return asked or _native.isas[0]


def _choose_backend(name: str, setting: str = "use_backend") -> str:
    if not isinstance(name, str) or name not in _BACKENDS:
        raise ValueError(f"{setting}: there is no backend {show(name)}; choose one of {', '.join(_BACKENDS)}")
    return name


isa: str = _choose_isa()
_native_kernels: dict[str, Any] = _native.kernels(isa)
_backend: str = _choose_backend(os.environ.get("PYDL_BACKEND") or "native", "PYDL_BACKEND")
choose_native(_backend == "native")


class use_backend:
    """Chooses the implementation of all kernels: "native" or "reference".

    Takes effect at once, and, used in a `with` statement, ends with it:

        pydl.use_backend("reference")
        with pydl.use_backend("native"): ...
    """

    def __init__(self, name: str) -> None:
        global _backend
        self._before, _backend = _backend, _choose_backend(name)
        choose_native(_backend == "native")

    def __enter__(self) -> use_backend:
        return self

    def __exit__(self, *error: object) -> None:
        global _backend
        _backend = self._before
        choose_native(_backend == "native")


def get_backend() -> str:
    """The backend in use: "native" or "reference"."""
    return _backend


@called_directly
class Kernel(KernelCall):
    """One function of arrays in two implementations. See the top of this file."""

    def __init__(self, reference: Callable[..., None], writes: tuple[str, ...], tolerance: float) -> None:
        self.name = reference.__name__
        self.reference = reference
        self.writes = writes
        self.tolerance = tolerance
        self.native = _native_kernels.get(self.name)
        self.sample: Callable[[Any], dict[str, Any]] | None = None
        self.__doc__ = reference.__doc__
        code = reference.__code__
        self.arguments = code.co_varnames[: code.co_argcount]
        self._written = frozenset(self.arguments.index(name) for name in writes)

    def __repr__(self) -> str:
        return f"<kernel {self.name}({', '.join(self.arguments)})>"

    def run_reference(self, *arguments: Any) -> None:
        """Runs the reference in double precision: it is the standard of right, so it does not round on the way."""
        with np.errstate(all="ignore"):
            doubles = [_to_double(argument) for argument in arguments]  # of memory that was never written, too
            self.reference(*doubles)
            for i in self._written:
                _write_back(arguments[i], doubles[i])

    def samples(self, function: Callable[[Any], dict[str, Any]]) -> Callable[[Any], dict[str, Any]]:
        """Decorator for the function that draws valid arguments: see pydl/check.py."""
        self.sample = function
        return function


def _to_double(argument: Any) -> Any:
    if isinstance(argument, list):
        return [_to_double(item) for item in argument]
    if isinstance(argument, np.ndarray) and argument.dtype.kind == "f":
        return argument.astype(np.float64)
    return argument


def _write_back(target: Any, source: Any) -> None:
    if target is None or target is source:
        return
    if isinstance(target, list):
        for each, new in zip(target, source, strict=True):
            _write_back(each, new)
    else:
        target[...] = source


def kernel(writes: str, tolerance: float = 1.0) -> Callable[[Callable[..., None]], Kernel]:
    """Decorator: makes the reference function that it is put on a Kernel.

    writes: the arguments that are written, comma-separated. tolerance: a factor on the allowed difference between the
    two implementations (1 means 1e-12 in float64 and 1e-5 in float32, relative to the scale of the result).
    """

    def join(reference: Callable[..., None]) -> Kernel:
        joined = Kernel(reference, tuple(name.strip() for name in writes.split(",")), tolerance)
        KERNELS[joined.name] = joined
        return joined

    return join


@overload
def op(
    *tensor_names: str, variadic: bool = False, view: bool = False
) -> Callable[[Callable[P, Any]], Op[P, Tensor]]: ...
@overload
def op(
    *tensor_names: str, variadic: bool = False, view: bool = False, several: Literal[True]
) -> Callable[[Callable[P, Any]], Op[P, Any]]: ...
def op(
    *tensor_names: str, variadic: bool = False, view: bool = False, several: bool = False
) -> Callable[[Callable[P, Any]], Op[P, Any]]:
    """Decorator: makes a function of arrays a function of Tensors with a gradient. See the top of this file.

    tensor_names: the parameters that may be Tensors. variadic: the first one is a list of tensors.
    view: the result is a view of the first argument's memory. several: the result is a tuple of tensors, always or for
    some arguments; only type checkers need to know.
    """

    def wrap(function: Callable[P, Any]) -> Op[P, Any]:
        operation: Op[P, Any] = Op(function, tensor_names, variadic, view)
        for name in ("__doc__", "__name__", "__qualname__", "__module__"):
            setattr(operation, name, getattr(function, name))
        operation.__wrapped__ = function
        return operation

    return wrap


@contextlib.contextmanager
def native_isa(name: str) -> Iterator[None]:
    """Runs all kernels in another compiled variant: for tests, which try each one the machine can run."""
    global isa
    before, table = isa, _native.kernels(name)
    try:
        for each in KERNELS.values():
            each.native = table.get(each.name)
        isa = name
        yield
    finally:
        for each in KERNELS.values():
            each.native = _native_kernels.get(each.name)
        isa = before


_kernels_are_noted = False


@contextlib.contextmanager
def replaced_kernels(replace: Callable[[Any], Any]) -> Iterator[None]:
    """Runs replace(native) instead of each kernel's native form: for capture, which notes the calls."""
    global _kernels_are_noted
    before, noted = {name: each.native for name, each in KERNELS.items()}, _kernels_are_noted
    try:
        _kernels_are_noted = True
        for each in KERNELS.values():
            each.native = replace(each.native)
        yield
    finally:
        _kernels_are_noted = noted
        for name, each in KERNELS.items():
            each.native = before[name]


def kernels_are_noted() -> bool:
    """Whether capture is noting calls, so that what numpy does as well as a kernel is to be done by the kernel."""
    return _kernels_are_noted
