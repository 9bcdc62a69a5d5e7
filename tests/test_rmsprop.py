import numpy as np
import pytest
from checks import check_kernel
from optimizers import check_against_torch, check_large, check_resumes, large_lists, parameters

import pydl
from pydl.optim.rmsprop import rmsprop_update

OPTIONS = {"lr": 0.1, "alpha": 0.9, "eps": 1e-8, "weight_decay": 0.01, "momentum": 0.9}


def test_native_equals_reference():
    check_kernel(rmsprop_update)


def test_many_large_tensors():
    w, g, s, a, v = large_lists(5)
    check_large(rmsprop_update, {"w": w, "g": g, "s": s, "a": a, "v": v, **OPTIONS})


def test_worked_by_hand():
    w = pydl.tensor([1.0], dtype=np.float64, requires_grad=True)
    optimizer = pydl.optim.RMSprop([w], lr=0.5, alpha=0.75, eps=0.0)
    for g in (2.0, 1.0):
        w.grad = pydl.tensor(np.array([g]))
        optimizer.step()
    # s = 0.25 * 4 = 1, then 0.75 + 0.25 = 1: w = 1 - 0.5 * 2 - 0.5 * 1.
    np.testing.assert_allclose(w.tolist(), [-0.5], rtol=1e-14)


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"lr": 0.1, "momentum": 0.9},
        {"lr": 0.1, "centered": True, "eps": 1e-3},
        {"lr": 0.1, "centered": True, "momentum": 0.5, "weight_decay": 0.05, "alpha": 0.5, "eps": 1e-3},
    ],
    ids=str,
)
def test_torch(options):
    check_against_torch("RMSprop", **options)


def test_resumes():
    check_resumes(lambda params: pydl.optim.RMSprop(params, momentum=0.9, centered=True))


def test_centered_stays_finite_under_a_constant_gradient():
    # The variance of a constant is 0, and rounding alone would make it negative.
    w = pydl.tensor(np.zeros(1000, np.float32), requires_grad=True)
    optimizer = pydl.optim.RMSprop([w], alpha=0.5, centered=True)
    g = np.random.default_rng(0).standard_normal(1000).astype(np.float32)
    for _ in range(50):
        w.grad = pydl.tensor(g)
        optimizer.step()
    assert np.isfinite(w.detach().numpy()).all()


def test_refuses_options():
    with pytest.raises(ValueError, match="RMSprop: alpha must be a number from 0 to below 1, not 1"):
        pydl.optim.RMSprop(parameters(), alpha=1.0)
