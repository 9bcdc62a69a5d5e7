"""What a step-through knows of an operation: its formulas, forward and backward.

a0 is what goes in, a1 what comes out, w and b are weights and biases, t the target, C the cost; da1 is the gradient
that arrives, dC/da1, da0 the one that is passed on (shown as delta1 and delta0, as in the notes), dw is dC/dw.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, NoReturn

import numpy as np


@dataclass
class Forms:
    """What an operation computes, as formulas in their order, each with a few words on what it is.

    inputs: name in the formulas -> the Tensor or array that the operation was given. outputs: the names of its results.
    shapes: of arrays in between, where an index does not tell. total: for a result that the operation itself uses
    again, the name of its whole gradient.
    """

    inputs: dict[str, Any]
    outputs: list[str]
    forward: list[tuple[str, str]]
    backward: list[tuple[str, str]]
    shapes: dict[str, tuple[int, ...]] = field(default_factory=dict)
    total: dict[str, str] = field(default_factory=dict)


def shape_of(value: Any) -> tuple[int, ...]:
    """Of a Tensor, an array or a number."""
    return tuple(value.shape) if hasattr(value, "shape") else ()


def refuse(name: str, what: str) -> NoReturn:
    """Says what the formulas leave out."""
    raise ValueError(f"step: the formulas of {name} leave out {what}")


def bracket(indices: list[str]) -> str:
    """[n,k], or nothing for a single number."""
    return f"[{','.join(indices)}]" if indices else ""


def two(value: Any) -> tuple[int, int]:
    """A setting for both directions."""
    return (int(value), int(value)) if np.ndim(value) == 0 else (int(value[0]), int(value[1]))
