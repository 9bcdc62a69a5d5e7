import pytest
from optimizers import check_against_torch, check_resumes, parameters

import pydl


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"lr": 0.1, "betas": (0.9, 0.99)},
        {"lr": 0.1, "betas": (0.5, 0.6), "weight_decay": 0.1, "maximize": True},
        {"lr": 0.1, "betas": (0.9, 0.9), "weight_decay": 0.1, "decoupled_weight_decay": True},
    ],
    ids=str,
)
def test_torch(options):
    check_against_torch("RAdam", **options)


def test_resumes():
    check_resumes(lambda params: pydl.optim.RAdam(params, lr=0.1))


def test_refuses_options():
    with pytest.raises(ValueError, match="RAdam: betas must be two numbers from 0 to below 1, not"):
        pydl.optim.RAdam(parameters(), betas=(0.9, 1.0))
