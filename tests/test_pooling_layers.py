"""The pooling layers over one, two and three dimensions, beside PyTorch's."""

import numpy as np
import pytest

from pydl import nn

SHAPES = {1: (2, 3, 17), 2: (2, 3, 9, 17), 3: (2, 3, 5, 6, 9)}
LAYERS = [
    (f"{adaptive}{kind}Pool{dims}d", dims, settings)
    for dims in SHAPES
    for adaptive, kind, settings in [
        ("", "Max", {"kernel_size": 3, "stride": 2, "padding": 1, "ceil_mode": True}),
        ("", "Avg", {"kernel_size": 3, "stride": 2, "padding": 1, "count_include_pad": False}),
        ("Adaptive", "Max", {"output_size": 2}),
        ("Adaptive", "Avg", {"output_size": 3}),
    ]
]


@pytest.mark.parametrize(("name", "dims", "settings"), LAYERS)
def test_same_as_torch(name, dims, settings):
    torch = pytest.importorskip("torch")
    x = np.random.default_rng(0).standard_normal(SHAPES[dims]).astype(np.float32)
    mine, theirs = getattr(nn, name)(**settings), getattr(torch.nn, name)(**settings)
    np.testing.assert_allclose(mine(x).numpy(), theirs(torch.tensor(x)).numpy(), atol=1e-6)
    assert name in repr(mine)


@pytest.mark.parametrize(("name", "dims", "settings"), [row for row in LAYERS if "Max" in row[0]])
def test_indices(name, dims, settings):
    torch = pytest.importorskip("torch")
    x = np.random.default_rng(0).standard_normal(SHAPES[dims]).astype(np.float32)
    _, mine = getattr(nn, name)(**settings, return_indices=True)(x)
    _, theirs = getattr(torch.nn, name)(**settings, return_indices=True)(torch.tensor(x))
    np.testing.assert_array_equal(mine.numpy(), theirs.numpy())
