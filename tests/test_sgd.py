import numpy as np
import pytest
from checks import check_kernel
from optimizers import check_against_torch, check_large, check_resumes, large_lists, parameters

import pydl
from pydl.optim.sgd import sgd_update


def test_native_equals_reference():
    check_kernel(sgd_update)


def test_many_large_tensors():
    w, g, v = large_lists(3)
    names = {"lr": 0.1, "momentum": 0.9, "dampening": 0.0, "weight_decay": 0.01, "nesterov": True}
    check_large(sgd_update, {"w": w, "g": g, "v": v, **names})


def test_worked_by_hand():
    w = pydl.tensor([1.0, 2.0], dtype=np.float64, requires_grad=True)
    optimizer = pydl.optim.SGD([w], lr=0.5, momentum=0.5)
    for _ in range(2):
        w.grad = pydl.tensor(np.array([1.0, -2.0]))
        optimizer.step()
    # v = 1 then 1.5; w = 1 - 0.5 - 0.75.
    assert w.tolist() == [-0.25, 4.5]


@pytest.mark.parametrize(
    "options",
    [
        {"lr": 0.1},
        {"lr": 0.1, "momentum": 0.9},
        {"lr": 0.1, "momentum": 0.9, "dampening": 0.3},
        {"lr": 0.1, "momentum": 0.9, "nesterov": True, "weight_decay": 0.05},
        {"weight_decay": 0.1},
    ],
    ids=str,
)
def test_torch(options):
    check_against_torch("SGD", **options)


def test_resumes():
    check_resumes(lambda params: pydl.optim.SGD(params, lr=0.1, momentum=0.9, dampening=0.5))


def test_no_weight_decay_leaves_infinite_weights_alone():
    w = pydl.tensor([np.inf], requires_grad=True)
    w.grad = pydl.tensor([1.0])
    pydl.optim.SGD([w], lr=0.1).step()
    assert w.tolist() == [np.inf]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"lr": -1.0}, "SGD: lr must be a number of at least 0, not -1.0"),
        ({"lr": float("nan")}, "SGD: lr must be a number of at least 0, not nan"),
        ({"momentum": -0.5}, "SGD: momentum must be a number of at least 0, not -0.5"),
        ({"nesterov": True}, "SGD: nesterov needs a momentum above 0 and a dampening of 0"),
        ({"nesterov": True, "momentum": 0.9, "dampening": 0.1}, "SGD: nesterov needs"),
    ],
)
def test_refuses_options(options, message):
    with pytest.raises(ValueError, match=message):
        pydl.optim.SGD(parameters(), **options)
