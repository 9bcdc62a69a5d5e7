"""A kernel that cannot have the memory for its temporaries ends with a MemoryError and leaves nothing behind."""

import subprocess
import sys
import textwrap

import pytest

from pydl.ops.ctc_loss import ctc_loss_backward

# Temporaries of 64 MB or more for each of three sequences, where the process may ask for 16 MB more than it has.
WITHOUT_MEMORY = """
    import resource
    import numpy as np
    import pydl
    from pydl import _native
    from pydl.nn import functional as F

    threads = int(sys.argv[1])
    pydl.set_num_threads(threads)
    frames, labels, sequences = 8_000, 1_000, 3
    dtype = np.dtype(sys.argv[2])
    log_probs = F.log_softmax(np.random.default_rng(0).standard_normal((frames, sequences, 4)).astype(dtype), -1)
    log_probs = pydl.tensor(log_probs.numpy(), requires_grad=True)
    targets = np.tile(np.arange(labels) % 3 + 1, (sequences, 1))
    loss = F.ctc_loss(log_probs, targets, [frames] * sequences, [labels] * sequences)
    x = pydl.tensor(np.ones((64, 64), dtype))
    expected = F.softmax(x @ x, 1).numpy()  # the team of threads has been started

    pages = int(open("/proc/self/statm").read().split()[0])
    limit = pages * resource.getpagesize() + 2**24
    resource.setrlimit(resource.RLIMIT_AS, (limit, resource.RLIM_INFINITY))
    held = _native.arena_stats()["bytes_in_use"]
    for _ in range(3):
        try:
            loss.backward(retain_graph=True)
        except MemoryError:
            pass
        else:
            raise AssertionError("there was memory")
        assert np.float32(1e-40) * np.float32(0.5) > 0, "denormals are zero outside of kernels, too"
        assert np.array_equal(F.softmax(x @ x, 1).numpy(), expected)
    assert _native.arena_stats()["bytes_in_use"] <= held, "temporaries were not given back"

    resource.setrlimit(resource.RLIMIT_AS, (resource.RLIM_INFINITY,) * 2)
    loss.backward()
    print(float(np.abs(log_probs.grad.numpy()).sum()) > 0)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="/proc says how much memory a process has")
@pytest.mark.skipif(not ctc_loss_backward.native, reason="without kernels there are no temporaries of theirs")
@pytest.mark.parametrize(("threads", "dtype"), [("1", "float32"), ("2", "float32"), ("3", "float64")])
def test_a_kernel_without_memory_leaves_nothing_behind(threads, dtype, tmp_path):
    code = "import sys\n" + textwrap.dedent(WITHOUT_MEMORY)
    command = [sys.executable, "-c", code, threads, dtype]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=120)
    assert done.stdout == "True\n", done.stderr
