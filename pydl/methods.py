"""What a Tensor can be asked: its methods and operators, each an operation of pydl.ops.

The table stands here and not in tensor.py because operations are made of Tensors, so Tensor cannot import them.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from . import inplace, ops
from ._compiled import set_addition
from .assignment import assign
from .ops.add import add_forward
from .tensor import Tensor


def _reflected(operation: Any) -> Any:
    """other - tensor, where Python asks the tensor because `other` does not know how."""
    return lambda tensor, other: operation(other, tensor)


def _equality(operation: Any) -> Any:
    """tensor == other, where Python itself answers for what is no number: None, a string."""

    def method(tensor: Tensor, other: Any) -> Any:
        if isinstance(other, Tensor | np.ndarray | np.generic | bool | int | float | list | tuple):
            return operation(tensor, other)
        return NotImplemented

    return method


METHODS = {
    # Arithmetic
    "abs": ops.abs,
    "add": ops.add,
    "clamp": ops.clamp,
    "clip": ops.clip,
    "div": ops.div,
    "exp": ops.exp,
    "log": ops.log,
    "maximum": ops.maximum,
    "minimum": ops.minimum,
    "mul": ops.mul,
    "neg": ops.neg,
    "pow": ops.pow,
    "sqrt": ops.sqrt,
    "square": ops.square,
    "sub": ops.sub,
    # Comparison
    "eq": ops.eq,
    "ge": ops.ge,
    "gt": ops.gt,
    "isfinite": ops.isfinite,
    "isinf": ops.isinf,
    "isnan": ops.isnan,
    "le": ops.le,
    "logical_not": ops.logical_not,
    "lt": ops.lt,
    "ne": ops.ne,
    # Activations
    "relu": ops.relu,
    "sigmoid": ops.sigmoid,
    "tanh": ops.tanh,
    # Reductions
    "amax": ops.amax,
    "amin": ops.amin,
    "argmax": ops.argmax,
    "argmin": ops.argmin,
    "max": ops.max,
    "mean": ops.mean,
    "min": ops.min,
    "sum": ops.sum,
    # Products
    "matmul": ops.matmul,
    # Probabilities
    "log_softmax": ops.log_softmax,
    "softmax": ops.softmax,
    # In place
    "add_": inplace.add_,
    "div_": inplace.div_,
    "mul_": inplace.mul_,
    "sub_": inplace.sub_,
    # Operators
    "__abs__": ops.abs,
    "__add__": ops.add,
    "__eq__": _equality(ops.eq),
    "__ge__": ops.ge,
    "__gt__": ops.gt,
    "__iadd__": inplace.add_,
    "__imul__": inplace.mul_,
    "__isub__": inplace.sub_,
    "__itruediv__": inplace.div_,
    "__le__": ops.le,
    "__lt__": ops.lt,
    "__matmul__": ops.matmul,
    "__mul__": ops.mul,
    "__ne__": _equality(ops.ne),
    "__neg__": ops.neg,
    "__pow__": ops.pow,
    "__radd__": _reflected(ops.add),
    "__rmatmul__": _reflected(ops.matmul),
    "__rmul__": _reflected(ops.mul),
    "__rpow__": _reflected(ops.pow),
    "__rsub__": _reflected(ops.sub),
    "__rtruediv__": _reflected(ops.div),
    "__sub__": ops.sub,
    "__truediv__": ops.div,
    # Shape, parts, copies
    "__getitem__": ops.getitem,
    "__setitem__": assign,
    "broadcast_to": ops.broadcast_to,
    "chunk": ops.chunk,
    "clone": ops.clone,
    "contiguous": ops.contiguous,
    "expand": ops.expand,
    "flatten": ops.flatten,
    "flip": ops.flip,
    "permute": ops.permute,
    "reshape": ops.reshape,
    "split": ops.split,
    "squeeze": ops.squeeze,
    "to": ops.to,
    "transpose": ops.transpose,
    "unbind": ops.unbind,
    "unsqueeze": ops.unsqueeze,
    "view": ops.view,
    "bool": lambda self: ops.to(self, np.bool_),
    "double": lambda self: ops.to(self, np.float64),
    "float": lambda self: ops.to(self, np.float32),
    "int": lambda self: ops.to(self, np.int32),
    "long": lambda self: ops.to(self, np.int64),
    "__iter__": lambda self: iter(ops.unbind(self)),
    "T": property(ops.matrix),
    "mT": property(ops.matrix_transpose),
}

for _name, _operation in METHODS.items():
    setattr(Tensor, _name, _operation)

set_addition(add_forward)
