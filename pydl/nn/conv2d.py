"""Conv2d: filters that slide over an image. See pydl/ops/conv2d.py."""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import ops
from ..arguments import check_integer, check_pair
from ..op import empty
from ..tensor import Tensor
from .init import fans, reset_
from .module import Module
from .parameter import Parameter


class Conv2d(Module):
    """Convolution: input (N, in_channels, H, W), output (N, out_channels, OH, OW).

    weight (out_channels, in_channels / groups, KH, KW), bias (out_channels) or None. padding: zeros around the image,
    a number, (height, width), "valid" (none) or "same" (the output is as large as the input; needs stride 1).
    init: None for U(-r, r), r = 1 / sqrt(fan_in), "notes" for N(0, 1).
    Errors: ValueError where groups does not divide the channels, or a size is out of range.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int | tuple[int, int],
        stride: int | tuple[int, int] = 1,
        padding: int | tuple[int, int] | str = 0,
        dilation: int | tuple[int, int] = 1,
        groups: int = 1,
        bias: bool = True,
        padding_mode: str = "zeros",
        *,
        dtype: Any = np.float32,
        init: str | None = None,
    ) -> None:
        super().__init__()
        self.in_channels = check_integer("Conv2d", "in_channels", in_channels, 1)
        self.out_channels = check_integer("Conv2d", "out_channels", out_channels, 1)
        self.kernel_size = check_pair("Conv2d", "kernel_size", kernel_size, 1)
        self.stride = check_pair("Conv2d", "stride", stride, 1)
        self.padding = self._check_padding(padding)
        self.dilation = check_pair("Conv2d", "dilation", dilation, 1)
        self.groups = check_integer("Conv2d", "groups", groups, 1)
        for name, channels in (("in_channels", in_channels), ("out_channels", out_channels)):
            if channels % groups:
                raise ValueError(f"Conv2d: {name} is {channels} but must be a multiple of groups={groups}")
        if padding_mode != "zeros":
            raise ValueError(f"Conv2d: padding_mode must be 'zeros', not {padding_mode!r}")
        self.init = init
        shape = (out_channels, in_channels // groups, *self.kernel_size)
        self.weight = Parameter(empty(shape, np.dtype(dtype)))
        self.bias = Parameter(empty((out_channels,), np.dtype(dtype))) if bias else None
        self.reset_parameters()

    def _check_padding(self, padding: Any) -> tuple[int, int] | str:
        if not isinstance(padding, str):
            return check_pair("Conv2d", "padding", padding, 0)
        if padding not in ("same", "valid"):
            raise ValueError(f"Conv2d: padding must be an integer, a pair, 'same' or 'valid', not {padding!r}")
        if padding == "same" and self.stride != (1, 1):
            raise ValueError(f"Conv2d: padding 'same' needs stride 1, not {self.stride}")
        return padding

    def reset_parameters(self) -> None:
        """Draws the parameters anew."""
        reset_([self.weight, self.bias], fans("Conv2d", self.weight)[0], self.init)

    def forward(self, input: Any) -> Tensor:
        return ops.conv2d(input, self.weight, self.bias, self.stride, self.padding, self.dilation, self.groups)

    def extra_repr(self) -> str:
        text = f"{self.in_channels}, {self.out_channels}, kernel_size={self.kernel_size}, stride={self.stride}"
        if self.padding != (0, 0):
            text += f", padding={self.padding}"
        if self.dilation != (1, 1):
            text += f", dilation={self.dilation}"
        if self.groups != 1:
            text += f", groups={self.groups}"
        return text if self.bias is not None else text + ", bias=False"
