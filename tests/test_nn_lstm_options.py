"""LSTM and LSTMCell with peepholes, layer normalisation, one dropout mask for a sequence, and recommended first values.

What PyTorch has of these is in test_nn_lstm.py, each option by itself in test_lstm_recurrence.py.
"""

import numpy as np
import pytest
from checks import close
from sequences import numbers

import pydl
from pydl import nn

T, B, D, H, P = 5, 3, 4, 6, 2
LENGTHS = [3, 5, 1]
ALL = {"peepholes": True, "layer_norm": True, "proj_size": P, "num_layers": 2, "bidirectional": True}
SETTINGS = [{"peepholes": True}, {"layer_norm": True}, ALL]


def torch_direction(torch, layer, end, x, h, c, reverse):
    """The formulas in PyTorch's operations."""
    w = {name[: -len(end)]: torch.tensor(p.data) for name, p in layer.named_parameters() if name.endswith(end)}
    norm = torch.nn.functional.layer_norm
    a_x = x @ w["weight_ih"].T
    b_hh = w["bias_hh"]
    a_x = norm(a_x, (4 * H,), w["gain_ih"], w["bias_ih"]) if layer.layer_norm else a_x + w["bias_ih"]
    p = w["weight_peephole"].chunk(3) if layer.peepholes else [0.0] * 3
    results = {}
    for t in reversed(range(len(x))) if reverse else range(len(x)):
        a_h = h @ w["weight_hh"].T
        a_h = norm(a_h, (4 * H,), w["gain_hh"], b_hh) if layer.layer_norm else a_h + b_hh
        i, f, g, o = (a_x[t] + a_h).chunk(4, 1)
        c, before = torch.sigmoid(f + p[1] * c) * c + torch.sigmoid(i + p[0] * c) * torch.tanh(g), c
        assert before.shape == c.shape
        s = norm(c, (H,), w["gain_c"], w["shift_c"]) if layer.layer_norm else c
        h = torch.sigmoid(o + p[2] * c) * torch.tanh(s)
        h = h @ w["weight_hr"].T if layer.proj_size else h
        results[t] = h
    return torch.stack([results[t] for t in range(len(x))]), h, c


def shake(layer):
    """Gains that are not 1 and shifts that are not 0."""
    for name, parameter in layer.named_parameters():
        if name.startswith(("gain", "shift")):
            parameter.data[...] += numbers(*parameter.shape) / 4


@pytest.mark.parametrize("settings", SETTINGS, ids=str)
def test_torch(settings):
    torch = pytest.importorskip("torch")
    layer = nn.LSTM(D, H, dtype=np.float64, **settings)
    shake(layer)
    x, directions = numbers(T, B, D), 2 if layer.bidirectional else 1
    count = layer.num_layers * directions
    h_0, c_0 = numbers(count, B, layer.proj_size or H), numbers(count, B, H)
    y, (h_n, c_n) = layer(x, (h_0, c_0))
    z, last = torch.tensor(x), []
    for k in range(layer.num_layers):
        both = []
        for d in range(directions):
            first = (torch.tensor(each[k * directions + d]) for each in (h_0, c_0))
            both.append(torch_direction(torch, layer, f"_l{k}" + "_reverse" * d, z, *first, d == 1))
        z, last = torch.cat([each[0] for each in both], 2), last + both
    close(y.data, z.numpy(), 1e-12, "output")
    close(h_n.data, torch.stack([h for _, h, _ in last]).numpy(), 1e-12, "h_n")
    close(c_n.data, torch.stack([c for _, _, c in last]).numpy(), 1e-12, "c_n")


@pytest.mark.parametrize("settings", SETTINGS, ids=str)
def test_gradient_of_input_states_and_weights(settings):
    layer = nn.LSTM(D, H, dtype=np.float64, **settings)
    shake(layer)
    names = [name for name, _ in layer.named_parameters()]
    count = layer.num_layers * (2 if layer.bidirectional else 1)
    states = numbers(count, B, layer.proj_size or H), numbers(count, B, H)

    def f(x, h, c, *weights):
        for name, each in zip(names, weights, strict=True):
            layer._parameters[name] = each
        y, (h_n, c_n) = layer(x, (h, c), lengths=LENGTHS)
        return y, h_n, c_n

    weights = [p.data.copy() for _, p in layer.named_parameters()]
    assert pydl.lab.gradcheck(f, (numbers(T, B, D), *states, *weights))


