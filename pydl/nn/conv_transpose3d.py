"""ConvTranspose3d: filters that every element of a volume adds up. See pydl/ops/conv_transpose3d.py."""

from .. import ops
from .convolution import TransposedConvolution


class ConvTranspose3d(TransposedConvolution):
    """Transposed convolution: input (N, in_channels, D, H, W), output (N, out_channels, Z, I, J).

    weight (in_channels, out_channels / groups, T, U, V), bias (out_channels) or None.
    padding: what is cut off around the result; output_padding: what is added at the end of each of its dimensions.
    init: None for U(-r, r), r = 1 / sqrt(fan_in) with the fan_in of this weight, "notes" for N(0, 1).
    Errors: ValueError where groups does not divide the channels, or a size is out of range.
    """

    dimensions = 3
    operation = ops.conv_transpose3d
