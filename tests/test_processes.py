"""Kernels among threads, processes and the arithmetic of others."""

import multiprocessing
import os
import subprocess
import sys
import threading
import time

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
    """Threads do not survive a fork: the child works with one, and must not wait for the others."""
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


def send_many_products(pipe):
    pydl.set_num_threads(3)
    pipe.send({product().tobytes() for _ in range(20)})


@pytest.mark.skipif(sys.platform != "linux", reason="forking a process with threads is a habit of Linux")
@pytest.mark.filterwarnings("ignore:.*multi-threaded, use of fork:DeprecationWarning")
def test_a_forked_child_may_have_threads_again(two_threads):
    want = product()
    context = multiprocessing.get_context("fork")
    here, there = context.Pipe(duplex=False)
    child = context.Process(target=send_many_products, args=(there,))
    child.start()
    try:
        assert here.poll(60), "the child hangs"
        assert here.recv() == {want.tobytes()}
    finally:
        child.kill()
        child.join()


def draw_numbers(pipe):
    pipe.send(pydl.rand(3).tolist())


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
@pytest.mark.filterwarnings("ignore:.*multi-threaded, use of fork:DeprecationWarning")
def test_a_child_forked_while_another_thread_draws_numbers_has_numbers():
    over = threading.Event()

    def draw():
        while not over.is_set():
            pydl.rand(200_000)

    worker = threading.Thread(target=draw)
    worker.start()
    context = multiprocessing.get_context("fork")
    try:
        for _ in range(5):
            here, there = context.Pipe(duplex=False)
            child = context.Process(target=draw_numbers, args=(there,))
            child.start()
            try:
                assert here.poll(20), "the child hangs"
                assert len(here.recv()) == 3
            finally:
                child.kill()
                child.join()
    finally:
        over.set()
        worker.join()


def replay(pipe, captured):
    pipe.send(captured(np.ones(3, np.float32)).tolist())


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
@pytest.mark.filterwarnings("ignore:.*multi-threaded, use of fork:DeprecationWarning")
def test_a_child_forked_while_another_thread_replays_can_replay():
    captured = pydl.capture(lambda x: x * 2.0 + 1.0)
    captured(np.ones(3, np.float32))
    context = multiprocessing.get_context("fork")
    here, there = context.Pipe(duplex=False)
    child = context.Process(target=replay, args=(there, captured))
    with captured._lock:
        child.start()
    try:
        assert here.poll(20), "the child hangs"
        assert here.recv() == [3, 3, 3]
    finally:
        child.kill()
        child.join()


GROUPS = {
    "none": ("0::/\n", {}, 0),
    "no limit": ("0::/\n", {"cpu.max": "max 100000\n"}, 0),
    "of the root": ("0::/\n", {"cpu.max": "250000 100000\n"}, 3),
    "of its own": ("0::/a/b\n", {"a/b/cpu.max": "50000 100000\n"}, 1),
    "of one around it": ("0::/a/b\n", {"a/cpu.max": "200000 100000\n", "a/b/cpu.max": "max 100000\n"}, 2),
    "of another": ("0::/a\n", {"b/cpu.max": "50000 100000\n"}, 0),
    "of version 1": (
        "4:memory:/x\n1:cpu,cpuacct:/a\n0::/\n",
        {"cpu/a/cpu.cfs_quota_us": "400000\n", "cpu/a/cpu.cfs_period_us": "100000\n"},
        4,
    ),
    "no limit of version 1": ("1:cpu:/\n", {"cpu/cpu.cfs_quota_us": "-1\n", "cpu/cpu.cfs_period_us": "100000\n"}, 0),
    "nonsense": ("\n:\n0:\n0::\n0::a\n", {"cpu.max": "x y\n"}, 0),
}


@pytest.mark.parametrize(("memberships", "files", "quota"), GROUPS.values(), ids=GROUPS)
def test_control_groups_limit_the_threads(memberships, files, quota, tmp_path):
    for name, content in {"memberships": memberships, **files}.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(content)
    assert _native.control_group_quota(str(tmp_path / "memberships"), str(tmp_path)) == quota
    assert _native.control_group_quota(str(tmp_path / "missing"), str(tmp_path)) == 0


@pytest.mark.parametrize("threads", [2, 5, 40])
def test_more_and_fewer_threads(threads, two_threads):
    """Threads are started as they are asked for; those that are there already may be more than a loop uses."""
    want = product()
    for count in (threads, 2, threads + 1, 1, 2):
        pydl.set_num_threads(count)
        for _ in range(20):
            assert product().tobytes() == want.tobytes()


def test_threads_that_fell_asleep(two_threads):
    """Between these calls the other threads stop waiting for work and have to be woken."""
    want = product()
    for pause in (0.0, 0.0001, 0.001, 0.01) * 20:
        time.sleep(pause)
        assert product().tobytes() == want.tobytes()


@pytest.mark.parametrize("policy", ["passive", "active"])
def test_the_user_says_how_threads_wait(policy):
    code = "import numpy as np, pydl; pydl.set_num_threads(3); a = pydl.ones(300, 300); print((a @ a).sum().item())"
    environment = {**os.environ, "OMP_WAIT_POLICY": policy}
    done = subprocess.run(
        [sys.executable, "-P", "-c", code], env=environment, capture_output=True, text=True, timeout=60
    )
    assert done.stdout == "27000000.0\n", done.stderr


FEW_THREADS = """
import resource
import pydl

pydl.set_num_threads(1)
a = pydl.ones(300, 300)
a @ a
pages = int(open("/proc/self/statm").read().split()[0])
limit = pages * resource.getpagesize() + 60 * 2**20
resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
pydl.set_num_threads(64)
for _ in range(5):
    print((a @ a).sum().item())
"""


@pytest.mark.skipif(sys.platform != "linux", reason="/proc says how much memory a process has")
def test_no_threads_to_be_had():
    """There is memory for the stacks of a few threads, but not of all: the caller does their work."""
    done = subprocess.run([sys.executable, "-P", "-c", FEW_THREADS], capture_output=True, text=True, timeout=60)
    assert done.stdout == "27000000.0\n" * 5, done.stderr


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
