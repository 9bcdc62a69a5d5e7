"""Recurrent layers over whole sequences, and cells in a loop of the user's own."""

from __future__ import annotations

from typing import Any

import numpy as np

from .workload import KINDS, Arrays, Kind, Workload, module_arrays, normal

AREA = "recurrent"
GATES = {"RNN": 1, "GRU": 3, "LSTM": 4}


def layer(nn: Any, s: dict[str, Any]) -> Any:
    return getattr(nn, s["how"])(
        s["F"], s["H"], num_layers=s.get("layers", 1), bidirectional=s.get("directions", 1) == 2
    )


def cell(nn: Any, s: dict[str, Any]) -> Any:
    return getattr(nn, f"{s['how']}Cell")(s["F"], s["H"])


def _inputs(g: np.random.Generator, dtype: np.dtype, **s: Any) -> Arrays:
    from ... import nn  # here, so that listing the rows loads no layers

    arrays = {"input": normal(g, dtype, s["T"], s["B"], s["F"])}
    arrays["dy"] = normal(g, dtype, s["T"], s["B"], s["H"] * s.get("directions", 1))
    return arrays | module_arrays((cell if s.get("loop") else layer)(nn, s), g, dtype)


def run_layer(sizes: dict[str, Any], module: Any, x: Any) -> Any:
    return module(x)[0]


def run_cell(sizes: dict[str, Any], module: Any, x: Any, stack: Any) -> Any:
    """The loop a user writes around a cell; `stack` joins its states along a new first axis."""
    state, states = None, []
    for t in range(sizes["T"]):
        state = module(x[t], state)
        states.append(state[0] if isinstance(state, tuple) else state)
    return stack(states)


def _cost(w: Workload) -> tuple[int, int]:
    s = w.sizes
    T, B, H, gates, directions = s["T"], s["B"], s["H"], GATES[s["how"]], s.get("directions", 1)
    flops = traffic = 0
    F = s["F"]
    for _ in range(s.get("layers", 1)):
        flops += directions * 2 * T * B * gates * H * (F + H)
        traffic += T * B * F + directions * (gates * H * (F + H + 2) + T * B * H)
        F = directions * H
    return flops * (3 if w.backward else 1), traffic * (2 if w.backward else 1)


KINDS["recurrent"] = Kind(_inputs, _cost, module=layer)
KINDS["cell"] = Kind(_inputs, _cost, module=cell)


def _row(
    name: str, how: str, T: int, B: int, F: int, H: int, gradients: str = "all", extra: bool = False, **more: Any
) -> Workload:
    kind = "cell" if more.get("loop") else "recurrent"
    what = f"{name} T{T} B{B} {F}->{H}" + (", forward+backward" if gradients else ", forward")
    sizes = {"how": how, "T": T, "B": B, "F": F, "H": H, **more}
    return Workload(what, AREA, kind, sizes, gradients, extra=extra)


ROWS = (
    _row("LSTM", "LSTM", 28, 64, 28, 128, ""),
    _row("LSTM", "LSTM", 28, 64, 28, 128),
    _row("LSTM", "LSTM", 100, 1, 64, 64, ""),
    _row("LSTM", "LSTM", 100, 1, 64, 64),
    _row("LSTM", "LSTM", 64, 32, 128, 256, "", extra=True),
    _row("LSTM", "LSTM", 64, 32, 128, 256),
    _row("LSTM, 2 layers,", "LSTM", 28, 33, 40, 100, extra=True, layers=2),
    _row("LSTM, both directions,", "LSTM", 50, 16, 64, 128, directions=2),
    _row("GRU", "GRU", 64, 32, 128, 256, ""),
    _row("GRU", "GRU", 64, 32, 128, 256),
    _row("GRU, both directions,", "GRU", 33, 7, 40, 100, directions=2),
    _row("RNN", "RNN", 64, 32, 128, 256, ""),
    _row("RNN", "RNN", 64, 32, 128, 256),
    _row("LSTMCell in a loop", "LSTM", 50, 32, 64, 128, loop=True),
    _row("GRUCell in a loop", "GRU", 50, 32, 64, 128, extra=True, loop=True),
)
