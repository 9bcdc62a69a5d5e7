"""What the layers LSTM, GRU and RNN share: parameters, directions, layers one above the other, states."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

from .. import ops
from .._compiled import fits_cell
from ..arguments import check_array, check_flag, check_float_dtype, check_integer, check_range
from ..op import empty
from ..ops.recurrent import check_lengths
from ..tensor import Tensor
from .init import reset_recurrent_
from .module import Module
from .parameter import Parameter

Weights = tuple[Any, Any, Any, Any]  # w_ih, w_hh, b_ih, b_hh


class RecurrentLayer(Module):
    """Layers of one kind, each over the results of the one below; with bidirectional=True in both directions each.

    Parameters of layer k: weight_ih_lk (G H, D), for k > 0 (G H, directions * H), weight_hh_lk (G H, H), bias_ih_lk and
    bias_hh_lk (G H), with the G gates one above the other; those of the second direction end in _reverse.
    """

    kind = ""  # as messages call it
    gates = 1  # of a unit
    states: tuple[str, ...] = ("h_0",)

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int,
        bias: bool,
        batch_first: bool,
        dropout: float,
        bidirectional: bool,
        dtype: Any,
        init: str | None,
        recurrent_dropout: float,
        variational: bool,
        proj_size: int = 0,
        **own: Any,
    ) -> None:
        """own: attributes of the subclass, which its _further_weights may need."""
        super().__init__()
        vars(self).update(own)
        kind = self.kind
        self.input_size = check_integer(kind, "input_size", input_size, 0)
        self.hidden_size = check_integer(kind, "hidden_size", hidden_size, 1)
        self.num_layers = check_integer(kind, "num_layers", num_layers, 1)
        self.dropout = check_range(kind, "dropout", dropout, 0, 1)
        if dropout and num_layers == 1:
            warnings.warn(f"{kind}: dropout is applied between layers, and there is only one", stacklevel=3)
        self.bias = check_flag(kind, "bias", bias)
        self.batch_first = check_flag(kind, "batch_first", batch_first)
        self.bidirectional = check_flag(kind, "bidirectional", bidirectional)
        self.recurrent_dropout = check_range(kind, "recurrent_dropout", recurrent_dropout, 0, 1)
        self.variational = check_flag(kind, "variational", variational)
        self.init = init
        self.proj_size = check_integer(kind, "proj_size", proj_size, 0)
        if self.proj_size >= hidden_size:
            raise ValueError(f"{kind}: proj_size must be smaller than hidden_size, but is {proj_size} of {hidden_size}")
        rows, dtype = self.gates * hidden_size, check_float_dtype(kind, dtype)
        ends = ("", "_reverse") if self.bidirectional else ("",)
        # How the names of the parameters end, layer by layer, and there for each direction.
        self._ends = [[f"_l{layer}{end}" for end in ends] for layer in range(num_layers)]
        for name in [name for layer in self._ends for name in layer]:
            below = input_size if name.startswith("_l0") else self._outputs * self._directions
            shapes: dict[str, tuple[int, ...]] = {"weight_ih": (rows, below), "weight_hh": (rows, self._outputs)}
            shapes |= dict.fromkeys(("bias_ih", "bias_hh") if self.bias else (), (rows,))
            for label, shape in (shapes | self._further_weights()).items():
                setattr(self, label + name, Parameter(empty(shape, dtype)))
        self.reset_parameters()

    @property
    def _directions(self) -> int:
        return 2 if self.bidirectional else 1

    @property
    def _outputs(self) -> int:
        """How many numbers h has in one direction."""
        return self.proj_size or self.hidden_size

    def _further_weights(self) -> dict[str, tuple[int, ...]]:
        """Shapes of parameters beside the usual ones, of every layer and direction."""
        return {}

    def reset_parameters(self) -> None:
        """Draws the parameters anew."""
        reset_recurrent_(self.named_parameters(), self.gates, self.hidden_size, self.init)

    def _layer(self, layer: int, x: Tensor, states: list[Any], lengths: Any) -> tuple[Tensor, ...]:
        """Results and last states of one layer: a recurrent operation."""
        raise NotImplementedError

    def _weights(self, layer: int) -> Weights:
        """w_ih, w_hh, b_ih, b_hh of a layer: arrays of one direction, or pairs."""
        ends = self._ends[layer]

        def found(label: str) -> Any:
            each = tuple([getattr(self, label + end, None) for end in ends])
            return each if self.bidirectional and each[0] is not None else each[0]

        return found("weight_ih"), found("weight_hh"), found("bias_ih"), found("bias_hh")

    def run(self, input: Any, hx: tuple[Any, ...] | None, lengths: Any) -> tuple[Tensor, tuple[Tensor, ...]]:
        """The last layer's results, and the last states of all layers. hx: as many states as a layer has."""
        x = input if isinstance(input, Tensor) else Tensor(input)
        if x.ndim not in (2, 3):
            layout = "(B, T, D)" if self.batch_first else "(T, B, D)"
            raise ValueError(f"{self.kind}: input must be {layout} or (T, D), but has shape {x.shape}")
        if x.shape[-1] != self.input_size:
            raise ValueError(
                f"{self.kind}: input has {x.shape[-1]} features but input_size is {self.input_size} ({x.shape})"
            )
        batched = x.ndim == 3
        if not batched:
            if lengths is not None:
                raise ValueError(f"{self.kind}: lengths belong to a batch, but input is one sequence alone, (T, D)")
            x = ops.getitem(x, (slice(None), None))
        elif self.batch_first:
            x = ops.transpose(x, 0, 1)
        if x.shape[0] == 0:
            raise ValueError(f"{self.kind}: a sequence must have at least one step, but input has none ({input.shape})")
        lengths = check_lengths(self.kind, lengths, x.shape[0], x.shape[1], least=1)
        first = self._first_states(x, hx, batched)

        last = []
        for layer in range(self.num_layers):
            x, *states = self._layer(layer, x, [each[layer] for each in first], lengths)
            last.append(states)
            if self.dropout and self.training and layer + 1 < self.num_layers:
                x = self._dropped(x)

        result = [self._together(layers) for layers in zip(*last, strict=True)]
        if not batched:
            return ops.getitem(x, (slice(None), 0)), tuple(ops.getitem(each, (slice(None), 0)) for each in result)
        return ops.transpose(x, 0, 1) if self.batch_first else x, tuple(result)

    def _dropped(self, x: Tensor) -> Tensor:
        """Dropout between layers: another mask in every step, or one for the whole sequence."""
        one_mask = ops.dropout(np.ones(x.shape[1:], x.dtype), self.dropout, True) if self.variational else None
        dropped: Tensor = ops.dropout(x, self.dropout, True) if one_mask is None else ops.mul(x, one_mask)
        return dropped

    def _mask(self, x: Tensor) -> Tensor | None:
        """What h is multiplied with on its way to the gates of a layer, in every step: a mask for each direction."""
        if not (self.training and self.recurrent_dropout):
            return None
        directions = (2,) if self.bidirectional else ()
        mask: Tensor = ops.dropout(np.ones((*directions, x.shape[1], self._outputs), x.dtype), self.recurrent_dropout)
        return mask

    def _first_states(self, x: Tensor, hx: tuple[Any, ...] | None, batched: bool) -> list[list[Any]]:
        """The first states of every layer, each (B, H), or (2, B, H) in both directions."""
        per_layer, B = self._directions, x.shape[1]
        sizes = (self._outputs, self.hidden_size)[: len(self.states)]
        if hx is None:
            shapes = [(2, B, H) if self.bidirectional else (B, H) for H in sizes]
            return [[np.zeros(shape, x.dtype)] * self.num_layers for shape in shapes]
        states = []
        for label, state, H in zip(self.states, hx, sizes, strict=True):
            state = state if isinstance(state, Tensor) else Tensor(check_array(self.kind, label, state))
            count = self.num_layers * per_layer
            needed = (count, B, H) if batched else (count, H)
            if state.shape != needed:
                size = "proj_size" if self.proj_size == H else "H"
                meaning = f"(layers * directions, batch, {size})" if batched else f"(layers * directions, {size})"
                raise ValueError(f"{self.kind}: {label} has shape {state.shape} but must be {needed} = {meaning}")
            if not batched:
                state = ops.getitem(state, (slice(None), None))
            whole = self.num_layers == 1 and self.bidirectional
            states.append([state] if whole else [ops.getitem(state, self._place(k)) for k in range(self.num_layers)])
        return states

    def _together(self, states: tuple[Tensor, ...]) -> Tensor:
        """One kind of state, given layer by layer, with all layers and directions in the first dimension."""
        if len(states) == 1:
            return states[0] if self.bidirectional else ops.getitem(states[0], (None,))
        return (ops.cat if self.bidirectional else ops.stack)(list(states), 0)

    def _place(self, layer: int) -> Any:
        """Where a layer's part of all states is."""
        return slice(2 * layer, 2 * layer + 2) if self.bidirectional else layer

    def multiply_adds(self, inputs: tuple[Any, ...], output: Any) -> int:
        # Each matrix is used once in every step of every sequence.
        steps = int(np.prod(inputs[0].shape[:-1]))
        return steps * sum(int(np.prod(each.shape)) for each in self.parameters() if each.ndim == 2)

    def extra_repr(self) -> str:
        settings = [f"input_size={self.input_size}", f"hidden_size={self.hidden_size}"]
        defaults = {"num_layers": 1, "bias": True, "batch_first": False, "dropout": 0.0, "bidirectional": False}
        defaults |= {"proj_size": 0, "recurrent_dropout": 0.0, "variational": False}
        settings += [f"{k}={getattr(self, k)}" for k, v in defaults.items() if getattr(self, k) != v]
        return ", ".join(settings)


