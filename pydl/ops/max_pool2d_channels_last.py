"""max_pool2d_channels_last: the largest element of every window, of images whose channels lie side by side.

The numbers are max_pool2d's, and so are the arguments; who won is not remembered, because nothing is trained on what
pydl/recording/channels_last.py replays. Lanes are channels, so that windows of any size and stride run at full speed.

Shapes    x (N, C, H, W), y (N, C, OH, OW), both with stride 1 along C
Source    as for max_pool2d
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..op import kernel
from .conv2d_channels_last import channels_last
from .max_pool2d import max_pool2d_forward
from .pooling import SETTINGS, draw_pooling


@kernel(writes="y")
def max_pool2d_channels_last(x, y, kernel, stride, padding, dilation):
    max_pool2d_forward.reference(x, y, None, None, kernel, stride, padding, dilation)


@max_pool2d_channels_last.samples
def _(draw: Any) -> dict[str, Any]:
    x, y, geometry = draw_pooling(draw, dilated=True)
    values = draw.choice(draw.array, draw.special)(x)
    return {
        "x": channels_last(np.round(values, draw.choice(0, 8))),
        "y": channels_last(draw.out(y)),
        **dict(zip(SETTINGS, geometry, strict=True)),
    }
