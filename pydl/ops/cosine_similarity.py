"""cosine_similarity: the cosine of the angle between vectors.

    y = x1 . x2 / (max(|x1|, eps) max(|x2|, eps))

Shapes    x1, x2: equal, or such that broadcast together; y: their shape without the dimension dim
Gradient  of the operations that it is made of; 0 where a vector is shorter than eps
Source    Salton, McGill, "Introduction to modern information retrieval", McGraw-Hill 1983, section 4.1
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .._compiled import are_usual_floats
from ..arguments import check_dim, check_floats, check_range
from ..tensor import Tensor
from .clamp import clamp
from .expand import expand
from .norm import norm
from .sum import sum


def cosine_similarity(x1: Any, x2: Any, dim: int = 1, eps: float = 1e-8) -> Any:
    """The cosine of the angle between x1 and x2 along dim. See the top of this file."""
    a, b = as_tensors("cosine_similarity", x1=x1, x2=x2)
    try:
        shape = a.shape if a.shape == b.shape else np.broadcast_shapes(a.shape, b.shape)
    except ValueError:
        raise ValueError(f"cosine_similarity: x1 has shape {a.shape} and x2 {b.shape}; they do not broadcast") from None
    rank = len(shape)
    d = check_dim("cosine_similarity", dim, rank) - rank if rank else 0
    if rank == 0:
        raise ValueError("cosine_similarity: x1 and x2 have no dimension to be vectors along")
    shortest = check_range("cosine_similarity", "eps", eps, 0.0)
    # The dimension itself, too, before lengths are taken along it.
    a, b = (x if x.ndim == rank and x.shape[d] == shape[d] else expand(x, shape) for x in (a, b))
    lengths = [clamp(norm(x, dim=d), min=shortest) for x in (a, b)]
    return sum(a * b, d) / (lengths[0] * lengths[1])


def as_tensors(name: str, **arguments: Any) -> list[Tensor]:
    """The arguments as Tensors of one floating dtype."""
    given = list(arguments.values())
    if are_usual_floats(given) and all(isinstance(each, Tensor) for each in given):
        return given
    arrays = {key: each.data if isinstance(each, Tensor) else each for key, each in arguments.items()}
    checked = check_floats(name, **arrays)
    return [
        each if isinstance(each, Tensor) else Tensor(array)
        for each, array in zip(arguments.values(), checked, strict=True)
    ]
