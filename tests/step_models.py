"""Small models, and numbers to put in, for the tests of `pydl lab step` and of its page."""

import numpy as np

from pydl import nn


def numbers(*shape):
    return np.random.default_rng(7).standard_normal(shape)


class Through(nn.Module):
    """A function as a model."""

    def __init__(self, function, **modules):
        super().__init__()
        self.function = function
        for name, module in modules.items():
            setattr(self, name, module)

    def forward(self, *inputs):
        return self.function(self, *inputs)


def read(model, x):
    state = None
    for t in range(len(x)):
        state = model.cell(x[t], state)
    return model.out(state[0] if isinstance(state, tuple) else state)


def small():
    layers = [nn.Conv2d(1, 2, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(8, 3)]
    return nn.Sequential(*layers).double()
