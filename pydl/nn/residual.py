"""Residual: what a block adds to its input, so that a gradient always has a way past it."""

from __future__ import annotations

from typing import Any

from ..tensor import Tensor
from .module import Module


class Residual(Module):
    """y = f(x) + x; where f changes the shape, y = f(x) + shortcut(x).

    f, shortcut: Modules, such as a Sequential and a convolution of 1x1. Errors: ValueError where the two results are of
    different shapes. Source: He, Zhang, Ren, Sun, "Deep residual learning for image recognition", CVPR 2016, eqs. 1, 2.
    """

    def __init__(self, f: Module, shortcut: Module | None = None) -> None:
        super().__init__()
        for name, module in (("f", f), ("shortcut", shortcut)):
            if not isinstance(module, Module) and (name == "f" or module is not None):
                raise TypeError(f"Residual: {name} must be a Module, not {type(module).__name__}")
        self.f = f
        self.shortcut = shortcut

    def forward(self, input: Any) -> Tensor:
        y, past = self.f(input), input if self.shortcut is None else self.shortcut(input)
        if y.shape != past.shape:
            raise ValueError(
                f"Residual: f gives {y.shape} but what goes past it is {past.shape}; a shortcut can make them alike"
            )
        result: Tensor = y + past
        return result
