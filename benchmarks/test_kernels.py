"""Times every kernel as native code, as plain numpy and as the pure-Python reference, and checks that they agree.

    pytest benchmarks/ --benchmark-only -k "max_pool2d and native"

The figures are printed by conftest.py beside the machine's own limits.
"""

from __future__ import annotations

import importlib
from pathlib import Path

import numpy as np
import pytest

from pydl.check import compare, limit

FILES = sorted(path.stem for path in Path(__file__).parent.glob("bench_*.py"))
BENCHES = [bench for file in FILES for bench in importlib.import_module(file).BENCHES]


def label(shape):
    return "x".join(map(str, shape))


def cases():
    for bench in BENCHES:
        for shape in bench.shapes:
            for implementation in ("native", "numpy"):
                yield pytest.param(
                    bench, shape, implementation, id=f"{bench.kernel.name}-{label(shape)}-{implementation}"
                )
        for implementation in ("native", "reference"):
            if implementation == "reference" or bench.small not in bench.shapes:
                name = f"{bench.kernel.name}-{label(bench.small)}-{implementation}"
                yield pytest.param(bench, bench.small, implementation, id=name)


@pytest.mark.parametrize(("bench", "shape", "implementation"), list(cases()))
def test_kernel(benchmark, bench, shape, implementation):
    arguments = bench.arguments(*shape)
    run = {"native": bench.kernel.native, "numpy": bench.numpy, "reference": bench.kernel.run_reference}[implementation]
    benchmark.group = f"{bench.kernel.name} {label(shape)}"
    benchmark.extra_info.update(
        kernel=bench.kernel.name,
        shape=label(shape),
        implementation=implementation,
        flops=bench.flops(*shape) if bench.flops else None,
        bytes=bench.bytes(*shape) if bench.bytes else None,
    )
    if implementation == "reference":
        benchmark.pedantic(run, arguments, rounds=1)  # takes a second; once is enough to see a factor of thousands
    else:
        benchmark(run, *arguments)


@pytest.mark.parametrize("bench", BENCHES, ids=lambda bench: bench.kernel.name)
def test_numpy_agrees(bench):
    """What is timed against each other computes the same."""
    arguments = bench.arguments(*bench.small)
    written = [bench.kernel.arguments.index(name) for name in bench.kernel.writes]
    results = []
    for run in (bench.numpy, bench.kernel.native):
        own = [_copy(each) if i in written else each for i, each in enumerate(arguments)]
        run(*own)
        results.append([own[i] for i in written])
    for name, left, right in zip(bench.kernel.writes, *results, strict=True):
        pairs = zip(left, right, strict=True) if isinstance(left, list) else [(left, right)]
        for a, b in pairs:
            if a is not None:
                assert compare(name, a, b).error <= 10 * limit(bench.kernel, np.float32)


def _copy(value):
    """The same in other memory, laid out alike."""
    if isinstance(value, list):
        return [_copy(each) for each in value]
    return None if value is None else value.copy(order="K")
