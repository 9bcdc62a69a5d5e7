"""GRU: layers of gated recurrent units over whole sequences. See pydl/ops/gru.py."""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import ops
from ..tensor import Tensor
from .recurrent import RecurrentLayer


class GRU(RecurrentLayer):
    """Layers of GRU, each over the results of the one below; with bidirectional=True in both directions each.

    output, h_n = GRU(D, H)(input, h_0, lengths=lengths)

    input    (T, B, D), with batch_first=True (B, T, D); one sequence alone (T, D)
    h_0      (num_layers * directions, B, H), of one sequence (num_layers * directions, H); zeros if left out
    lengths  B integers from 1 to T, in any order: how many steps of each sequence are not padding. A sequence ends at
             its own last step, in both directions; output is 0 at padding, which has no influence and no gradient
    output   (T, B, directions * H), laid out like input: the last layer's h of every step, the forward one first
    h_n      like h_0: the state of every layer after its last step

    Parameters, with three gates r z n one above the other, of layer k: weight_ih_lk (3H, D), for k > 0
    (3H, directions * H), weight_hh_lk (3H, H), bias_ih_lk and bias_hh_lk (3H); those of the second direction end in
    _reverse. The reset gate acts on W_hn h + b_hn, after the product. init: None for U(-r, r), r = 1 / sqrt(H),
    "notes" for N(0, 1), "recommended" for orthogonal weight_hh (pydl.nn.init.reset_recurrent_). dropout: in training,
    of the results of every layer but the last; variational=True: with one mask for all steps of a sequence.
    recurrent_dropout: in training, of h_(t-1) on its way to the gates, with one mask for all steps (Gal, Ghahramani
    2016); what the update gate keeps of h_(t-1) is kept whole.
    Errors: ValueError for shapes that do not fit, lengths out of range; TypeError for dtypes.
    """

    kind, gates = "GRU", 3

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        *,
        dtype: Any = np.float32,
        init: str | None = None,
        recurrent_dropout: float = 0.0,
        variational: bool = False,
    ) -> None:
        settings = num_layers, bias, batch_first, dropout, bidirectional, dtype, init, recurrent_dropout, variational
        super().__init__(input_size, hidden_size, *settings)

    def forward(self, input: Any, hx: Any = None, *, lengths: Any = None) -> tuple[Tensor, Tensor]:
        output, (h_n,) = self.run(input, None if hx is None else (hx,), lengths)
        return output, h_n

    def _layer(self, layer: int, x: Tensor, states: list[Any], lengths: Any) -> tuple[Tensor, ...]:
        return ops.gru(x, states[0], *self._weights(layer), lengths=lengths, mask=self._mask(x))
