"""Borders as layers: ZeroPad, ConstantPad, ReflectionPad, ReplicationPad, CircularPad. See pydl/ops/pad.py."""

from __future__ import annotations

from typing import Any, ClassVar

from .. import ops
from ..arguments import check_integer, check_number, show
from ..tensor import Tensor
from .module import Module


class _Pad(Module):
    """padding: one number for all sides, or (front, behind) of the last dimension, then of the one before it, ..."""

    dimensions: ClassVar[int] = 2
    mode: ClassVar[str] = "constant"

    def __init__(self, padding: Any) -> None:
        super().__init__()
        name, count = type(self).__name__, 2 * self.dimensions
        sides = list(padding) if isinstance(padding, tuple | list) else [padding] * count
        if len(sides) != count:
            raise ValueError(f"{name}: padding must be one integer or {count}, not {show(padding)}")
        self.padding = tuple(check_integer(name, "padding", each, -(2**31)) for each in sides)

    def forward(self, input: Any) -> Tensor:
        return ops.pad(input, self.padding, self.mode)

    def extra_repr(self) -> str:
        return f"{self.padding}"


class ZeroPad1d(_Pad):
    """Zeros around (N, C, L)."""

    dimensions = 1


class ZeroPad2d(_Pad):
    """Zeros around (N, C, H, W)."""


class ZeroPad3d(_Pad):
    """Zeros around (N, C, D, H, W)."""

    dimensions = 3


class ConstantPad1d(_Pad):
    """`value` around (N, C, L)."""

    dimensions = 1

    def __init__(self, padding: Any, value: float) -> None:
        super().__init__(padding)
        self.value = check_number(type(self).__name__, "value", value)

    def forward(self, input: Any) -> Tensor:
        return ops.pad(input, self.padding, "constant", self.value)

    def extra_repr(self) -> str:
        return f"padding={self.padding}, value={self.value}"


class ConstantPad2d(ConstantPad1d):
    """`value` around (N, C, H, W)."""

    dimensions = 2


class ConstantPad3d(ConstantPad1d):
    """`value` around (N, C, D, H, W)."""

    dimensions = 3


class ReflectionPad1d(_Pad):
    """The mirrored numbers around (N, C, L)."""

    dimensions, mode = 1, "reflect"


class ReflectionPad2d(_Pad):
    """The mirrored numbers around (N, C, H, W)."""

    mode = "reflect"


class ReflectionPad3d(_Pad):
    """The mirrored numbers around (N, C, D, H, W)."""

    dimensions, mode = 3, "reflect"


class ReplicationPad1d(_Pad):
    """The edge repeated around (N, C, L)."""

    dimensions, mode = 1, "replicate"


class ReplicationPad2d(_Pad):
    """The edge repeated around (N, C, H, W)."""

    mode = "replicate"


class ReplicationPad3d(_Pad):
    """The edge repeated around (N, C, D, H, W)."""

    dimensions, mode = 3, "replicate"


class CircularPad1d(_Pad):
    """The other end's numbers around (N, C, L)."""

    dimensions, mode = 1, "circular"


class CircularPad2d(_Pad):
    """The other end's numbers around (N, C, H, W)."""

    mode = "circular"


class CircularPad3d(_Pad):
    """The other end's numbers around (N, C, D, H, W)."""

    dimensions, mode = 3, "circular"
