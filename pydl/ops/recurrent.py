"""What the recurrent operations share: checks of states, weights and lengths, directions, order of steps, samples."""

from __future__ import annotations

from typing import Any

import numpy as np

from .._compiled import remembered
from ..arguments import Array, check_array, check_floats, check_rank, shapes_of
from ..op import empty

Shape = tuple[int, ...]

WEIGHTS = ("w_ih", "w_hh", "b_ih", "b_hh")
# The tensor arguments of a sequence after input and states: weights of the first direction, then of the second.
ALL_WEIGHTS = (*WEIGHTS, *(f"{name}_reverse" for name in WEIGHTS))
OPTIONAL = ("b_ih", "b_hh", *ALL_WEIGHTS[4:])

_MEANING = {1: ("H", ""), 3: ("3H", ", three gates of H units"), 4: ("4H", ", four gates of H units")}


def steps(T, lengths, n, backwards):
    """The steps of sequence n, in the order in which they are computed."""
    forward = range(T if lengths is None else int(lengths[n]))
    return forward[::-1] if backwards else forward


def runs_backwards(d, reverse):
    """Of two directions the second one is read from the last step to the first, a single one if `reverse` says so."""
    return d == 1 or reverse


def masked(w_hh, mask, d, n):
    """W_hh of direction d as sequence n's h meets it: W_hh (m * h) = (W_hh * m) h, column by column."""
    return w_hh if mask is None else w_hh * mask[d, n]


def check_pair(name: str, hx: Any) -> tuple[Any, Any]:
    """hx as the pair (h, c)."""
    if type(hx) is tuple and len(hx) == 2:
        return hx
    if not isinstance(hx, tuple | list) or len(hx) != 2:
        what = f"{len(hx)} values" if isinstance(hx, tuple | list) else type(hx).__name__
        raise TypeError(f"{name}: the state must be a pair (h, c), not {what}")
    return hx[0], hx[1]


def check_cell(name: str, gates: int, labels: str, states: tuple[Any, ...], x: Any, *weights: Any) -> list[Any]:
    """A cell's states, x and w_ih, w_hh, b_ih, b_hh, which fits_cell() found unusual, as arrays of one floating dtype
    whose shapes fit. labels: names of the states."""
    named = dict(zip(labels.split(), states, strict=True))
    of_weights = dict(zip(WEIGHTS, weights, strict=True))
    x, *arrays = check_floats(name, ("b_ih", "b_hh"), input=x, **named, **of_weights)
    check_rank(name, "input", x, 2, layout="(B, D)")
    of_states = [part for label, state in zip(named, arrays, strict=False) for part in (label, state.shape)]
    check_weights(name, gates, *shapes_of(x, *arrays[-4:]), *of_states)
    return [*arrays[:-4], x, *arrays[-4:]]


@remembered
def check_weights(
    name: str, gates: int, x: Shape, w_ih: Shape, w_hh: Shape, b_ih: Shape | None, b_hh: Shape | None, *states: Any
) -> int:
    """H, or the error that says which shape does not fit the input (..., B, D) or another one. states: the label of
    each, followed by its shape."""
    rows, meaning = _MEANING[gates]
    check_rank(name, "w_ih", w_ih, 2, layout=f"({rows}, D)")
    check_rank(name, "w_hh", w_hh, 2, layout=f"({rows}, H)")
    H = w_hh[1]
    if w_hh[0] != gates * H:
        raise ValueError(f"{name}: w_hh must be ({rows}, H){meaning}, but has shape {w_hh}")
    if w_ih[0] != gates * H:
        raise ValueError(f"{name}: w_ih has {w_ih[0]} rows but w_hh has {gates * H} (w_ih {w_ih}, w_hh {w_hh})")
    if x[-1] != w_ih[1]:
        raise ValueError(f"{name}: w_ih expects {w_ih[1]} features but input has {x[-1]} (input {x}, w_ih {w_ih})")
    for label, state in zip(states[::2], states[1::2], strict=True):
        if state != (x[-2], H):
            raise ValueError(f"{name}: {label} has shape {state} but must be {(x[-2], H)} = (batch, H)")
    for label, bias in (("b_ih", b_ih), ("b_hh", b_hh)):
        if bias is not None and bias != (gates * H,):
            raise ValueError(f"{name}: {label} has shape {bias} but must be {(gates * H,)} = ({rows},)")
    return H


