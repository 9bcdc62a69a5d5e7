"""Conv3d: filters that slide over a volume. See pydl/ops/conv3d.py."""

from .. import ops
from .convolution import Convolution


class Conv3d(Convolution):
    """Convolution: input (N, in_channels, D, H, W), output (N, out_channels, Z, I, J).

    weight (out_channels, in_channels / groups, T, U, V), bias (out_channels) or None. padding: zeros around the
    volume, a number, (depth, height, width), "valid" (none) or "same" (the output is as large as the input; needs
    stride 1). padding_mode: "zeros", or "reflect", "replicate" or "circular": what pad() makes of the input instead of
    zeros. init: None for U(-r, r), r = 1 / sqrt(fan_in), "notes" for N(0, 1).
    Errors: ValueError where groups does not divide the channels, or a size is out of range.
    """

    dimensions = 3
    operation = ops.conv3d
