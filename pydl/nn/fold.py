"""Fold: images from the columns of their windows. See pydl/ops/fold.py."""

from __future__ import annotations

from typing import Any

from .. import ops
from ..arguments import check_tuple
from ..tensor import Tensor
from .module import Module

Pair = int | tuple[int, int]


class Fold(Module):
    """input (N, C times the window's size, number of windows), output (N, C, H, W) with (H, W) = output_size."""

    def __init__(
        self, output_size: Pair, kernel_size: Pair, dilation: Pair = 1, padding: Pair = 0, stride: Pair = 1
    ) -> None:
        super().__init__()
        self.output_size = check_tuple("Fold", "output_size", output_size, 1, 2)
        self.kernel_size = check_tuple("Fold", "kernel_size", kernel_size, 1, 2)
        self.dilation = check_tuple("Fold", "dilation", dilation, 1, 2)
        self.padding = check_tuple("Fold", "padding", padding, 0, 2)
        self.stride = check_tuple("Fold", "stride", stride, 1, 2)

    def forward(self, input: Any) -> Tensor:
        settings: Any = (self.output_size, self.kernel_size, self.dilation, self.padding, self.stride)
        return ops.fold(input, *settings)

    def extra_repr(self) -> str:
        return (
            f"output_size={self.output_size}, kernel_size={self.kernel_size}, dilation={self.dilation}, "
            f"padding={self.padding}, stride={self.stride}"
        )
