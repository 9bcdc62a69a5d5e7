import numpy as np
import pytest
from sequences import numbers

import pydl
from pydl import nn


@pytest.mark.parametrize("kind", ["LSTM", "GRU", "RNN"])
def test_pieces_give_the_results_of_the_whole_and_gradients_of_their_own(kind):
    layer = getattr(nn, kind)(3, 4, dtype=np.float64)
    x = pydl.tensor(numbers(6, 2, 3))
    whole, last = layer(x)
    outputs, states, total = [], None, 0.0
    for k in (0, 2, 4):
        begins = nn.detach_states(states)
        output, states = layer(x[k : k + 2], begins)
        layer.zero_grad()
        output.sum().backward()
        piece = layer.weight_hh_l0.grad.data.copy()
        layer.zero_grad()
        constants = None if begins is None else tuple(s.data for s in begins) if kind == "LSTM" else begins.data
        layer(x[k : k + 2], constants)[0].sum().backward()
        np.testing.assert_array_equal(piece, layer.weight_hh_l0.grad.data)
        outputs.append(output.data)
        total += piece
    np.testing.assert_allclose(np.concatenate(outputs), whole.data, rtol=1e-12)
    for a, b in zip(states if kind == "LSTM" else [states], last if kind == "LSTM" else [last], strict=True):
        np.testing.assert_allclose(a.data, b.data, rtol=1e-12)
    layer.zero_grad()
    whole.sum().backward()
    assert abs(total - layer.weight_hh_l0.grad.data).max() > 1e-6  # what would have come from before the pieces


def test_nothing_and_wrong_states():
    assert nn.detach_states(None) is None
    with pytest.raises(TypeError, match="detach_states: states must be tensors, a tuple of them or None, not 3"):
        nn.detach_states(3)
