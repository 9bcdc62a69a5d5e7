"""The types of operation.pyx, for type checkers."""

from collections.abc import Callable
from typing import Any, Generic, ParamSpec, TypeVar

P = ParamSpec("P")
R = TypeVar("R", covariant=True)
C = TypeVar("C")

class Op(Generic[P, R]):
    # Called with the parameters P of its function, with Tensors; returns an R of Tensors.
    function: Callable[..., Any]
    name: str
    tensor_names: tuple[str, ...]
    __wrapped__: Callable[P, Any]
    def __init__(
        self, function: Callable[P, Any], tensor_names: tuple[str, ...], variadic: bool = False, view: bool = False
    ) -> None: ...
    def __get__(self, instance: Any, owner: Any) -> Callable[..., Any]: ...
    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R: ...

def gradient_wanted() -> bool: ...
def choose_native(native: bool) -> None: ...
def called_directly(kernel_class: type[C]) -> type[C]: ...

class KernelCall:
    native: Any
    def __call__(self, *arguments: Any) -> None: ...
