"""keep_steps: the steps of sequences, and 0 in the place of what follows behind their ends, whatever it is.

    y[t,n] = x[t,n] for t < lengths[n], else 0

Shapes    x y (T, N, D), lengths (N)
Gradient  dx = keep_steps(dy, lengths)
Source    the masking of padding in Graves, "Supervised sequence labelling with recurrent neural networks" (2012)
"""

from __future__ import annotations

from typing import Any

from .._compiled import TensorBase
from ..arguments import check_floats, check_rank
from ..op import empty, kernel, op
from ..tensor import Tensor
from .recurrent import check_lengths


@kernel(writes="y")
def keep_steps_forward(x, lengths, y):
    for t in range(x.shape[0]):
        for n in range(x.shape[1]):
            for d in range(x.shape[2]):
                y[t, n, d] = x[t, n, d] if t < lengths[n] else 0.0


@keep_steps_forward.samples
def _(draw):
    shape = T, N, _ = tuple(draw.integer(0, 5) for _ in range(3))
    return {"x": draw.special(shape), "lengths": draw.integers((N,), 0, T), "y": draw.out(shape)}


def keep_steps(input: Any, lengths: Any) -> Tensor:
    """The steps of the sequences `input` (T, N, D), and 0 behind their ends. See the top of this file.

    Errors: TypeError for lengths that are no integers; ValueError for another shape, lengths out of range.
    """
    result: Tensor = _keep_steps(input, lengths.data if isinstance(lengths, TensorBase) else lengths)
    return result


@op("input")
def _keep_steps(input, lengths):
    (x,) = check_floats("keep_steps", input=input)
    check_rank("keep_steps", "input", x, 3, layout="(T, N, D)")
    kept = check_lengths("keep_steps", lengths, *x.shape[:2])
    y = empty(x.shape, x.dtype)
    keep_steps_forward(x, kept, y)

    def gradient(dy, needs):
        dx = empty(x.shape, x.dtype)
        keep_steps_forward(dy, kept, dx)
        return dx

    return y, gradient, ()
