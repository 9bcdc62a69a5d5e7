"""clip_grad_value: every element of every gradient is kept in [-clip_value, clip_value].

    g = min(max(g, -clip_value), clip_value)          NaN stays NaN

Shapes    g: list of arrays of any shapes
Source    Mikolov, "Statistical language models based on neural networks", PhD thesis, Brno (2012)
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from .._compiled import changed, gradient_lists
from ..arguments import check_range
from ..op import kernel
from ..tensor import Tensor
from .clip_grad_norm import listed


@kernel(writes="g")
def clip_grad_value(g, limit):
    for k in range(len(g)):
        for i in np.ndindex(g[k].shape):
            g[k][i] = np.minimum(np.maximum(g[k][i], -limit), limit)


@clip_grad_value.samples
def _(draw):
    return {"g": [draw.special(draw.shape()).copy() for _ in range(draw.integer(0, 3))], "limit": 0.5}


def clip_grad_value_(parameters: Tensor | Iterable[Tensor], clip_value: float) -> None:
    """Clips the gradients of the parameters in place. See the top of this file.

    Errors: ValueError for a negative clip_value.
    """
    clip_value = check_range("clip_grad_value_", "clip_value", clip_value, 0)
    gradients, lists = gradient_lists("clip_grad_value_", listed("clip_grad_value_", parameters))
    for arrays in lists:
        clip_grad_value(arrays, clip_value)
    changed(gradients)
