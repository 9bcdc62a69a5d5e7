"""Flatten: several dimensions become one, as between convolutions and a fully connected layer; Unflatten undoes it."""

from __future__ import annotations

from typing import Any

from .. import ops
from ..arguments import check_dim, check_list, check_shape
from ..tensor import Tensor, as_tensor
from .module import Module


class Flatten(Module):
    """Joins the dimensions from start_dim to end_dim; by default (N, C, H, W) becomes (N, C * H * W)."""

    def __init__(self, start_dim: int = 1, end_dim: int = -1) -> None:
        super().__init__()
        self.start_dim = start_dim
        self.end_dim = end_dim

    def forward(self, input: Any) -> Tensor:
        return ops.flatten(input, self.start_dim, self.end_dim)

    def extra_repr(self) -> str:
        return f"start_dim={self.start_dim}, end_dim={self.end_dim}"


class Unflatten(Module):
    """One dimension becomes several: of size -1 at most one, which follows from the others."""

    def __init__(self, dim: int, unflattened_size: Any) -> None:
        super().__init__()
        self.dim = dim
        self.unflattened_size = check_shape(
            "Unflatten", (check_list("Unflatten", "unflattened_size", unflattened_size, "a tuple of sizes"),), -1
        )

    def forward(self, input: Any) -> Tensor:
        x = as_tensor("Unflatten", input)
        d = check_dim("Unflatten", self.dim, x.ndim)
        return ops.reshape(x, *x.shape[:d], *self.unflattened_size, *x.shape[d + 1 :])

    def extra_repr(self) -> str:
        return f"dim={self.dim}, unflattened_size={self.unflattened_size}"
