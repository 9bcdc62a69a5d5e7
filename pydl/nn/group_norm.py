"""GroupNorm, InstanceNorm1d, 2d and 3d: the channels of each sample normalised in groups, or each by itself.

See pydl/ops/group_norm.py.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import ops
from ..arguments import check_flag, check_float_dtype, check_integer, check_number
from ..ops.batch_norm import check_eps
from ..tensor import Tensor
from .normalization import Normalization


class GroupNorm(Normalization):
    """Group normalisation of (N, num_channels, *), num_channels / num_groups channels together.

    weight and, unless bias is False, bias (num_channels), neither if affine is False. Errors: ValueError where
    num_groups does not divide num_channels.
    """

    def __init__(
        self,
        num_groups: int,
        num_channels: int,
        eps: float = 1e-5,
        affine: bool = True,
        *,
        dtype: Any = np.float32,
        bias: bool = True,
    ) -> None:
        super().__init__()
        self.num_groups = check_integer("GroupNorm", "num_groups", num_groups, 1)
        self.num_channels = check_integer("GroupNorm", "num_channels", num_channels, 0)
        if num_channels % num_groups:
            raise ValueError(f"GroupNorm: num_channels is {num_channels} but must be a multiple of {num_groups} groups")
        self.eps = check_eps("GroupNorm", eps)
        self.affine = check_flag("GroupNorm", "affine", affine)
        self._register_affine(num_channels, affine, bias, check_float_dtype("GroupNorm", dtype))

    def forward(self, input: Any) -> Tensor:
        return ops.group_norm(input, self.num_groups, self.weight, self.bias, self.eps)

    def extra_repr(self) -> str:
        return (
            f"{self.num_groups}, {self.num_channels}, eps={self.eps}, affine={self.affine}, "
            f"bias={self.bias is not None}"
        )


class _InstanceNorm(Normalization):
    """What the three have in common; they differ in the shapes that they take."""

    shape = ""

    def __init__(
        self,
        num_features: int,
        eps: float = 1e-5,
        momentum: float = 0.1,
        affine: bool = False,
        track_running_stats: bool = False,
        *,
        dtype: Any = np.float32,
        bias: bool = True,
    ) -> None:
        super().__init__()
        name = type(self).__name__
        self.num_features = check_integer(name, "num_features", num_features, 0)
        self.eps = check_eps(name, eps)
        self.momentum = check_number(name, "momentum", momentum)
        self.affine = check_flag(name, "affine", affine)
        self.track_running_stats = check_flag(name, "track_running_stats", track_running_stats)
        if track_running_stats:
            raise ValueError(f"{name}: track_running_stats must be False; statistics are those of the input")
        self._register_affine(num_features, affine, bias, check_float_dtype(name, dtype))

    def forward(self, input: Any) -> Tensor:
        shape, rank = np.shape(input.data if isinstance(input, Tensor) else input), self.shape.count(",") + 1
        alone = len(shape) == rank - 1  # one sample without N
        if not (alone or len(shape) == rank) or shape[0 if alone else 1] != self.num_features:
            C = f"C = {self.num_features}"
            raise ValueError(f"{type(self).__name__}: input must be {self.shape} with {C}, but has shape {shape}")
        x = ops.unsqueeze(input, 0) if alone else input
        y = ops.instance_norm(x, None, None, self.weight, self.bias, True, self.momentum, self.eps)
        return ops.squeeze(y, 0) if alone else y

    def extra_repr(self) -> str:
        return (
            f"{self.num_features}, eps={self.eps}, momentum={self.momentum}, affine={self.affine}, "
            f"bias={self.bias is not None}, track_running_stats={self.track_running_stats}"
        )


class InstanceNorm1d(_InstanceNorm):
    """Instance normalisation of (N, C, L) or (C, L), C = num_features, in training and in use alike.

    weight and, unless bias is False, bias (C) if affine is True. track_running_stats must be False.
    """

    shape = "(N, C, L)"


class InstanceNorm2d(_InstanceNorm):
    """Instance normalisation of images (N, C, H, W); everything else as in InstanceNorm1d."""

    shape = "(N, C, H, W)"


class InstanceNorm3d(_InstanceNorm):
    """Instance normalisation of volumes (N, C, D, H, W); everything else as in InstanceNorm1d."""

    shape = "(N, C, D, H, W)"
