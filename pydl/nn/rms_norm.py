"""RMSNorm: every row divided by the root of its mean square. See pydl/ops/rms_norm.py."""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import ops
from ..arguments import check_flag, check_float_dtype, check_shape
from ..ops.batch_norm import check_eps
from ..tensor import Tensor
from .normalization import Normalization
from .parameter import Parameter


class RMSNorm(Normalization):
    """Root-mean-square normalisation over the last dimensions, normalized_shape: an integer or several.

    weight (normalized_shape) unless elementwise_affine is False. eps: None for the precision of the input's dtype.
    """

    def __init__(
        self,
        normalized_shape: int | tuple[int, ...] | list[int],
        eps: float | None = None,
        elementwise_affine: bool = True,
        *,
        dtype: Any = np.float32,
    ) -> None:
        super().__init__()
        whole = normalized_shape if isinstance(normalized_shape, tuple | list) else (normalized_shape,)
        self.normalized_shape = check_shape("RMSNorm", (tuple(whole),))
        self.eps = None if eps is None else check_eps("RMSNorm", eps)
        self.elementwise_affine = check_flag("RMSNorm", "elementwise_affine", elementwise_affine)
        dtype = check_float_dtype("RMSNorm", dtype)
        self.weight = Parameter(np.ones(self.normalized_shape, dtype)) if elementwise_affine else None

    def forward(self, input: Any) -> Tensor:
        return ops.rms_norm(input, self.normalized_shape, self.weight, self.eps)

    def extra_repr(self) -> str:
        return f"{self.normalized_shape}, eps={self.eps}, elementwise_affine={self.elementwise_affine}"
