"""What the tests of the pooling operations share; a test gives the operation and its settings."""

import numpy as np
from checks import check_gradient, check_torch, torch

RNG = np.random.default_rng(0)


def of_torch(pool):
    """PyTorch's operation of the same name."""
    return getattr(torch.nn.functional, pool.name)


def different_numbers(shape, scale=7.0):
    """No two are equal, so that the largest one of a window is a matter of no tolerance."""
    return RNG.permutation(int(np.prod(shape))).reshape(shape) / scale


def equal_numbers(shape, special):
    """Many are equal; with special values among them or not."""
    x = RNG.integers(0, 3, shape).astype(np.float32)
    if special:
        odd = RNG.random(shape)
        x[odd < 0.02], x[(odd > 0.1) & (odd < 0.4)], x[odd > 0.95] = np.nan, -np.inf, np.inf
    return x


def check_against_torch(pool, shape, settings):
    check_torch(lambda x: pool(x, *settings), lambda x: of_torch(pool)(x, *settings), different_numbers(shape))


def check_indices(pool, shape, settings, special):
    """Which one of equals wins, and which special value, as in PyTorch."""
    x = equal_numbers(shape, special)
    y, indices = pool(x, *settings, return_indices=True)
    z, positions = of_torch(pool)(torch.tensor(x), *settings, return_indices=True)
    np.testing.assert_array_equal(y.numpy(), z.numpy())
    np.testing.assert_array_equal(indices.numpy(), positions.numpy())


def check_pooling_gradient(pool, shape, settings):
    check_gradient(lambda x: pool(x, *settings), different_numbers(shape, 10.0))


def check_any_strides(pool, shape, *settings, tolerance=0.0, **options):
    """The same for every layout. Options: return_indices=True checks the indices too."""
    x = RNG.standard_normal(shape).astype(np.float32)
    views = [x.swapaxes(0, 1)[..., ::-1], x.swapaxes(0, 1).swapaxes(-1, -2), x[::-1, ..., ::2, ::-1], x[..., ::-1, ::3]]
    for view in [*views, np.broadcast_to(x[:1], (3, *shape[1:]))]:
        got, want = (pool(each, *settings, **options) for each in (view, np.ascontiguousarray(view)))
        for mine, theirs in zip(*((each if options else [each]) for each in (got, want)), strict=True):
            np.testing.assert_allclose(mine.numpy(), theirs.numpy(), rtol=0, atol=tolerance)


def wrong_calls(pool, x, layout, integers):
    """Calls that every pooling of windows refuses, with the error and a part of its message.

    layout: of the input; integers: how many a size may be.
    """
    dims = x.ndim - 2
    larger = f"kernel size {(30,) * dims} with dilation {(1,) * dims} is larger than the input with its padding"
    most = f"padding is 2 but may be at most half the kernel size {(3,) * dims}"
    return [
        (lambda: pool(x, 3, padding=2), ValueError, most),
        (lambda: pool(x, 30), ValueError, larger),
        (lambda: pool(x, 0), ValueError, "kernel_size must be at least 1, not 0"),
        (lambda: pool(x, 2, 0), ValueError, "stride must be at least 1, not 0"),
        (lambda: pool(x, 2, padding=-1), ValueError, "padding must be at least 0, not -1"),
        (lambda: pool(x, 2.0), TypeError, "kernel_size must be an integer, not 2.0"),
        (lambda: pool(x, (2,) * 4), ValueError, f"kernel_size must be {integers}, not (2, 2, 2, 2)"),
        (lambda: pool(x, 2, ceil_mode="yes"), TypeError, "ceil_mode must be True or False, not 'yes'"),
        *wrong_inputs(pool, x, layout),
    ]


def wrong_adaptive_calls(pool, x, layout, integers):
    """As wrong_calls, of the adaptive poolings."""
    nothing = "input must have some elements to pool, but has shape"
    return [
        (lambda: pool(x, 0), ValueError, "output_size must be at least 1, not 0"),
        (lambda: pool(x, 1.5), TypeError, "output_size must be an integer, not 1.5"),
        (lambda: pool(x, (1,) * 4), ValueError, f"output_size must be {integers}, not (1, 1, 1, 1)"),
        (lambda: pool(x[..., :0], 2), ValueError, nothing),
        *wrong_inputs(pool, x, layout),
    ]


def wrong_inputs(pool, x, layout):
    line = x[0, 0]
    return [
        (lambda: pool(line, 2), ValueError, f"input must be {layout}, but has shape {line.shape}"),
        (lambda: pool(x.astype(int), 2), TypeError, "input has dtype int64 but must be float32 or float64"),
    ]
