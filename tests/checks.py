"""The checks that every kernel and op goes through; a test gives the cases."""

from __future__ import annotations

import importlib
import itertools
import os

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import pydl
from pydl import _native
from pydl.check import DTYPES, Draw, compare_all, flush, limit, run_on_copies, run_reference
from pydl.op import native_isa


class Oracle:
    """PyTorch, imported at its first use. Where it is missing its names still stand in tables of cases, and a test
    that calls one of them is skipped.
    """

    def __getattr__(self, name):
        try:
            return getattr(importlib.import_module("torch"), name)
        except ModuleNotFoundError:
            return Missing()


class Missing:
    """Something of PyTorch's, on a machine without it."""

    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        return Missing()

    def __call__(self, *arguments, **options):
        pytest.skip("PyTorch is not installed")


torch = Oracle()


# At most so many sets of arguments for a kernel: for slow builds, such as those with sanitizers.
MOST_EXAMPLES = int(os.environ.get("PYDL_TEST_EXAMPLES", 1000))


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
        max_examples=min(examples, MOST_EXAMPLES),
        deadline=None,
        database=None,
        derandomize=True,
        suppress_health_check=list(HealthCheck),
    )
    @given(st.data(), st.sampled_from(DTYPES))
    def holds(data, dtype):
        arguments = kernel.sample(HypothesisDraw(dtype, data))
        reference = run_reference(kernel, arguments)
        for isa in _native.isas:
            with native_isa(isa):
                for comparison in compare_all(check_threads(kernel, arguments), reference):
                    assert comparison.error <= limit(kernel, dtype), (
                        f"{kernel.name} on {isa}, {np.dtype(dtype)}: {comparison}"
                    )

    holds()


def check_threads(kernel, arguments):
    """The same bits for every number of threads. Returns what the kernel writes."""
    outcomes = []
    before = pydl.get_num_threads()
    try:
        for threads in (1, 2, 3):
            pydl.set_num_threads(threads)
            outcomes.append(run_on_copies(kernel.native, kernel, arguments))
    finally:
        pydl.set_num_threads(before)
    one, two, three = ([_bytes(written) for written in outcome.values()] for outcome in outcomes)
    assert one == two == three, f"{kernel.name}: the result depends on the number of threads"
    return outcomes[0]


def check_gradient(f, *inputs, **settings):
    """Gradients of f(*inputs) against central differences in float64, on both backends."""
    for backend in ("native", "reference"):
        with pydl.use_backend(backend):
            pydl.lab.gradcheck(f, inputs, **settings)


def check_torch(f, torch_f, *inputs, rtol=1e-5):
    """Value and gradients of f against PyTorch's, in float32 and float64. Skipped where PyTorch is missing."""
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


def check_broadcasting(f, torch_f, low=-2.0, high=2.0):
    """Value and gradients of a function of two arrays that broadcast, of numbers, and of arrays without elements."""
    rng = np.random.default_rng(3)
    for a_shape, b_shape in [((3, 4), (3, 4)), ((2, 3, 4), (4,)), ((3, 1), (2, 1, 5)), ((), (2, 2)), ((0, 3), (1, 3))]:
        a, b = rng.uniform(low, high, a_shape), rng.uniform(low, high, b_shape)
        check_gradient(f, a, b)
        check_torch(f, torch_f, a, b)
    a = rng.uniform(low, high, (2, 3))
    check_torch(lambda x: f(x, 1.5), lambda x: torch_f(x, 1.5), a)
    b = np.abs(a)
    check_torch(lambda x: f(x, x.data[0]), lambda x: torch_f(x, x.detach()[0]), b)  # only one of the two has a gradient
    x, z = pydl.tensor(a.astype(np.float32), requires_grad=True), pydl.tensor(b, requires_grad=True)
    y = f(x, z)
    assert y.dtype == np.float64
    y.backward(np.ones(y.shape))
    assert x.grad.dtype == np.float32, "a gradient has the dtype of its tensor"
    assert z.grad.dtype == np.float64
    name = f.name
    with pytest.raises(ValueError, match=rf"{name}: shapes \(2, 3\) and \(4,\) do not broadcast together"):
        f(a, np.ones(4))
    with pytest.raises(TypeError, match=f"{name}: .* must be a tensor or an array, not str"):
        f(a, "text")


def check_promotion(f, torch_f, numbers=(True, 2, 0.1)):
    """dtype and value for every pair of dtypes, with dimensions and without, and Python numbers, as in PyTorch."""
    arrays = [np.array(value, dtype) for dtype in ["?", "u1", "i4", "i8", "f4", "f8"] for value in (3, [1, 2])]
    for a, b in [*itertools.product(arrays, arrays), *itertools.product(arrays, numbers)]:
        try:
            want = torch_f(torch.tensor(a), torch.tensor(b) if isinstance(b, np.ndarray) else b).numpy()
        except RuntimeError:  # PyTorch refuses bool in some places where it is taken for 0 and 1 here
            assert any(np.asarray(each).dtype == np.bool_ for each in (a, b))
            continue
        got = f(a, b)
        assert got.dtype == want.dtype, (a, b)
        np.testing.assert_allclose(got.numpy(), want, rtol=1e-6, err_msg=f"{a!r}, {b!r}")


