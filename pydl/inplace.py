"""Operations that overwrite their first tensor: x += y, x.mul_(y), x.masked_fill_(mask, 0) and the like.

Where no gradient is being recorded, the result simply replaces the numbers. Where one is, x = x + y is recorded as
usual, and the tensor x then stands for its result: the numbers move into x's memory, and so does the history. The
version of that memory goes up, so an earlier operation whose gradient still needs the old numbers fails in backward()
instead of using the new ones.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from . import ops, random
from ._compiled import is_noting, is_recorded, is_usual_float, usual_second
from .arguments import Array, check_array, check_fill, check_number, check_range
from .assignment import assign, needs_gradient
from .op import KERNELS
from .ops.add import add_forward
from .ops.blend import SCALED, blended
from .ops.broadcasting import broadcasts_to
from .ops.clone import copy, fill, overwrite
from .ops.div import div_forward
from .ops.mul import mul_forward
from .ops.randn import normal_numbers
from .ops.sub import sub_forward
from .tensor import Tensor


def _in_place(
    operation: Any,
    needs_input: bool = False,
    other_needs_input: bool = False,
    kernel: Any = None,
    sign: float = 0.0,
    alone: Any = None,
) -> Callable[..., Tensor]:
    """needs_input: its gradient needs its input, so of that a copy is kept. other_needs_input: that of its second
    argument does. kernel: its own, which takes two arrays. sign: of what is added, alpha times, by add and sub.
    alone: the kernel of a function of one array.
    """
    name = f"{operation.__name__}_"

    def method(tensor: Tensor, *arguments: Any, **options: Any) -> Tensor:
        data = tensor.data
        if not data.flags.writeable:
            raise ValueError(f"{name}: the tensor's memory is read-only; change a clone() instead")
        recording = is_recorded(tensor, arguments)
        if recording:
            _check_recorded(name, tensor, arguments)
        elif kernel is not None and len(arguments) == 1 and (not options or (sign and _is_scaled(options))):
            other = usual_second(data, arguments[0])
            if other is not None:
                if not data.flags.c_contiguous and data.flags.f_contiguous and other.flags.f_contiguous:
                    # As they lie in memory.
                    data, other = (data.T, other.T) if other.shape in (data.shape, ()) else (data, other)
                if options:
                    factor = check_number(operation.__name__, "alpha", options["alpha"])
                    blended(SCALED, sign * factor, data, other, other, data)
                else:
                    kernel(data, other, data)
                tensor.bump_version()
                return tensor
        elif alone is not None and not arguments and not options and is_usual_float(data):
            alone(data, data)
            tensor.bump_version()
            return tensor
        if recording and (needs_input or (other_needs_input and needs_gradient(arguments[0]))):
            old = ops.clone(tensor)
            arguments = tuple(old if each is tensor else each for each in arguments)
        else:
            old = tensor
        result = operation(old, *arguments, **options)
        if result.shape != data.shape:
            raise ValueError(f"{name}: the result has shape {result.shape} but the tensor has {data.shape}")
        if result.dtype is not data.dtype and not np.can_cast(result.dtype, data.dtype, "same_kind"):
            raise TypeError(f"{name}: the result is {result.dtype}, which the tensor's dtype {data.dtype} cannot hold")
        copy(result.data, data)
        tensor.bump_version()
        if recording:
            tensor.adopt_history(result)
        return tensor

    method.__name__ = method.__qualname__ = name
    method.__doc__ = f"{operation.__name__}, written into the tensor itself. See the top of pydl/inplace.py."
    return method


def _is_scaled(options: dict[str, Any]) -> bool:
    """Whether alpha is given, and nothing else; calls that are noted stay apart, as for in_one_pass()."""
    return len(options) == 1 and "alpha" in options and not is_noting()


def _check_recorded(name: str, tensor: Tensor, arguments: tuple[Any, ...]) -> None:
    tensor.check_recorded_change(name)
    for each in arguments:
        if isinstance(each, Tensor | np.ndarray) and each.dtype.kind == "f" and each.dtype != tensor.dtype:
            raise TypeError(f"{name}: other is {each.dtype} but the tensor is {tensor.dtype}; convert one of them")


add_ = _in_place(ops.add, kernel=add_forward, sign=1.0)
div_ = _in_place(ops.div, other_needs_input=True, kernel=div_forward)
index_add_ = _in_place(ops.index_add)
masked_fill_ = _in_place(ops.masked_fill)
mul_ = _in_place(ops.mul, other_needs_input=True, kernel=mul_forward)
scatter_ = _in_place(ops.scatter)
scatter_add_ = _in_place(ops.scatter_add)
sub_ = _in_place(ops.sub, kernel=sub_forward, sign=-1.0)


def _later(name: str) -> Any:
    """An operation that may have to be imported when it is first used."""

    def operation(*arguments: Any, **options: Any) -> Tensor:
        result: Tensor = getattr(ops, name)(*arguments, **options)
        return result

    operation.__name__ = name
    return operation


FUNCTIONS = """abs addcdiv addcmul ceil clamp clip cos erf exp floor floor_divide index_copy index_fill lerp log
    masked_scatter nan_to_num neg pow reciprocal relu remainder round rsqrt sigmoid sin sqrt square tanh tril triu
    trunc"""
ALONE = ("abs", "exp", "log", "neg", "relu", "sigmoid", "sqrt", "square", "tanh")  # those with such a kernel
METHODS = {
    f"{name}_": _in_place(_later(name), needs_input=True, alone=KERNELS[f"{name}_forward"] if name in ALONE else None)
    for name in FUNCTIONS.split()
}


def copy_(tensor: Tensor, source: Any) -> Tensor:
    """Copies the elements of `source`, which broadcasts to the tensor's shape, into this tensor."""
    new = check_array("copy_", "source", source.data if isinstance(source, Tensor) else source)
    if new.shape != tensor.shape and not broadcasts_to(new.shape, tensor.shape):
        raise ValueError(f"copy_: source has shape {new.shape} but the tensor has {tensor.shape}")
    if _is_recorded("copy_", tensor, source):
        assign(tensor, ..., source)
    else:
        overwrite(tensor.writable("copy_"), new)
    return tensor


