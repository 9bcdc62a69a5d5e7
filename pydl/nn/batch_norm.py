"""BatchNorm1d, BatchNorm2d, BatchNorm3d: every channel of a batch normalised. See pydl/ops/batch_norm.py."""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import ops
from ..arguments import check_flag, check_float_dtype, check_integer, check_number
from ..ops.batch_norm import check_eps
from ..tensor import Tensor
from .normalization import Normalization


class _BatchNorm(Normalization):
    """What the three have in common; they differ in the shapes that they take."""

    shapes: tuple[str, ...] = ()

    def __init__(
        self,
        num_features: int,
        eps: float = 1e-5,
        momentum: float | None = 0.1,
        affine: bool = True,
        track_running_stats: bool = True,
        *,
        dtype: Any = np.float32,
        bias: bool = True,
    ) -> None:
        super().__init__()
        name = type(self).__name__
        self.num_features = check_integer(name, "num_features", num_features, 0)
        self.eps = check_eps(name, eps)
        self.momentum = None if momentum is None else check_number(name, "momentum", momentum)
        self.affine = check_flag(name, "affine", affine)
        self.track_running_stats = check_flag(name, "track_running_stats", track_running_stats)
        dtype = check_float_dtype(name, dtype)
        self._register_affine(num_features, affine, bias, dtype)
        kept = self.track_running_stats
        self.register_buffer("running_mean", Tensor(np.zeros(num_features, dtype)) if kept else None)
        self.register_buffer("running_var", Tensor(np.ones(num_features, dtype)) if kept else None)
        self.register_buffer("num_batches_tracked", Tensor(np.zeros((), np.int64)) if kept else None)

    def reset_running_stats(self) -> None:
        """Forgets the batches seen so far."""
        if self.track_running_stats:
            for buffer, value in ((self.running_mean, 0), (self.running_var, 1), (self.num_batches_tracked, 0)):
                buffer.data[...] = value
                buffer.bump_version()

    def reset_parameters(self) -> None:
        """weight 1, bias 0, and no batches seen."""
        self.reset_running_stats()
        super().reset_parameters()

    def forward(self, input: Any) -> Tensor:
        rank = len(np.shape(input.data if isinstance(input, Tensor) else input))
        if rank not in [text.count(",") + 1 for text in self.shapes]:
            shape = np.shape(input.data if isinstance(input, Tensor) else input)
            raise ValueError(f"{type(self).__name__}: input must be {' or '.join(self.shapes)}, but has shape {shape}")
        momentum = self.momentum
        if self.training and self.num_batches_tracked is not None:
            self.num_batches_tracked.data[...] += 1
            self.num_batches_tracked.bump_version()
            if momentum is None:  # the plain average of all batches
                momentum = 1.0 / float(self.num_batches_tracked.data)
        keeps = self.track_running_stats
        return ops.batch_norm(
            input,
            self.running_mean if keeps else None,
            self.running_var if keeps else None,
            self.weight,
            self.bias,
            self.training or not keeps,
            0.0 if momentum is None else momentum,
            self.eps,
        )

    def extra_repr(self) -> str:
        return (
            f"{self.num_features}, eps={self.eps}, momentum={self.momentum}, affine={self.affine}, "
            f"bias={self.bias is not None}, track_running_stats={self.track_running_stats}"
        )


class BatchNorm1d(_BatchNorm):
    """Batch normalisation of (N, C) or (N, C, L), C = num_features.

    weight and, unless bias is False, bias (C), neither if affine is False; buffers running_mean, running_var (C) and
    num_batches_tracked unless track_running_stats is False. momentum: the share of a new batch in the running
    statistics, None for their plain average over all batches. In training, and without running statistics, a batch is
    normalised by its own.
    """

    shapes = ("(N, C)", "(N, C, L)")


class BatchNorm2d(_BatchNorm):
    """Batch normalisation of images (N, C, H, W); everything else as in BatchNorm1d."""

    shapes = ("(N, C, H, W)",)


class BatchNorm3d(_BatchNorm):
    """Batch normalisation of volumes (N, C, D, H, W); everything else as in BatchNorm1d."""

    shapes = ("(N, C, D, H, W)",)
