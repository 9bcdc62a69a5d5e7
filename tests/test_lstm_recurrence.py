import itertools

import numpy as np
import pytest
from checks import check_gradient, check_kernel, check_threads, check_torch
from sequences import numbers

from pydl import _native, ops
from pydl.check import Draw, compare_all, limit, run_on_copies
from pydl.op import native_isa
from pydl.ops.lstm import lstm
from pydl.ops.lstm_recurrence import lstm_recurrence, lstm_recurrence_backward, lstm_recurrence_forward

KERNELS = lstm_recurrence_forward, lstm_recurrence_backward
T, B, H, P = 4, 3, 5, 2
LENGTHS = np.array([2, 4, 1])
OPTIONS = [dict(zip(("peepholes", "project", "norm", "mask"), flags, strict=True)) for flags in
           itertools.product((False, True), repeat=4)]  # fmt: skip


def arguments(peepholes=False, project=False, norm=False, mask=False, T=T, B=B, H=H, P=P):
    """sums, h, c, w_hh, then what the options ask for, and the mask."""
    P = P if project else H
    given = [numbers(T, B, 4 * H), numbers(B, P), numbers(B, H), numbers(4 * H, P) / 2]
    given += [numbers(3 * H) / 2 if peepholes else None, numbers(P, H) / 2 if project else None]
    given += [numbers(4 * H, seed=k) if k == 0 else numbers(H, seed=k) for k in range(3)] if norm else [None] * 3
    return given, np.where(numbers(B, P) > 0, 2.0, 0.0) if mask else None


def layer(sums, h, c, w_hh, peephole, w_hr, *norm, **settings):
    return lstm_recurrence(sums, (h, c), w_hh, peephole, w_hr, None if norm[0] is None else norm, **settings)


def with_options(f, given):
    """f of those arguments that are arrays, and these."""
    places = [k for k, each in enumerate(given) if each is not None]

    def called(*arrays):
        every = [None] * len(given)
        for k, each in zip(places, arrays, strict=True):
            every[k] = each
        return f(*every)

    return called, [given[k] for k in places]


@pytest.mark.parametrize("kernel", KERNELS, ids=lambda k: k.name)
def test_native_equals_reference(kernel):
    check_kernel(kernel, examples=100)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(("B", "H", "P"), [(1, 40, 20), (3, 9, 35), (4, 33, 17), (16, 20, 3)])
def test_native_equals_reference_in_all_shapes_of_tiles(B, H, P, dtype):
    for norm in (False, True):
        for kernel, given in zip(KERNELS, kernel_arguments(2, B, H, P, norm, dtype), strict=True):
            reference = run_on_copies(kernel.run_reference, kernel, given)
            for isa in _native.isas:
                with native_isa(isa):
                    for comparison in compare_all(check_threads(kernel, given), reference):
                        assert comparison.error <= limit(kernel, dtype), (isa, comparison)


def test_threads_leave_every_bit():
    for B, norm in ((4, True), (33, False)):
        for kernel, given in zip(KERNELS, kernel_arguments(60, B, 40, 24, norm, np.float32), strict=True):
            check_threads(kernel, given)


def kernel_arguments(T, B, H, P, norm, dtype):
    """Arguments of both kernels with all options, for sequences of different lengths."""
    draw = Draw(dtype, np.random.default_rng(1))

    def array(*shape):
        return np.ascontiguousarray(draw.array(shape, -0.4, 0.4))

    out = draw.out
    known = {
        **{"sums": array(T, B, 4 * H), "h0": array(B, P), "c0": array(B, H), "w_hh": array(4 * H, P)},
        **{"peephole": array(3 * H), "w_hr": array(P, H), "eps": 1e-2, "mask": array(B, P), "reverse": B % 2 == 0},
        **{"norm": [array(4 * H), array(H), array(H)] if norm else [], "lengths": draw.integers((B,), 0, T)},
        **{"gates": out((T, B, 4 * H)), "c": out((T, B, H)), "h": out((T, B, P))},
        **{"rhat": out((T, B, 4 * H)) if norm else None, "stats": out((T, B, 3)) if norm else None},
        **{"h_n": out((B, P)), "c_n": out((B, H)), "dh": array(T, B, P), "dh_n": array(B, P), "dc_n": array(B, H)},
    }
    first = {name: known[name] for name in lstm_recurrence_forward.arguments}
    lstm_recurrence_forward.native(*first.values())
    known |= {f"d{k}": out(known[k].shape) for k in ("sums", "h0", "c0", "w_hh", "peephole", "w_hr")}
    known["dnorm"] = [out(each.shape) for each in known["norm"]]
    return first, {name: known[name] for name in lstm_recurrence_backward.arguments}


