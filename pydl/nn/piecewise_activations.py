"""The activations that are made of straight lines, as layers. Formulas: pydl/ops/hardtanh.py, pydl/ops/prelu.py.

inplace is taken for the sake of programs that give it; the result is a new tensor either way.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import ops
from ..arguments import check_float_dtype, check_integer, check_number
from ..tensor import Tensor
from .module import Module
from .parameter import Parameter


class PReLU(Module):
    """x where it is positive, else weight x: one learned weight, or num_parameters, one for each channel."""

    def __init__(self, num_parameters: int = 1, init: float = 0.25, dtype: Any = None) -> None:
        super().__init__()
        self.num_parameters = check_integer("PReLU", "num_parameters", num_parameters, 1)
        self.init = check_number("PReLU", "init", init)
        self.weight = Parameter(np.full(num_parameters, self.init, check_float_dtype("PReLU", dtype)))

    def forward(self, input: Any) -> Tensor:
        return ops.prelu(input, self.weight)

    def extra_repr(self) -> str:
        return f"num_parameters={self.num_parameters}"


class Hardtanh(Module):
    """x, limited to min_val and max_val."""

    def __init__(self, min_val: float = -1.0, max_val: float = 1.0, inplace: bool = False) -> None:
        super().__init__()
        self.min_val = check_number("Hardtanh", "min_val", min_val)
        self.max_val = check_number("Hardtanh", "max_val", max_val)
        if self.min_val > self.max_val:
            raise ValueError(f"Hardtanh: min_val is {min_val} but must not be above max_val, {max_val}")

    def forward(self, input: Any) -> Tensor:
        return ops.hardtanh(input, self.min_val, self.max_val)

    def extra_repr(self) -> str:
        return f"min_val={self.min_val}, max_val={self.max_val}"


class ReLU6(Module):
    """x, limited to 0 and 6."""

    def __init__(self, inplace: bool = False) -> None:
        super().__init__()

    def forward(self, input: Any) -> Tensor:
        return ops.relu6(input)


class Hardsigmoid(Module):
    """x / 6 + 1 / 2, limited to 0 and 1."""

    def __init__(self, inplace: bool = False) -> None:
        super().__init__()

    def forward(self, input: Any) -> Tensor:
        return ops.hardsigmoid(input)


class Hardswish(Module):
    """x Hardsigmoid(x)."""

    def __init__(self, inplace: bool = False) -> None:
        super().__init__()

    def forward(self, input: Any) -> Tensor:
        return ops.hardswish(input)


class Threshold(Module):
    """x where it is above threshold, else value."""

    def __init__(self, threshold: float, value: float, inplace: bool = False) -> None:
        super().__init__()
        self.threshold = check_number("Threshold", "threshold", threshold)
        self.value = check_number("Threshold", "value", value)

    def forward(self, input: Any) -> Tensor:
        return ops.threshold(input, self.threshold, self.value)

    def extra_repr(self) -> str:
        return f"threshold={self.threshold}, value={self.value}"


class Softshrink(Module):
    """x, moved by lambd towards 0, and 0 where it is nearer than that."""

    def __init__(self, lambd: float = 0.5) -> None:
        super().__init__()
        self.lambd = check_number("Softshrink", "lambd", lambd)

    def forward(self, input: Any) -> Tensor:
        return ops.softshrink(input, self.lambd)

    def extra_repr(self) -> str:
        return f"{self.lambd}"


class Hardshrink(Module):
    """x where |x| is above lambd, else 0."""

    def __init__(self, lambd: float = 0.5) -> None:
        super().__init__()
        self.lambd = check_number("Hardshrink", "lambd", lambd)

    def forward(self, input: Any) -> Tensor:
        return ops.hardshrink(input, self.lambd)

    def extra_repr(self) -> str:
        return f"{self.lambd}"


class RReLU(Module):
    """x where it is positive, else x times a random number from lower to upper; after eval() times their mean."""

    def __init__(self, lower: float = 1 / 8, upper: float = 1 / 3, inplace: bool = False) -> None:
        super().__init__()
        self.lower = check_number("RReLU", "lower", lower)
        self.upper = check_number("RReLU", "upper", upper)
        if not self.lower <= self.upper:
            raise ValueError(f"RReLU: lower must be at most upper, but they are {lower} and {upper}")
        self.inplace = inplace

    def forward(self, input: Any) -> Tensor:
        return ops.rrelu(input, self.lower, self.upper, self.training)

    def extra_repr(self) -> str:
        return f"lower={self.lower}, upper={self.upper}"
