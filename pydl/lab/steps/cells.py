"""Formulas of one step of a recurrent network: RNN and LSTM.

Source: pydl/ops/rnn_cell.py and lstm_cell.py.
"""

from __future__ import annotations

from typing import Any

from .forms import Forms, shape_of


def cell_sum(given: dict[str, Any], x: str, h: str, w: str, biases: list[str]) -> str:
    """W_ih x + W_hh h + both biases, of gate number j."""
    return " + ".join([f"sum({w}_ih[j,k] * {x}[n,k], k)", f"sum({w}_hh[j,q] * {h}[n,q], q)", *biases])


CELL_BACK = [
    ("to the input", "dx[n,k] = sum(da[n,j] * w_ih[j,k], j)"),
    ("back through time, to the state before", "dh[n,k] = sum(da[n,j] * w_hh[j,k], j)"),
    ("outer products, summed over the batch", "dw_ih[j,k] = sum(da[n,j] * x[n,k], n)"),
    ("", "dw_hh[j,k] = sum(da[n,j] * h[n,k], n)"),
    ("", "db_ih[j] = sum(da[n,j], n)"),
    ("", "db_hh[j] = sum(da[n,j], n)"),
]


def cell_inputs(given: dict[str, Any]) -> tuple[dict[str, Any], str, dict[str, tuple[int, ...]]]:
    """Names of a cell's inputs; its weighted sum; the shapes of its gates."""
    inputs = {"x": given["input"], "h": given.get("hx", given.get("h"))}
    inputs |= {key: given[key] for key in ("c", "w_ih", "w_hh", "b_ih", "b_hh") if given.get(key) is not None}
    biases = [f"{key}[j]" for key in ("b_ih", "b_hh") if key in inputs]
    return inputs, cell_sum(given, "x", "h", "w", biases), {gate: shape_of(inputs["h"]) for gate in "ifgo"}


def rnn_cell(name: str, given: dict[str, Any]) -> Forms:
    """One step of a plain recurrent network."""
    inputs, weighted, _ = cell_inputs(given)
    squashed, slope = {"tanh": ("tanh(a[n,j])", "(1 - h1[n,j]**2)"), "relu": ("maximum(a[n,j], 0)", "(a[n,j] > 0)")}[
        given["nonlinearity"]
    ]
    return Forms(
        inputs,
        ["h1"],
        [("what comes in and what was remembered", f"a[n,j] = {weighted}"), ("", f"h1[n,j] = {squashed}")],
        [("through the nonlinearity", f"da[n,j] = dh1[n,j] * {slope}"), *CELL_BACK],
    )


def lstm_cell(name: str, given: dict[str, Any]) -> Forms:
    """One step of long short-term memory."""
    inputs, weighted, shapes = cell_inputs(given)
    H = shape_of(inputs["h"])[1]
    gates = [
        ("input gate: how much of the new goes in", "i[n,u] = sigmoid(a[n,u])"),
        ("forget gate: how much of the old stays", f"f[n,u] = sigmoid(a[n,u + {H}])"),
        ("the new", f"g[n,u] = tanh(a[n,u + {2 * H}])"),
        ("output gate: how much of the cell shows", f"o[n,u] = sigmoid(a[n,u + {3 * H}])"),
    ]
    through = " + ".join(
        f"d{gate}[n,j - {at * H}] * {slope.replace('u', f'j - {at * H}')}"
        for at, (gate, slope) in enumerate(
            {
                "i": "i[n,u] * (1 - i[n,u])",
                "f": "f[n,u] * (1 - f[n,u])",
                "g": "(1 - g[n,u]**2)",
                "o": "o[n,u] * (1 - o[n,u])",
            }.items()
        )
    ).replace("j - 0", "j")
    shown = "dh1[n,u] * o[n,u] * (1 - tanh(c1[n,u])**2)"
    return Forms(
        inputs,
        ["h1", "c1"],
        [
            ("weighted sums of all four gates, one above the other", f"a[n,j] = {weighted}"),
            *gates,
            ("the cell: some of the old, some of the new", "c1[n,u] = f[n,u] * c[n,u] + i[n,u] * g[n,u]"),
            ("what shows of the cell", "h1[n,u] = o[n,u] * tanh(c1[n,u])"),
        ],
        [
            ("at the cell: from later steps, and through h1", f"e[n,u] = dc1[n,u] + {shown}"),
            ("output gate", "do[n,u] = dh1[n,u] * tanh(c1[n,u])"),
            ("input gate", "di[n,u] = e[n,u] * g[n,u]"),
            ("forget gate", "df[n,u] = e[n,u] * c[n,u]"),
            ("the new", "dg[n,u] = e[n,u] * i[n,u]"),
            ("to the cell before, through the forget gate alone", "dc[n,u] = e[n,u] * f[n,u]"),
            ("through the gates' nonlinearities", f"da[n,j] = {through}"),
            *CELL_BACK,
        ],
        {
            **shapes,
            **{f"d{gate}": shapes[gate] for gate in shapes},
            "e": shapes["i"],
            "da": (shapes["i"][0], 4 * H),
        },
        {"c1": "e"},
    )  # fmt: skip