def by_direction(name: str, reverse: bool, w_ih: Any, w_hh: Any, b_ih: Any, b_hh: Any) -> tuple[Any, ...]:
    """The eight weights of a sequence: those of the first direction and those of the second, None if there is none."""
    given = (w_ih, w_hh, b_ih, b_hh)
    if not isinstance(w_hh, tuple):
        for label, value in zip(WEIGHTS, given, strict=True):
            if isinstance(value, tuple):
                raise ValueError(f"{name}: {label} is a tuple, of two directions, but w_hh is one array")
        return (*given, None, None, None, None)
    for label, value in zip(WEIGHTS, given, strict=True):
        if value is not None and (not isinstance(value, tuple) or len(value) != 2):
            raise ValueError(f"{name}: {label} must be a pair, one for each direction, as w_hh is")
        if value is not None and any(each is None for each in value):
            raise TypeError(f"{name}: {label} must hold two arrays, one for each direction")
    if reverse:
        raise ValueError(f"{name}: reverse is for one direction alone, but w_hh is a pair, for both")
    both = [(None, None) if value is None else value for value in given]
    return (*(first for first, _ in both), *(second for _, second in both))


class Sequences:
    """The checked arguments of a sequence operation, as kernels take them: states (directions, B, H), lists of
    weights with one array for each direction, lists of biases that may be empty."""

    def __init__(
        self, name: str, gates: int, x: Any, states: dict[str, Any], weights: list[Any], lengths: Any, mask: Any
    ) -> None:
        check_rank(name, "input", x, 3, layout="(T, B, D)")
        directions = [weights[:4]] if weights[5] is None else [weights[:4], weights[4:]]
        self.N = len(directions)
        self.single = self.N == 1
        self.x = x
        self.T, self.B, self.D = x.shape
        units, of_states = set(), []
        for label, state in states.items():
            if not self.single and (state.ndim != 3 or state.shape[0] != 2):
                raise ValueError(f"{name}: {label} has shape {state.shape} but must be (2, B, H), of both directions")
            of_states += [label, state.shape if self.single else state.shape[1:]]
        for each in directions:
            units.add(check_weights(name, gates, *shapes_of(x, *each), *of_states))
        if len(units) > 1:
            shapes = " and ".join(str(each[1].shape) for each in directions)
            raise ValueError(f"{name}: w_hh must have one shape in both directions, but has {shapes}")
        (self.H,) = units
        self.states = [state[None] if self.single else state for state in states.values()]
        w_ih, w_hh, b_ih, b_hh = ([each[k] for each in directions] for k in range(4))
        self.w_ih = [np.ascontiguousarray(w) for w in w_ih]
        self.w_hh = [np.ascontiguousarray(w) for w in w_hh]
        self.b_ih = [] if b_ih[0] is None else [np.ascontiguousarray(b) for b in b_ih]
        self.b_hh = [] if b_hh[0] is None else [np.ascontiguousarray(b) for b in b_hh]
        self.lengths = check_lengths(name, lengths, self.T, self.B)
        self.mask = None if mask is None else self.inside(self._checked_mask(name, mask))

    def _checked_mask(self, name: str, mask: Any) -> Array:
        given = check_array(name, "mask", mask)
        needed, layout = ((self.B, self.H), "(B, H)") if self.single else ((2, self.B, self.H), "(2, B, H)")
        if given.shape != needed:
            raise ValueError(f"{name}: mask has shape {given.shape} but must be {needed} = {layout}")
        own: Array = np.ascontiguousarray(given, self.x.dtype)
        return own

    def state(self) -> Array:
        """A new array for a state of all directions."""
        return empty((self.N, self.B, self.H), self.x.dtype)

    def results(self) -> Array:
        """A new array for h of all steps."""
        return empty((self.T, self.B, self.N * self.H), self.x.dtype)

    def outside(self, *states: Array | None) -> list[Array | None]:
        """States as the caller sees them: of one direction (B, H)."""
        return [state[0] if self.single and state is not None else state for state in states]

    def inside(self, state: Array | None) -> Array | None:
        """The same the other way round."""
        return state[None] if self.single and state is not None else state

    def gradients_like(self, needed: tuple[bool, ...], arrays: list[Array]) -> list[Array]:
        """New arrays for the gradients by a list of weights, none if nobody needs any of them."""
        return [empty(a.shape, a.dtype) for a in arrays] if any(needed) else []

    def by_argument(self, *lists: list[Array]) -> list[Array | None]:
        """One gradient for each of the eight weights, given lists for w_ih, w_hh, b_ih, b_hh."""
        return [each[d] if d < len(each) else None for d in range(2) for each in lists]


