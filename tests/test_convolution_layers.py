"""The layers of filters over one, two and three dimensions: parameters, results and messages as PyTorch's."""

import re

import numpy as np
import pytest

import pydl
from pydl import nn

LAYERS = [
    (nn.Conv1d, (6, 4, 3), {"padding": "same", "groups": 2}, (2, 6, 11)),
    (nn.Conv2d, (6, 4, 3), {"stride": (2, 1), "padding": 1, "bias": False}, (2, 6, 9, 8)),
    (nn.Conv3d, (4, 6, (1, 2, 3)), {"dilation": 2, "padding": (0, 1, 2)}, (2, 4, 5, 6, 7)),
    (nn.Conv1d, (3, 4, 4), {"padding": "same", "dilation": 3, "padding_mode": "circular"}, (2, 3, 11)),
    (nn.Conv2d, (3, 4, 3), {"padding": (2, 0), "stride": 2, "padding_mode": "reflect"}, (2, 3, 9, 8)),
    (nn.Conv3d, (2, 4, 3), {"padding": (0, 1, 2), "groups": 2, "padding_mode": "replicate"}, (2, 5, 4, 6)),
    (nn.Conv2d, (3, 4, 3), {"padding": "valid", "padding_mode": "circular"}, (3, 9, 8)),
    (nn.ConvTranspose1d, (6, 4, 3), {"stride": 2, "output_padding": 1}, (2, 6, 11)),
    (nn.ConvTranspose2d, (6, 4, 3), {"stride": (2, 1), "padding": 1, "bias": False, "groups": 2}, (2, 6, 5, 4)),
    (nn.ConvTranspose3d, (4, 6, (1, 2, 3)), {"dilation": 2, "padding": (0, 1, 2)}, (2, 4, 3, 4, 5)),
]


@pytest.mark.parametrize(
    ("layer", "channels", "settings", "shape"), LAYERS, ids=lambda each: getattr(each, "__name__", "")
)
def test_same_as_torch(layer, channels, settings, shape):
    torch = pytest.importorskip("torch")
    mine, theirs = layer(*channels, **settings), getattr(torch.nn, layer.__name__)(*channels, **settings)
    assert {name: each.shape for name, each in mine.named_parameters()} == {
        name: tuple(each.shape) for name, each in theirs.named_parameters()
    }
    theirs.load_state_dict({name: torch.tensor(each.numpy()) for name, each in mine.state_dict().items()})
    x = np.random.default_rng(0).standard_normal(shape).astype(np.float32)
    np.testing.assert_allclose(mine(x).detach().numpy(), theirs(torch.tensor(x)).detach().numpy(), atol=1e-5)
    bound = max(float(each.detach().abs().max()) for each in theirs.parameters())
    theirs.reset_parameters()
    assert bound == pytest.approx(max(float(each.detach().abs().max()) for each in theirs.parameters()), rel=0.3)


def test_output_size():
    layer = nn.ConvTranspose2d(2, 3, 3, stride=2, padding=1)
    x = np.zeros((1, 2, 5, 6), np.float32)
    assert layer(x).shape == (1, 3, 9, 11)
    assert layer(x, output_size=(10, 11)).shape == (1, 3, 10, 11)
    assert layer(x, (1, 3, 9, 12)).shape == (1, 3, 9, 12)
    with pytest.raises(ValueError, match=r"output_size is \(11, 11\) but dimension 0 can be from 9 to 10"):
        layer(x, (11, 11))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: nn.Conv1d(3, 4, 3, groups=2), "Conv1d: in_channels is 3 but must be a multiple of groups=2"),
        (lambda: nn.Conv3d(3, 4, (3, 3)), "Conv3d: kernel_size must be one integer or three, not (3, 3)"),
        (
            lambda: nn.Conv1d(3, 4, 3, padding="full"),
            "Conv1d: padding must be an integer, 'same' or 'valid', not 'full'",
        ),
        (lambda: nn.Conv3d(3, 4, 3, 2, "same"), "Conv3d: padding 'same' needs stride 1, not (2, 2, 2)"),
        (
            lambda: nn.Conv1d(3, 4, 3, padding_mode="wrap"),
            "padding_mode must be 'zeros', 'reflect', 'replicate' or 'circular', not 'wrap'",
        ),
        (lambda: nn.ConvTranspose1d(4, 3, 3, groups=2), "ConvTranspose1d: out_channels is 3 but must be a multiple of"),
        (lambda: nn.ConvTranspose3d(4, 3, 3, output_padding=-1), "ConvTranspose3d: output_padding must be at least 0"),
    ],
)
def test_refuses(call, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        call()


def test_repr_and_training():
    pydl.manual_seed(0)
    model = nn.Sequential(nn.Conv1d(1, 4, 3, padding=1), nn.ReLU(), nn.ConvTranspose1d(4, 1, 2, stride=2))
    assert "Conv1d(1, 4, kernel_size=(3,), stride=(1,), padding=(1,))" in repr(model)
    x = np.random.default_rng(0).standard_normal((8, 1, 10)).astype(np.float32)
    optimizer = pydl.optim.Adam(model.parameters(), lr=0.02)
    losses = []
    for _ in range(40):
        loss = ((model(x) - np.repeat(x, 2, -1)) ** 2).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.5 * losses[0]
