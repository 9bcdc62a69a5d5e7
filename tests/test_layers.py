"""Every layer beside PyTorch's of the same name: parameters, result, gradients, appearance."""

import numpy as np
import pytest
from checks import check_gradient, close

import pydl
from pydl import nn

IMAGE = (2, 4, 7, 6)
# Name, arguments, options, shape of the input.
LAYERS = [
    ("Linear", (5, 3), {}, (4, 5)),
    ("Linear", (5, 3), {"bias": False}, (2, 4, 5)),
    ("Conv2d", (4, 6, 3), {}, IMAGE),
    ("Conv2d", (4, 6, (3, 2)), {"stride": (2, 1), "padding": (1, 0), "dilation": (1, 2), "groups": 2}, IMAGE),
    ("Conv2d", (4, 4, (3, 4)), {"padding": "same", "groups": 4, "bias": False}, IMAGE),
    ("Conv2d", (4, 2, 1), {"padding": "valid"}, IMAGE),
    ("MaxPool2d", (2,), {}, IMAGE),
    ("MaxPool2d", ((3, 2),), {"stride": (2, 1), "padding": 1, "dilation": (2, 1), "ceil_mode": True}, IMAGE),
    ("AvgPool2d", (2,), {}, IMAGE),
    ("AvgPool2d", (3, 2), {"padding": 1, "ceil_mode": True, "count_include_pad": False}, IMAGE),
    ("Flatten", (), {}, IMAGE),
    ("Flatten", (0, 2), {}, IMAGE),
    ("Identity", (), {}, IMAGE),
    ("Dropout", (0.0,), {}, IMAGE),
    ("BatchNorm1d", (3,), {}, (4, 3)),
    ("BatchNorm2d", (4,), {"affine": False}, IMAGE),
    ("LayerNorm", ((7, 6),), {}, IMAGE),
    ("RMSNorm", (5,), {}, (4, 5)),
    ("ReLU", (), {}, (3, 5)),
    ("LeakyReLU", (0.2,), {}, (3, 5)),
    ("ELU", (0.5,), {}, (3, 5)),
    ("GELU", (), {}, (3, 5)),
    ("GELU", ("tanh",), {}, (3, 5)),
    ("SiLU", (), {}, (3, 5)),
    ("Softplus", (2.0, 1.0), {}, (3, 5)),
    ("Sigmoid", (), {}, (3, 5)),
    ("Tanh", (), {}, (3, 5)),
    ("Softmax", (1,), {}, (3, 5, 2)),
    ("LogSoftmax", (-1,), {}, (3, 5, 2)),
]
IDS = [f"{name}-{i}" for i, (name, *_) in enumerate(LAYERS)]


@pytest.mark.filterwarnings("ignore:Using padding='same'")  # torch copies the input where the kernel is even
@pytest.mark.parametrize(("name", "arguments", "options", "shape"), LAYERS, ids=IDS)
def test_torch(name, arguments, options, shape):
    torch = pytest.importorskip("torch")
    mine = getattr(nn, name)(*arguments, **options).double()
    theirs = getattr(torch.nn, name)(*arguments, **options).double()
    assert {k: v.shape for k, v in mine.state_dict().items()} == {
        k: tuple(v.shape) for k, v in theirs.state_dict().items()
    }
    mine.load_state_dict({k: v.numpy() for k, v in theirs.state_dict().items()})
    values = np.random.default_rng(0).standard_normal(shape)
    x, z = pydl.tensor(values, requires_grad=True), torch.tensor(values, requires_grad=True)
    y, expected = mine(x), theirs(z)
    assert y.shape == tuple(expected.shape)
    close(y.detach().numpy(), expected.detach().numpy(), 1e-12, "result")
    dy = np.random.default_rng(1).standard_normal(y.shape)
    y.backward(dy)
    expected.backward(torch.tensor(dy))
    close(x.grad.numpy(), z.grad.numpy(), 1e-12, "dx")
    for (label, a), (_, b) in zip(mine.named_parameters(), theirs.named_parameters(), strict=True):
        close(a.grad.numpy(), b.grad.numpy(), 1e-12, label)


@pytest.mark.parametrize(("name", "arguments", "options", "shape"), LAYERS, ids=IDS)
def test_looks_like_torch(name, arguments, options, shape):
    torch = pytest.importorskip("torch")
    assert repr(getattr(nn, name)(*arguments, **options)) == repr(getattr(torch.nn, name)(*arguments, **options))