def check_special_values(f, torch_f, arity=1, rtol=1e-5):
    """NaN, infinities, zeros, the largest and smallest numbers and all their pairs, as in PyTorch.

    float32 kernels may take denormals for zero, in their arguments and their results.
    """
    for dtype in DTYPES:
        limits = np.finfo(dtype)
        special = [np.nan, np.inf, -np.inf, 0.0, -0.0, 1.0, -1.0, 2.5, -30.0, 100.0, -800.0]
        special += [limits.max, limits.min, limits.tiny * 2, limits.tiny / 8]
        x = np.array(special, dtype)
        arguments = [x] if arity == 1 else [np.repeat(x, len(x)), np.tile(x, len(x))]
        got = f(*arguments).numpy()
        exact, flushed = (
            torch_f(*(torch.tensor(each) for each in side)).numpy()
            for side in (arguments, [flush(x) for x in arguments])
        )
        for i, value in np.ndenumerate(got):
            wanted = {float(exact[i]), float(flushed[i])} if dtype == np.float32 else {float(exact[i])}
            assert any(same_number(float(value), want, dtype, rtol) for want in wanted), (
                f"{[float(each[i]) for each in arguments]} in {np.dtype(dtype)} gives {value}, PyTorch {wanted}"
            )


def check_elementwise(f, torch_f, x, **settings):
    """Value and gradient of a function of each element, with these settings and of an array without elements."""
    check_gradient(lambda x: f(x, **settings), x)
    for values in (x, np.zeros((0, 3))):
        check_torch(lambda x: f(x, **settings), lambda x: torch_f(x, **settings), values)


def check_refused(call, error, message):
    """The call raises this error, and the message is a part of its text."""
    with pytest.raises(error) as raised:
        call()
    assert message in str(raised.value)


def same_number(got, want, dtype, rtol):
    if np.isnan(want) or np.isinf(want) or np.isnan(got) or np.isinf(got):
        return got == want or (np.isnan(got) and np.isnan(want))
    smallest = float(np.finfo(dtype).tiny) if dtype == np.float32 else 0.0
    return abs(got - want) <= (rtol if dtype == np.float32 else 1e-12) * abs(want) + smallest


def close(got, want, tolerance, what):
    """|got - want| <= tolerance * max(1, largest |want|), NaN and infinities in the same places."""
    np.testing.assert_array_equal(np.isnan(got), np.isnan(want), err_msg=what)
    scale = max(1.0, float(np.abs(want[np.isfinite(want)]).max(initial=0.0)))
    np.testing.assert_allclose(got, want, rtol=0, atol=tolerance * scale, err_msg=what)


def _leaf(make, value, dtype):
    if isinstance(value, np.ndarray) and value.dtype.kind == "f":
        return make(value.astype(dtype), requires_grad=True)
    return make(value) if isinstance(value, np.ndarray) else value


def _bytes(value):
    if value is None:
        return b""
    if isinstance(value, list):
        return b"".join(map(_bytes, value))
    # Of two NaNs, a sum keeps the sign of its first operand, and a compiler may swap the operands of any sum.
    return np.where(np.isnan(value), np.nan, value).tobytes() if value.dtype.kind == "f" else value.tobytes()


def same_bits(one, other):
    """Whether two tensors are equal to the bit, and of one dtype."""
    return np.array_equal(one.data, other.data, equal_nan=True) and one.dtype == other.dtype


def check_whole_numbers(call, *inputs, dtypes=("int64", "int32", "uint8", "bool")):
    """Value and dtype of a call, which suits tensors of either library, for integers and bool, as in PyTorch."""
    for dtype in dtypes:
        arrays = [np.abs(np.rint(each)).astype(dtype) if each.dtype.kind == "f" else each for each in inputs]
        got, want = call(*map(pydl.tensor, arrays)), call(*map(torch.tensor, arrays))
        for a, b in zip(got, want, strict=True) if isinstance(want, tuple) else [(got, want)]:
            assert a.dtype == b.numpy().dtype, dtype
            np.testing.assert_array_equal(a.numpy(), b.numpy(), err_msg=dtype)


def kernel_names(captured):
    """The kernels that the one recording of a captured function calls, in turn."""
    (recording,) = captured._recordings.values()
    return [kernel.__name__ for kernel, _ in recording.calls]


def randn(*shape):
    """Normal float32 numbers, the same for the same shape."""
    return np.random.default_rng(sum(shape)).standard_normal(shape).astype(np.float32)
