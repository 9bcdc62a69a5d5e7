"""What layers that normalise have in common: the numbers that scale and shift what is normalised."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..arguments import check_flag
from .module import Module
from .parameter import Parameter


class Normalization(Module):
    """A module with a weight and a bias of one shape, or without them."""

    def _register_affine(self, shape: int | tuple[int, ...], affine: bool, bias: bool, dtype: Any) -> None:
        has_bias = check_flag(type(self).__name__, "bias", bias)
        self.weight = Parameter(np.ones(shape, dtype)) if affine else None
        self.bias = Parameter(np.zeros(shape, dtype)) if affine and has_bias else None

    def reset_parameters(self) -> None:
        """weight 1, bias 0."""
        for name, parameter in self.named_parameters(recurse=False):
            parameter.data[...] = 1 if name == "weight" else 0
            parameter.bump_version()
