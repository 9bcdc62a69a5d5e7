"""What the tests of all update rules share: the same steps made by pydl and by PyTorch."""

import numpy as np
import pytest
from checks import check_threads

import pydl
from pydl.check import compare_all, limit, run_on_copies

SHAPES = [(3, 4), (5,), (), (0, 2)]


def parameters(dtype=np.float64, seed=0):
    rng = np.random.default_rng(seed)
    return [pydl.tensor(np.asarray(rng.standard_normal(shape), dtype), requires_grad=True) for shape in SHAPES]


def gradient(shape, step, dtype=np.float64):
    """A gradient with a common part, so that momentum has something to gather."""
    return np.asarray(np.random.default_rng([step, *shape]).standard_normal(shape) + 0.3, dtype)


def check_against_torch(name, steps=10, double=1e-12, **options):
    """The parameters after every step, in both dtypes; in two steps one parameter gets no gradient.

    double: the tolerance in float64.
    """
    torch = pytest.importorskip("torch")
    for dtype in (np.float32, np.float64):
        mine = parameters(dtype)
        theirs = [torch.tensor(each.detach().numpy(), requires_grad=True) for each in mine]
        optimizer = getattr(pydl.optim, name)(mine, **options)
        oracle = getattr(torch.optim, name)(theirs, **options)
        for step in range(steps):
            for i, (a, b) in enumerate(zip(mine, theirs, strict=True)):
                missing = i == 1 and step in (0, 3)
                g = gradient(a.shape, step, dtype)
                a.grad = None if missing else pydl.tensor(g)
                b.grad = None if missing else torch.tensor(g)
            optimizer.step()
            oracle.step()
            for i, (a, b) in enumerate(zip(mine, theirs, strict=True)):
                tolerance = double if dtype == np.float64 else 2e-6
                message = f"{name} {options}, {np.dtype(dtype)}, step {step + 1}, parameter {i}"
                np.testing.assert_allclose(
                    a.detach().numpy(), b.detach().numpy(), rtol=tolerance, atol=tolerance, err_msg=message
                )


def check_resumes(make):
    """Five steps, a saved state, and five more give the same bits as ten steps in one go."""

    def advance(optimizer, params, steps):
        for step in steps:
            for each in params:
                each.grad = pydl.tensor(gradient(each.shape, step))
            optimizer.step()

    whole = parameters()
    advance(make(whole), whole, range(10))
    first = parameters()
    before = make(first)
    advance(before, first, range(5))
    second = [pydl.tensor(each.detach(), requires_grad=True) for each in first]
    after = make(second)
    after.load_state_dict(before.state_dict())
    advance(after, second, range(5, 10))
    for a, b in zip(whole, second, strict=True):
        np.testing.assert_array_equal(a.detach().numpy(), b.detach().numpy())


def large_lists(count, dtype=np.float32):
    """`count` lists of tensors that fill several grains of the parallel loop, with borders at odd places."""
    rng = np.random.default_rng(0)
    shapes = [(7,), (16384 - 7,), (3, 6001), (1,), (0,), (5000,)]
    lists = [[rng.standard_normal(shape).astype(dtype) for shape in shapes] for _ in range(count)]
    return lists[:2] + [[np.abs(each) + 1 for each in arrays] for arrays in lists[2:]]


def check_large(kernel, arguments):
    """A model of several grains: native = reference, and the same bits for any number of threads."""
    reference = run_on_copies(kernel.run_reference, kernel, arguments)
    for comparison in compare_all(check_threads(kernel, arguments), reference):
        assert comparison.error <= limit(kernel, np.float32), comparison
