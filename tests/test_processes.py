"""Kernels among threads, processes and the arithmetic of others."""

import multiprocessing
import sys
import threading

import numpy as np
import pytest

import pydl
from pydl import _native
from pydl.op import native_isa
from pydl.ops.matmul import matmul
from pydl.ops.relu import relu_forward

A = np.random.default_rng(0).standard_normal((256, 256)).astype(np.float32)


@pytest.fixture
def two_threads():
    before = pydl.get_num_threads()
    pydl.set_num_threads(2)
    yield
    pydl.set_num_threads(before)


def product():
    return matmul(A, A).numpy()


def send_product(pipe):
    pipe.send((product().tobytes(), pydl.get_num_threads()))


@pytest.mark.skipif(sys.platform != "linux", reason="forking a process with threads is a habit of Linux")
@pytest.mark.filterwarnings("ignore:.*multi-threaded, use of fork:DeprecationWarning")
def test_a_forked_child_computes(two_threads):
    """OpenMP's threads do not survive a fork: the child works with one, and must not wait for the others."""
    want = product()
    context = multiprocessing.get_context("fork")
    for _ in range(3):
        here, there = context.Pipe(duplex=False)
        child = context.Process(target=send_product, args=(there,))
        child.start()
        try:
            assert here.poll(60), "the child hangs"
            assert here.recv() == (want.tobytes(), 1)
        finally:
            child.kill()
            child.join()
    assert product().tobytes() == want.tobytes(), "the parent still computes"


def test_two_python_threads_at_once(two_threads):
    """Kernels release the GIL, so that calls overlap."""
    want = {n: matmul(A[:n], A).numpy().tobytes() for n in (100, 256)}
    wrong = []

    def work(n):
        for _ in range(50):
            if matmul(A[:n], A).numpy().tobytes() != want[n]:
                wrong.append(n)

    workers = [threading.Thread(target=work, args=(n,)) for n in (100, 256, 256)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert not wrong


@pytest.mark.parametrize("isa", _native.isas)
def test_denormal_numbers_stay_numbers_outside_of_kernels(isa, two_threads):
    """float32 kernels take denormal numbers for zero; the threads that ran them must not go on doing so."""
    tiny = np.full(1 << 20, np.finfo(np.float32).tiny)
    with native_isa(isa):
        relu_forward.native(tiny, np.empty_like(tiny))
        with pytest.raises(ValueError, match="relu_forward: x must have the shape of y"):
            relu_forward.native(tiny, np.empty_like(tiny[1:]))
    assert np.all(tiny / 4 > 0)
