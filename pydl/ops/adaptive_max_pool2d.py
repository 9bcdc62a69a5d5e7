"""adaptive_max_pool2d: the largest element of windows that share a plane evenly, so that the result has a given size.

    y[n,c,o] = max over the elements i of window o of  x[n,c,i]

where window o of `out` covers [floor(o*size/out), ceil((o+1)*size/out)) along every dimension.
It is adaptive_max_pool3d of volumes of one slice, and its kernels compute it.

Shapes    x (N, C, H, W), y (N, C, OH, OW); or without N.
          output_size is one integer, or (OH, OW); None keeps a dimension's size
Gradient  dx[the winner of window o] += dy[o]
Special   of equal elements the first in row-major order wins; NaN wins over every number
Source    He, Zhang, Ren, Sun, "Spatial pyramid pooling in deep convolutional networks for visual recognition",
          ECCV 2014
"""

from __future__ import annotations

from typing import Any

from ..op import op
from .adaptive_max_pool3d import largest


@op("input", several=True)
def adaptive_max_pool2d(input: Any, output_size: Any, return_indices: bool = False) -> Any:
    """The largest element of windows, as many as output_size says. See the top of this file.

    return_indices: also the position of each largest element in its plane, int64.
    """
    return largest("adaptive_max_pool2d", input, output_size, return_indices, 2)
