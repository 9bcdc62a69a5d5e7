"""LSTM: layers of long short-term memory over whole sequences. See pydl/ops/lstm.py."""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import ops
from ..arguments import check_integer
from ..ops.recurrent import check_pair
from ..tensor import Tensor
from .recurrent import RecurrentLayer, Weights


class LSTM(RecurrentLayer):
    """Layers of LSTM, each over the results of the one below; with bidirectional=True in both directions each.

    output, (h_n, c_n) = LSTM(D, H)(input, (h_0, c_0), lengths=lengths)

    input    (T, B, D), with batch_first=True (B, T, D); one sequence alone (T, D)
    h_0 c_0  (num_layers * directions, B, H), of one sequence (num_layers * directions, H); zeros if left out
    lengths  B integers from 0 to T, in any order: how many steps of each sequence are not padding. A sequence ends at
             its own last step, in both directions; output is 0 at padding, which has no influence and no gradient
    output   (T, B, directions * H), laid out like input: the last layer's h of every step, the forward one first
    h_n c_n  like h_0: the state of every layer after its last step

    Parameters, with four gates i f g o one above the other, of layer k: weight_ih_lk (4H, D), for k > 0
    (4H, directions * H), weight_hh_lk (4H, H), bias_ih_lk and bias_hh_lk (4H); those of the second direction end in
    _reverse. init: None for U(-r, r), r = 1 / sqrt(H), "notes" for N(0, 1). dropout: in training, of the results of
    every layer but the last.
    Errors: ValueError for shapes that do not fit, lengths out of range, proj_size other than 0 (there are no
    projections); TypeError for dtypes.
    """

    kind, gates, states = "LSTM", 4, ("h_0", "c_0")

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        proj_size: int = 0,
        *,
        dtype: Any = np.float32,
        init: str | None = None,
    ) -> None:
        if check_integer("LSTM", "proj_size", proj_size, 0) != 0:
            raise ValueError(f"LSTM: projections are not implemented, proj_size must be 0, not {proj_size}")
        super().__init__(input_size, hidden_size, num_layers, bias, batch_first, dropout, bidirectional, dtype, init)

    def forward(self, input: Any, hx: Any = None, *, lengths: Any = None) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        output, (h_n, c_n) = self.run(input, None if hx is None else check_pair("LSTM", hx), lengths)
        return output, (h_n, c_n)

    def _layer(self, x: Tensor, states: list[Any], weights: Weights, lengths: Any) -> tuple[Tensor, ...]:
        return ops.lstm(x, (states[0], states[1]), *weights, lengths=lengths)
