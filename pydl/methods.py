"""What a Tensor can be asked: its methods and operators, each an operation of pydl.ops.

The table stands here and not in tensor.py because operations are made of Tensors, so Tensor cannot import them.
"""

from __future__ import annotations

from . import ops
from .tensor import Tensor

METHODS = {
    "relu": ops.relu,
}

for _name, _operation in METHODS.items():
    setattr(Tensor, _name, _operation)
