"""LSTM: layers of long short-term memory over whole sequences. See pydl/ops/lstm.py and lstm_recurrence.py."""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import ops
from ..arguments import check_flag
from ..ops.recurrent import check_pair
from ..tensor import Tensor
from .recurrent import RecurrentLayer


class LSTM(RecurrentLayer):
    """Layers of LSTM, each over the results of the one below; with bidirectional=True in both directions each.

    output, (h_n, c_n) = LSTM(D, H)(input, (h_0, c_0), lengths=lengths)

    input    (T, B, D), with batch_first=True (B, T, D); one sequence alone (T, D)
    h_0 c_0  (num_layers * directions, B, H), of one sequence (num_layers * directions, H); zeros if left out
    lengths  B integers from 1 to T, in any order: how many steps of each sequence are not padding. A sequence ends at
             its own last step, in both directions; output is 0 at padding, which has no influence and no gradient
    output   (T, B, directions * H), laid out like input: the last layer's h of every step, the forward one first
    h_n c_n  like h_0, c_0: the state of every layer after its last step

    Parameters, with four gates i f g o one above the other, of layer k: weight_ih_lk (4H, D), for k > 0
    (4H, directions * H), weight_hh_lk (4H, H), bias_ih_lk and bias_hh_lk (4H); those of the second direction end in
    _reverse. init: None for U(-r, r), r = 1 / sqrt(H), "notes" for N(0, 1), "recommended" for orthogonal weight_hh and
    a forget-gate bias of 1 (pydl.nn.init.reset_recurrent_). dropout: in training, of the results of every layer but the
    last; variational=True: with one mask for all steps of a sequence (Gal, Ghahramani 2016).

    proj_size          P > 0: h is projected to P numbers, weight_hr_lk (P, H); h_0, h_n and output have P in place of H
    peepholes          the gates see the cell: weight_peephole_lk (3H), p_i and p_f on c_(t-1), p_o on c_t
    layer_norm         W_ih x, W_hh h and the cell on its way to h are normalised: gain_ih_lk and gain_hh_lk (4H),
                       gain_c_lk and shift_c_lk (H); the biases are the shifts of the first two (Ba et al. 2016)
    recurrent_dropout  in training, of h_(t-1) on its way to the gates, with one mask for all steps
    Errors: ValueError for shapes that do not fit, lengths out of range, an input without steps, proj_size not below
    hidden_size; TypeError for dtypes.
    """

    kind, gates, states = "LSTM", 4, ("h_0", "c_0")
    peepholes: bool
    layer_norm: bool

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
        peepholes: bool = False,
        layer_norm: bool = False,
        recurrent_dropout: float = 0.0,
        variational: bool = False,
    ) -> None:
        settings = num_layers, bias, batch_first, dropout, bidirectional, dtype, init, recurrent_dropout, variational
        super().__init__(
            input_size,
            hidden_size,
            *settings,
            proj_size,
            peepholes=check_flag("LSTM", "peepholes", peepholes),
            layer_norm=check_flag("LSTM", "layer_norm", layer_norm),
        )

    def _further_weights(self) -> dict[str, tuple[int, ...]]:
        H = self.hidden_size
        shapes: dict[str, tuple[int, ...]] = {"weight_hr": (self.proj_size, H)} if self.proj_size else {}
        if self.peepholes:
            shapes["weight_peephole"] = (3 * H,)
        if self.layer_norm:
            shapes |= {"gain_ih": (4 * H,), "gain_hh": (4 * H,), "gain_c": (H,), "shift_c": (H,)}
        return shapes

    def forward(self, input: Any, hx: Any = None, *, lengths: Any = None) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        output, (h_n, c_n) = self.run(input, None if hx is None else check_pair("LSTM", hx), lengths)
        return output, (h_n, c_n)

    def _layer(self, layer: int, x: Tensor, states: list[Any], lengths: Any) -> tuple[Tensor, ...]:
        mask = self._mask(x)
        if not (self.proj_size or self.peepholes or self.layer_norm):
            return ops.lstm(x, (states[0], states[1]), *self._weights(layer), lengths=lengths, mask=mask)
        if lengths is not None:  # 0 times whatever is there would be NaN, if it is
            x = ops.keep_steps(x, lengths)
        if not self.bidirectional:
            return self._direction(self._ends[layer][0], x, (states[0], states[1]), mask, lengths, False)
        both = [
            self._direction(
                end,
                x,
                tuple(ops.getitem(each, d) for each in states),
                None if mask is None else ops.getitem(mask, d),
                lengths,
                d == 1,
            )
            for d, end in enumerate(self._ends[layer])
        ]
        h, *last = zip(*both, strict=True)
        return ops.cat(list(h), 2), *(ops.stack(list(each), 0) for each in last)

    def _direction(
        self, end: str, x: Tensor, hx: Any, mask: Tensor | None, lengths: Any, reverse: bool
    ) -> tuple[Tensor, ...]:
        """One layer in one direction, with the options that ops.lstm does not have."""

        def weight(label: str) -> Any:
            return getattr(self, label + end, None)

        H, norm = self.hidden_size, None
        bias = ops.add(weight("bias_ih"), weight("bias_hh")) if self.bias else None
        if self.layer_norm:
            sums = ops.layer_norm(ops.linear(x, weight("weight_ih")), (4 * H,), weight("gain_ih"), bias)
            norm = weight("gain_hh"), weight("gain_c"), weight("shift_c")
        else:
            sums = ops.linear(x, weight("weight_ih"), bias)
        options = weight("weight_peephole"), weight("weight_hr"), norm, mask
        return ops.lstm_recurrence(sums, hx, weight("weight_hh"), *options, lengths, reverse)

    def extra_repr(self) -> str:
        defaults = {"peepholes": False, "layer_norm": False}
        return ", ".join(
            [super().extra_repr(), *(f"{k}={getattr(self, k)}" for k, v in defaults.items() if getattr(self, k) != v)]
        )
