"""Linear: a fully connected layer, y = x W^T + b. See pydl/ops/linear.py."""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import ops
from ..arguments import check_flag, check_float_dtype, check_integer
from ..op import empty
from ..tensor import Tensor
from .init import reset_
from .module import Module
from .parameter import Parameter


class Linear(Module):
    """y = x W^T + b: x (*, in_features), y (*, out_features).

    weight (out_features, in_features), bias (out_features) or None. init: None for U(-r, r), r = 1 / sqrt(in_features),
    "notes" for N(0, 1).
    """

    def __init__(
        self,
        in_features: int,
        out_features: int,
        bias: bool = True,
        *,
        dtype: Any = np.float32,
        init: str | None = None,
    ) -> None:
        super().__init__()
        self.in_features = check_integer("Linear", "in_features", in_features, 0)
        self.out_features = check_integer("Linear", "out_features", out_features, 0)
        self.init = init
        dtype, has_bias = check_float_dtype("Linear", dtype), check_flag("Linear", "bias", bias)
        self.weight = Parameter(empty((out_features, in_features), dtype))
        self.bias = Parameter(empty((out_features,), dtype)) if has_bias else None
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draws the parameters anew."""
        reset_([self.weight, self.bias], self.in_features, self.init)

    def forward(self, input: Any) -> Tensor:
        return ops.linear(input, self.weight, self.bias)

    def multiply_adds(self, inputs: tuple[Any, ...], output: Any) -> int:
        return int(np.prod(output.shape)) * self.in_features

    def extra_repr(self) -> str:
        has_bias = self.bias is not None
        return f"in_features={self.in_features}, out_features={self.out_features}, bias={has_bias}"
