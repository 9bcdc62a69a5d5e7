"""The memory of results: aligned, used again, and nothing asked of the operating system once a loop is warm."""

import resource

import numpy as np
import pytest

import pydl
from pydl import _native, nn
from pydl.op import empty

empty((1,), np.dtype(np.float32))
with_arena = pytest.mark.skipif(
    _native.arena_stats()["system_requests"] == 0, reason="builds with a sanitizer take each result from malloc"
)


@pytest.mark.parametrize("shape", [(), (0,), (1,), (3, 5), (1000,), (300, 1000), (2000, 3000)])
@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.int64, np.uint8])
def test_alignment(shape, dtype):
    array = empty(shape, np.dtype(dtype))
    assert array.ctypes.data % 64 == 0
    assert array.shape == shape
    assert array.dtype == dtype
    assert array.flags.c_contiguous
    assert array.flags.writeable


@with_arena
@pytest.mark.parametrize("size", [10, 5000, 300_000, 5_000_000])
def test_what_was_freed_is_used_again(size):
    first = empty((size,), np.dtype(np.float32))
    place = first.ctypes.data
    view = first[1:]
    del first
    other = empty((size,), np.dtype(np.float32))
    assert other.ctypes.data != place, "a view still needs the memory"
    del view
    assert empty((size,), np.dtype(np.float32)).ctypes.data == place


@with_arena
def test_trim_gives_large_blocks_back():
    _native.arena_trim()
    small = _native.arena_stats()["bytes_cached"]  # of whatever ran before
    before = _native.arena_stats()["bytes_in_use"]
    array = empty((3_000_000,), np.dtype(np.float32))
    assert _native.arena_stats()["bytes_in_use"] >= before + array.nbytes
    del array
    assert _native.arena_stats()["bytes_in_use"] == before
    _native.arena_trim()
    assert _native.arena_stats()["bytes_cached"] < small + 3_000_000


@with_arena
def test_what_kernels_needed_for_themselves_counts_as_cached():
    x, w = pydl.randn(4, 16, 24, 24), pydl.randn(16, 16, 3, 3)
    before = _native.arena_stats()["bytes_in_use"]
    y = nn.functional.conv2d(x, w)
    assert _native.arena_stats()["bytes_in_use"] - before < 1.25 * y.numpy().nbytes
    del y
    assert _native.arena_stats()["bytes_in_use"] - before < 10_000


@with_arena
def test_sizes_that_differ_from_step_to_step_share_memory():
    _native.arena_trim()
    array = empty((1_300_000,), np.dtype(np.float32))
    place, requests = array.ctypes.data, _native.arena_stats()["system_requests"]
    del array
    assert empty((1_000_000,), np.dtype(np.float32)).ctypes.data == place
    assert _native.arena_stats()["system_requests"] == requests


def training_step():
    layers = [nn.Conv2d(1, 20, 5), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(20, 50, 5), nn.ReLU(), nn.MaxPool2d(2)]
    model = nn.Sequential(*layers, nn.Flatten(), nn.Linear(800, 500), nn.ReLU(), nn.Linear(500, 10))
    optimizer = pydl.optim.Adam(model.parameters())
    x, labels = pydl.randn(16, 1, 28, 28), np.arange(16) % 10

    def step():
        optimizer.zero_grad()
        nn.functional.cross_entropy(model(x), labels).backward()
        pydl.optim.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()

    return step


@with_arena
@pytest.mark.parametrize("threads", [1, 2, 3])
def test_a_warm_training_step_asks_for_no_memory(threads):
    before = pydl.get_num_threads()
    pydl.set_num_threads(threads)
    try:
        step = training_step()
        for _ in range(5):
            step()
        # Threads take scratch memory for a part each, and on a busy machine two parts may first meet in any
        # step. So several threads may need some rounds until they have all that they ever need; one has it at once.
        for _ in range(1 if threads == 1 else 30):
            requests = _native.arena_stats()["system_requests"]
            faults = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
            for _ in range(20):
                step()
            asked = _native.arena_stats()["system_requests"] - requests
            if asked == 0:
                break
        faults = resource.getrusage(resource.RUSAGE_SELF).ru_minflt - faults
    finally:
        pydl.set_num_threads(before)
    assert asked == 0
    assert faults < 100  # a fresh megabyte a step would be 5000
