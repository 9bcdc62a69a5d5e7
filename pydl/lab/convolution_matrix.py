"""convolution_matrix: a convolution written out as the weight matrix of a fully connected layer.

    a1 = W a0 + b      W[(o, j, k), (c, h, v)] = w[o, c, l, m]   where h = j s + l d - p and v = k s + m d - p, else 0

Every number of a map has a row, every number of the input a column. All rows of a map share the same few weights, each
in another place, and everything else is 0: that is all that makes a convolution of a fully connected layer.

Source: Nielsen, "Neural Networks and Deep Learning", chapter 6; LeCun, "Generalization and network design strategies",
1989.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..arguments import Array, check_integer, check_tuple
from ..tensor import Tensor


def convolution_matrix(
    weight: Any, height: int, width: int, stride: Any = 1, padding: Any = 0, dilation: Any = 1
) -> Array:
    """W of a convolution with weight (O, C, L, M) on images of C x height x width: (O * J * K, C * height * width).

    Then conv2d(x, weight)[n] is W @ x[n].ravel() in the shape (O, J, K). stride, padding, dilation: as in conv2d.
    Errors: ValueError for a weight that has not four dimensions or is larger than the padded image.
    """
    name = "convolution_matrix"
    w = np.asarray(weight.data if isinstance(weight, Tensor) else weight)
    if w.ndim != 4:
        raise ValueError(f"{name}: weight must be (O, C, L, M), but has shape {w.shape}")
    H, V = check_integer(name, "height", height, 1), check_integer(name, "width", width, 1)
    (s, t), (d, e) = (check_tuple(name, *each, 1, 2) for each in (("stride", stride), ("dilation", dilation)))
    p, q = check_tuple(name, "padding", padding, 0, 2)
    maps, channels, *window = w.shape
    J, K = (H + 2 * p - d * (window[0] - 1) - 1) // s + 1, (V + 2 * q - e * (window[1] - 1) - 1) // t + 1
    if J < 1 or K < 1:
        raise ValueError(f"{name}: weight {w.shape} is larger than the image of {H}x{V}, padding {(p, q)} included")
    W = np.zeros((maps, J, K, channels, H, V), w.dtype)
    for j, k, i, m in np.ndindex(J, K, *window):
        h, v = j * s + i * d - p, k * t + m * e - q
        if 0 <= h < H and 0 <= v < V:
            W[:, j, k, :, h, v] = w[:, :, i, m]
    return W.reshape(maps * J * K, channels * H * V)
