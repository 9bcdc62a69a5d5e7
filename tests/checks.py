"""The checks that every kernel and op goes through; a test gives the cases."""

from __future__ import annotations

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import pydl
from pydl import _native
from pydl.check import DTYPES, Draw, limit, run_both
from pydl.op import native_isa


class HypothesisDraw(Draw):
    """A Draw whose numbers hypothesis chooses, so that it can shrink what fails."""

    def __init__(self, dtype, data):
        self.dtype = np.dtype(dtype)
        self._data = data

    def integer(self, low, high):
        return self._data.draw(st.integers(low, high))

    def bits(self):
        return self._data.draw(st.integers(0, 2**32 - 1))


def check_kernel(kernel, examples=30):
    """native = reference, for generated shapes, layouts and values, both dtypes, every instruction set that this
    machine can run, and the same bits with 1, 2 and 3 threads."""
    assert kernel.native is not None, f"{kernel.name} has no native kernel"
    assert kernel.sample is not None, f"{kernel.name} describes no samples"
    assert kernel.native.arguments == kernel.arguments, "kernel and reference name their arguments alike"

    @settings(
        max_examples=examples, deadline=None, database=None, derandomize=True, suppress_health_check=list(HealthCheck)
    )
    @given(st.data(), st.sampled_from(DTYPES))
    def holds(data, dtype):
        arguments = kernel.sample(HypothesisDraw(dtype, data))
        for isa in _native.isas:
            with native_isa(isa):
                for comparison in run_both(kernel, arguments):
                    assert comparison.error <= limit(kernel, dtype), (
                        f"{kernel.name} on {isa}, {np.dtype(dtype)}: {comparison}"
                    )
                check_threads(kernel, arguments)

    holds()


def check_threads(kernel, arguments):
    """The same bits for every number of threads."""
    outcomes = []
    before = pydl.get_num_threads()
    try:
        for threads in (1, 2, 3):
            pydl.set_num_threads(threads)
            own = {name: _copy(value) if name in kernel.writes else value for name, value in arguments.items()}
            kernel.native(*(own[name] for name in kernel.arguments))
            outcomes.append(b"".join(_bytes(own[name]) for name in kernel.writes))
    finally:
        pydl.set_num_threads(before)
    assert outcomes[0] == outcomes[1] == outcomes[2], f"{kernel.name}: the result depends on the number of threads"


def check_gradient(f, *inputs, **settings):
    """Gradients of f(*inputs) against central differences in float64, on both backends."""
    for backend in ("native", "reference"):
        with pydl.use_backend(backend):
            pydl.lab.gradcheck(f, inputs, **settings)


def check_torch(f, torch_f, *inputs, rtol=1e-5):
    """Value and gradients of f against PyTorch's, in float32 and float64. Skipped where PyTorch is missing."""
    import pytest

    torch = pytest.importorskip("torch")
    for dtype in DTYPES:
        mine = [_leaf(pydl.tensor, x, dtype) for x in inputs]
        theirs = [_leaf(torch.tensor, x, dtype) for x in inputs]
        y, z = f(*mine), torch_f(*theirs)
        assert y.shape == tuple(z.shape)
        tolerance = rtol if dtype == np.float32 else 1e-11
        close(y.detach().numpy(), z.detach().numpy(), tolerance, "result")
        if y.requires_grad:
            dy = np.random.default_rng(0).standard_normal(y.shape).astype(dtype)
            y.backward(dy)
            z.backward(torch.tensor(dy))
            for i, (a, b) in enumerate(zip(mine, theirs, strict=True)):
                if getattr(b, "grad", None) is not None:
                    close(a.grad.numpy(), b.grad.numpy(), tolerance, f"gradient of argument {i}")


def close(got, want, tolerance, what):
    """|got - want| <= tolerance * max(1, largest |want|), NaN and infinities in the same places."""
    np.testing.assert_array_equal(np.isnan(got), np.isnan(want), err_msg=what)
    scale = max(1.0, float(np.abs(want[np.isfinite(want)]).max(initial=0.0)))
    np.testing.assert_allclose(got, want, rtol=0, atol=tolerance * scale, err_msg=what)


def _leaf(make, value, dtype):
    if isinstance(value, np.ndarray) and value.dtype.kind == "f":
        return make(value.astype(dtype), requires_grad=True)
    return make(value) if isinstance(value, np.ndarray) else value


def _copy(value):
    return [each.copy() for each in value] if isinstance(value, list) else None if value is None else value.copy()


def _bytes(value):
    if value is None:
        return b""
    return b"".join(each.tobytes() for each in value) if isinstance(value, list) else value.tobytes()
