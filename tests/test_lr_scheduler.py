import json
import re

import numpy as np
import pytest
from optimizers import parameters

import pydl
from pydl.optim import SGD, Adagrad, Adam
from pydl.optim.lr_scheduler import CosineAnnealingLR, ExponentialLR, OneCycleLR, StepLR

CASES = [
    ("MultiStepLR", {"milestones": [9, 3, 3], "gamma": 0.5}),
    ("ConstantLR", {"factor": 0.25, "total_iters": 7}),
    ("LinearLR", {"start_factor": 0.25, "end_factor": 0.75, "total_iters": 9}),
    ("PolynomialLR", {"total_iters": 12, "power": 1.7}),
    ("CosineAnnealingWarmRestarts", {"T_0": 3, "eta_min": 0.01}),
    ("CosineAnnealingWarmRestarts", {"T_0": 2, "T_mult": 2}),
    ("LambdaLR", {"lr_lambda": lambda t: 0.9**t}),
    ("MultiplicativeLR", {"lr_lambda": lambda t: 0.99 - 0.01 * (t % 7)}),
    ("CyclicLR", {"base_lr": 0.01, "max_lr": 0.3, "step_size_up": 4, "step_size_down": 3}),
    ("CyclicLR", {"base_lr": 0.01, "max_lr": 0.3, "step_size_up": 4, "mode": "triangular2"}),
    ("CyclicLR", {"base_lr": 0.01, "max_lr": 0.3, "step_size_up": 4, "mode": "exp_range", "gamma": 0.9}),
    ("CyclicLR", {"base_lr": 0.01, "max_lr": 0.3, "step_size_up": 4, "scale_fn": lambda n: 1 / n}),
    ("StepLR", {"step_size": 3, "gamma": 0.5}),
    ("ExponentialLR", {"gamma": 0.9}),
    ("CosineAnnealingLR", {"T_max": 8, "eta_min": 0.01}),
    ("OneCycleLR", {"max_lr": 0.3, "total_steps": 50}),
    ("OneCycleLR", {"max_lr": 0.3, "epochs": 5, "steps_per_epoch": 10, "anneal_strategy": "linear", "pct_start": 0.5}),
    ("OneCycleLR", {"max_lr": 0.3, "total_steps": 50, "three_phase": True, "base_momentum": 0.5}),
    ("OneCycleLR", {"max_lr": 0.3, "total_steps": 50, "div_factor": 10.0, "final_div_factor": 50.0, "pct_start": 0.0}),
]


def settings(optimizer):
    group = optimizer.param_groups[0]
    return [group["lr"], *group.get("betas", [group.get("momentum", 0)])]


def shown(value):
    """A name for a case that is the same in every process: without the addresses of functions."""
    return re.sub(r" at 0x\w+", "", str(value))


@pytest.mark.parametrize("rule", ["SGD", "Adam"])
@pytest.mark.parametrize(("name", "options"), CASES, ids=shown)
def test_torch(name, options, rule):
    torch = pytest.importorskip("torch")
    mine = getattr(pydl.optim, rule)(parameters(), lr=0.1)
    theirs = getattr(torch.optim, rule)([torch.zeros(3, requires_grad=True)], lr=0.1)
    scheduler = getattr(pydl.optim.lr_scheduler, name)(mine, **options)
    oracle = getattr(torch.optim.lr_scheduler, name)(theirs, **options)
    for _ in range(50):
        np.testing.assert_allclose(settings(mine), settings(theirs), rtol=1e-12)
        np.testing.assert_allclose(scheduler.get_last_lr(), oracle.get_last_lr(), rtol=1e-12)
        mine.step()
        theirs.step()
        scheduler.step()
        oracle.step()


def composed(library, optimizer):
    """A warm-up, then a fall by steps, then one by a cosine."""
    make = library.optim.lr_scheduler
    parts = [
        make.LinearLR(optimizer, 0.1, 1.0, 5),
        make.StepLR(optimizer, 4, 0.5),
        make.CosineAnnealingLR(optimizer, 9),
    ]
    return make.SequentialLR(optimizer, parts, [6, 20])


def chained(library, optimizer):
    make = library.optim.lr_scheduler
    return make.ChainedScheduler([make.ConstantLR(optimizer, 0.25, 7), make.ExponentialLR(optimizer, 0.9)])


@pytest.mark.parametrize("make", [composed, chained])
def test_composed_as_in_torch(make):
    torch = pytest.importorskip("torch")
    mine, theirs = SGD(parameters(), lr=0.1), torch.optim.SGD([torch.zeros(3, requires_grad=True)], lr=0.1)
    scheduler, oracle = make(pydl, mine), make(torch, theirs)
    resumed, second = None, SGD(parameters(), lr=0.1)
    for step in range(50):
        for each in (mine, second) if resumed else (mine,):
            np.testing.assert_allclose(settings(each), settings(theirs), rtol=1e-9, err_msg=f"step {step}")
        if step == 13:
            resumed = make(pydl, second)
            second.load_state_dict(json.loads(json.dumps(mine.state_dict())))
            resumed.load_state_dict(json.loads(json.dumps(scheduler.state_dict())))
        for each in (mine, theirs, scheduler, oracle, *((resumed,) if resumed else ())):
            each.step()


@pytest.mark.parametrize(
    "options",
    [
        {"patience": 1},
        {"patience": 0, "cooldown": 2, "factor": 0.5, "min_lr": 0.02},
        {"patience": 1, "mode": "max", "threshold": 0.3, "threshold_mode": "abs"},
        {"patience": 1, "threshold": 0.2, "factor": 0.7},
    ],
    ids=shown,
)
def test_plateau_as_in_torch(options):
    torch = pytest.importorskip("torch")
    mine, theirs = SGD(parameters(), lr=0.1), torch.optim.SGD([torch.zeros(3, requires_grad=True)], lr=0.1)
    scheduler = pydl.optim.lr_scheduler.ReduceLROnPlateau(mine, **options)
    oracle = torch.optim.lr_scheduler.ReduceLROnPlateau(theirs, **options)
    figures = np.random.default_rng(0).random(50) + np.linspace(1, 0, 50)
    figures[20] = np.nan
    for figure in figures:
        scheduler.step(figure)
        oracle.step(figure)
        np.testing.assert_allclose(settings(mine), settings(theirs), rtol=1e-12)


@pytest.mark.parametrize(("name", "options"), CASES, ids=shown)
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
