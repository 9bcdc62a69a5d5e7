"""Images of another size, channels in another order: Upsample, PixelShuffle, ChannelShuffle. See pydl/ops."""

from __future__ import annotations

from typing import Any

from .. import ops
from ..arguments import check_integer
from ..tensor import Tensor
from .module import Module


class Upsample(Module):
    """(N, C, *) of size `size`, or `scale_factor` times as large; mode as for functional.interpolate."""

    def __init__(
        self,
        size: Any = None,
        scale_factor: Any = None,
        mode: str = "nearest",
        align_corners: bool | None = None,
        recompute_scale_factor: bool | None = None,
    ) -> None:
        super().__init__()
        self.size = size
        self.scale_factor = scale_factor
        self.mode = mode
        self.align_corners = align_corners
        self.recompute_scale_factor = recompute_scale_factor

    def forward(self, input: Any) -> Tensor:
        return ops.interpolate(
            input, self.size, self.scale_factor, self.mode, self.align_corners, self.recompute_scale_factor
        )

    def extra_repr(self) -> str:
        given = f"size={self.size}" if self.scale_factor is None else f"scale_factor={self.scale_factor}"
        return f"{given}, mode={self.mode!r}"


class PixelShuffle(Module):
    """(*, C r^2, H, W) as (*, C, H r, W r), r = upscale_factor. See pydl/ops/pixel_shuffle.py."""

    def __init__(self, upscale_factor: int) -> None:
        super().__init__()
        self.upscale_factor = check_integer("PixelShuffle", "upscale_factor", upscale_factor, 1)

    def forward(self, input: Any) -> Tensor:
        return ops.pixel_shuffle(input, self.upscale_factor)

    def extra_repr(self) -> str:
        return f"upscale_factor={self.upscale_factor}"


class PixelUnshuffle(Module):
    """(*, C, H r, W r) as (*, C r^2, H, W), r = downscale_factor."""

    def __init__(self, downscale_factor: int) -> None:
        super().__init__()
        self.downscale_factor = check_integer("PixelUnshuffle", "downscale_factor", downscale_factor, 1)

    def forward(self, input: Any) -> Tensor:
        return ops.pixel_unshuffle(input, self.downscale_factor)

    def extra_repr(self) -> str:
        return f"downscale_factor={self.downscale_factor}"


class ChannelShuffle(Module):
    """(N, C, *) with channel g K + k in the place k G + g, G = groups. See pydl/ops/pixel_shuffle.py."""

    def __init__(self, groups: int) -> None:
        super().__init__()
        self.groups = check_integer("ChannelShuffle", "groups", groups, 1)

    def forward(self, input: Any) -> Tensor:
        return ops.channel_shuffle(input, self.groups)

    def extra_repr(self) -> str:
        return f"groups={self.groups}"


class UpsamplingNearest2d(Upsample):
    """Upsample of images by the nearest number."""

    def __init__(self, size: Any = None, scale_factor: Any = None) -> None:
        super().__init__(size, scale_factor, "nearest")


class UpsamplingBilinear2d(Upsample):
    """Upsample of images by straight lines, the corners where they were."""

    def __init__(self, size: Any = None, scale_factor: Any = None) -> None:
        super().__init__(size, scale_factor, "bilinear", True)
