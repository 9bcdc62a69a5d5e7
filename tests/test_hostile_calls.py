"""No call from Python makes a kernel read or write outside its arrays, crash or hang."""

import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest

import pydl
import pydl.bench.machine  # defines two kernels
from pydl import _native
from pydl.nn import functional as F
from pydl.op import KERNELS
from pydl.ops.max_pool2d import max_pool2d_forward
from pydl.ops.relu import relu_forward
from pydl.ops.softplus import softplus_forward
from pydl.optim.sgd import sgd_update

PROGRAM = Path(__file__).with_name("hostile.py")
EXAMPLES = int(os.environ.get("PYDL_TEST_HOSTILE", 25))
X = np.ones((2, 3), np.float32)


@pytest.mark.parametrize("isa", _native.isas)
def test_damaged_arguments(isa, tmp_path):
    """In a process of its own, which says in a file what it was doing when it ended."""
    record = tmp_path / "record"
    record.touch()
    sanitized = "libasan" in os.environ.get("LD_PRELOAD", "")  # which needs its own terabytes of address space
    memory = [] if sanitized else ["--memory", "16"]
    sanitizer = os.environ.get("ASAN_OPTIONS", "") + ":allocator_may_return_null=1:max_allocation_size_mb=16000"
    done = subprocess.run(
        [sys.executable, PROGRAM, str(EXAMPLES), "--record", record, *memory],
        env={**os.environ, "PYDL_ISA": isa, "PYTHONWARNINGS": "ignore", "ASAN_OPTIONS": sanitizer},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, f"{record.read_text().strip()} on {isa}: code {done.returncode}\n{done.stderr}"


@pytest.mark.parametrize("name", sorted(KERNELS))
def test_number_of_arguments(name):
    native = KERNELS[name].native
    count = len(native.arguments)
    for arguments in ([], [X] * (count - 1), [X] * (count + 1), [X] * 100):
        with pytest.raises(
            TypeError, match=rf"^{name} takes {count} positional arguments \(.*\), got {len(arguments)}$"
        ):
            native(*arguments)
    with pytest.raises(TypeError, match=rf"^{name} takes {count} positional arguments"):
        native(*[X] * (count - 1), **{native.arguments[-1]: X})


class Subclass(np.ndarray):
    pass


class Index:
    """A number that is only known once it is asked for."""

    def __init__(self, ask):
        self.ask = ask

    def __index__(self):
        return self.ask()

    def __float__(self):
        return float(self.ask())


MISALIGNED = np.zeros(25, np.uint8)[1:].view(np.float32).reshape(2, 3)
PACKED = np.zeros((2, 3), np.dtype([("a", "f4"), ("b", "u1")]))
WRONG_ARRAYS = [
    (None, "x is NoneType but must be a numpy array"),
    ([1.0], "x is list but must be a numpy array"),
    ("text", "x is str but must be a numpy array"),
    (pydl.tensor([1.0]), "x is .*Tensor but must be a numpy array"),
    (X.astype(object), "x is of dtype object but must be float32"),
    (X.astype(np.float16), "x is of dtype float16 but must be float32"),
    (X.astype(np.int32), "x is of dtype int32 but must be float32"),
    (X.astype(complex), "x is of dtype complex128 but must be float32"),
    (PACKED, r"x is of dtype \[.*\] but must be float32"),
    (X.astype(">f4"), "x is of foreign byte order but must be of native byte order"),
    (MISALIGNED, "x is not aligned but must be aligned to its element size"),
    (X.reshape(1, 1, 1, 1, 1, 1, 1, 2, 3), "x is 9-dimensional but must be at most 8-dimensional"),
    (np.empty((0, 2**50), np.float32), r"x is larger than any memory but must be of fewer than 2\^48 elements"),
    (np.broadcast_to(np.float32(1), (2**25, 2**25)), "x is larger than any memory"),
]


@pytest.mark.parametrize(("x", "message"), WRONG_ARRAYS, ids=[message.split(" but")[0] for _, message in WRONG_ARRAYS])
def test_array(x, message):
    with pytest.raises(TypeError, match=f"^relu_forward: {message}"):
        relu_forward.native(x, X.copy())


def test_result_must_be_writable():
    y = X.copy()
    y.flags.writeable = False
    with pytest.raises(TypeError, match=r"^relu_forward: y is read-only but must be writable$"):
        relu_forward.native(X, y)
    with pytest.raises(TypeError, match=r"^relu_forward: y is of dtype float64 but must be float32$"):
        relu_forward.native(X, X.astype(np.float64))


def test_subclass_is_an_array():
    y = np.zeros_like(X)
    relu_forward.native(X.view(Subclass), y.view(Subclass))
    assert (y == 1).all()


def pool(**changes):
    x = np.arange(16, dtype=np.float32).reshape(1, 1, 4, 4)
    geometry = {"kernel": (2, 2), "stride": (2, 2), "padding": (0, 0), "dilation": (1, 1)} | changes
    y = np.zeros((1, 1, 2, 2), np.float32)
    max_pool2d_forward.native(x, y, None, None, *geometry.values())
    return y


@pytest.mark.parametrize(
    ("kernel", "message"),
    [
        (2, r"kernel is 2 but must be a tuple of 2 integers"),
        ([2, 2], r"kernel is \[2, 2\] but must be a tuple of 2 integers"),
        ((2,), r"kernel is \(2,\) but must be a tuple of 2 integers"),
        ((2, 2, 2), r"kernel is \(2, 2, 2\) but must be a tuple of 2 integers"),
        ((2, 2.0), "kernel is float but must be an integer of 64 bits"),
        ((2, None), "kernel is NoneType but must be an integer of 64 bits"),
        ((2, "2"), "kernel is str but must be an integer of 64 bits"),
    ],
)
def test_integers(kernel, message):
    with pytest.raises(TypeError, match=f"^max_pool2d_forward: {message}$"):
        pool(kernel=kernel)


def test_integers_of_other_types():
    assert pool(kernel=(np.int64(2), np.uint8(2))).tolist() == pool().tolist()
    assert pool(padding=(False, 0)).tolist() == pool().tolist()
    with pytest.raises(
        OverflowError, match=r"^max_pool2d_forward: kernel is out of range but must be an integer of 64"
    ):
        pool(kernel=(2, 2**63))
    for huge in (2**31, 2**62, -(2**62), 2**63 - 1, -(2**63)):
        for name in ("kernel", "stride", "padding", "dilation"):
            with pytest.raises(ValueError, match=r"^pooling: "):
                pool(**{name: (huge, 2)})
    with pytest.raises(ZeroDivisionError):
        pool(kernel=(2, Index(lambda: 1 // 0)))


def test_number():
    y = X.copy()
    softplus_forward.native(X, 1, True, y)
    for beta, had in ((None, "NoneType"), ("1", "str"), (1j, "complex"), (X, "numpy.ndarray")):
        with pytest.raises(TypeError, match=rf"^softplus_forward: beta is {had} but must be a number$"):
            softplus_forward.native(X, beta, 20.0, y)
    with pytest.raises(OverflowError, match=r"^softplus_forward: beta is out of range but must be a number$"):
        softplus_forward.native(X, 10**400, 20.0, y)


def sgd(w, g, v, lr=0.1):
    sgd_update.native(w, g, v, lr, 0.0, 0.0, 0.0, False)


def test_lists():
    w, g = [np.ones(3), np.ones((2, 2))], [np.ones(3), np.ones((2, 2))]
    sgd(w, g, [])
    for bad, error, message in [
        (tuple(g), TypeError, "g is tuple but must be a list of numpy arrays"),
        (None, TypeError, "g is NoneType but must be a list of numpy arrays"),
        ([1.0, 2.0], TypeError, "g is float but must be a numpy array"),
        ([g[0], g[1].astype(np.float32)], TypeError, "g is of dtype float32 but must be float64"),
        ([g[0], np.ones((2, 4))[:, ::2]], TypeError, "g is not contiguous but must be C-contiguous"),
        (g[:1], ValueError, "g must have the tensors of w"),
        (g[::-1], ValueError, "g must have the tensors of w"),
        ([], ValueError, "g must have the tensors of w"),
    ]:
        with pytest.raises(error, match=f"^sgd_update: {message}$"):
            sgd(w, bad, [])
    sgd([], [], [])


def test_a_number_that_empties_the_list():
    """Code of the caller's runs while arguments are read; nothing may have been taken from the list by then."""
    w, g = [np.ones(1000)], [np.ones(1000)]

    def clear():
        w.clear()
        g.clear()
        return 1

    sgd(w, g, [], Index(clear))
    assert w == g == []


def test_a_list_that_is_emptied_meanwhile():
    done, lists, refusals = threading.Event(), [], set()

    def empty_lists():
        while not done.is_set():
            for each in lists:
                each.clear()

    thief = threading.Thread(target=empty_lists)
    thief.start()
    try:
        for _ in range(200):
            w, g = ([np.ones(20000) for _ in range(4)] for _ in "wg")
            lists[:] = [w, g]
            try:
                sgd(w, g, [])
            except ValueError as error:  # one list was emptied before the call
                refusals.add(str(error))
    finally:
        done.set()
        thief.join()
    assert refusals <= {"sgd_update: g must have the tensors of w"}


@pytest.mark.parametrize(
    ("shape", "dtype", "error", "message"),
    [
        ((2**40, 2**40), np.float32, ValueError, "empty: the product of the shape is too large"),
        ((2**62,), np.float64, ValueError, "empty: the product of the shape is too large"),
        ((2**45,), np.float64, MemoryError, "empty: 281474976710656 bytes could not be allocated"),
        ((2**100,), np.float64, ValueError, "empty: the product of the shape is too large"),
        ((3, -1), np.float64, ValueError, r"empty: dimension 1 is negative \(-1\)"),
        ((3, 2.5), np.float64, TypeError, "'float' object cannot be interpreted as an integer"),
        ((3, None), np.float64, TypeError, "'NoneType' object cannot be interpreted as an integer"),
        ([3], np.float64, TypeError, "shape must be a tuple"),
        (3, np.float64, TypeError, "shape must be a tuple"),
        ((1,) * 33, np.float64, ValueError, "empty: 33 dimensions, at most 32 are possible"),
        ((3,), object, TypeError, "dtype must be a plain number type"),
        ((3,), "U", TypeError, "dtype must be a plain number type"),
        ((3,), "S7", TypeError, "dtype must be a plain number type"),
        ((3,), [("a", "f4")], TypeError, "dtype must be a plain number type"),
        ((3,), ("f4", (2,)), TypeError, "dtype must be a plain number type"),
    ],
)
def test_empty(shape, dtype, error, message):
    with pytest.raises(error, match=message):
        _native.empty(shape, dtype)


def test_empty_of_nothing():
    assert _native.empty((2**62, 0), np.uint8).shape == (2**62, 0)
    assert _native.empty((np.int64(2), True), np.float32).shape == (2, 1)
    for arguments in ((), ((3,),), ((3,), np.float32, 1)):
        with pytest.raises(TypeError, match="empty"):
            _native.empty(*arguments)


@pytest.mark.parametrize("count", [0, -1, -(2**100), None, "2", 1.5])
def test_threads(count):
    with pytest.raises((ValueError, TypeError), match="set_num_threads"):
        pydl.set_num_threads(count)


def test_more_threads_than_any_machine():
    before = pydl.get_num_threads()
    for set_number, count in ((pydl.set_num_threads, 2**100), (_native.set_num_threads, 2**31 - 1)):
        try:
            set_number(count)
            assert pydl.get_num_threads() <= 1024
        finally:
            pydl.set_num_threads(before)


def relus():
    x = np.random.default_rng(0).standard_normal((300, 1000)).astype(np.float32)
    y = np.zeros_like(x)
    relu_forward.native(x, y)
    return [y]


def convolutions():
    """Kernels that ask for the number of threads in several places of their plans."""
    draw = np.random.default_rng(0)
    x = pydl.tensor(draw.standard_normal((4, 16, 20, 20)).astype(np.float32), requires_grad=True)
    w = pydl.tensor(draw.standard_normal((16, 16, 3, 3)).astype(np.float32), requires_grad=True)
    y = F.conv2d(x, w, padding=1)
    y.sum().backward()
    return [y.detach().numpy(), x.grad.numpy(), w.grad.numpy()]


@pytest.mark.parametrize("results", [relus, convolutions])
def test_threads_changed_meanwhile(results):
    """Several Python threads compute while another one changes the number of OpenMP's."""
    want = results()
    done, wrong = threading.Event(), []

    def compute():
        for _ in range(100):
            if not all(map(np.array_equal, results(), want)):
                wrong.append(1)

    def change():
        while not done.is_set():
            for count in (1, 2, 3, 4):
                pydl.set_num_threads(count)
                time.sleep(0.0005)

    before = pydl.get_num_threads()
    changer, computers = threading.Thread(target=change), [threading.Thread(target=compute) for _ in range(3)]
    try:
        for thread in (changer, *computers):
            thread.start()
        for thread in computers:
            thread.join()
    finally:
        done.set()
        changer.join()
        pydl.set_num_threads(before)
    assert not wrong
