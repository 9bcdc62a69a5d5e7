"""LayerNorm: every row normalised by itself. See pydl/ops/layer_norm.py."""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import ops
from ..arguments import check_flag, check_float_dtype, check_shape
from ..ops.batch_norm import check_eps
from ..tensor import Tensor
from .normalization import Normalization


class LayerNorm(Normalization):
    """Layer normalisation over the last dimensions, normalized_shape: an integer or several.

    weight and, unless bias is False, bias (normalized_shape), neither if elementwise_affine is False.
    """

    def __init__(
        self,
        normalized_shape: int | tuple[int, ...] | list[int],
        eps: float = 1e-5,
        elementwise_affine: bool = True,
        bias: bool = True,
        *,
        dtype: Any = np.float32,
    ) -> None:
        super().__init__()
        whole = normalized_shape if isinstance(normalized_shape, tuple | list) else (normalized_shape,)
        self.normalized_shape = check_shape("LayerNorm", (tuple(whole),))
        self.eps = check_eps("LayerNorm", eps)
        self.elementwise_affine = check_flag("LayerNorm", "elementwise_affine", elementwise_affine)
        dtype = check_float_dtype("LayerNorm", dtype)
        self._register_affine(self.normalized_shape, elementwise_affine, bias, dtype)

    def forward(self, input: Any) -> Tensor:
        return ops.layer_norm(input, self.normalized_shape, self.weight, self.bias, self.eps)

    def extra_repr(self) -> str:
        return (
            f"{self.normalized_shape}, eps={self.eps}, elementwise_affine={self.elementwise_affine}, "
            f"bias={self.bias is not None}"
        )
