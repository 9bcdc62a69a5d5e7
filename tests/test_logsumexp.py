"""logsumexp, against PyTorch and central differences."""

import numpy as np
import pytest
from checks import check_gradient, check_kernel, check_refused, check_torch

import pydl
from pydl.ops.logsumexp import logsumexp_backward, logsumexp_forward

X = 3 * np.random.default_rng(0).standard_normal((3, 4, 5))


@pytest.mark.parametrize("kernel", [logsumexp_forward, logsumexp_backward])
def test_native_equals_reference(kernel):
    check_kernel(kernel)


@pytest.mark.parametrize("dim", [0, -1, (0, 2)])
@pytest.mark.parametrize("keepdim", [False, True])
def test_as_in_pytorch(dim, keepdim):
    def call(x):
        return x.logsumexp(dim, keepdim)

    check_torch(call, call, X)
    check_torch(call, call, X + 1000, rtol=1e-4)
    check_gradient(call, X)


def test_special_values():
    inf = np.inf
    x = np.array([[1, inf, 2], [-inf, -inf, -inf], [-inf, 0, 1], [np.nan, 0, 0], [inf, -inf, 0], [-1e30, -1e30, 5]])
    check_torch(lambda x: x.logsumexp(1).detach(), lambda x: x.logsumexp(1).detach(), x)
    leaf = pydl.tensor(x[1:3], requires_grad=True)
    leaf.logsumexp(1).sum().backward()
    np.testing.assert_allclose(leaf.grad.numpy(), [[0, 0, 0], [0, 1 / (1 + np.e), np.e / (1 + np.e)]])
    assert pydl.zeros(2, 0).logsumexp(1).tolist() == [-inf, -inf]


def test_by_hand():
    np.testing.assert_allclose(pydl.logsumexp(np.log([[1.0, 2.0], [3.0, 5.0]]), 1).numpy(), np.log([3.0, 8.0]))


@pytest.mark.parametrize("layout", [np.s_[::2], np.s_[::-1], np.s_[:, ::3], np.s_[:, :, ::-2], np.s_[:, :, :1]])
def test_layouts(layout):
    x = np.random.default_rng(1).standard_normal((6, 70, 9))[layout]
    for part in (x, x.T, x.transpose(1, 0, 2)):
        for dim in (0, 1, 2, (0, 2), (0, 1, 2)):
            want = np.log(np.exp(part).sum(dim))
            np.testing.assert_allclose(pydl.logsumexp(part, dim).numpy(), want, rtol=1e-12)


def test_refuses():
    check_refused(lambda: pydl.logsumexp(np.ones(2, int), 0), TypeError, "logsumexp: input has dtype int64")
    check_refused(lambda: pydl.logsumexp(X, 3), IndexError, "logsumexp: dim is 3, but the input has 3 dimensions")
