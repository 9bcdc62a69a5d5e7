"""LSTMCell: one step of long short-term memory. See pydl/ops/lstm_cell.py."""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import ops
from ..ops.recurrent import check_pair
from ..tensor import Tensor
from .recurrent import RecurrentCell


class LSTMCell(RecurrentCell):
    """(h', c') = LSTMCell(D, H)(input, (h, c)): input (B, D) or (D); h, c, h', c' (B, H) or (H), zeros if left out.

    weight_ih (4H, D), weight_hh (4H, H), bias_ih and bias_hh (4H) or None: four gates i f g o one above the other.
    init: None for U(-r, r), r = 1 / sqrt(H), "notes" for N(0, 1).
    """

    kind, gates = "LSTMCell", 4

    def __init__(
        self, input_size: int, hidden_size: int, bias: bool = True, *, dtype: Any = np.float32, init: str | None = None
    ) -> None:
        super().__init__(input_size, hidden_size, bias, dtype, init)

    def forward(self, input: Any, hx: Any = None) -> tuple[Tensor, Tensor]:
        h, c = (None, None) if hx is None else check_pair("LSTMCell", hx)
        x, states, weights, alone = self.checked(input, {"h": h, "c": c})
        h, c = ops.lstm_cell(x, (states[0], states[1]), *weights)
        return (ops.getitem(h, 0), ops.getitem(c, 0)) if alone else (h, c)
