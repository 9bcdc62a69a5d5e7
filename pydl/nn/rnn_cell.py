"""RNNCell: one step of a plain recurrent network. See pydl/ops/rnn_cell.py."""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import ops
from ..ops.rnn_cell import is_relu
from ..tensor import Tensor
from .recurrent import RecurrentCell


class RNNCell(RecurrentCell):
    """h' = RNNCell(D, H)(input, h): input (B, D) or (D); h, h' (B, H) or (H), zeros if left out.

    weight_ih (H, D), weight_hh (H, H), bias_ih and bias_hh (H) or None. nonlinearity "tanh" or "relu".
    init: None for U(-r, r), r = 1 / sqrt(H), "notes" for N(0, 1), "recommended" for orthogonal weight_hh.
    """

    kind = "RNNCell"

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        bias: bool = True,
        nonlinearity: str = "tanh",
        *,
        dtype: Any = np.float32,
        init: str | None = None,
    ) -> None:
        is_relu("RNNCell", nonlinearity)
        super().__init__(input_size, hidden_size, bias, dtype, init)
        self.nonlinearity = nonlinearity

    def forward(self, input: Any, hx: Any = None) -> Tensor:
        x, (h,), weights, alone = self.checked(input, "hx", (hx,))
        h = ops.rnn_cell(x, h, *weights, nonlinearity=self.nonlinearity)
        return ops.getitem(h, 0) if alone else h

    def extra_repr(self) -> str:
        return super().extra_repr() + (", nonlinearity=relu" if self.nonlinearity == "relu" else "")
