"""LSTMCell: one step of long short-term memory. See pydl/ops/lstm_cell.py."""

from __future__ import annotations

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


class LSTMCell(Module):
    """(h', c') = LSTMCell(D, H)(input, (h, c)): input (B, D) or (D); h, c, h', c' (B, H) or (H), zeros if left out.

    weight_ih (4H, D), weight_hh (4H, H), bias_ih and bias_hh (4H) or None: four gates i f g o one above the other.
    init: None for U(-r, r), r = 1 / sqrt(H), "notes" for N(0, 1).
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        bias: bool = True,
        *,
        dtype: Any = np.float32,
        init: str | None = None,
    ) -> None:
        super().__init__()
        self.input_size = check_integer("LSTMCell", "input_size", input_size, 0)
        self.hidden_size = check_integer("LSTMCell", "hidden_size", hidden_size, 1)
        self.bias = bool(bias)
        self.init = init
        rows, dtype = 4 * hidden_size, np.dtype(dtype)
        self.weight_ih = Parameter(empty((rows, input_size), dtype))
        self.weight_hh = Parameter(empty((rows, hidden_size), dtype))
        self.bias_ih = Parameter(empty((rows,), dtype)) if bias else None
        self.bias_hh = Parameter(empty((rows,), dtype)) if bias else None
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draws the parameters anew."""
        reset_(self.parameters(), self.hidden_size, self.init)

    def forward(self, input: Any, hx: Any = None) -> tuple[Tensor, Tensor]:
        x = input if isinstance(input, Tensor) else Tensor(input)
        if x.ndim not in (1, 2):
            raise ValueError(f"LSTMCell: input must be (B, D) or (D), but has shape {x.shape}")
        if x.shape[-1] != self.input_size:
            raise ValueError(
                f"LSTMCell: input has {x.shape[-1]} features but input_size is {self.input_size} ({x.shape})"
            )
        needed = (*x.shape[:-1], self.hidden_size)
        if hx is None:
            hx = (np.zeros(needed, x.dtype),) * 2
        states = [each if isinstance(each, Tensor) else Tensor(each) for each in check_state("LSTMCell", hx)]
        for label, state in zip("hc", states, strict=True):
            if state.shape != needed:
                raise ValueError(f"LSTMCell: {label} has shape {state.shape} but must be {needed}")
        weights = (self.weight_ih, self.weight_hh, self.bias_ih, self.bias_hh)
        if x.ndim == 2:
            return ops.lstm_cell(x, (states[0], states[1]), *weights)
        h, c = (ops.getitem(state, None) for state in states)
        h, c = ops.lstm_cell(ops.getitem(x, None), (h, c), *weights)
        return ops.getitem(h, 0), ops.getitem(c, 0)

    def extra_repr(self) -> str:
        return f"input_size={self.input_size}, hidden_size={self.hidden_size}, bias={self.bias}"
