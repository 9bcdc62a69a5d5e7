"""share_memory: replays need little memory, and give the same bits."""

import numpy as np
from checks import same_bits

import pydl
from pydl import nn
from pydl.ops.add import add_forward
from pydl.ops.clone import clone_forward
from pydl.recording.element_blocks import Group, address
from pydl.recording.shared_memory import share_memory


def calls_of(*triples):
    return [(add_forward.native, triple) for triple in triples]


def test_arrays_take_turns():
    x, a, b, c, y = (pydl.op.empty((6,), np.float32) for _ in range(5))
    calls = calls_of((x, x, a), (a, x, b), (b, x, c), (c, a, y))
    groups = [Group(1, [list(calls)])]
    moved = share_memory(groups, [x, y])
    (_, _, a1), (a2, _, b1), (b2, _, c1), (c2, a3, y1) = (moved[id(call)][1] for call in calls)
    assert address(a1) == address(a2) == address(a3)
    assert address(b1) == address(b2)
    assert address(c1) == address(c2)
    assert len({address(each) for each in (a1, b1, c1)}) == 3  # a still lives where c is made
    assert y1 is y
    calls = calls_of((x, x, a), (a, x, b), (b, x, c), (c, x, y))
    moved = share_memory([Group(1, [list(calls)])], [x, y])
    (_, _, a1), (_, _, b1), (_, _, c1), _ = (moved[id(call)][1] for call in calls)
    assert address(a1) == address(c1) != address(b1)


def test_what_is_not_written_first_or_not_whole_stays():
    constant, part, y = (pydl.op.empty((6,), np.float32) for _ in range(3))
    calls = [
        (clone_forward.native, (constant[:3], part[:3])),
        (add_forward.native, (part, constant, part)),
        (add_forward.native, (part, part, y)),
    ]
    share_memory([Group(1, [list(calls)])], [y])
    groups = [Group(1, [list(calls)])]
    share_memory(groups, [y])
    assert [call[1] for call in groups[0].slots[0]] == [call[1] for call in calls]


def test_views_stay_views():
    x, y = pydl.op.empty((2, 3), np.float32), pydl.op.empty((3, 2), np.float32)
    a = pydl.op.empty((2, 3), np.float32)
    calls = [(clone_forward.native, (x, a)), (clone_forward.native, (a.T[::-1], y))]
    groups = [Group(1, [list(calls)])]
    share_memory(groups, [x, y])
    x[...] = np.arange(6).reshape(2, 3)
    for kernel, arguments in groups[0].slots[0]:
        kernel(*arguments)
    assert same_bits(y, x.T[::-1])
    assert groups[0].slots[0][1][1][0].strides == a.T[::-1].strides


def test_a_deep_network_has_two_pieces():
    module = nn.Sequential(*(nn.Linear(5, 5) for _ in range(9))).eval()
    fast = pydl.capture(module)
    x = pydl.randn(3, 5)
    assert same_bits(fast(x), module(x))
    (recording,) = fast._recordings.values()
    assert len({address(arguments[3]) for _, arguments in recording.calls}) == 3  # and the output
