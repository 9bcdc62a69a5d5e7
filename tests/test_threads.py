"""The same bits for any number of threads, at sizes at which kernels share their work: those of the benchmarks.

The samples that check_kernel draws are small and run in one thread.
"""

import importlib
import sys
from pathlib import Path

import numpy as np
import pytest
from checks import check_threads

import pydl
from pydl import _native, nn
from pydl.op import KERNELS, native_isa

FOLDER = Path(__file__).resolve().parent.parent / "benchmarks"
LARGEST_BYTES = 34_000_000  # larger shapes only take longer
SHARED_BYTES, SHARED_FLOPS = 400_000, 4_000_000  # from one of them on, every kernel has work for several threads


sys.path.append(str(FOLDER))  # the files there import each other
FILES = [importlib.import_module(path.stem) for path in sorted(FOLDER.glob("bench_*.py"))]
BENCHES = {bench.kernel.name: bench for file in FILES for bench in file.BENCHES}


def to_double(value):
    if isinstance(value, list):
        return [to_double(each) for each in value]
    return value.astype(np.float64) if isinstance(value, np.ndarray) and value.dtype == np.float32 else value


def shared_shapes(bench):
    """The shapes that are large enough to be shared by threads, and small enough for a test."""
    if bench.flops is not None:
        return [shape for shape in bench.shapes if bench.flops(*shape) >= SHARED_FLOPS]
    return [shape for shape in bench.shapes if SHARED_BYTES <= bench.bytes(*shape) <= LARGEST_BYTES]


@pytest.mark.parametrize("name", sorted(BENCHES))
def test_kernel(name):
    bench = BENCHES[name]
    shapes = shared_shapes(bench)
    assert shapes, f"none of {bench.shapes} is large enough to be shared by threads, and small enough for a test"
    for i, shape in enumerate(shapes):
        arguments = bench.arguments(*shape)
        for values in (arguments, tuple(map(to_double, arguments))):
            named = dict(zip(bench.kernel.arguments, values, strict=True))
            if "words" in named:  # of randn: how many random words make a number
                named["words"] = named["y"].itemsize // 4
            for isa in _native.isas if i == 0 else [pydl.op.isa]:
                with native_isa(isa):
                    check_threads(bench.kernel, named)


def test_every_kernel_is_among_them():
    modules = "pydl.ops", "pydl.optim", "pydl.recording.element_chain"
    ours = {name for name, kernel in KERNELS.items() if kernel.reference.__module__.startswith(modules)}
    assert ours == set(BENCHES)


def lenet():
    layers = [nn.Conv2d(1, 20, 5), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(20, 40, 5), nn.Tanh(), nn.AvgPool2d(2)]
    return nn.Sequential(*layers, nn.Flatten(), nn.Linear(640, 100), nn.Sigmoid(), nn.Dropout(0.5), nn.Linear(100, 10))


class Sequences(nn.Module):
    """Two layers of LSTM in both directions over the rows of an image."""

    def __init__(self):
        super().__init__()
        self.lstm = nn.LSTM(28, 96, num_layers=2, batch_first=True, bidirectional=True)
        self.last = nn.Linear(192, 10)

    def forward(self, x):
        output, _ = self.lstm(x.reshape(-1, 28, 28), lengths=1 + np.arange(len(x)) % 28)
        return self.last(output.mean(1))


@pytest.mark.parametrize("build", [lenet, Sequences])
def test_training_step(build):
    """Loss, gradients and updated weights."""
    before = pydl.get_num_threads()
    outcomes = []
    try:
        for threads in (1, 2, 3):
            pydl.set_num_threads(threads)
            pydl.manual_seed(0)
            model = build()
            optimizer = pydl.optim.Adam(model.parameters())
            x, labels = pydl.randn(64, 1, 28, 28), np.arange(64) % 10
            loss = nn.functional.cross_entropy(model(x), labels)
            loss.backward()
            norm = pydl.optim.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            results = [loss, norm, *(p.grad for p in model.parameters()), *model.parameters()]
            outcomes.append([result.detach().numpy().tobytes() for result in results])
    finally:
        pydl.set_num_threads(before)
    assert outcomes[0] == outcomes[1] == outcomes[2]
