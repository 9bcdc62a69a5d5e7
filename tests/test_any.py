import numpy as np
import pytest
from checks import check_refused, torch

import pydl

rng = np.random.default_rng(0)
ARRAYS = [rng.integers(0, 2, (3, 2, 3)).astype(dtype) for dtype in ("bool", "float32", "float64", "int64", "int32")]
ARRAYS += [np.array([0.0, np.nan]), np.zeros((0, 2, 3)), np.array(2.0)]


@pytest.mark.parametrize("name", ["any", "all", "count_nonzero"])
@pytest.mark.parametrize("options", [{}, {"dim": 0}, {"dim": -1, "keepdim": True}, {"dim": (0, 2)}], ids=str)
def test_as_in_pytorch(name, options):
    if name == "count_nonzero" and "keepdim" in options:
        return
    for x in ARRAYS:
        if isinstance(options.get("dim"), tuple) and x.ndim < 3:
            continue
        want = getattr(torch.tensor(x), name)(**options).numpy()
        got = getattr(pydl.tensor(x), name)(**options)
        assert got.dtype == want.dtype
        np.testing.assert_array_equal(got.numpy(), want)


def test_refuses():
    check_refused(lambda: pydl.any(ARRAYS[0], 3), IndexError, "any: dim is 3, but the input has 3 dimensions")
    check_refused(lambda: pydl.all("text"), TypeError, "all: input must be a tensor or an array, not str")


@pytest.mark.parametrize("shape", [(3, 5, 4), (1500, 3), (40, 30, 5), (200, 60)])
@pytest.mark.parametrize("keepdim", [False, True])
def test_many_short_lines(shape, keepdim):
    x = rng.integers(-1, 2, shape).astype(np.float32)
    x[0], x[-1] = 0, np.nan
    for values in (x, np.nan_to_num(x).astype(np.int64), x > 0, np.swapaxes(x, 0, -1)):
        for dim in (*range(x.ndim), -1, (0, x.ndim - 1)):
            for name in ("any", "all"):
                want = getattr(torch, name)(torch.tensor(values.copy()), dim, keepdim).numpy()
                got = getattr(pydl, name)(values, dim, keepdim)
                assert got.dtype == np.bool_
                np.testing.assert_array_equal(got.numpy(), want)
