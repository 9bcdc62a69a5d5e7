"""What the steps of step() are made of: assignments; and a number's gradient beside the central difference."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from .formula import Formula
from .wording import name_of


@dataclass
class Assignment:
    """A formula in a step. scope: name in the formula -> number of the array; array: of the result."""

    formula: Formula
    what: str
    scope: dict[str, int]
    array: int


@dataclass
class Step:
    """One operation, forward or backward. gradients: array -> the array of dC/d(it)."""

    title: str
    operation: str
    backward: bool
    assignments: list[Assignment]
    given: dict[str, Any]

    def find(self, name: str) -> Assignment:
        """The formula of a name, as it stands in the formulas or as it is shown."""
        for each in self.assignments:
            if name in (each.formula.target, name_of(each.formula.target)):
                return each
        known = ", ".join(name_of(each.formula.target) for each in self.assignments)
        raise ValueError(f"step: {self.title} makes no {name!r}; it makes {known}")


@dataclass
class Difference:
    """A number's gradient beside the central difference, and the slopes on both sides, which differ at a kink."""

    gradient: float
    central: float
    left: float
    right: float

    @property
    def at_kink(self) -> bool:
        return abs(self.right - self.left) > 1e-3 * max(abs(self.left), abs(self.right), 1e-9)

    def text(self) -> str:
        """One line."""
        if self.at_kink:
            return f"a kink: the slope is {self.left:.6g} below and {self.right:.6g} above, backward takes one of them"
        return f"(C(p + h) - C(p - h)) / (2 h) = {self.central:.8g}, backward {self.gradient:.8g}"