@pytest.mark.parametrize("settings", SETTINGS, ids=str)
def test_lengths_are_each_sequence_alone(settings):
    layer = nn.LSTM(D, H, dtype=np.float64, **settings)
    x = numbers(T, B, D)
    padded = x.copy()
    for n, length in enumerate(LENGTHS):
        padded[length:, n] = np.nan
    leaf = pydl.tensor(padded, requires_grad=True)
    y, (h_n, c_n) = layer(leaf, lengths=LENGTHS)
    y.sum().backward()
    assert all(np.isfinite(p.grad.data).all() for p in layer.parameters())
    for n, length in enumerate(LENGTHS):
        alone, (h, c) = layer(x[:length, n : n + 1])
        np.testing.assert_allclose(y.data[:length, n], alone.data[:, 0], rtol=1e-10)
        np.testing.assert_array_equal(y.data[length:, n], 0.0)
        np.testing.assert_array_equal(leaf.grad.data[length:, n], 0.0)
        np.testing.assert_allclose(h_n.data[:, n], h.data[:, 0], rtol=1e-10)
        np.testing.assert_allclose(c_n.data[:, n], c.data[:, 0], rtol=1e-10)


def test_cell_with_peepholes_is_a_step_of_the_layer():
    layer, cell = (kind(D, H, dtype=np.float64, peepholes=True) for kind in (nn.LSTM, nn.LSTMCell))
    cell.load_state_dict({name.removesuffix("_l0"): p.data for name, p in layer.named_parameters()})
    x, h, c = numbers(1, B, D), numbers(B, H), numbers(B, H)
    found, want = cell(x[0], (h, c)), layer(x, (h[None], c[None]))[1]
    for a, b in zip(found, want, strict=True):
        np.testing.assert_allclose(a.data, b.data[0], rtol=1e-12)
    alone = cell(x[0, 0], (h[0], c[0]))
    np.testing.assert_allclose(alone[0].data, found[0].data[0], rtol=1e-12)
    assert repr(cell).endswith("peepholes=True)")


@pytest.mark.parametrize("kind", ["LSTM", "GRU", "RNN"])
def test_recurrent_dropout_has_one_mask_for_a_sequence(kind):
    pydl.manual_seed(0)
    layer = getattr(nn, kind)(D, H, dtype=np.float64, recurrent_dropout=0.5)
    plain = getattr(nn, kind)(D, H, dtype=np.float64)
    plain.load_state_dict(layer.state_dict())
    x = numbers(T, 1, D)
    # Whatever the mask is, it acts like these columns of W_hh, in all steps.
    outputs = [layer(x)[0].data for _ in range(20)]
    kept = plain.weight_hh_l0.data.copy()
    possible = []
    for bits in range(2**H):
        mask = np.array([(bits >> k) & 1 for k in range(H)]) * 2.0
        plain.weight_hh_l0.data[...] = kept * mask
        possible.append(plain(x)[0].data)
    plain.weight_hh_l0.data[...] = kept
    found = [int(np.argmin([abs(y - each).max() for each in possible])) for y in outputs]
    assert all(abs(y - possible[k]).max() < 1e-12 for y, k in zip(outputs, found, strict=True))
    assert len(set(found)) > 10
    layer.eval()
    np.testing.assert_array_equal(layer(x)[0].data, plain(x)[0].data)