class RecurrentCell(Module):
    """One step of a recurrent layer: weight_ih (G H, D), weight_hh (G H, H), bias_ih and bias_hh (G H) or None."""

    kind = ""
    gates = 1

    def __init__(self, input_size: int, hidden_size: int, bias: bool, dtype: Any, init: str | None, **own: Any) -> None:
        super().__init__()
        vars(self).update(own)
        self.input_size = check_integer(self.kind, "input_size", input_size, 0)
        self.hidden_size = check_integer(self.kind, "hidden_size", hidden_size, 1)
        self.bias = check_flag(self.kind, "bias", bias)
        self.init = init
        rows, dtype = self.gates * hidden_size, check_float_dtype(self.kind, dtype)
        self.weight_ih = Parameter(empty((rows, input_size), dtype))
        self.weight_hh = Parameter(empty((rows, hidden_size), dtype))
        self.bias_ih = Parameter(empty((rows,), dtype)) if bias else None
        self.bias_hh = Parameter(empty((rows,), dtype)) if bias else None
        for label, shape in self._further_weights().items():
            setattr(self, label, Parameter(empty(shape, dtype)))
        self.reset_parameters()

    def _further_weights(self) -> dict[str, tuple[int, ...]]:
        """Shapes of parameters beside the usual ones."""
        return {}

    def reset_parameters(self) -> None:
        """Draws the parameters anew."""
        reset_recurrent_(self.named_parameters(), self.gates, self.hidden_size, self.init)

    def multiply_adds(self, inputs: tuple[Any, ...], output: Any) -> int:
        return int(np.prod(inputs[0].shape[:-1])) * int(np.prod(self.weight_ih.shape) + np.prod(self.weight_hh.shape))

    def checked(self, input: Any, labels: str, states: tuple[Any, ...]) -> tuple[Any, tuple[Any, ...], Weights, bool]:
        """Input and states (zeros for None) of a batch, the weights, and whether it is of one row alone.

        labels: names of the states.
        """
        weights = (self.weight_ih, self.weight_hh, self.bias_ih, self.bias_hh)
        if fits_cell(self.gates, states, input, *weights):
            return input, states, weights, False
        x = input if isinstance(input, Tensor) else Tensor(input)
        if x.ndim not in (1, 2):
            raise ValueError(f"{self.kind}: input must be (B, D) or (D), but has shape {x.shape}")
        if x.shape[-1] != self.input_size:
            raise ValueError(
                f"{self.kind}: input has {x.shape[-1]} features but input_size is {self.input_size} ({x.shape})"
            )
        needed = (*x.shape[:-1], self.hidden_size)
        tensors = []
        for label, state in zip(labels.split(), states, strict=True):
            if state is None:
                state = np.zeros(needed, x.dtype)
            state = state if isinstance(state, Tensor) else Tensor(state)
            if state.shape != needed:
                raise ValueError(f"{self.kind}: {label} has shape {state.shape} but must be {needed}")
            tensors.append(state)
        if x.ndim == 2:
            return x, tuple(tensors), weights, False
        return ops.getitem(x, None), tuple(ops.getitem(each, None) for each in tensors), weights, True

    def extra_repr(self) -> str:
        return f"input_size={self.input_size}, hidden_size={self.hidden_size}, bias={self.bias}"