def check_lengths(name: str, lengths: Any, T: int, B: int, least: int = 0) -> Array | None:
    """The lengths of B sequences of `least` to T steps: the array that was given, if it can be read as it is, so that
    a recorded step reads it again."""
    if lengths is None:
        return None
    given = check_array(name, "lengths", lengths)
    if given.dtype.kind not in "iu" and given.size:  # an empty list is one of floats to numpy
        raise TypeError(f"{name}: lengths has dtype {given.dtype} but must hold integers")
    if given.shape != (B,):
        raise ValueError(f"{name}: lengths has shape {given.shape} but must be {(B,)}, one for each sequence")
    if B and not least <= given.min() <= given.max() <= T:
        raise ValueError(
            f"{name}: lengths must be from {least} to {T}, the steps of the input, but go from {given.min()} to "
            f"{given.max()}"
        )
    found: Array = given.astype(np.int64, copy=False)
    return found


def draw_cell(draw: Any, gates: int, *states: str) -> dict[str, Any]:
    """Valid x, states and weights of a cell's kernel."""
    B, D, H = draw.integer(0, 5), draw.integer(0, 5), draw.choice(1, 2, 3, 5, 8, 17, 20)
    bias = draw.choice(True, False)
    return {
        "x": draw.array((B, D)),
        **{name: draw.array((B, H)) for name in states},
        "w_ih": draw.array((gates * H, D)),
        "w_hh": draw.array((gates * H, H)),
        "b_ih": draw.array((gates * H,)) if bias else None,
        "b_hh": draw.array((gates * H,)) if bias else None,
    }


def draw_cell_gradients(
    draw: Any, drawn: dict[str, Any], states: tuple[str, ...], sums: tuple[str, ...], biases: tuple[str, ...]
) -> dict[str, Any]:
    """Places for the results of a cell's gradient, some of which nobody needs. sums: by what the gates get."""
    B, rows = len(drawn["x"]), len(drawn["w_ih"])
    results = {f"d{name}": draw.out(drawn[name].shape) for name in ("x", *states)}
    results |= {name: draw.out((B, rows)) for name in sums}
    results |= {name: draw.out((rows,)) for name in biases}
    for name in ("dx", *biases):
        if draw.choice(False, False, True):
            results[name] = None
    return results


def draw_sequence(draw: Any, gates: int) -> dict[str, Any]:
    """Valid x, h0, weights, lengths and reverse of a sequence kernel."""
    T, B, D, H = draw.integer(0, 4), draw.integer(0, 5), draw.integer(0, 4), draw.choice(1, 2, 3, 5, 9, 17)
    N, bias = draw.choice(1, 1, 2), draw.choice(True, False)

    def weights(*shape: int, **limits: Any) -> list[Array]:
        return [np.ascontiguousarray(draw.array(shape, **limits)) for _ in range(N)]

    h0 = draw.array((N, B, H))
    if draw.choice(False, False, True):
        h0[...] = 0.0
    return {
        "x": draw.array((T, B, D)),
        "h0": h0,
        # Finite: steps beyond a sequence's end give zeros, which a kernel may get by multiplying with weights.
        "w_ih": weights(gates * H, D, finite=True),
        "w_hh": weights(gates * H, H, finite=True),
        "b_ih": weights(gates * H) if bias else [],
        "b_hh": weights(gates * H) if bias else [],
        "lengths": draw.integers((B,), 0, T) if draw.choice(True, False) else None,
        "reverse": draw.choice(True, False) if N == 1 else False,
        "mask": np.ascontiguousarray(draw.array((N, B, H), finite=True)) if draw.choice(True, False, False) else None,
    }


def draw_gradients(
    draw: Any, drawn: dict[str, Any], states: tuple[str, ...], biases: tuple[str, ...]
) -> dict[str, Any]:
    """Places for the results of a sequence kernel's gradient, some of which nobody needs."""
    results: dict[str, Any] = {"dx": draw.choice(draw.out(drawn["x"].shape), draw.out(drawn["x"].shape), None)}
    for name in states:
        results[f"d{name}"] = None if draw.choice(False, False, True) else draw.out(drawn[name].shape)
    rows = drawn["w_ih"][0].shape[:1]
    shapes = {f"d{name}": [w.shape for w in drawn[name]] for name in ("w_ih", "w_hh")}
    shapes |= dict.fromkeys(biases, [rows] * len(drawn["w_ih"]))
    for name, of_directions in shapes.items():
        results[name] = [] if draw.choice(False, False, True) else [draw.out(shape) for shape in of_directions]
    return results
