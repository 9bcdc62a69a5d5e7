"""Arrays larger than the caches, of which kernels write past these, ask for memory ahead, or cut columns otherwise."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

import pydl
from pydl import nn
from pydl.nn import functional as F

rng = np.random.default_rng(0)
LONG = rng.standard_normal(2**22 + 2**14 + 5)  # of float64: 32 MiB and a little
A, B = LONG[3:-1], LONG[:-4]  # no vector begins where one does in memory


@pytest.mark.parametrize("rows", [1, 7, 1000])
def test_elementwise(rows):
    a, b = (x[: x.size // rows * rows].reshape(rows, -1) for x in (A, B))
    assert np.array_equal((pydl.tensor(a) + pydl.tensor(b)).numpy(), a + b)
    assert np.array_equal((pydl.tensor(a) * pydl.tensor(b[:1])).numpy(), a * b[:1])
    assert np.array_equal(pydl.tensor(a).relu().numpy(), np.maximum(a, 0))
    assert np.array_equal(pydl.tensor(a.T).clone().numpy(), a.T)


@pytest.mark.parametrize("rest", [0, 1])  # whole blocks of vectors, and what is left
def test_chain(rest):
    a, b = (x[: LONG.size // 1024 * 1024 - 1024 + rest].copy() for x in (A, B))
    with pydl.no_grad():
        chain = pydl.capture(lambda a, b: (a * b + 1.0).relu() * a)
        y = chain(pydl.tensor(a), pydl.tensor(b))
        y = chain(pydl.tensor(a), pydl.tensor(b))  # recorded by now
    assert np.array_equal(y.numpy(), np.maximum(a * b + 1.0, 0) * a)


@pytest.mark.parametrize("columns", [3, 50, 1000, 70_000])
def test_reductions(columns):
    x = LONG[: LONG.size // columns * columns].reshape(-1, columns)
    for dim in (0, 1):
        assert_allclose(pydl.tensor(x).sum(dim).numpy(), x.sum(dim), rtol=1e-9, atol=1e-9)
        assert_allclose(pydl.tensor(x).var(dim).numpy(), x.var(dim, ddof=1), rtol=1e-9)
        assert np.array_equal(pydl.tensor(x).amax(dim).numpy(), x.max(dim))


@pytest.mark.parametrize("columns", [300, 5000])
def test_row_norm(columns):
    x, rows = LONG[: LONG.size // columns * columns].reshape(-1, columns), 40
    for norm in (F.layer_norm, F.rms_norm):
        whole = pydl.tensor(x, requires_grad=True)
        y = norm(whole, (columns,))
        y.backward(pydl.tensor(x[::-1].copy()))
        few = pydl.tensor(x[:rows], requires_grad=True)
        part = norm(few, (columns,))
        part.backward(pydl.tensor(x[: -rows - 1 : -1].copy()))
        assert_allclose(y.detach().numpy()[:rows], part.detach().numpy(), rtol=1e-12)
        assert_allclose(whole.grad.numpy()[:rows], few.grad.numpy(), rtol=1e-9, atol=1e-12)


def test_images_of_a_large_batch():
    layer, x = nn.Conv2d(3, 33, 3, padding=1), rng.standard_normal((9, 3, 171, 173)).astype(np.float32)
    with pydl.no_grad():
        y = layer(pydl.tensor(x)).numpy()
        assert y.nbytes > 2**25
        for image in (0, 4, 8):
            assert_allclose(
                y[image : image + 1], layer(pydl.tensor(x[image : image + 1])).numpy(), rtol=1e-4, atol=1e-5
            )
