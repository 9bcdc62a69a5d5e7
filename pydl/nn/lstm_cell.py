"""LSTMCell: one step of long short-term memory. See pydl/ops/lstm_cell.py."""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import ops
from ..arguments import check_flag
from ..ops.recurrent import check_pair
from ..tensor import Tensor
from .recurrent import RecurrentCell


class LSTMCell(RecurrentCell):
    """(h', c') = LSTMCell(D, H)(input, (h, c)): input (B, D) or (D); h, c, h', c' (B, H) or (H), zeros if left out.

    weight_ih (4H, D), weight_hh (4H, H), bias_ih and bias_hh (4H) or None: four gates i f g o one above the other.
    peepholes: the gates see the cell, weight_peephole (3H): p_i and p_f on c, p_o on c'.
    init: None for U(-r, r), r = 1 / sqrt(H), "notes" for N(0, 1), "recommended" for orthogonal weight_hh and a
    forget-gate bias of 1.
    """

    kind, gates = "LSTMCell", 4
    peepholes: bool

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        bias: bool = True,
        *,
        dtype: Any = np.float32,
        init: str | None = None,
        peepholes: bool = False,
    ) -> None:
        flag = check_flag("LSTMCell", "peepholes", peepholes)
        super().__init__(input_size, hidden_size, bias, dtype, init, peepholes=flag)

    def _further_weights(self) -> dict[str, tuple[int, ...]]:
        return {"weight_peephole": (3 * self.hidden_size,)} if self.peepholes else {}

    def forward(self, input: Any, hx: Any = None) -> tuple[Tensor, Tensor]:
        given = (None, None) if hx is None else check_pair("LSTMCell", hx)
        x, states, weights, alone = self.checked(input, "h c", given)
        if self.peepholes:
            w_ih, w_hh, b_ih, b_hh = weights
            sums = ops.linear(x, w_ih, ops.add(b_ih, b_hh) if self.bias else None)
            _, h, c = ops.lstm_recurrence(ops.getitem(sums, None), states, w_hh, self.weight_peephole)
        else:
            h, c = ops.lstm_cell(x, states, *weights)
        return (ops.getitem(h, 0), ops.getitem(c, 0)) if alone else (h, c)

    def extra_repr(self) -> str:
        return super().extra_repr() + (", peepholes=True" if self.peepholes else "")
