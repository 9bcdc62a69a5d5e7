"""cross, against PyTorch and central differences."""

import numpy as np
import pytest
from checks import check_gradient, check_kernel, check_refused, check_torch, torch

import pydl
from pydl.ops.cross import cross_forward

rng = np.random.default_rng(0)
A, B = rng.standard_normal((2, 4, 3, 5))


def test_native_equals_reference():
    check_kernel(cross_forward)


def test_parallel_vectors_have_nothing_at_right_angles():
    for dtype in (np.float32, np.float64):
        a = rng.standard_normal((500, 3)).astype(dtype)
        assert not pydl.cross(a, -2 * a).numpy().any()
        assert not pydl.cross(a.T, -2 * a.T, 0).numpy().any()


@pytest.mark.parametrize(
    ("a", "b"), [(A[..., :3], B[..., :3]), (A[..., ::-2], B[..., 2:]), (A[:1, :, :3], B[..., ::2]), (A[:0, :, :3],) * 2]
)
def test_rows_of_three(a, b):
    check_torch(lambda x, z: pydl.cross(x, z, -1), lambda x, z: torch.linalg.cross(x, z), a, b)
    check_gradient(lambda x, z: pydl.cross(x, z, -1), a, b)


@pytest.mark.parametrize("dim", [1, -2])
@pytest.mark.parametrize(("a", "b"), [(A, B), (A[:, :, ::-2], B[:, :, ::2]), (A[:1], B), (A, B[:1]), (A[:0], B[:0])])
def test_as_in_pytorch(a, b, dim):
    check_torch(lambda x, z: pydl.cross(x, z, dim), lambda x, z: torch.linalg.cross(x, z, dim=dim), a, b)
    check_gradient(lambda x, z: pydl.cross(x, z, dim), a, b)


def test_of_whole_numbers_and_two_dtypes():
    x, z = pydl.tensor([1, 2, 3]), pydl.tensor([4, 5, 6])
    assert pydl.cross(x, z).tolist() == [-3, 6, -3]
    assert pydl.cross(x, np.array([4.0, 5.0, 6.0], np.float32)).tolist() == [-3, 6, -3]


def test_refuses():
    check_refused(lambda: pydl.cross(A, B, 0), ValueError, "cross: dim must name a dimension of 3 numbers")