@pytest.mark.parametrize("layer", [nn.Linear(4, 3).double(), nn.Conv2d(4, 2, 3, padding=1).double()], ids=repr)
def test_gradients_of_parameters(layer):
    x = np.random.default_rng(0).standard_normal((2, 4) if isinstance(layer, nn.Linear) else (1, 4, 3, 3))
    weight, bias = layer.weight.detach().numpy(), layer.bias.detach().numpy()

    def run(x, weight, bias):
        vars(layer).update(weight=weight, bias=bias)  # in place of its own, so that they can be varied
        return layer(x)

    check_gradient(run, x, weight, bias)


@pytest.mark.parametrize(
    ("make", "fan_in"),
    [(lambda **o: nn.Linear(400, 300, **o), 400), (lambda **o: nn.Conv2d(20, 60, 5, groups=2, **o), 250)],
    ids=["Linear", "Conv2d"],
)
def test_first_values(make, fan_in):
    pydl.manual_seed(0)
    for layer, variance in [(make(), 1 / (3 * fan_in)), (make(init="notes"), 1.0)]:
        weight = layer.weight.detach().numpy().astype(np.float64).ravel()
        assert abs(weight.mean()) < 4 * np.sqrt(variance / weight.size)
        assert weight.var() == pytest.approx(variance, rel=0.05)
        assert layer.bias.detach().numpy().var() == pytest.approx(variance, rel=0.5)
    assert np.abs(make().bias.detach().numpy()).max() <= 1 / np.sqrt(fan_in)
    assert np.abs(make(init="notes").bias.detach().numpy()).max() > 1.5
    with pytest.raises(ValueError, match=r"init: must be None .* or 'notes' .*, not 'he'"):
        make(init="he")


def test_a_seed_fixes_the_weights():
    layers = []
    for _ in range(2):
        pydl.manual_seed(5)
        layers.append(nn.Sequential(nn.Conv2d(1, 2, 3), nn.Linear(3, 2)))
    for a, b in zip(*(layer.parameters() for layer in layers), strict=True):
        np.testing.assert_array_equal(a.data, b.data)


def test_dtype():
    assert nn.Linear(2, 2, dtype=np.float64).weight.dtype == np.float64
    assert nn.Conv2d(2, 2, 1, dtype="float64").bias.dtype == np.float64


def test_dropout_follows_the_mode():
    layer = nn.Dropout(0.5)
    x = np.ones((100, 100), np.float32)
    y = layer(x).numpy()
    assert set(np.unique(y)) == {0.0, 2.0}
    assert 0.45 < (y == 0).mean() < 0.55
    np.testing.assert_array_equal(layer.eval()(x).numpy(), x)


def test_indices_of_the_largest():
    y, where = nn.MaxPool2d(2, return_indices=True)(np.arange(16.0).reshape(1, 1, 4, 4))
    assert y.tolist() == [[[[5.0, 7.0], [13.0, 15.0]]]]
    assert where.tolist() == [[[[5, 7], [13, 15]]]]


def test_empty_layers():
    assert nn.Linear(0, 3)(np.ones((2, 0), np.float32)).shape == (2, 3)
    assert nn.Linear(3, 0)(np.ones((2, 3), np.float32)).shape == (2, 0)


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: nn.Linear(-1, 2), ValueError, "Linear: in_features must be at least 0, not -1"),
        (lambda: nn.Linear(2, 1.5), TypeError, "Linear: out_features must be an integer, not 1.5"),
        (lambda: nn.Conv2d(3, 4, 3, groups=2), ValueError, "in_channels is 3 but must be a multiple of groups=2"),
        (lambda: nn.Conv2d(4, 3, 3, groups=2), ValueError, "out_channels is 3 but must be a multiple of groups=2"),
        (lambda: nn.Conv2d(1, 1, 0), ValueError, "Conv2d: kernel_size must be at least 1, not 0"),
        (lambda: nn.Conv2d(1, 1, 3, stride=0), ValueError, "Conv2d: stride must be at least 1, not 0"),
        (lambda: nn.Conv2d(1, 1, 3, padding="full"), ValueError, "'same' or 'valid', not 'full'"),
        (lambda: nn.Conv2d(1, 1, 3, 2, padding="same"), ValueError, r"padding 'same' needs stride 1, not \(2, 2\)"),
        (lambda: nn.ConvTranspose2d(1, 1, 3, padding_mode="circular"), ValueError, "must be 'zeros', not 'circular'"),
        (lambda: nn.Dropout(1.5), ValueError, "Dropout: p must be from 0 to 1, not 1.5"),
        (lambda: nn.MSELoss(reduction="all"), ValueError, "MSELoss: reduction must be 'mean', 'sum' or 'none'"),
    ],
)
def test_refuses(make, error, message):
    with pytest.raises(error, match=message):
        make()
