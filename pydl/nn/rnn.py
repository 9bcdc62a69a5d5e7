"""RNN: layers of a plain recurrent network over whole sequences. See pydl/ops/rnn.py."""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import ops
from ..ops.rnn_cell import is_relu
from ..tensor import Tensor
from .recurrent import RecurrentLayer


class RNN(RecurrentLayer):
    """Layers of h_t = f(W_ih x_t + b_ih + W_hh h_(t-1) + b_hh), f = tanh or relu, each over the results of the one
    below; with bidirectional=True in both directions each.

    output, h_n = RNN(D, H)(input, h_0, lengths=lengths)

    input    (T, B, D), with batch_first=True (B, T, D); one sequence alone (T, D)
    h_0      (num_layers * directions, B, H), of one sequence (num_layers * directions, H); zeros if left out
    lengths  B integers from 1 to T, in any order: how many steps of each sequence are not padding. A sequence ends at
             its own last step, in both directions; output is 0 at padding, which has no influence and no gradient
    output   (T, B, directions * H), laid out like input: the last layer's h of every step, the forward one first
    h_n      like h_0: the state of every layer after its last step

    Parameters of layer k: weight_ih_lk (H, D), for k > 0 (H, directions * H), weight_hh_lk (H, H), bias_ih_lk and
    bias_hh_lk (H); those of the second direction end in _reverse. init: None for U(-r, r), r = 1 / sqrt(H), "notes"
    for N(0, 1), "recommended" for orthogonal weight_hh (pydl.nn.init.reset_recurrent_). dropout: in training, of the
    results of every layer but the last; variational=True: with one mask for all steps of a sequence.
    recurrent_dropout: in training, of h_(t-1) on its way to W_hh, with one mask for all steps (Gal, Ghahramani 2016).
    Errors: ValueError for another nonlinearity, shapes that do not fit, lengths out of range; TypeError for dtypes.
    """

    kind = "RNN"

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        nonlinearity: str = "tanh",
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
        is_relu("RNN", nonlinearity)
        settings = num_layers, bias, batch_first, dropout, bidirectional, dtype, init, recurrent_dropout, variational
        super().__init__(input_size, hidden_size, *settings)
        self.nonlinearity = nonlinearity

    def forward(self, input: Any, hx: Any = None, *, lengths: Any = None) -> tuple[Tensor, Tensor]:
        output, (h_n,) = self.run(input, None if hx is None else (hx,), lengths)
        return output, h_n

    def _layer(self, layer: int, x: Tensor, states: list[Any], lengths: Any) -> tuple[Tensor, ...]:
        return ops.rnn(
            x, states[0], *self._weights(layer), lengths=lengths, mask=self._mask(x), nonlinearity=self.nonlinearity
        )

    def extra_repr(self) -> str:
        return super().extra_repr() + (", nonlinearity=relu" if self.nonlinearity == "relu" else "")
