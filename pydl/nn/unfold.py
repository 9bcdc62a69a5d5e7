"""Unfold: the windows of images as columns. See pydl/ops/unfold.py."""

from __future__ import annotations

from typing import Any

from .. import ops
from ..arguments import check_tuple
from ..tensor import Tensor
from .module import Module

Pair = int | tuple[int, int]


class Unfold(Module):
    """input (N, C, H, W), output (N, C times the window's size, number of windows)."""

    def __init__(self, kernel_size: Pair, dilation: Pair = 1, padding: Pair = 0, stride: Pair = 1) -> None:
        super().__init__()
        self.kernel_size = check_tuple("Unfold", "kernel_size", kernel_size, 1, 2)
        self.dilation = check_tuple("Unfold", "dilation", dilation, 1, 2)
        self.padding = check_tuple("Unfold", "padding", padding, 0, 2)
        self.stride = check_tuple("Unfold", "stride", stride, 1, 2)

    def forward(self, input: Any) -> Tensor:
        settings: Any = (self.kernel_size, self.dilation, self.padding, self.stride)
        return ops.unfold(input, *settings)

    def extra_repr(self) -> str:
        return f"kernel_size={self.kernel_size}, dilation={self.dilation}, padding={self.padding}, stride={self.stride}"
