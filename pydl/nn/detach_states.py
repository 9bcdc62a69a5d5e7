"""detach_states: the states of a recurrent layer without their past, for back-propagation truncated through time."""

from __future__ import annotations

from typing import Any

from ..arguments import show
from ..tensor import Tensor


def detach_states(states: Any) -> Any:
    """The same states, h or (h, c) or None, as constants: what follows learns nothing through them.

    A sequence too long to be kept for one backward() is worked off in pieces, each starting where the last one ended:

        states = None
        for piece in x.split(steps):                     # x (T, B, D)
            output, states = layer(piece, detach_states(states))
            cost(output).backward()
            ...

    Results are those of the whole sequence; gradients reach back to the beginning of their piece.
    Errors: TypeError for what is no tensor, tuple or list of them, or None.
    Source: Williams, Peng, "An efficient gradient-based algorithm for on-line training of recurrent network
    trajectories", Neural Computation 2 (1990)
    """
    if states is None:
        return None
    if isinstance(states, tuple | list):
        return tuple(detach_states(each) for each in states)
    if not isinstance(states, Tensor):
        raise TypeError(f"detach_states: states must be tensors, a tuple of them or None, not {show(states)}")
    return states.detach()
