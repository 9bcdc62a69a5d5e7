"""Exercises on recurrent networks: one step of an RNN and of an LSTM."""

from __future__ import annotations

import numpy as np

from pydl.nn import functional as F
from pydl.ops import lstm_cell as pydl_lstm_cell
from pydl.ops import rnn_cell as pydl_rnn_cell

from .exercise import exercise


def _draw(random, gates, state):
    cases = []
    for n, d, h in [(1, 1, 1), (2, 3, 4), (8, 10, 12)]:
        case = {name: random.normal(size=(n, d if name == "x" else h)) for name in ("x", *state)}
        weights = {"w_ih": (gates * h, d), "w_hh": (gates * h, h), "b": (gates * h,)}
        cases.append(case | {name: random.normal(size=shape) for name, shape in weights.items()})
    return cases


@exercise("one step of a recurrent network", returns="h_next")
def rnn_cell(x, h, w_ih, w_hh, b):
    """h' = tanh(w_ih x + w_hh h + b): one step of a recurrent network, for a batch of N sequences

    x       (N, D)    the input at this step
    h       (N, H)    the state after the step before
    w_ih    (H, D)
    w_hh    (H, H)
    b       (H)
    returns h' (N, H)
    """
    return pydl_rnn_cell(x, h, w_ih, w_hh, b)


@rnn_cell.cases
def _(random):
    return _draw(random, 1, "h")


@rnn_cell.mistake("the state of the step before plays no part: w_hh h is missing")
def _(x, h, w_ih, w_hh, b):
    return np.tanh(x @ w_ih.T + b)


@rnn_cell.mistake("the tanh is missing")
def _(x, h, w_ih, w_hh, b):
    return x @ w_ih.T + h @ w_hh.T + b


@exercise("one step of the long short-term memory", returns="h_next, c_next")
def lstm_cell(x, h, c, w_ih, w_hh, b):
    """One step of the long short-term memory, for a batch of N sequences:

        a = w_ih x + w_hh h + b       four parts of H numbers each, in the order i, f, g, o
        i = sigmoid(a_i)              input gate: how much of the new goes in
        f = sigmoid(a_f)              forget gate: how much of the old stays
        g = tanh(a_g)                 the new, a candidate for the cell
        o = sigmoid(a_o)              output gate: how much of the cell shows
        c' = f * c + i * g
        h' = o * tanh(c')

    x          (N, D)
    h, c       (N, H)
    w_ih       (4H, D)
    w_hh       (4H, H)
    b          (4H)
    returns h' (N, H), c' (N, H)
    """
    return pydl_lstm_cell(x, (h, c), w_ih, w_hh, b)


@lstm_cell.cases
def _(random):
    return _draw(random, 4, "hc")


def _gates(x, h, w_ih, w_hh, b):
    a = np.split(x @ w_ih.T + h @ w_hh.T + b, 4, axis=1)
    return [np.tanh(each) if k == 2 else F.sigmoid(each).data for k, each in enumerate(a)]


@lstm_cell.mistake("h' = o * c': the tanh of the cell is missing")
def _(x, h, c, w_ih, w_hh, b):
    i, f, g, o = _gates(x, h, w_ih, w_hh, b)
    c = f * c + i * g
    return o * c, c


@lstm_cell.mistake("input and forget gate are exchanged: the order is i, f, g, o")
def _(x, h, c, w_ih, w_hh, b):
    f, i, g, o = _gates(x, h, w_ih, w_hh, b)
    c = f * c + i * g
    return o * np.tanh(c), c


@lstm_cell.mistake("the output gate stands third and the candidate fourth: the order is i, f, g, o")
def _(x, h, c, w_ih, w_hh, b):
    a = np.split(x @ w_ih.T + h @ w_hh.T + b, 4, axis=1)
    i, f, o = (F.sigmoid(each).data for each in a[:3])
    c = f * c + i * np.tanh(a[3])
    return o * np.tanh(c), c


@lstm_cell.mistake("the results are exchanged: h' first, then c'")
def _(x, h, c, w_ih, w_hh, b):
    return lstm_cell.answer({"x": x, "h": h, "c": c, "w_ih": w_ih, "w_hh": w_hh, "b": b})[::-1]
