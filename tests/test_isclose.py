import numpy as np
import pytest
from checks import check_refused, torch

import pydl

A = np.array([1.0, 1.0, 0.0, np.inf, np.inf, np.nan, -np.inf, 1e-9])
B = np.array([1.000001, 1.1, 1e-9, np.inf, -np.inf, np.nan, 5.0, 0.0])


@pytest.mark.parametrize("options", [{}, {"rtol": 0.2}, {"atol": 0}, {"equal_nan": True}], ids=str)
def test_as_in_pytorch(options):
    want = torch.isclose(torch.tensor(A), torch.tensor(B), **options).tolist()
    assert pydl.tensor(A).isclose(B, **options).tolist() == want
    for n in range(len(A)):
        assert pydl.allclose(A[n : n + 1], B[n : n + 1], **options) is want[n]


def test_equal():
    x = pydl.tensor([1, 2])
    assert x.equal(x.clone()) is True
    assert pydl.equal(x, np.array([[1, 2]])) is False
    assert pydl.equal(A, A) is False  # NaN


def test_refuses():
    check_refused(lambda: pydl.isclose(A, A[:3]), ValueError, "isclose: shapes (8,) and (3,) do not broadcast together")
    check_refused(lambda: pydl.allclose(A, A, rtol=-1), ValueError, "allclose: rtol must be at least 0, not -1")
