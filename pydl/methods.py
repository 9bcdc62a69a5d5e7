"""What a Tensor can be asked: its methods and operators, each an operation of pydl.ops.

The table stands here and not in tensor.py because operations are made of Tensors, so Tensor cannot import them.
"""

from __future__ import annotations

from . import ops
from .tensor import Tensor

METHODS = {
    "matmul": ops.matmul,
    "__matmul__": ops.matmul,
    "__rmatmul__": lambda self, other: ops.matmul(other, self),
    "relu": ops.relu,
    # Reductions
    "amax": ops.amax,
    "amin": ops.amin,
    "argmax": ops.argmax,
    "argmin": ops.argmin,
    "max": ops.max,
    "mean": ops.mean,
    "min": ops.min,
    "sum": ops.sum,
}

for _name, _operation in METHODS.items():
    setattr(Tensor, _name, _operation)