def zero_(tensor: Tensor) -> Tensor:
    """Sets every element to 0."""
    return _fill("zero_", tensor, 0, 0)


def fill_(tensor: Tensor, value: float) -> Tensor:
    """Sets every element to `value`."""
    number = check_fill("fill_", "value", value.data if isinstance(value, Tensor) else value, tensor.dtype)
    return _fill("fill_", tensor, value, number)


def _fill(name: str, tensor: Tensor, value: Any, number: Any) -> Tensor:
    if _is_recorded(name, tensor, value):
        assign(tensor, ..., value)
    else:
        fill(tensor.writable(name), number)
    return tensor


def _is_recorded(name: str, tensor: Tensor, value: Any) -> bool:
    """Whether a gradient is to know of this change."""
    recording = is_recorded(tensor, (value,))
    if recording:
        tensor.check_recorded_change(name)
    return recording


def normal_(tensor: Tensor, mean: float = 0.0, std: float = 1.0) -> Tensor:
    """Numbers from N(mean, std^2) in place of the tensor's."""
    middle, spread = check_number("normal_", "mean", mean), check_range("normal_", "std", std, 0)

    def draw(shape: tuple[int, ...]) -> Array:
        y: Array = normal_numbers(shape, tensor.dtype)
        if spread != 1:
            mul_forward(y, np.full((), spread, y.dtype), y)
        if middle != 0:
            add_forward(y, np.full((), middle, y.dtype), y)
        return y

    return _drawn("normal_", tensor, draw)


def uniform_(tensor: Tensor, a: float = 0.0, b: float = 1.0) -> Tensor:
    """Numbers evenly from a to b in place of the tensor's."""
    low, high = check_number("uniform_", "a", a), check_number("uniform_", "b", b)
    if not (low <= high and high - low < math.inf):
        raise ValueError(f"uniform_: a must be at most b, and both finite, but they are {a} and {b}")
    return _drawn("uniform_", tensor, lambda shape: random.generator().uniform(low, high, shape))


def bernoulli_(tensor: Tensor, p: float = 0.5) -> Tensor:
    """1 with probability p, else 0, in place of the tensor's numbers."""
    share = check_range("bernoulli_", "p", p, 0, 1)
    return _drawn("bernoulli_", tensor, lambda shape: random.generator().random(shape) < share, "fiub")


def _drawn(name: str, tensor: Tensor, draw: Any, kinds: str = "f") -> Tensor:
    if tensor.dtype.kind not in kinds:
        raise TypeError(f"{name}: the tensor is {tensor.dtype} but must be float32 or float64")
    copy(draw(tensor.shape), tensor.writable(name))
    return tensor
