"""LSTM: layers of long short-term memory over whole sequences. See pydl/ops/lstm.py."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

from .. import ops
from ..arguments import check_integer
from ..op import empty
from ..ops.lstm_cell import check_state
from ..tensor import Tensor
from .init import reset_
from .module import Module
from .parameter import Parameter


class LSTM(Module):
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
        super().__init__()
        self.input_size = check_integer("LSTM", "input_size", input_size, 0)
        self.hidden_size = check_integer("LSTM", "hidden_size", hidden_size, 1)
        self.num_layers = check_integer("LSTM", "num_layers", num_layers, 1)
        if not 0 <= dropout <= 1:
            raise ValueError(f"LSTM: dropout must be a probability from 0 to 1, not {dropout!r}")
        if dropout and num_layers == 1:
            warnings.warn("LSTM: dropout is applied between layers, and there is only one", stacklevel=2)
        if proj_size != 0:
            raise ValueError(f"LSTM: projections are not implemented, proj_size must be 0, not {proj_size!r}")
        self.bias = bool(bias)
        self.batch_first = bool(batch_first)
        self.dropout = dropout
        self.bidirectional = bool(bidirectional)
        self.init = init
        rows = 4 * hidden_size
        for name in self._names():
            below = input_size if name.startswith("_l0") else hidden_size * self._directions
            for label, shape in (("weight_ih", (rows, below)), ("weight_hh", (rows, hidden_size))):
                setattr(self, label + name, Parameter(empty(shape, np.dtype(dtype))))
            for label in ("bias_ih", "bias_hh") if bias else ():
                setattr(self, label + name, Parameter(empty((rows,), np.dtype(dtype))))
        self.reset_parameters()

    @property
    def _directions(self) -> int:
        return 2 if self.bidirectional else 1

    def _names(self) -> list[str]:
        """How the names of the parameters end, layer by layer."""
        ends = ("", "_reverse")[: self._directions]
        return [f"_l{layer}{end}" for layer in range(self.num_layers) for end in ends]

    def reset_parameters(self) -> None:
        """Draws the parameters anew."""
        reset_(self.parameters(), self.hidden_size, self.init)

    def forward(self, input: Any, hx: Any = None, *, lengths: Any = None) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        x = input if isinstance(input, Tensor) else Tensor(input)
        if x.ndim not in (2, 3):
            layout = "(B, T, D)" if self.batch_first else "(T, B, D)"
            raise ValueError(f"LSTM: input must be {layout} or (T, D), but has shape {x.shape}")
        if x.shape[-1] != self.input_size:
            raise ValueError(f"LSTM: input has {x.shape[-1]} features but input_size is {self.input_size} ({x.shape})")
        batched = x.ndim == 3
        if not batched:
            if lengths is not None:
                raise ValueError("LSTM: lengths belong to a batch, but input is one sequence alone, (T, D)")
            x = ops.getitem(x, (slice(None), None))
        elif self.batch_first:
            x = ops.transpose(x, 0, 1)
        h, c = self._states(x, hx, batched)

        for layer in range(self.num_layers):
            results = []
            for k in range(layer * self._directions, (layer + 1) * self._directions):
                name, reverse = self._names()[k], k > layer * self._directions
                w_ih, w_hh, b_ih, b_hh = (
                    getattr(self, label + name, None) for label in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
                )
                y, h[k], c[k] = ops.lstm(x, (h[k], c[k]), w_ih, w_hh, b_ih, b_hh, lengths, reverse)
                results.append(y)
            x = results[0] if len(results) == 1 else ops.cat(results, 2)
            if self.dropout and self.training and layer + 1 < self.num_layers:
                x = ops.dropout(x, self.dropout, True)

        h_n, c_n = ops.stack(h), ops.stack(c)
        if not batched:
            return ops.getitem(x, (slice(None), 0)), (
                ops.getitem(h_n, (slice(None), 0)),
                ops.getitem(c_n, (slice(None), 0)),
            )
        return ops.transpose(x, 0, 1) if self.batch_first else x, (h_n, c_n)

    def _states(self, x: Tensor, hx: Any, batched: bool) -> tuple[list[Any], list[Any]]:
        """The first h and c of every layer and direction, each (B, H)."""
        count = self.num_layers * self._directions
        if hx is None:
            zeros = np.zeros((x.shape[1], self.hidden_size), x.dtype)
            return [zeros] * count, [zeros] * count
        states = []
        for label, state in zip(("h_0", "c_0"), check_state("LSTM", hx), strict=True):
            state = state if isinstance(state, Tensor) else Tensor(state)
            needed = (count, x.shape[1], self.hidden_size) if batched else (count, self.hidden_size)
            if state.shape != needed:
                meaning = "(layers * directions, batch, H)" if batched else "(layers * directions, H)"
                raise ValueError(f"LSTM: {label} has shape {state.shape} but must be {needed} = {meaning}")
            states.append([ops.getitem(state, k if batched else slice(k, k + 1)) for k in range(count)])
        return states[0], states[1]

    def extra_repr(self) -> str:
        settings = [f"input_size={self.input_size}", f"hidden_size={self.hidden_size}"]
        defaults = {"num_layers": 1, "bias": True, "batch_first": False, "dropout": 0.0, "bidirectional": False}
        settings += [f"{k}={getattr(self, k)}" for k, v in defaults.items() if getattr(self, k) != v]
        return ", ".join(settings)
