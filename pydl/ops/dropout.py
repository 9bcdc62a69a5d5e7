"""dropout: sets a random part of the elements to 0 while training, so that no unit comes to rely on another.

    y[i] = x[i] * mask[i] / (1 - p),   mask[i] = 0 with probability p, else 1

The division keeps the expected value ("inverted" dropout), so that nothing has to be done when not training:
then, and for p = 0, the result is the input itself.

Shapes    x (*), y (*): any shape
Gradient  dx[i] = dy[i] * mask[i] / (1 - p)
Random    element i is kept where word i of a Philox stream (random.py) is at least p 2^32; every call draws the key of
          its own stream from the global generator. So the mask depends on the seed alone, not on threads or vectors.
Special   p = 1 gives zeros
Source    Srivastava, Hinton, Krizhevsky, Sutskever, Salakhutdinov, "Dropout: a simple way to prevent neural networks
          from overfitting", JMLR 15 (2014)
"""

from __future__ import annotations

import functools
from typing import Any

import numpy as np

from .. import random
from ..arguments import check_flag, check_floats, check_number
from ..op import empty, kernel, op
from ..tensor import Tensor
from .clone import reshaped


@kernel(writes="mask, y")
def dropout_forward(x, key, threshold, scale, mask, y):
    """mask[i] = 1 where the i-th word of the stream `key` reaches threshold, p times 2^32."""
    for i in range(len(x)):
        if i % 64 == 0:
            words = random.philox_block(i // 64, key)
        mask[i] = words[i % 64] >= threshold
        y[i] = x[i] * (scale if mask[i] else 0.0)


@kernel(writes="dx")
def dropout_backward(dy, mask, scale, dx):
    """The same numbers are kept on the way back."""
    for i in range(len(dy)):
        dx[i] = dy[i] * (scale if mask[i] else 0.0)


@dropout_forward.samples
def _(draw):
    size = draw.choice(draw.integer(0, 300), draw.integer(16000, 17000))
    return {
        "x": draw.choice(draw.array, draw.special)((size,)),
        "key": draw.bits() * 2**31 - 2**62,
        "threshold": draw.choice(2**31, 1, 2**32 - 1, 2**32, draw.bits()),
        "scale": draw.choice(1.0, 1.25, 2.0),
        "mask": draw.out((size,), np.uint8),
        "y": draw.out((size,)),
    }


@dropout_backward.samples
def _(draw):
    size = draw.integer(0, 100)
    return {
        "dy": draw.choice(draw.array, draw.special)((size,)),
        "mask": draw.integers((size,), 0, 1).astype(np.uint8),
        "scale": draw.choice(1.0, 1.25, 2.0),
        "dx": draw.out((size,)),
    }


def _only_in_training(dropout: Any) -> Any:
    """Hands back the tensor itself where there is nothing to drop."""

    @functools.wraps(dropout)
    def checked(input: Any, p: float = 0.5, training: bool = True) -> Any:
        p = check_number("dropout", "p", p)
        if not 0.0 <= p <= 1.0:
            raise ValueError(f"dropout: p is {p} but must lie between 0 and 1")
        if check_flag("dropout", "training", training) and p > 0.0:
            return dropout(input, p, training)
        return input if isinstance(input, Tensor) else Tensor(check_floats("dropout", input=input)[0])

    return checked


@_only_in_training
@op("input")
def dropout(input: Any, p: float = 0.5, training: bool = True) -> Any:
    """input with each element set to 0 with probability p, the others divided by 1 - p. See the top of this file."""
    (x,) = check_floats("dropout", input=input)
    scale = 1.0 / (1.0 - p) if p < 1.0 else 0.0
    mask, y = empty((x.size,), np.uint8), empty(x.shape, x.dtype)
    dropout_forward(reshaped(x, (x.size,)), random.new_key(), round(p * 2**32), scale, mask, y.reshape(x.size))

    def gradient(dy, needs):
        dx = empty(dy.shape, dy.dtype)
        dropout_backward(dy.reshape(dy.size), mask, scale, dx.reshape(dy.size))
        return dx

    return y, gradient, ()
