"""GRUCell: one step of gated recurrent units. See pydl/ops/gru_cell.py."""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import ops
from ..tensor import Tensor
from .recurrent import RecurrentCell


class GRUCell(RecurrentCell):
    """h' = GRUCell(D, H)(input, h): input (B, D) or (D); h, h' (B, H) or (H), zeros if left out.

    weight_ih (3H, D), weight_hh (3H, H), bias_ih and bias_hh (3H) or None: three gates r z n one above the other.
    init: None for U(-r, r), r = 1 / sqrt(H), "notes" for N(0, 1), "recommended" for orthogonal weight_hh.
    """

    kind, gates = "GRUCell", 3

    def __init__(
        self, input_size: int, hidden_size: int, bias: bool = True, *, dtype: Any = np.float32, init: str | None = None
    ) -> None:
        super().__init__(input_size, hidden_size, bias, dtype, init)

    def forward(self, input: Any, hx: Any = None) -> Tensor:
        x, (h,), weights, alone = self.checked(input, "hx", (hx,))
        h = ops.gru_cell(x, h, *weights)
        return ops.getitem(h, 0) if alone else h
