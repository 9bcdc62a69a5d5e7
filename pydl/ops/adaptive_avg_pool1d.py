"""adaptive_avg_pool1d: the mean of windows that share a sequence evenly; the result has a given size.

    y[n,c,o] = 1/|window o| * sum over the elements i of window o of  x[n,c,i]

where window o of `out` covers [floor(o*size/out), ceil((o+1)*size/out)) along every dimension.
It is adaptive_avg_pool3d of volumes of one row, and its kernels compute it.

Shapes    x (N, C, L), y (N, C, OL); or without N.
          output_size is one integer; None keeps a dimension's size
Gradient  dx[i] = sum of dy[o] / (elements of o) over the windows o that hold element i
Source    He, Zhang, Ren, Sun, "Spatial pyramid pooling in deep convolutional networks for visual recognition",
          ECCV 2014
"""

from __future__ import annotations

from typing import Any

from ..op import op
from .adaptive_avg_pool3d import average


@op("input")
def adaptive_avg_pool1d(input: Any, output_size: Any) -> Any:
    """The mean of windows, as many as output_size says. See the top of this file."""
    return average("adaptive_avg_pool1d", input, output_size, 1)
