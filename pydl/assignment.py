"""x[index] = value for Tensors.

The memory of x changes in place. If a gradient is being recorded, x becomes the result of the operation setitem. That
is only right while no other tensor shares the memory: a view of x would change its numbers too, and know nothing of
it. So an assignment that has to be recorded is refused to a tensor with views, and to a view.
"""

from __future__ import annotations

from typing import Any

from ._compiled import is_recorded
from .ops.getitem import plain_index
from .ops.setitem import setitem, write
from .tensor import Tensor


def needs_gradient(value: Any) -> bool:
    """Whether the value of an assignment is a tensor that needs a gradient."""
    return isinstance(value, Tensor) and value.requires_grad


def assign(tensor: Tensor, index: Any, value: Any) -> None:
    """tensor[index] = value. See the top of this file."""
    plain = plain_index("setitem", index)
    if is_recorded(tensor, (value,)):
        tensor.check_recorded_change("setitem")
        result = setitem(tensor, value, plain)
        tensor.bump_version()
        tensor.adopt_history(result)
    else:
        write(tensor.data, plain, value.data if isinstance(value, Tensor) else value)
        tensor.bump_version()
