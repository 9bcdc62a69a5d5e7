from collections.abc import Callable
from typing import TypeVar

R = TypeVar("R")

# Its arguments are mostly given as shapes_of(...), whose number no type says.
def remembered(function: Callable[..., R]) -> Callable[..., R]: ...
