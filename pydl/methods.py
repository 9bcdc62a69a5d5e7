"""What a Tensor can be asked: its methods and operators, each an operation of pydl.ops.

The table stands here and not in tensor.py because operations are made of Tensors, so Tensor cannot import them.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from . import creation, inplace, ops, sampling
from ._compiled import set_kernels
from .assignment import assign
from .ops.add import add_forward
from .ops.clone import clone_forward
from .tensor import Tensor, tensor

# What Python need not compare itself; in a tuple, where isinstance() finds it faster than in a union.
NUMBERS = Tensor, np.ndarray, np.generic, bool, int, float, list, tuple


def _reflected(operation: Any) -> Any:
    """other - tensor, where Python asks the tensor because `other` does not know how."""
    return lambda tensor, other: operation(other, tensor)


def _equality(operation: Any) -> Any:
    """tensor == other, where Python itself answers for what is no number: None, a string."""

    def method(tensor: Tensor, other: Any) -> Any:
        if isinstance(other, NUMBERS):
            return operation(tensor, other)
        return NotImplemented

    return method


LATER = """addbmm addcdiv addcmul addmm addmv addr argwhere baddbmm bincount corrcoef cov cross deg2rad diag_embed
    diagflat diff dist expand_as fliplr flipud frac histc histogram hsplit hypot index_copy index_fill inner is_nonzero
    isneginf isposinf kron kthvalue lerp logaddexp logit masked_scatter median mode moveaxis msort nan_to_num
    nanmean nanmedian nanquantile nansum narrow nonzero quantile rad2deg ravel reshape_as rot90 select swapaxes
    swapdims t take take_along_dim tensor_split trace type_as unflatten unique unique_consecutive vdot view_as
    vsplit xlogy"""


def _later(name: str) -> Any:
    """An operation that is imported when it is first asked for."""

    def method(self: Tensor, *arguments: Any, **options: Any) -> Any:
        setattr(Tensor, name, getattr(ops, name))
        return getattr(self, name)(*arguments, **options)

    method.__name__ = method.__qualname__ = name
    method.__doc__ = f"pydl.{name} of this tensor."
    return method


METHODS = {
    # Arithmetic
    "abs": ops.abs,
    "acos": ops.acos,
    "acosh": ops.acosh,
    "add": ops.add,
    "asin": ops.asin,
    "asinh": ops.asinh,
    "atan": ops.atan,
    "atan2": ops.atan2,
    "atanh": ops.atanh,
    "ceil": ops.ceil,
    "clamp": ops.clamp,
    "clip": ops.clip,
    "cos": ops.cos,
    "cosh": ops.cosh,
    "div": ops.div,
    "erf": ops.erf,
    "exp": ops.exp,
    "exp2": ops.exp2,
    "expm1": ops.expm1,
    "floor": ops.floor,
    "floor_divide": ops.floor_divide,
    "fmod": ops.fmod,
    "log": ops.log,
    "log10": ops.log10,
    "log1p": ops.log1p,
    "log2": ops.log2,
    "maximum": ops.maximum,
    "minimum": ops.minimum,
    "mul": ops.mul,
    "neg": ops.neg,
    "pow": ops.pow,
    "reciprocal": ops.reciprocal,
    "remainder": ops.remainder,
    "round": ops.round,
    "rsqrt": ops.rsqrt,
    "sign": ops.sign,
    "sin": ops.sin,
    "sinh": ops.sinh,
    "sqrt": ops.sqrt,
    "square": ops.square,
    "sub": ops.sub,
    "tan": ops.tan,
    "trunc": ops.trunc,
    # Comparison
    "all": ops.all,
    "allclose": ops.allclose,
    "any": ops.any,
    "bitwise_and": ops.bitwise_and,
    "bitwise_not": ops.bitwise_not,
    "bitwise_or": ops.bitwise_or,
    "bitwise_xor": ops.bitwise_xor,
    "count_nonzero": ops.count_nonzero,
    "eq": ops.eq,
    "equal": ops.equal,
    "ge": ops.ge,
    "gt": ops.gt,
    "isclose": ops.isclose,
    "isfinite": ops.isfinite,
    "isinf": ops.isinf,
    "isnan": ops.isnan,
    "le": ops.le,
    "logical_and": ops.logical_and,
    "logical_not": ops.logical_not,
    "logical_or": ops.logical_or,
    "logical_xor": ops.logical_xor,
    "lt": ops.lt,
    "ne": ops.ne,
    # Activations
    "hardshrink": ops.hardshrink,
    "prelu": ops.prelu,
    "relu": ops.relu,
    "sigmoid": ops.sigmoid,
    "tanh": ops.tanh,
    # Reductions
    "amax": ops.amax,
    "amin": ops.amin,
    "argmax": ops.argmax,
    "argmin": ops.argmin,
    "cummax": ops.cummax,
    "cummin": ops.cummin,
    "cumprod": ops.cumprod,
    "cumsum": ops.cumsum,
    "logsumexp": ops.logsumexp,
    "max": ops.max,
    "mean": ops.mean,
    "min": ops.min,
    "norm": ops.norm,
    "prod": ops.prod,
    "std": ops.std,
    "sum": ops.sum,
    "var": ops.var,
    # Products
    "bmm": ops.bmm,
    "dot": ops.dot,
    "matmul": ops.matmul,
    "mm": ops.mm,
    "mv": ops.mv,
    "outer": ops.outer,
    # Probabilities
    "log_softmax": ops.log_softmax,
    "softmax": ops.softmax,
    # In place
    "add_": inplace.add_,
    "div_": inplace.div_,
    "index_add_": inplace.index_add_,
    "masked_fill_": inplace.masked_fill_,
    "mul_": inplace.mul_,
    "scatter_": inplace.scatter_,
    "scatter_add_": inplace.scatter_add_,
    "sub_": inplace.sub_,
    "bernoulli_": inplace.bernoulli_,
    "copy_": inplace.copy_,
    "fill_": inplace.fill_,
    "normal_": inplace.normal_,
    "uniform_": inplace.uniform_,
    "zero_": inplace.zero_,
    **inplace.METHODS,
    # Operators
    "__abs__": ops.abs,
    "__add__": ops.add,
    "__and__": ops.bitwise_and,
    "__eq__": _equality(ops.eq),
    "__floordiv__": ops.floor_divide,
    "__ge__": ops.ge,
    "__gt__": ops.gt,
    "__iadd__": inplace.add_,
    "__imul__": inplace.mul_,
    "__invert__": ops.bitwise_not,
    "__isub__": inplace.sub_,
    "__itruediv__": inplace.div_,
    "__le__": ops.le,
    "__lt__": ops.lt,
    "__matmul__": ops.matmul,
    "__mod__": ops.remainder,
    "__mul__": ops.mul,
    "__ne__": _equality(ops.ne),
    "__neg__": ops.neg,
    "__or__": ops.bitwise_or,
    "__pow__": ops.pow,
    "__radd__": _reflected(ops.add),
    "__rfloordiv__": _reflected(ops.floor_divide),
    "__rmatmul__": _reflected(ops.matmul),
    "__rmod__": _reflected(ops.remainder),
    "__rmul__": _reflected(ops.mul),
    "__rpow__": _reflected(ops.pow),
    "__rsub__": _reflected(ops.sub),
    "__rtruediv__": _reflected(ops.div),
    "__sub__": ops.sub,
    "__truediv__": ops.div,
    "__xor__": ops.bitwise_xor,
    # Shape, parts, copies
    "__getitem__": ops.getitem,
    "__setitem__": assign,
    "argsort": ops.argsort,
    "broadcast_to": ops.broadcast_to,
    "chunk": ops.chunk,
    "clone": ops.clone,
    "contiguous": ops.contiguous,
    "diag": ops.diag,
    "diagonal": ops.diagonal,
    "expand": ops.expand,
    "flatten": ops.flatten,
    "flip": ops.flip,
    "gather": ops.gather,
    "index_add": ops.index_add,
    "index_select": ops.index_select,
    "masked_fill": ops.masked_fill,
    "masked_select": ops.masked_select,
    "movedim": ops.movedim,
    "permute": ops.permute,
    "repeat": ops.repeat,
    "repeat_interleave": ops.repeat_interleave,
    "reshape": ops.reshape,
    "roll": ops.roll,
    "scatter": ops.scatter,
    "scatter_add": ops.scatter_add,
    "sort": ops.sort,
    "split": ops.split,
    "squeeze": ops.squeeze,
    "tile": ops.tile,
    "to": ops.to,
    "topk": ops.topk,
    "transpose": ops.transpose,
    "tril": ops.tril,
    "triu": ops.triu,
    "unbind": ops.unbind,
    "unsqueeze": ops.unsqueeze,
    "view": ops.view,
    # Made of others
    **{name: _later(name) for name in LATER.split()},
    "bernoulli": sampling.bernoulli,
    "multinomial": sampling.multinomial,
    "unfold": lambda self, dimension, size, step: ops.unfold_dimension(self, dimension, size, step),
    "where": lambda self, condition, other: ops.where(condition, self, other),
    # New ones like it, and what it is
    "new_empty": lambda self, *size, dtype=None: creation.empty(*size, dtype=dtype or self.dtype),
    "new_full": lambda self, size, fill_value, dtype=None: creation.full(size, fill_value, dtype or self.dtype),
    "new_ones": lambda self, *size, dtype=None: creation.ones(*size, dtype=dtype or self.dtype),
    "new_tensor": lambda self, data, dtype=None: tensor(data, dtype or self.dtype),
    "new_zeros": lambda self, *size, dtype=None: creation.zeros(*size, dtype=dtype or self.dtype),
    "cpu": lambda self: self,
    "device": property(lambda self: "cpu"),
    "element_size": lambda self: self.data.itemsize,
    "is_contiguous": lambda self: self.data.flags.c_contiguous,
    "is_floating_point": lambda self: self.data.dtype.kind == "f",
    "nelement": Tensor.numel,
    "ndimension": Tensor.dim,
    "stride": lambda self: tuple(n // self.data.itemsize for n in self.data.strides),
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

set_kernels(add_forward, clone_forward)