def test_without_options_is_lstm():
    x, w_ih, b = numbers(T, B, 3), numbers(4 * H, 3), numbers(4 * H)
    given, _ = arguments()
    _, h, c, w_hh, *_ = given
    for reverse in (False, True):
        found = lstm_recurrence(x @ w_ih.T + b, (h, c), w_hh, lengths=LENGTHS, reverse=reverse)
        for a, want in zip(found, lstm(x, (h, c), w_ih, w_hh, b, None, LENGTHS, reverse), strict=True):
            np.testing.assert_allclose(a.data, want.data, rtol=1e-12)


def test_worked_by_hand():
    # One unit: c = 1/2 before; all sums are 0 but those of peepholes that see c.
    ln3 = np.log(3.0)
    one = np.ones((1, 1))
    c_after = 1 / 4 * 0.5 + 3 / 4 * np.tanh(1.0)
    p = np.array([2 * ln3, -2 * ln3, ln3 / c_after])
    sums = np.array([[[0.0, 0.0, 1.0, 0.0]]])
    h, _, c = lstm_recurrence(sums, (one, 0.5 * one), np.zeros((4, 1)), p, 2 * one)
    assert c.item() == pytest.approx(c_after)
    assert h.item() == pytest.approx(2 * 3 / 4 * np.tanh(c_after))


@pytest.mark.parametrize("options", OPTIONS, ids=lambda o: "-".join(k for k in o if o[k]) or "plain")
def test_gradient(options):
    given, mask = arguments(**options)
    lengths, reverse = (LENGTHS, True) if options["norm"] == options["mask"] else (None, False)
    f, arrays = with_options(lambda *a: layer(*a, mask=mask, lengths=lengths, reverse=reverse, eps=1e-2), given)
    check_gradient(f, *arrays)


def torch_layer(torch, sums, h, c, w_hh, peephole, w_hr, gain_h, gain_c, shift_c, mask):
    """The formula in PyTorch's operations, which find the gradients."""
    norm = torch.nn.functional.layer_norm
    mask = None if mask is None else torch.tensor(mask, dtype=sums.dtype)
    p = [0.0] * 3 if peephole is None else peephole.chunk(3)
    results = []
    for a in sums:
        r = (h if mask is None else h * mask) @ w_hh.T
        r = r if gain_h is None else norm(r, r.shape[1:], gain_h)
        i, f, g, o = (a + r).chunk(4, 1)
        i, f = torch.sigmoid(i + p[0] * c), torch.sigmoid(f + p[1] * c)
        c = f * c + i * torch.tanh(g)
        o = torch.sigmoid(o + p[2] * c)
        h = o * torch.tanh(c if gain_c is None else norm(c, c.shape[1:], gain_c, shift_c))
        h = h if w_hr is None else h @ w_hr.T
        results.append(h)
    return torch.cat([torch.stack(results).flatten(), h.flatten(), c.flatten()])


@pytest.mark.parametrize("options", OPTIONS, ids=lambda o: "-".join(k for k in o if o[k]) or "plain")
@pytest.mark.parametrize("shape", [(1, 1, 5, 3), (5, 4, 18, 7)], ids=str)
def test_torch(options, shape):
    torch = pytest.importorskip("torch")
    given, mask = arguments(**options, **dict(zip("TBHP", shape, strict=True)))

    def mine(*a):
        return ops.cat([ops.reshape(each, (-1,)) for each in layer(*a, mask=mask)], 0)

    f, arrays = with_options(mine, given)
    theirs, _ = with_options(lambda *a: torch_layer(torch, *a, mask), given)
    check_torch(f, theirs, *arrays, rtol=3e-5)  # normalization of few numbers makes much of a rounding


