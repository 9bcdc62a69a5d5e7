import pytest
from optimizers import check_against_torch, check_resumes, parameters

import pydl


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"lr": 0.1, "betas": (0.5, 0.6), "weight_decay": 0.1, "maximize": True},
        {"lr": 0.1, "momentum_decay": 0.1, "weight_decay": 0.1, "decoupled_weight_decay": True},
    ],
    ids=str,
)
def test_torch(options):
    check_against_torch("NAdam", double=1e-7, **options)  # PyTorch has the product of u in float32


def test_resumes():
    check_resumes(lambda params: pydl.optim.NAdam(params, lr=0.1))


def test_refuses_options():
    with pytest.raises(ValueError, match="NAdam: betas must be two numbers from 0 to below 1, not"):
        pydl.optim.NAdam(parameters(), betas=(0.9, 1.0))


def test_each_parameter_has_its_own_product_of_u():
    """One misses the step before beta1 changes, the other one the step after: both have then had two steps."""
    both = [pydl.nn.Parameter([1.0]), pydl.nn.Parameter([1.0])]
    optimizer = pydl.optim.NAdam(both)
    for beta1, used in ((0.9, (True, True)), (0.5, (True, False)), (0.8, (False, True)), (0.8, (True, True))):
        optimizer.param_groups[0]["betas"] = (beta1, 0.999)
        for parameter, use in zip(both, used, strict=True):
            parameter.grad = pydl.tensor([1.0]) if use else None
        optimizer.step()
    alone = [pydl.nn.Parameter([1.0]), pydl.nn.Parameter([1.0])]
    for parameter, betas in zip(alone, ((0.9, 0.5, 0.8), (0.9, 0.8, 0.8)), strict=True):
        optimizer = pydl.optim.NAdam([parameter])
        for beta1 in betas:
            optimizer.param_groups[0]["betas"] = (beta1, 0.999)
            parameter.grad = pydl.tensor([1.0])
            optimizer.step()
    assert [parameter.item() for parameter in both] == [parameter.item() for parameter in alone]
    assert both[0].item() != both[1].item()
