"""Layers that are made of other operations, against PyTorch's of the same name."""

import numpy as np
import pytest
from checks import check_gradient, check_refused, check_torch, torch

import pydl
from pydl import nn
from pydl.nn import functional as F

RNG = np.random.default_rng(0)
IMAGES, VOLUMES = RNG.standard_normal((2, 6, 4, 5)), RNG.standard_normal((2, 3, 4, 5, 4))


@pytest.mark.parametrize("arguments", [(5,), (2, 0.5, 0.5, 2.0), (1,), (12,)])
def test_local_response_norm(arguments):
    mine, theirs = nn.LocalResponseNorm(*arguments), torch.nn.LocalResponseNorm(*arguments)
    for x in (IMAGES, IMAGES[:, :, 0], VOLUMES, IMAGES[:0]):
        check_torch(mine, theirs, x)
    check_gradient(mine, IMAGES[:1, :, :2, :2])
    assert repr(mine) == repr(theirs)
    check_refused(
        lambda: mine(IMAGES[0, 0]), ValueError, "local_response_norm: input must be (N, C, *), of 3 dimensions"
    )


LAYERS = [
    ("ChannelShuffle", (3,), IMAGES),
    ("UpsamplingNearest2d", (None, 2), IMAGES),
    ("UpsamplingBilinear2d", ((7, 9),), IMAGES),
    ("ZeroPad3d", ((1, 2, 0, 1, 2, 0),), VOLUMES),
    ("ConstantPad3d", (1, 2.5), VOLUMES),
    ("ReflectionPad3d", (2,), VOLUMES),
    ("ReplicationPad3d", ((1, 2, 3, 0, 1, 1),), VOLUMES),
    ("CircularPad3d", (1,), VOLUMES),
]


@pytest.mark.parametrize(("name", "arguments", "x"), LAYERS)
def test_layers(name, arguments, x):
    mine, theirs = getattr(nn, name)(*arguments), getattr(torch.nn, name)(*arguments)
    check_torch(mine, theirs, x)
    check_gradient(mine, x[:1])


def test_dropout3d():
    pydl.manual_seed(0)
    x = np.ones((20, 30, 2, 2, 2), np.float32)
    y = nn.Dropout3d(0.25)(x).numpy().reshape(600, 8)
    assert (y == y[:, :1]).all()
    assert 0.15 < (y[:, 0] == 0).mean() < 0.35
    assert y.max() == pytest.approx(4 / 3)
    assert (nn.Dropout3d(0.25).eval()(x).numpy() == 1).all()


def test_rrelu_evaluates_with_the_mean_slope():
    check_torch(nn.RReLU(0.1, 0.4).eval(), torch.nn.RReLU(0.1, 0.4).eval(), IMAGES)


def test_parameter_dict():
    made = nn.ParameterDict({"a": np.ones(2, np.float32), "b": nn.Parameter(np.zeros(3))})
    assert [name for name, _ in made.named_parameters()] == ["a", "b"] == list(made) == list(made.keys())
    assert "a" in made
    assert [each.shape for each in made.values()] == [(2,), (3,)]
    del made["a"]
    assert len(made) == 1
    with pytest.raises(KeyError, match="ParameterDict: there is no parameter 'x'; it has b"):
        made["x"]
    check_refused(
        lambda: nn.ParameterDict({"a": 3}), TypeError, "ParameterDict: 'a' must be a Parameter or an array, not"
    )


def test_operations_are_copied_as_functions_are():
    import copy
    import pickle

    assert copy.deepcopy(F.relu) is F.relu
    assert pickle.loads(pickle.dumps(F.max_pool2d)) is F.max_pool2d
    assert repr(F.relu) == "<operation relu>"


def test_an_error_inside_a_list_of_modules_is_not_hidden():
    with pytest.raises(TypeError, match="Linear"):
        nn.ModuleList(nn.Linear(*each) for each in [(2, 3), ("a", 3)])
