"""Parameter: a Tensor that a Module learns."""

from __future__ import annotations

from typing import Any

from ..tensor import Tensor


class Parameter(Tensor):
    """A Tensor that Modules collect: assigned to an attribute, it shows up in parameters() and state_dict().

    Parameter(data) shares the memory of `data`, an array or a Tensor. requires_grad: False for one that is not learned.
    """

    __slots__ = ()

    def __init__(self, data: Any, requires_grad: bool = True) -> None:
        super().__init__(data.detach() if isinstance(data, Tensor) else data, requires_grad)

    def __repr__(self) -> str:
        return f"Parameter containing:\n{super().__repr__()}"
