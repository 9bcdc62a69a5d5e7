"""Identity: gives back what it gets, where a layer is expected but none is wanted."""

from __future__ import annotations

from typing import Any

from .module import Module


class Identity(Module):
    """Gives back its input. Takes any arguments, so that it can stand for any layer."""

    def __init__(self, *_: Any, **__: Any) -> None:
        super().__init__()

    def forward(self, input: Any) -> Any:
        return input
