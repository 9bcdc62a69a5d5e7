"""The layers GRU and RNN and their cells: what they share with LSTM is one text, so they are tested alike."""

import numpy as np
import pytest
from checks import check_gradient
from test_nn_lstm import B, D, H, T, compare, numbers

import pydl
from pydl import nn

KINDS = [("GRU", {}), ("RNN", {}), ("RNN", {"nonlinearity": "relu"})]
KIND = pytest.mark.parametrize(("kind", "own"), KINDS, ids=str)
SETTINGS = [
    {},
    {"bias": False},
    {"num_layers": 3},
    {"bidirectional": True},
    {"num_layers": 2, "bidirectional": True, "batch_first": True},
]


def pair(kind, dtype, **settings):
    """The same layer in pydl and in PyTorch."""
    torch = pytest.importorskip("torch")
    layer = getattr(nn, kind)(D, H, dtype=dtype, **settings)
    theirs = getattr(torch.nn, kind)(D, H, dtype=getattr(torch, np.dtype(dtype).name), **settings)
    layer.load_state_dict({name: value.numpy() for name, value in theirs.state_dict().items()})
    assert list(layer.state_dict()) == list(theirs.state_dict())
    return torch, layer, theirs


def states(layer, *batch):
    return numbers(layer.num_layers * (2 if layer.bidirectional else 1), *batch, H)


@KIND
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("batched", [True, False])
@pytest.mark.parametrize("settings", SETTINGS, ids=str)
def test_torch(kind, own, settings, batched, dtype):
    torch, layer, theirs = pair(kind, dtype, **settings, **own)
    shape = (T, D) if not batched else (B, T, D) if layer.batch_first else (T, B, D)
    values = [numbers(*shape), states(layer, *([B] if batched else []))]
    mine = [pydl.tensor(v.astype(dtype), requires_grad=True) for v in values]
    other = [torch.tensor(v.astype(dtype), requires_grad=True) for v in values]
    tolerance = 2e-5 if dtype == np.float32 else 1e-11
    compare(torch, layer(*mine), theirs(*other), layer, theirs, mine, other, tolerance)


@KIND
@pytest.mark.parametrize("settings", [{}, SETTINGS[-1]], ids=str)
def test_lengths_are_packed_sequences(kind, own, settings):
    torch, layer, theirs = pair(kind, np.float64, **settings, **own)
    lengths = [3, 6, 1, 4]
    shape = (B, T, D) if layer.batch_first else (T, B, D)
    values = [numbers(*shape), states(layer, B)]
    mine = [pydl.tensor(v, requires_grad=True) for v in values]
    other = [torch.tensor(v, requires_grad=True) for v in values]
    rnn, first = torch.nn.utils.rnn, layer.batch_first
    packed = rnn.pack_padded_sequence(other[0], torch.tensor(lengths), batch_first=first, enforce_sorted=False)
    z, h_n = theirs(packed, other[1])
    z, _ = rnn.pad_packed_sequence(z, batch_first=first)
    compare(torch, layer(*mine, lengths=lengths), (z, h_n), layer, theirs, mine, other, 1e-11)


@KIND
def test_state_is_zero_if_left_out(kind, own):
    layer = getattr(nn, kind)(D, H, 2, bidirectional=True, **own)
    x = numbers(T, B, D, dtype=np.float32)
    zero = np.zeros((4, B, H), np.float32)
    np.testing.assert_array_equal(layer(x)[1].detach().numpy(), layer(x, zero)[1].detach().numpy())


@KIND
def test_gradient(kind, own):
    layer = getattr(nn, kind)(2, 3, 2, bidirectional=True, dtype=np.float64, **own)
    check_gradient(lambda x, h: layer(x, h, lengths=[2, 3]), numbers(3, 2, 2), numbers(4, 2, 3))