@pytest.mark.parametrize("kind", ["LSTM", "GRU", "RNN"])
def test_variational_dropout_between_layers_has_one_mask_for_a_sequence(kind):
    pydl.manual_seed(0)
    layer = getattr(nn, kind)(D, 50, 2, dropout=0.5, variational=True)
    seen = []
    own, layer._layer = layer._layer, lambda k, x, *rest: (seen.append(x.data), own(k, x, *rest))[1]
    layer(numbers(T, B, D).astype(np.float32))
    dropped = seen[1] == 0
    assert 0.3 < dropped.mean() < 0.7
    assert (dropped == dropped[0]).all()
    assert (dropped[0, 0] != dropped[0, 1]).any()
    assert "variational=True" in repr(layer)


@pytest.mark.parametrize(("kind", "gates"), [("LSTM", 4), ("GRU", 3), ("RNN", 1), ("LSTMCell", 4), ("RNNCell", 1)])
def test_recommended_first_values(kind, gates):
    pydl.manual_seed(0)
    layer = getattr(nn, kind)(D, H, dtype=np.float64, init="recommended")
    named = {name.removesuffix("_l0"): p.data for name, p in layer.named_parameters()}
    for gate in range(gates):
        rows = slice(gate * H, (gate + 1) * H)
        np.testing.assert_allclose(named["weight_hh"][rows] @ named["weight_hh"][rows].T, np.eye(H), atol=1e-12)
        assert abs(named["weight_ih"][rows]).max() <= np.sqrt(6 / (D + H))
        np.testing.assert_array_equal(named["bias_ih"][rows], float(gates == 4 and gate == 1))
    np.testing.assert_array_equal(named["bias_hh"], 0.0)


def test_recommended_first_values_of_options():
    layer = nn.LSTM(D, H, init="recommended", **ALL)
    np.testing.assert_array_equal(layer.weight_peephole_l0.data, 0.0)
    for init in (None, "recommended", "notes"):
        layer = nn.LSTM(D, H, init=init, **ALL)
        np.testing.assert_array_equal(layer.gain_hh_l1_reverse.data, 1.0)
        np.testing.assert_array_equal(layer.shift_c_l0.data, 0.0)


def test_repr():
    assert repr(nn.LSTM(3, 5, peepholes=True, layer_norm=True, recurrent_dropout=0.5, proj_size=2)) == (
        "LSTM(input_size=3, hidden_size=5, proj_size=2, recurrent_dropout=0.5, peepholes=True, layer_norm=True)"
    )


@pytest.mark.parametrize(
    ("settings", "error", "message"),
    [
        ({"proj_size": 6}, ValueError, "LSTM: proj_size must be smaller than hidden_size, but is 6 of 6"),
        ({"recurrent_dropout": 1.5}, ValueError, "LSTM: recurrent_dropout must be from 0 to 1, not 1.5"),
        ({"peepholes": "yes"}, TypeError, "LSTM: peepholes must be True or False, not 'yes'"),
        ({"init": "orthogonal"}, ValueError, "init: must be None .*, 'notes' .* or 'recommended' .*, not 'orthogonal'"),
    ],
)
def test_refuses(settings, error, message):
    with pytest.raises(error, match=message):
        nn.LSTM(D, H, **settings)
    with pytest.raises(ValueError, match=r"h_0 has shape \(1, 3, 6\) but must be \(1, 3, 2\) = .*batch, proj_size\)"):
        nn.LSTM(D, H, proj_size=P)(numbers(T, B, D), (numbers(1, B, H), numbers(1, B, H)))


@pytest.mark.parametrize("options", [{}, ALL], ids=["plain", "all options"])
def test_no_sequences(options):
    layer = nn.LSTM(D, H, **options)
    x = pydl.tensor(np.zeros((T, 0, D), np.float32), requires_grad=True)
    y, _ = layer(x, lengths=[])
    y.sum().backward()
    assert x.grad.shape == x.shape
    np.testing.assert_array_equal(layer.weight_hh_l0.grad.data, 0.0)


def test_states_are_named():
    x = np.zeros((T, B, D), np.float32)
    with pytest.raises(TypeError, match="LSTM: h_0 must be a tensor or an array, not NoneType"):
        nn.LSTM(D, H)(x, (None, None))
    with pytest.raises(TypeError, match="GRU: h_0 must be a tensor or an array, not str"):
        nn.GRU(D, H)(x, "zeros")
