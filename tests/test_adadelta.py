import numpy as np
import pytest
from checks import check_kernel
from optimizers import check_against_torch, check_large, check_resumes, large_lists, parameters

import pydl
from pydl.optim.adadelta import adadelta_update

OPTIONS = {"lr": 1.0, "rho": 0.9, "eps": 1e-6, "weight_decay": 0.01}


def test_native_equals_reference():
    check_kernel(adadelta_update)


def test_many_large_tensors():
    w, g, s, d = large_lists(4)
    check_large(adadelta_update, {"w": w, "g": g, "s": s, "d": d, **OPTIONS})


@pytest.mark.parametrize(
    "options",
    [{}, {"lr": 0.5, "rho": 0.5, "weight_decay": 0.1, "maximize": True}],
    ids=str,
)
def test_torch(options):
    check_against_torch("Adadelta", **options)


def test_resumes():
    check_resumes(lambda params: pydl.optim.Adadelta(params))


def test_worked_by_hand():
    w = pydl.tensor([1.0], dtype=np.float64, requires_grad=True)
    optimizer = pydl.optim.Adadelta([w], lr=0.5, rho=0.75, eps=1.0)
    w.grad = pydl.tensor(np.array([4.0]))
    optimizer.step()
    # s = 0.25 * 16 = 4, so the step is 0.5 * sqrt(0 + 1) / sqrt(4 + 1) * 4.
    np.testing.assert_allclose(w.tolist(), [1.0 - 2.0 / np.sqrt(5.0)], rtol=1e-14)


def test_refuses_options():
    with pytest.raises(ValueError, match="Adadelta: rho must be a number from 0 to below 1, not 1"):
        pydl.optim.Adadelta(parameters(), rho=1.0)