def test_dropout_between_layers_only():
    layer = nn.GRU(D, H, 2, dropout=1.0)
    x = numbers(T, B, D, dtype=np.float32)
    y, nothing = (layer(each)[0].detach().numpy() for each in (x, np.zeros_like(x)))
    np.testing.assert_array_equal(y, nothing)
    layer.eval()
    assert (layer(x)[0].detach().numpy() != y).any()


@pytest.mark.filterwarnings("default")
def test_dropout_of_one_layer_is_warned_about():
    with pytest.warns(UserWarning, match="GRU: dropout is applied between layers, and there is only one") as seen:
        nn.GRU(D, H, dropout=0.5)
    assert seen[0].filename == __file__


def test_repr():
    assert repr(nn.GRU(3, 5, 2, bidirectional=True)) == (
        "GRU(input_size=3, hidden_size=5, num_layers=2, bidirectional=True)"
    )
    assert repr(nn.RNN(3, 5, nonlinearity="relu")) == "RNN(input_size=3, hidden_size=5, nonlinearity=relu)"
    assert repr(nn.GRUCell(3, 5)) == "GRUCell(input_size=3, hidden_size=5, bias=True)"
    assert repr(nn.RNNCell(3, 5)) == "RNNCell(input_size=3, hidden_size=5, bias=True)"


X = numbers(T, B, D, dtype=np.float32)
STATE = numbers(1, B, H, dtype=np.float32)


@pytest.mark.parametrize(
    ("arguments", "settings", "error", "message"),
    [
        ((X[..., :2],), {}, ValueError, r"GRU: input has 2 features but input_size is 3 \(\(6, 4, 2\)\)"),
        ((X, (STATE, STATE)), {}, ValueError, r"GRU: h_0 has shape \(2, 1, 4, 5\) but must be \(1, 4, 5\) = \(layers"),
        ((X, STATE[:, :2]), {}, ValueError, r"GRU: h_0 has shape \(1, 2, 5\) but must be \(1, 4, 5\) = \(layers"),
        ((X[:, 0],), {"lengths": [3]}, ValueError, "GRU: lengths belong to a batch, but input is one sequence"),
        ((X,), {"lengths": [3, 7, 1, 1]}, ValueError, "GRU: lengths must be from 1 to 6, .* but go from 1 to 7"),
        ((X.astype(np.float64),), {}, TypeError, "gru: w_ih is float32 but input is float64"),
    ],
)
def test_refuses(arguments, settings, error, message):
    with pytest.raises(error, match=message):
        nn.GRU(D, H)(*arguments, **settings)


@pytest.mark.parametrize("kind", ["RNN", "RNNCell"])
def test_refuses_another_nonlinearity(kind):
    with pytest.raises(ValueError, match=f"{kind}: nonlinearity must be 'tanh' or 'relu', not 'sin'"):
        getattr(nn, kind)(D, H, nonlinearity="sin")


@KIND
@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("batch", [(), (B,)])
@pytest.mark.parametrize("given", [True, False])
def test_cell_torch(kind, own, given, batch, bias):
    torch = pytest.importorskip("torch")
    cell = getattr(nn, f"{kind}Cell")(D, H, bias, dtype=np.float64, **own)
    theirs = getattr(torch.nn, f"{kind}Cell")(D, H, bias, dtype=torch.float64, **own)
    cell.load_state_dict({name: value.numpy() for name, value in theirs.state_dict().items()})
    values = [numbers(*batch, D), numbers(*batch, H)][: 2 if given else 1]
    mine = [pydl.tensor(v, requires_grad=True) for v in values]
    other = [torch.tensor(v, requires_grad=True) for v in values]
    compare(torch, (cell(*mine),), (theirs(*other),), cell, theirs, mine, other, 1e-12)


def test_cell_refuses():
    for kind in ("GRUCell", "RNNCell"):
        cell = getattr(nn, kind)(D, H)
        with pytest.raises(ValueError, match=rf"{kind}: hx has shape \(2, 5\) but must be \(4, 5\)"):
            cell(X[0], STATE[0, :2])
