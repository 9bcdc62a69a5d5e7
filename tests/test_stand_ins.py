"""Stand-ins: what is noted is freed as if nobody watched, and the calls are those on the arrays themselves."""

import numpy as np
from checks import same_bits

import pydl
from pydl._native import arena_stats
from pydl.recording.element_blocks import address
from pydl.recording.replay import noted
from pydl.recording.stand_ins import LARGE

N = LARGE  # numbers of an array, each of which has several bytes


def test_large_arrays_are_freed_while_they_are_noted():
    in_use = []

    def function(x):
        for _ in range(10):
            x = x * 0.5 + x
            in_use.append(arena_stats()["bytes_in_use"])
        return pydl.cat([x, x])

    x = pydl.tensor(np.random.default_rng(0).standard_normal(N).astype(np.float32))
    with pydl.no_grad():
        calls, y = noted(function, x)
        expected = function(x)
    assert in_use[9] - in_use[0] < 3 * x.data.nbytes
    first, last = calls[0], calls[-1]
    assert first[1][0] is x.data
    assert address(last[1][-1]) == address(y.data)
    written = [address(call[1][-1]) for call in calls[:20]]
    assert len(set(written)) == 20  # though memory was used again
    assert all(address(after[1][0]) == at for after, at in zip(calls[1:20:2], written[::2], strict=True))
    for kernel, arguments in calls:  # stand-ins are memory, too
        kernel(*arguments)
    assert same_bits(y, expected)


def test_capture_of_large_arrays_in_lists_and_parts():
    def function(x):
        a, b = x * 2.0, x + 1.0
        return pydl.cat([a[: N // 2], pydl.stack([a, b])[1], b.reshape(2, -1)[1]]) * a[0]

    captured = pydl.capture(function)
    for seed in range(3):
        x = pydl.tensor(np.random.default_rng(seed).standard_normal(N))
        with pydl.no_grad():
            assert same_bits(captured(x), function(x))
