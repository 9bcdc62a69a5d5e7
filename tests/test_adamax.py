import numpy as np
import pytest
from checks import check_kernel
from optimizers import check_against_torch, check_large, check_resumes, large_lists, parameters

import pydl
from pydl.optim.adamax import adamax_update

OPTIONS = {"rate": 0.1, "beta1": 0.9, "beta2": 0.99, "eps": 1e-6, "weight_decay": 0.01}


def test_native_equals_reference():
    check_kernel(adamax_update)


def test_many_large_tensors():
    w, g, m, u = large_lists(4)
    check_large(adamax_update, {"w": w, "g": g, "m": m, "u": u, **OPTIONS})


@pytest.mark.parametrize(
    "options", [{}, {"lr": 0.1, "betas": (0.5, 0.6), "weight_decay": 0.1, "maximize": True}], ids=str
)
def test_torch(options):
    check_against_torch("Adamax", **options)


def test_resumes():
    check_resumes(lambda params: pydl.optim.Adamax(params))


def test_worked_by_hand():
    w = pydl.tensor([1.0, 1.0], dtype=np.float64, requires_grad=True)
    optimizer = pydl.optim.Adamax([w], lr=0.25, eps=0.0)
    w.grad = pydl.tensor(np.array([5.0, -0.001]))
    optimizer.step()
    # The first step is lr in the direction of the sign, whatever the size of the gradient.
    np.testing.assert_allclose(w.tolist(), [0.75, 1.25], rtol=1e-14)


def test_refuses_options():
    with pytest.raises(ValueError, match="Adamax: betas must be two numbers from 0 to below 1, not"):
        pydl.optim.Adamax(parameters(), betas=(0.9, 1.0))
