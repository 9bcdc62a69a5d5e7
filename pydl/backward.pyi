"""The types of backward.pyx, for type checkers."""

from collections.abc import Callable
from typing import Any

from .tape import TensorBase

def set_addition(kernel: Callable[[Any, Any, Any], None]) -> None: ...
def backward(tensor: TensorBase, gradient: Any = None, retain_graph: bool = False) -> None: ...
