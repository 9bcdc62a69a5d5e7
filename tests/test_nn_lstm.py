import numpy as np
import pytest
from checks import check_gradient, close

import pydl
from pydl import nn

T, B, D, H = 6, 4, 3, 5
SETTINGS = [
    {},
    {"bias": False},
    {"num_layers": 3},
    {"bidirectional": True},
    {"batch_first": True},
    {"num_layers": 2, "bidirectional": True, "batch_first": True},
    {"proj_size": 2},
    {"proj_size": 3, "num_layers": 2, "bidirectional": True, "bias": False},
]


def numbers(*shape, dtype=np.float64):
    return np.random.default_rng(sum(shape)).standard_normal(shape).astype(dtype)


def states(layer, *batch):
    count = layer.num_layers * (2 if layer.bidirectional else 1)
    return numbers(count, *batch, layer.proj_size or H), numbers(count, *batch, H)[::-1].copy()


def pair(dtype, **settings):
    """The same layer in pydl and in PyTorch."""
    torch = pytest.importorskip("torch")
    layer = nn.LSTM(D, H, dtype=dtype, **settings)
    theirs = torch.nn.LSTM(D, H, dtype=getattr(torch, np.dtype(dtype).name), **settings)
    layer.load_state_dict({name: value.numpy() for name, value in theirs.state_dict().items()})
    assert list(layer.state_dict()) == list(theirs.state_dict())
    return torch, layer, theirs


def compare(torch, mine, theirs, layer, torch_layer, inputs, torch_inputs, tolerance):
    """Three results, and the gradients that come back from all of them."""
    weights = [numbers(*y.shape) for y in mine]
    for i, (a, b) in enumerate(zip(mine, theirs, strict=True)):
        close(a.detach().numpy(), b.detach().numpy(), tolerance, f"result {i}")
    cost = sum((b * torch.tensor(w, dtype=b.dtype)).sum() for b, w in zip(theirs, weights, strict=True))
    cost.backward()
    for i, (a, w) in enumerate(zip(mine, weights, strict=True)):
        a.backward(w, retain_graph=i + 1 < len(mine))
    for i, (a, b) in enumerate(zip(inputs, torch_inputs, strict=True)):
        close(a.grad.numpy(), b.grad.numpy(), tolerance, f"gradient of input {i}")
    for (name, a), (_, b) in zip(layer.named_parameters(), torch_layer.named_parameters(), strict=True):
        close(a.grad.numpy(), b.grad.numpy(), tolerance, f"gradient of {name}")


@pytest.mark.filterwarnings("ignore:LSTM with projections")  # PyTorch's, of its own speed
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("batched", [True, False])
@pytest.mark.parametrize("settings", SETTINGS, ids=str)
def test_torch(settings, batched, dtype):
    torch, layer, theirs = pair(dtype, **settings)
    shape = (T, D) if not batched else (B, T, D) if layer.batch_first else (T, B, D)
    values = [numbers(*shape), *states(layer, *([B] if batched else []))]
    mine = [pydl.tensor(v.astype(dtype), requires_grad=True) for v in values]
    other = [torch.tensor(v.astype(dtype), requires_grad=True) for v in values]
    y, (h, c) = layer(mine[0], (mine[1], mine[2]))
    z, (h_n, c_n) = theirs(other[0], (other[1], other[2]))
    tolerance = 2e-5 if dtype == np.float32 else 1e-11
    compare(torch, (y, h, c), (z, h_n, c_n), layer, theirs, mine, other, tolerance)


@pytest.mark.parametrize("settings", [{}, {"bidirectional": True}, *SETTINGS[-3:]], ids=str)
def test_lengths_are_packed_sequences(settings):
    torch, layer, theirs = pair(np.float64, **settings)
    lengths = [3, 6, 1, 4]
    shape = (B, T, D) if layer.batch_first else (T, B, D)
    values = [numbers(*shape), *states(layer, B)]
    mine = [pydl.tensor(v, requires_grad=True) for v in values]
    other = [torch.tensor(v, requires_grad=True) for v in values]
    y, (h, c) = layer(mine[0], (mine[1], mine[2]), lengths=lengths)
    rnn, first = torch.nn.utils.rnn, layer.batch_first
    packed = rnn.pack_padded_sequence(other[0], torch.tensor(lengths), batch_first=first, enforce_sorted=False)
    z, (h_n, c_n) = theirs(packed, (other[1], other[2]))
    z, _ = rnn.pad_packed_sequence(z, batch_first=first)
    compare(torch, (y, h, c), (z, h_n, c_n), layer, theirs, mine, other, 1e-11)


def test_state_is_zero_if_left_out():
    layer = nn.LSTM(D, H, 2, bidirectional=True)
    x = numbers(T, B, D, dtype=np.float32)
    zero = np.zeros((4, B, H), np.float32)
    for a, b in zip(layer(x)[1], layer(x, (zero, zero))[1], strict=True):
        np.testing.assert_array_equal(a.detach().numpy(), b.detach().numpy())


def test_gradient():
    layer = nn.LSTM(2, 3, 2, bidirectional=True, dtype=np.float64)

    def f(x, h, c):
        y, (h_n, c_n) = layer(x, (h, c), lengths=[2, 3])
        return y, h_n, c_n

    check_gradient(f, numbers(3, 2, 2), numbers(4, 2, 3), numbers(4, 2, 3))


def test_first_values():
    pydl.manual_seed(0)
    layer = nn.LSTM(50, 64)
    for parameter in layer.parameters():
        assert abs(parameter.data).max() <= 1 / 8
        assert abs(parameter.data).max() > 0.11
    assert layer.weight_ih_l0.data.std() == pytest.approx(1 / 8 / np.sqrt(3), rel=0.03)
    assert nn.LSTM(50, 64, init="notes").weight_hh_l0.data.std() == pytest.approx(1, rel=0.03)


