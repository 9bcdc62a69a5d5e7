"""Conv1d: filters that slide over a sequence. See pydl/ops/conv1d.py."""

from .. import ops
from .convolution import Convolution


class Conv1d(Convolution):
    """Convolution: input (N, in_channels, L), output (N, out_channels, I).

    weight (out_channels, in_channels / groups, U), bias (out_channels) or None. padding: zeros around the sequence,
    a number, "valid" (none) or "same" (the output is as large as the input; needs stride 1).
    padding_mode: "zeros", or "reflect", "replicate" or "circular": what pad() makes of the input instead of zeros.
    init: None for U(-r, r), r = 1 / sqrt(fan_in), "notes" for N(0, 1).
    Errors: ValueError where groups does not divide the channels, or a size is out of range.
    """

    dimensions = 1
    operation = ops.conv1d
