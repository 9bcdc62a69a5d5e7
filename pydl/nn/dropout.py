"""Dropout: in training, elements are set to zero at random. See pydl/ops/dropout.py."""

from __future__ import annotations

from typing import Any

from .. import ops
from .module import Module


class Dropout(Module):
    """Each element is zero with probability p, else divided by 1 - p; after eval() nothing happens.

    The result is a new tensor also with inplace=True. Errors: ValueError for a p outside 0 to 1.
    """

    def __init__(self, p: float = 0.5, inplace: bool = False) -> None:
        super().__init__()
        if not isinstance(p, int | float) or not 0 <= p <= 1:
            raise ValueError(f"Dropout: p must be a probability from 0 to 1, not {p!r}")
        self.p = p
        self.inplace = inplace

    def forward(self, input: Any) -> Any:
        return ops.dropout(input, self.p, self.training)

    def extra_repr(self) -> str:
        return f"p={self.p}, inplace={self.inplace}"
