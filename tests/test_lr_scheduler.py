import json

import numpy as np
import pytest
from optimizers import parameters

import pydl
from pydl.optim import SGD, Adagrad, Adam
from pydl.optim.lr_scheduler import CosineAnnealingLR, ExponentialLR, OneCycleLR, StepLR

CASES = [
    ("StepLR", {"step_size": 3, "gamma": 0.5}),
    ("ExponentialLR", {"gamma": 0.9}),
    ("CosineAnnealingLR", {"T_max": 8, "eta_min": 0.01}),
    ("OneCycleLR", {"max_lr": 0.3, "total_steps": 20}),
    ("OneCycleLR", {"max_lr": 0.3, "epochs": 4, "steps_per_epoch": 5, "anneal_strategy": "linear", "pct_start": 0.5}),
    ("OneCycleLR", {"max_lr": 0.3, "total_steps": 20, "three_phase": True, "base_momentum": 0.5}),
    ("OneCycleLR", {"max_lr": 0.3, "total_steps": 20, "div_factor": 10.0, "final_div_factor": 50.0, "pct_start": 0.0}),
]


def settings(optimizer):
    group = optimizer.param_groups[0]
    return [group["lr"], *group.get("betas", [group.get("momentum", 0)])]


@pytest.mark.parametrize("rule", ["SGD", "Adam"])
@pytest.mark.parametrize(("name", "options"), CASES, ids=str)
def test_torch(name, options, rule):
    torch = pytest.importorskip("torch")
    mine = getattr(pydl.optim, rule)(parameters(), lr=0.1)
    theirs = getattr(torch.optim, rule)([torch.zeros(3, requires_grad=True)], lr=0.1)
    scheduler = getattr(pydl.optim.lr_scheduler, name)(mine, **options)
    oracle = getattr(torch.optim.lr_scheduler, name)(theirs, **options)
    for _ in range(20):
        np.testing.assert_allclose(settings(mine), settings(theirs), rtol=1e-12)
        np.testing.assert_allclose(scheduler.get_last_lr(), oracle.get_last_lr(), rtol=1e-12)
        mine.step()
        theirs.step()
        scheduler.step()
        oracle.step()


@pytest.mark.parametrize(("name", "options"), CASES, ids=str)
def test_resumes(name, options):
    make = getattr(pydl.optim.lr_scheduler, name)
    whole, first, second = (SGD(parameters(), lr=0.1, momentum=0.9) for _ in range(3))
    whole_scheduler, first_scheduler = make(whole, **options), make(first, **options)
    for _ in range(15):
        whole_scheduler.step()
    for _ in range(7):
        first_scheduler.step()
    second_scheduler = make(second, **options)
    second.load_state_dict(json.loads(json.dumps(first.state_dict())))
    second_scheduler.load_state_dict(json.loads(json.dumps(first_scheduler.state_dict())))
    for _ in range(8):
        second_scheduler.step()
    assert second.param_groups[0]["lr"] == whole.param_groups[0]["lr"]
    assert second.param_groups[0]["momentum"] == whole.param_groups[0]["momentum"]


def test_groups_keep_their_own_rates():
    a, b = parameters()[:2]
    optimizer = SGD([{"params": [a], "lr": 1.0}, {"params": [b], "lr": 0.1}])
    scheduler = ExponentialLR(optimizer, gamma=0.5)
    scheduler.step()
    assert scheduler.get_last_lr() == [0.5, 0.05]
    OneCycleLR(optimizer, max_lr=[1.0, 2.0], total_steps=10, div_factor=4)
    assert [group["lr"] for group in optimizer.param_groups] == [0.25, 0.5]


@pytest.mark.parametrize("steps", [1, 2, 10])
@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 1.0])
def test_one_cycle_of_any_length(steps, share):
    optimizer = SGD(parameters(), lr=0.1)
    scheduler = OneCycleLR(optimizer, max_lr=1.0, total_steps=steps, pct_start=share)
    for _ in range(steps):
        assert 0 <= optimizer.param_groups[0]["lr"] <= 1.0
        scheduler.step()
    with pytest.raises(ValueError, match=f"OneCycleLR: step {steps + 1} was asked for, but total_steps is {steps}"):
        scheduler.step()


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda o: OneCycleLR(o, 0.1), "OneCycleLR: give total_steps, or both epochs and steps_per_epoch"),
        (
            lambda o: OneCycleLR(o, 0.1, total_steps=0),
            "OneCycleLR: total_steps must be at least 1, not 0",
        ),
        (
            lambda o: OneCycleLR(o, 0.1, total_steps=9, pct_start=1.5),
            "OneCycleLR: pct_start must be from 0 to 1, not 1.5",
        ),
        (
            lambda o: OneCycleLR(o, 0.1, total_steps=9, anneal_strategy="up"),
            "anneal_strategy must be 'cos' or 'linear'",
        ),
        (lambda o: OneCycleLR(o, [0.1, 0.2], total_steps=9), "max_lr has 2 values, but the optimizer has 1 groups"),
        (lambda o: OneCycleLR(Adagrad(parameters()), 0.1, 9), "has no momentum to cycle; set cycle_momentum=False"),
        (lambda o: StepLR(o, 0), "StepLR: step_size must be at least 1, not 0"),
        (lambda o: CosineAnnealingLR(o, 0), "CosineAnnealingLR: T_max must be at least 1, not 0"),
        (lambda o: StepLR(o, 3, last_epoch=5), "StepLR: last_epoch is 5, but the groups have no initial_lr"),
        (
            lambda o: StepLR(o, 3).load_state_dict({"T_max": 3}),
            "StepLR: the state has entries that do not belong: T_max",
        ),
    ],
)
def test_refuses(make, message):
    with pytest.raises(ValueError, match=message):
        make(Adam(parameters()))


def test_refuses_what_is_no_optimizer():
    with pytest.raises(TypeError, match="StepLR: optimizer must be an Optimizer, not list"):
        StepLR([], 3)
