"""batch_slices: a captured batch, or a chain of elementwise calls, computed slice by slice gives the same bits."""

from __future__ import annotations

import numpy as np
import pytest
from checks import same_bits

import pydl
from pydl import nn
from pydl.nn.functional import relu, silu


@pytest.mark.parametrize("threads", [1, 2, 3])
@pytest.mark.parametrize("batch", [2, 7, 33, 64])
def test_batches_in_slices(batch, threads):
    """The same bits as image by image, for any number of threads."""
    module = nn.Sequential(
        nn.Conv2d(3, 16, 3, padding=1), nn.ReLU(), nn.Conv2d(16, 20, 3, padding=1), nn.MaxPool2d(2), nn.Flatten(),
        nn.Linear(20 * 64, 3),
    ).eval()  # fmt: skip
    layers = nn.Sequential(*list(module)[:4]).eval()
    trunk = pydl.capture(layers, fold=True)
    x = pydl.randn(batch, 3, 16, 16)
    before = pydl.get_num_threads()
    try:
        pydl.set_num_threads(1)
        single = np.concatenate([trunk(x[i : i + 1]).data for i in range(batch)])
        pydl.set_num_threads(threads)
        fast = pydl.capture(layers, fold=True)
        for _ in range(3):
            np.testing.assert_array_equal(fast(x).data, single)
        whole = pydl.capture(module, fold=True)
        np.testing.assert_allclose(whole(x).data, module(x).data, atol=1e-5)
        pydl.set_num_threads(4)  # more than there were
        np.testing.assert_array_equal(fast(x).data, single)
    finally:
        pydl.set_num_threads(before)


def large(*shape):
    return pydl.tensor(np.random.default_rng(0).standard_normal(shape).astype(np.float32))


@pytest.mark.parametrize("shape", [(700, 701), (500_003,), (7, 3, 200, 113), (3, 200_000)])
@pytest.mark.parametrize("threads", [1, 2, 3])
def test_chains_of_elementwise_calls_in_slices(shape, threads):
    def chain(x):
        y = (x * 2.0 + 1.0) * (x - 3.0)
        return silu(y), relu(y) + y  # silu has no step in pydl/recording/element_chain.py

    before = pydl.get_num_threads()
    pydl.set_num_threads(threads)
    try:
        fast, x = pydl.capture(chain), large(*shape)
        for _ in range(2):
            for one, other in zip(fast(x), chain(x), strict=True):
                assert same_bits(one, other)
        (recording,) = fast._recordings.values()
        assert shape[0] < threads or recording.slices > 1
    finally:
        pydl.set_num_threads(before)


@pytest.mark.parametrize(
    "function",
    [
        lambda x: (relu(x) * 2.0).transpose(0, 1) + relu(x),  # reads across slices what was written in them
        lambda x: relu(x * 2.0) + (x * 3.0)[0],
        lambda x: relu(x * 2.0) + x[0] * x[:, :1],
        lambda x: relu(x)[::2] + x[::2] * 2.0,
        lambda x: relu(x[1:] * 2.0) - relu(x)[:-1],
        lambda x: (relu(x) * 2.0).sum(0) * relu(x),
        lambda x: pydl.cat([relu(x) * 2.0, x + 1.0], dim=1) * 3.0,
        lambda x: relu(x.transpose(0, 1) * 2.0) - x,
    ],
)
def test_what_goes_across_slices(function):
    fast = pydl.capture(function)
    for _ in range(2):
        x = large(600, 600)
        assert same_bits(fast(x), function(x))
