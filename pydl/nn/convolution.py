"""What the layers of filters share, over one, two or three dimensions."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from ..arguments import check_choice, check_flag, check_float_dtype, check_integer, check_tuple, show
from ..op import empty
from ..ops.pad import pad
from ..tensor import Tensor
from .init import fans, reset_
from .module import Module
from .parameter import Parameter


class Convolution(Module):
    """The arguments and parameters of Conv1d, Conv2d and Conv3d; `operation` computes them."""

    dimensions: ClassVar[int]
    operation: ClassVar[Any]
    padding_modes: ClassVar[tuple[str, ...]] = ("zeros", "reflect", "replicate", "circular")

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Any,
        stride: Any = 1,
        padding: Any = 0,
        dilation: Any = 1,
        groups: int = 1,
        bias: bool = True,
        padding_mode: str = "zeros",
        *,
        dtype: Any = np.float32,
        init: str | None = None,
    ) -> None:
        super().__init__()
        name = type(self).__name__
        self.in_channels = check_integer(name, "in_channels", in_channels, 1)
        self.out_channels = check_integer(name, "out_channels", out_channels, 1)
        self.kernel_size = check_tuple(name, "kernel_size", kernel_size, 1, self.dimensions)
        self.stride = check_tuple(name, "stride", stride, 1, self.dimensions)
        self.padding = self._check_padding(padding)
        self.dilation = check_tuple(name, "dilation", dilation, 1, self.dimensions)
        self.groups = check_integer(name, "groups", groups, 1)
        for argument, channels in (("in_channels", in_channels), ("out_channels", out_channels)):
            if channels % groups:
                raise ValueError(f"{name}: {argument} is {channels} but must be a multiple of groups={groups}")
        self.padding_mode = check_choice(name, "padding_mode", padding_mode, *self.padding_modes)
        self.init = init
        dtype, has_bias = check_float_dtype(name, dtype), check_flag(name, "bias", bias)
        self.weight = Parameter(empty(self._weight_shape(), dtype))
        self.bias = Parameter(empty((out_channels,), dtype)) if has_bias else None
        self.reset_parameters()

    def _weight_shape(self) -> tuple[int, ...]:
        return (self.out_channels, self.in_channels // self.groups, *self.kernel_size)

    def _check_padding(self, padding: Any) -> tuple[int, ...] | str:
        name = type(self).__name__
        if not isinstance(padding, str):
            return check_tuple(name, "padding", padding, 0, self.dimensions)
        if padding not in ("same", "valid"):
            choices = {1: "an integer", 2: "an integer, a pair", 3: "an integer, three"}[self.dimensions]
            raise ValueError(f"{name}: padding must be {choices}, 'same' or 'valid', not {show(padding)}")
        if padding == "same" and any(step != 1 for step in self.stride):
            raise ValueError(f"{name}: padding 'same' needs stride 1, not {self.stride}")
        return padding

    def reset_parameters(self) -> None:
        """Draws the parameters anew."""
        reset_([self.weight, self.bias], fans(type(self).__name__, self.weight)[0], self.init)

    def forward(self, input: Any) -> Tensor:
        x, padding = input, self.padding
        if self.padding_mode != "zeros":
            x, padding = pad(x, self._borders(), self.padding_mode), "valid"
        result: Tensor = type(self).operation(
            x, self.weight, self.bias, self.stride, padding, self.dilation, self.groups
        )
        return result

    def _borders(self) -> list[int]:
        """What pad() puts around the input: before and behind each dimension, the last one first."""
        if self.padding == "valid":
            return [0] * (2 * self.dimensions)
        borders: list[int] = []
        for axis in reversed(range(self.dimensions)):
            if self.padding == "same":
                both = self.dilation[axis] * (self.kernel_size[axis] - 1)
                borders += both // 2, both - both // 2
            else:
                borders += [int(self.padding[axis])] * 2
        return borders

    def multiply_adds(self, inputs: tuple[Any, ...], output: Any) -> int:
        # Each output is a sum over the weights of its filter.
        return int(np.prod(output.shape)) * int(np.prod(self.weight.shape[1:]))

    def extra_repr(self) -> str:
        text = f"{self.in_channels}, {self.out_channels}, kernel_size={self.kernel_size}, stride={self.stride}"
        if self.padding != (0,) * self.dimensions:
            text += f", padding={self.padding}"
        if self.dilation != (1,) * self.dimensions:
            text += f", dilation={self.dilation}"
        if self.groups != 1:
            text += f", groups={self.groups}"
        if self.padding_mode != "zeros":
            text += f", padding_mode={self.padding_mode}"
        return text if self.bias is not None else text + ", bias=False"


class TransposedConvolution(Convolution):
    """The arguments and parameters of ConvTranspose1d, ConvTranspose2d and ConvTranspose3d."""

    padding_modes: ClassVar[tuple[str, ...]] = ("zeros",)

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Any,
        stride: Any = 1,
        padding: Any = 0,
        output_padding: Any = 0,
        groups: int = 1,
        bias: bool = True,
        dilation: Any = 1,
        padding_mode: str = "zeros",
        *,
        dtype: Any = np.float32,
        init: str | None = None,
    ) -> None:
        super().__init__(
            in_channels,
            out_channels,
            kernel_size,
            stride,
            padding,
            dilation,
            groups,
            bias,
            padding_mode,
            dtype=dtype,
            init=init,
        )
        self.output_padding = check_tuple(type(self).__name__, "output_padding", output_padding, 0, self.dimensions)

    def _weight_shape(self) -> tuple[int, ...]:
        return (self.in_channels, self.out_channels // self.groups, *self.kernel_size)

    def _check_padding(self, padding: Any) -> tuple[int, ...] | str:
        return check_tuple(type(self).__name__, "padding", padding, 0, self.dimensions)

    def forward(self, input: Any, output_size: Any = None) -> Tensor:
        """output_size: the length of every result dimension, instead of output_padding."""
        extra = self.output_padding if output_size is None else self._padding_for(input, output_size)
        result: Tensor = type(self).operation(
            input, self.weight, self.bias, self.stride, self.padding, extra, self.groups, self.dilation
        )
        return result

    def multiply_adds(self, inputs: tuple[Any, ...], output: Any) -> int:
        # Each input is spread by all weights of its channel.
        return int(np.prod(inputs[0].shape)) * int(np.prod(self.weight.shape[1:]))

    def _padding_for(self, input: Any, output_size: Any) -> tuple[int, ...]:
        name, dims = type(self).__name__, self.dimensions
        sizes = check_tuple(name, "output_size", tuple(output_size)[-dims:], 1, dims)
        extra = []
        for axis in range(dims):
            taken = self.dilation[axis] * (self.kernel_size[axis] - 1) - 2 * int(self.padding[axis]) + 1
            least = (input.shape[axis - dims] - 1) * self.stride[axis] + taken
            most = least + self.stride[axis] - 1
            if not least <= sizes[axis] <= most:
                raise ValueError(f"{name}: output_size is {sizes} but dimension {axis} can be from {least} to {most}")
            extra.append(sizes[axis] - least)
        return tuple(extra)