@pytest.mark.parametrize("reverse", [False, True])
def test_lengths_are_each_sequence_alone(reverse):
    given, mask = arguments(True, True, True, True)
    padded = given[0].copy()
    for n, length in enumerate(LENGTHS):
        padded[length:, n] = np.nan  # padding is never read
    h, h_n, c_n = layer(padded, *given[1:], mask=mask, lengths=LENGTHS, reverse=reverse)
    for n, length in enumerate(LENGTHS):
        s = slice(n, n + 1)
        alone = layer(
            given[0][:length, s], given[1][s], given[2][s], *given[3:], mask=mask[s], reverse=reverse
        )  # fmt: skip
        np.testing.assert_allclose(h.data[:length, s], alone[0].data, rtol=1e-12)
        np.testing.assert_array_equal(h.data[length:, n], 0.0)
        np.testing.assert_allclose(h_n.data[s], alone[1].data, rtol=1e-12)
        np.testing.assert_allclose(c_n.data[s], alone[2].data, rtol=1e-12)


@pytest.mark.parametrize("shape", [(0, 3), (4, 0)])
def test_empty(shape):
    given, _ = arguments(True, True, True, T=shape[0], B=shape[1])
    f, arrays = with_options(lambda *a: layer(*a), given)
    h, h_n, c_n = f(*arrays)
    assert h.shape == (*shape, P)
    np.testing.assert_array_equal(h_n.data, given[1])
    np.testing.assert_array_equal(c_n.data, given[2])


GIVEN, MASK = arguments(True, True, True, True)
NAMES = ("sums", "hx", "w_hh", "peephole", "w_hr", "norm", "mask")
GOOD = dict(zip(NAMES, (GIVEN[0], tuple(GIVEN[1:3]), *GIVEN[3:6], tuple(GIVEN[6:]), MASK), strict=True))


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"sums": GIVEN[0][0]}, ValueError, r"sums must be \(T, B, 4H\), but has shape \(3, 20\)"),
        (
            {"sums": GIVEN[0][..., :19]},
            ValueError,
            r"sums has shape \(4, 3, 19\) but must be \(4, 3, 20\) = \(T, B, 4H",
        ),
        ({"hx": GIVEN[1]}, TypeError, r"the state must be a pair \(h, c\), not ndarray"),
        ({"w_hr": None}, ValueError, r"h_0 has shape \(3, 2\) but must be \(3, 5\) = \(B, P\)"),
        ({"w_hh": GIVEN[3][:, :1]}, ValueError, r"w_hh has shape \(20, 1\) but must be \(20, 2\) = \(4H, P\)"),
        ({"peephole": np.ones((3, 5))}, ValueError, r"peephole has shape \(3, 5\) but must be \(15,\) = \(3H,\)"),
        ({"norm": (GIVEN[6],)}, TypeError, r"norm must be the three arrays \(gain_h, gain_c, shift_c\), or None"),
        ({"norm": (GIVEN[6], None, GIVEN[8])}, TypeError, "norm must be the three arrays"),
        ({"mask": MASK[:2]}, ValueError, r"mask has shape \(2, 2\) but must be \(3, 2\) = \(B, P\)"),
        ({"lengths": [1, 2, 5]}, ValueError, "lengths must be from 0 to 4, the steps of the input, but go from 1 to 5"),
        ({"w_hh": GIVEN[3].astype(np.float32)}, TypeError, "w_hh is float32 but sums is float64"),
        ({"eps": -1.0}, ValueError, "eps is -1.0 but must be at least 0"),
    ],
)
def test_refuses(change, error, message):
    with pytest.raises(error, match=f"lstm_recurrence: {message}"):
        lstm_recurrence(**{**GOOD, **change})