def test_dropout_between_layers_only():
    layer = nn.LSTM(D, H, 2, dropout=1.0)
    x = numbers(T, B, D, dtype=np.float32)
    y, _ = layer(x)
    nothing, _ = layer(np.zeros_like(x))
    np.testing.assert_array_equal(y.detach().numpy(), nothing.detach().numpy())
    assert abs(y.detach().numpy()).max() > 0
    layer.eval()
    assert (layer(x)[0].detach().numpy() != y.detach().numpy()).any()


@pytest.mark.filterwarnings("default")
def test_dropout_of_one_layer_is_warned_about():
    with pytest.warns(UserWarning, match="LSTM: dropout is applied between layers, and there is only one"):
        nn.LSTM(D, H, dropout=0.5)


@pytest.mark.parametrize("kind", ["LSTM", "GRU", "RNN"])
def test_there_are_no_gradients_of_gradients(kind):
    x = pydl.tensor(numbers(T, B, D, dtype=np.float32), requires_grad=True)
    y = getattr(nn, kind)(D, H)(x)[0].sum()
    with pytest.raises(RuntimeError, match="backward: create_graph must be False, there are no gradients of gradients"):
        y.backward(create_graph=True)
    y.backward()
    with pytest.raises(RuntimeError, match=r"^backward: "):
        x.grad.sum().backward()


def test_repr():
    assert repr(nn.LSTM(3, 5, 2, batch_first=True)) == (
        "LSTM(input_size=3, hidden_size=5, num_layers=2, batch_first=True)"
    )
    assert repr(nn.LSTMCell(3, 5)) == "LSTMCell(input_size=3, hidden_size=5, bias=True)"


X = numbers(T, B, D, dtype=np.float32)
STATE = numbers(1, B, H, dtype=np.float32)


@pytest.mark.parametrize(
    ("arguments", "settings", "error", "message"),
    [
        ((X[:0],), {}, ValueError, r"LSTM: a sequence must have at least one step, but input has none \(\(0, 4, 3\)\)"),
        ((X,), {"lengths": [3, 0, 1, 1]}, ValueError, "LSTM: lengths must be from 1 to 6, .* but go from 0 to 3"),
        ((X[..., :2],), {}, ValueError, r"LSTM: input has 2 features but input_size is 3 \(\(6, 4, 2\)\)"),
        ((X[0, 0],), {}, ValueError, r"LSTM: input must be \(T, B, D\) or \(T, D\), but has shape \(3,\)"),
        ((X, STATE), {}, TypeError, r"LSTM: the state must be a pair \(h, c\), not ndarray"),
        ((X, (STATE, STATE[:, :2])), {}, ValueError, r"LSTM: c_0 has shape \(1, 2, 5\) but must be \(1, 4, 5\)"),
        ((X, (STATE[0], STATE)), {}, ValueError, r"LSTM: h_0 has shape \(4, 5\) but must be \(1, 4, 5\) = \(layers"),
        ((X[:, 0],), {"lengths": [3]}, ValueError, "LSTM: lengths belong to a batch, but input is one sequence"),
        ((X,), {"lengths": [3, 7, 1, 1]}, ValueError, "lengths must be from 1 to 6, .* but go from 1 to 7"),
        ((X,), {"lengths": [3.0, 2.0, 1.0, 1.0]}, TypeError, "lengths has dtype float32 but must hold integers"),
        ((X.astype(np.float64),), {}, TypeError, "lstm: w_ih is float32 but input is float64"),
    ],
)
def test_refuses(arguments, settings, error, message):
    with pytest.raises(error, match=message):
        nn.LSTM(D, H)(*arguments, **settings)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"proj_size": 5}, "LSTM: proj_size must be smaller than hidden_size, but is 5 of 5"),
        ({"num_layers": 0}, "LSTM: num_layers must be at least 1, not 0"),
        ({"dropout": 1.5, "num_layers": 2}, "LSTM: dropout must be from 0 to 1, not 1.5"),
    ],
)
def test_refuses_settings(settings, message):
    with pytest.raises(ValueError, match=message):
        nn.LSTM(D, H, **settings)


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("batch", [(), (B,)])
@pytest.mark.parametrize("given", [True, False])
def test_cell_torch(given, batch, bias):
    torch = pytest.importorskip("torch")
    cell, theirs = nn.LSTMCell(D, H, bias, dtype=np.float64), torch.nn.LSTMCell(D, H, bias, dtype=torch.float64)
    cell.load_state_dict({name: value.numpy() for name, value in theirs.state_dict().items()})
    values = [numbers(*batch, D), numbers(*batch, H), numbers(*batch, H) / 2]
    mine = [pydl.tensor(v, requires_grad=True) for v in values[: 3 if given else 1]]
    other = [torch.tensor(v, requires_grad=True) for v in values[: 3 if given else 1]]
    results = cell(mine[0], mine[1:] or None), theirs(other[0], other[1:] or None)
    compare(torch, *results, cell, theirs, mine, other, 1e-12)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ((X,), ValueError, r"LSTMCell: input must be \(B, D\) or \(D\), but has shape \(6, 4, 3\)"),
        ((X[0, :, :2],), ValueError, "LSTMCell: input has 2 features but input_size is 3"),
        ((X[0], (STATE[0], STATE[0, :2])), ValueError, r"LSTMCell: c has shape \(2, 5\) but must be \(4, 5\)"),
        ((X[0], STATE), TypeError, r"LSTMCell: the state must be a pair \(h, c\), not ndarray"),
    ],
)
def test_cell_refuses(arguments, error, message):
    with pytest.raises(error, match=message):
        nn.LSTMCell(D, H)(*arguments)
