import numpy as np
import pytest
from checks import check_kernel
from optimizers import check_against_torch, check_large, check_resumes, large_lists, parameters

import pydl
from pydl.optim.adam import adam_update

OPTIONS = {"lr": 0.1, "beta1": 0.9, "beta2": 0.99, "eps": 1e-8, "weight_decay": 0.01}


def test_native_equals_reference():
    check_kernel(adam_update)


@pytest.mark.parametrize("decoupled", [False, True])
def test_many_large_tensors(decoupled):
    w, g, m, v, v_max = large_lists(5)
    arguments = {"w": w, "g": g, "m": m, "v": v, "v_max": v_max, **OPTIONS, "decoupled": decoupled}
    check_large(adam_update, {**arguments, "ahead": 0.0, "correction1": 0.5, "correction2": 0.1})


def test_worked_by_hand():
    w = pydl.tensor([1.0, 1.0], dtype=np.float64, requires_grad=True)
    optimizer = pydl.optim.Adam([w], lr=0.25, eps=0.0)
    w.grad = pydl.tensor(np.array([5.0, -0.001]))
    optimizer.step()
    # The first step is lr in the direction of the sign, whatever the size of the gradient.
    np.testing.assert_allclose(w.tolist(), [0.75, 1.25], rtol=1e-14)


@pytest.mark.parametrize("name", ["Adam", "AdamW"])
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"lr": 0.1, "weight_decay": 0.1},
        {"lr": 0.1, "amsgrad": True, "betas": (0.5, 0.6)},
        {"lr": 0.1, "eps": 0.1, "weight_decay": 0.3, "amsgrad": True},
    ],
    ids=str,
)
def test_torch(name, options):
    check_against_torch(name, **options)


@pytest.mark.parametrize("name", ["Adam", "AdamW"])
def test_resumes(name):
    check_resumes(lambda params: getattr(pydl.optim, name)(params, lr=0.1, amsgrad=True))


def test_decoupled_decay_acts_without_a_gradient():
    w = pydl.tensor([2.0], dtype=np.float64, requires_grad=True)
    w.grad = pydl.tensor(np.zeros(1))
    pydl.optim.AdamW([w], lr=0.5, weight_decay=0.1).step()
    np.testing.assert_allclose(w.tolist(), [2.0 * (1 - 0.5 * 0.1)], rtol=1e-14)


@pytest.mark.parametrize("betas", [(0.9, 1.0), (-0.1, 0.9), (0.9,), 0.9])
def test_refuses_betas(betas):
    with pytest.raises(ValueError, match="Adam: betas must be two numbers from 0 to below 1, not"):
        pydl.optim.Adam(parameters(), betas=betas)
