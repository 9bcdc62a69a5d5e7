import numpy as np
import pytest
from checks import check_kernel
from optimizers import check_against_torch, check_large, check_resumes, large_lists, parameters

import pydl
from pydl.optim.adagrad import adagrad_update


def test_native_equals_reference():
    check_kernel(adagrad_update)


def test_many_large_tensors():
    w, g, s = large_lists(3)
    check_large(adagrad_update, {"w": w, "g": g, "s": s, "lr": 0.1, "weight_decay": 0.01, "eps": 1e-10})


def test_worked_by_hand():
    w = pydl.tensor([1.0], dtype=np.float64, requires_grad=True)
    optimizer = pydl.optim.Adagrad([w], lr=0.5, eps=0.0)
    for g in (3.0, 4.0):
        w.grad = pydl.tensor(np.array([g]))
        optimizer.step()
    # s = 9 then 25: w = 1 - 0.5 * 3/3 - 0.5 * 4/5.
    np.testing.assert_allclose(w.tolist(), [0.1], rtol=1e-14)


@pytest.mark.parametrize(
    "options",
    [{}, {"lr": 0.1, "lr_decay": 0.2}, {"lr": 0.1, "weight_decay": 0.05, "initial_accumulator_value": 0.1, "eps": 0.1}],
    ids=str,
)
def test_torch(options):
    check_against_torch("Adagrad", **options)


def test_resumes():
    check_resumes(lambda params: pydl.optim.Adagrad(params, lr=0.1, lr_decay=0.1))


def test_refuses_options():
    with pytest.raises(ValueError, match="Adagrad: lr_decay must be a number of at least 0, not -1"):
        pydl.optim.Adagrad(parameters(), lr_decay=-1)
