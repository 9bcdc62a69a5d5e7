import numpy as np
import pytest
from checks import check_gradient, check_kernel, check_refused, check_torch, torch

import pydl
from pydl.ops.cdist import cdist_forward

RNG = np.random.default_rng(0)


def test_native_equals_reference():
    check_kernel(cdist_forward)


@pytest.mark.parametrize(
    "shapes", [((3, 4), (7, 4)), ((2, 5, 3), (2, 66, 3)), ((2, 1, 3, 0), (2, 1, 2, 0)), ((0, 2), (3, 2))]
)
def test_as_in_pytorch(shapes):
    a, b = (RNG.standard_normal(shape) for shape in shapes)
    if a.size:
        check_torch(pydl.cdist, torch.cdist, a, b)
        check_gradient(pydl.cdist, a[..., :2, :], b[..., :3, :])
    assert pydl.cdist(a, b).shape == torch.cdist(torch.tensor(a), torch.tensor(b)).shape


def test_other_norms_and_broadcasting_as_in_pytorch():
    a, b = RNG.standard_normal((2, 3, 4)), RNG.standard_normal((5, 4))
    for p in (0.0, 1.0, 2.0, 3.0, np.inf):
        check_torch(lambda a, b, p=p: pydl.cdist(a, b, p), lambda a, b, p=p: torch.cdist(a, b, p), a, b)


def test_equal_rows_far_from_zero():
    a = (RNG.standard_normal((30, 3)) + 1000).astype(np.float32)
    x, t = pydl.tensor(a, requires_grad=True), torch.tensor(a.astype(np.float64), requires_grad=True)
    y = pydl.cdist(x, x)
    assert (y.detach().numpy().diagonal() == 0).all()
    y.sum().backward()
    torch.cdist(t, t, compute_mode="donot_use_mm_for_euclid_dist").sum().backward()
    np.testing.assert_allclose(x.grad.numpy(), t.grad.numpy(), 1e-3, 1e-3)


def test_transposed_arguments():
    a = RNG.standard_normal((4, 9))
    check_torch(lambda x: pydl.cdist(x.T, x.T), lambda x: torch.cdist(x.T, x.T), a)


def test_refuses():
    check_refused(
        lambda: pydl.cdist(np.zeros(3), np.zeros((2, 3))), ValueError, "cdist: x1 must be a matrix or a batch"
    )
    check_refused(lambda: pydl.cdist(np.zeros((2, 3)), np.zeros((2, 4))), ValueError, "cdist: x1 (2, 3) and x2 (2, 4)")
