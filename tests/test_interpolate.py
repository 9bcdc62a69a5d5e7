import numpy as np
import pytest
from checks import check_gradient, check_torch, torch

from pydl.ops import interpolate

RNG = np.random.default_rng(0)
SHAPES = [(2, 3, 5), (2, 1, 4, 7), (1, 2, 3, 4, 2)]
LINEAR = {3: "linear", 4: "bilinear", 5: "trilinear"}
SIZES = [{"size": 3}, {"size": 9}, {"scale_factor": 2}, {"scale_factor": 1.7}, {"scale_factor": 0.6}]


@pytest.mark.parametrize("sizes", SIZES, ids=str)
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_torch(shape, sizes):
    x, linear = RNG.standard_normal(shape), LINEAR[len(shape)]
    for options in (
        {"mode": "nearest"},
        {"mode": "nearest-exact"},
        {"mode": linear},
        {"mode": linear, "align_corners": True},
        {"mode": "area"},
        *({"mode": "bicubic", "align_corners": ends} for ends in (False, True) if len(shape) == 4),
        {"mode": linear, "recompute_scale_factor": True} if "scale_factor" in sizes else {"mode": linear},
    ):
        check_torch(
            lambda x, options=options: interpolate(x, **sizes, **options),
            lambda x, options=options: torch.nn.functional.interpolate(x, **sizes, **options),
            x,
        )


@pytest.mark.parametrize("sizes", [{"scale_factor": 2}, {"size": (150, 31)}, {"size": (33, 211)}], ids=str)
def test_long_lines_go_in_parts(sizes):
    x = RNG.standard_normal((1, 2, 90, 140))
    for options in ({"mode": "bilinear"}, {"mode": "bicubic", "align_corners": True}):
        check_torch(
            lambda x, options=options: interpolate(x, **sizes, **options),
            lambda x, options=options: torch.nn.functional.interpolate(x, **sizes, **options),
            x,
            rtol=1e-4,  # PyTorch's places of float32 are rounded
        )


def test_gradient():
    x = RNG.standard_normal((1, 2, 3, 4))
    check_gradient(lambda x: interpolate(x, (5, 3)), x)
    check_gradient(lambda x: interpolate(x, (5, 3), mode="bilinear"), x)


def test_worked_by_hand():
    x = np.array([[[1.0, 3.0]]])
    assert interpolate(x, 4).tolist() == [[[1.0, 1.0, 3.0, 3.0]]]
    assert interpolate(x, 4, mode="linear").tolist() == [[[1.0, 1.5, 2.5, 3.0]]]
    assert interpolate(x, 5, mode="linear", align_corners=True).tolist() == [[[1.0, 1.5, 2.0, 2.5, 3.0]]]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: interpolate(np.ones((1, 1, 4))), "interpolate: give either size or scale_factor"),
        (lambda: interpolate(np.ones((1, 1, 4)), 2, mode="bilinear"), r"interpolate: input must be \(N, C, H, W\) for"),
        (lambda: interpolate(np.ones((1, 1, 4)), (2, 2)), r"interpolate: size must be one number or 1, not \(2, 2\)"),
        (lambda: interpolate(np.ones((1, 1, 4)), 2, align_corners=True), "interpolate: align_corners is for linear"),
        (lambda: interpolate(np.ones((1, 1, 4)), scale_factor=0.1), "interpolate: scale_factor 0.1 makes no size of 4"),
    ],
)
def test_refuses(call, message):
    with pytest.raises(ValueError, match=message):
        call()
