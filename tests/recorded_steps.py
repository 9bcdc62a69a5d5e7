"""What tests of captured steps share: models, optimizers, batches, and the step by hand that is to give the same."""

from __future__ import annotations

import numpy as np
from checks import same_bits

import pydl
from pydl import nn
from pydl.optim import SGD, Adam, AdamW, RMSprop


class Classifier(nn.Module):
    """The last step of an LSTM over words."""

    def __init__(self):
        super().__init__()
        self.words = nn.Embedding(11, 5)
        self.lstm = nn.LSTM(5, 6, num_layers=2, dropout=0.3)
        self.fc = nn.Linear(6, 3)

    def forward(self, words):
        return self.fc(self.lstm(self.words(words))[0][-1])


class Attention(nn.Module):
    def __init__(self):
        super().__init__()
        self.attention = nn.MultiheadAttention(4, 2, dropout=0.2, batch_first=True)
        self.norm = nn.LayerNorm(4)

    def forward(self, x):
        return self.norm(x + self.attention(x, x, x)[0]).mean(1)


class Columns(nn.Module):
    """Two tables, for the columns of what is given, and normalised features."""

    def __init__(self):
        super().__init__()
        self.tables = nn.ModuleList([nn.Embedding(count, 3) for count in (11, 12)])
        self.rest = nn.Sequential(nn.Linear(6, 5), nn.BatchNorm1d(5), nn.ReLU(), nn.Linear(5, 3))

    def forward(self, words):
        return self.rest(pydl.cat([table(words[:, i]) for i, table in enumerate(self.tables)], 1))


class Tied(nn.Module):
    """One weight at two places, one that nothing depends on, one that is frozen."""

    def __init__(self):
        super().__init__()
        self.layer, self.unused, self.frozen = nn.Linear(4, 4), nn.Linear(2, 2), nn.Linear(4, 4)
        self.frozen.requires_grad_(False)

    def forward(self, x):
        return self.layer(self.frozen(self.layer(x)).tanh())


class Mean(nn.Module):
    """Of all pixels, a column of flipped channels apart."""

    def forward(self, x):
        return x.flip(1).mean((2, 3))[:, :7]


class Overwritten(nn.Module):
    """Results that are changed in place and in part."""

    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(4, 4)

    def forward(self, x):
        y = self.layer(x)
        y += x
        y.mul_(0.5).relu_()
        y[:, 1] = x[:, 0] * y[:, 2:3].squeeze(1)
        y[:, 0] = 0.25
        return y.sigmoid()


def floats(*shape):
    return lambda g, n: g.standard_normal((n, *shape)).astype(np.float32)


MODELS = {
    "mlp": (lambda: nn.Sequential(nn.Linear(6, 7), nn.ReLU(), nn.Linear(7, 3)), floats(6)),
    "lenet": (
        lambda: nn.Sequential(
            *(nn.Conv2d(1, 3, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Dropout2d(0.2), nn.Conv2d(3, 4, 3), nn.ReLU()),
            *(nn.Flatten(), nn.Dropout(0.5), nn.Linear(4, 3)),
        ),
        floats(1, 8, 8),
    ),
    "normalised": (
        lambda: nn.Sequential(nn.Conv2d(2, 3, 3), nn.BatchNorm2d(3), nn.ReLU(), nn.AvgPool2d(2), nn.Flatten()),
        floats(2, 4, 4),
    ),
    "lstm": (Classifier, lambda g, n: g.integers(0, 11, (5, n))),
    "attention": (Attention, floats(3, 4)),
    "columns": (Columns, lambda g, n: g.integers(0, 11, (n, 2))),
    "tied": (Tied, floats(4)),
    "overwritten": (Overwritten, floats(4)),
    "groups": (
        lambda: nn.Sequential(nn.Conv2d(3, 16, 3), nn.PReLU(16), nn.Conv2d(16, 16, 3, padding=1, groups=2), Mean()),
        floats(3, 18, 18),
    ),
}
OPTIMIZERS = {
    "sgd": lambda params: SGD(params, lr=0.1, momentum=0.9, weight_decay=0.01),
    "adam": lambda params: Adam(params, lr=0.01),
    "adamw": lambda params: AdamW(params, lr=0.01, amsgrad=True),
    "rmsprop": lambda params: RMSprop(params, lr=0.01),
}


def made(model="mlp", optimizer="adam", dtype=np.float32):
    pydl.manual_seed(3)
    module = MODELS[model][0]().to(dtype)
    return module, OPTIMIZERS[optimizer]([each for each in module.parameters() if each.requires_grad])


def batch(model="mlp", n=4, seed=0):
    g = np.random.default_rng(seed)
    return MODELS[model][1](g, n), g.integers(0, 3, n)


def by_hand(module, loss, optimizer, x, y, before=None):
    value = loss(module(pydl.tensor(x) if x.dtype.kind == "f" else x), y)
    module.zero_grad()
    value.backward()
    if before is not None:
        before()
    optimizer.step()
    return value.detach()


def assert_same(one, other):
    """The state of two modules, and their gradients."""
    for (name, a), b in zip(one.state_dict().items(), other.state_dict().values(), strict=True):
        assert same_bits(a, b), name
    for a, b in zip(one.parameters(), other.parameters(), strict=True):
        assert (a.grad is None) == (b.grad is None)
        assert a.grad is None or same_bits(a.grad, b.grad)
