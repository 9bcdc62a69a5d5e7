"""Dropout: in training, elements are set to zero at random. See pydl/ops/dropout.py."""

from __future__ import annotations

from typing import Any

from .. import ops
from ..arguments import check_range
from .module import Module


class Dropout(Module):
    """Each element is zero with probability p, else divided by 1 - p; after eval() nothing happens.

    The result is a new tensor also with inplace=True. Errors: ValueError for a p outside 0 to 1.
    """

    def __init__(self, p: float = 0.5, inplace: bool = False) -> None:
        super().__init__()
        self.p = check_range("Dropout", "p", p, 0, 1)
        self.inplace = inplace

    def forward(self, input: Any) -> Any:
        return ops.dropout(input, self.p, self.training)

    def extra_repr(self) -> str:
        return f"p={self.p}, inplace={self.inplace}"


class Dropout1d(Dropout):
    """Whole channels of (N, C, L) are zero with probability p, the others divided by 1 - p."""

    def forward(self, input: Any) -> Any:
        return ops.dropout1d(input, self.p, self.training)


class Dropout2d(Dropout):
    """Whole channels of (N, C, H, W) are zero with probability p, the others divided by 1 - p."""

    def forward(self, input: Any) -> Any:
        return ops.dropout2d(input, self.p, self.training)


class Dropout3d(Dropout):
    """Whole channels of (N, C, D, H, W) are zero with probability p, the others divided by 1 - p."""

    def forward(self, input: Any) -> Any:
        return ops.dropout3d(input, self.p, self.training)


class AlphaDropout(Dropout):
    """Dropout that keeps mean 0 and variance 1, for networks of SELU. See pydl/ops/channel_dropout.py."""

    def forward(self, input: Any) -> Any:
        return ops.alpha_dropout(input, self.p, self.training)
