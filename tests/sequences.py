"""The checks that lstm, gru and rnn share; a test gives the operation, as layer(x, *states, *weights, **settings)."""

import numpy as np
import pytest
from checks import check_gradient, check_threads

import pydl
from pydl import _native
from pydl.check import Draw, compare_all, limit, run_on_copies
from pydl.op import native_isa

T, B, D, H = 4, 3, 2, 3
LENGTHS = np.array([2, 4, 1])

# One row reads the weights where they lie, few rows several panels of them side by side, many rows share a register
# tile; all in their sizes.
SHAPES_OF_TILES = [(1, 17), (1, 68), (2, 52), (3, 36), (4, 33), (9, 20), (15, 17), (31, 40)]
# Enough work for several threads, whose rows or units then meet in other tiles.
SHAPES_FOR_THREADS = [(1, 64), (1, 70), (2, 40), (5, 33), (40, 48), (4, 193), (5, 200)]


def numbers(*shape, seed=0):
    return np.random.default_rng([seed, *shape]).standard_normal(shape)


def weights(gates, D=D, H=H, seed=0):
    """w_ih, w_hh, b_ih, b_hh."""
    return [numbers(*shape, seed=seed) for shape in ((gates * H, D), (gates * H, H), (gates * H,), (gates * H,))]


def forward_and_backward(forward, backward, gates, states, T, B, D, H, dtype, N, reverse=False, settings=()):
    """Arguments of both kernels of an operation, for sequences of different lengths."""
    draw = Draw(dtype, np.random.default_rng(1))
    out, lengths = draw.out, draw.integers((B,), 0, T)

    def array(*shape):
        return np.ascontiguousarray(draw.array(shape, -0.4, 0.4))

    given = {"x": array(T, B, D), **{name: array(N, B, H) for name in states}}
    shapes = {"w_ih": (gates * H, D), "w_hh": (gates * H, H), "b_ih": (gates * H,), "b_hh": (gates * H,)}
    given |= {name: [array(*shape) for _ in range(N)] for name, shape in shapes.items()}
    mask = array(N, B, H) if H % 2 == 0 else None
    given |= {"lengths": lengths, "reverse": reverse, "mask": mask, **dict(settings)}
    results = {
        "gates": out((N, T, B, 4 * H)),
        "c": out((N, T, B, H)),
        "h": out((T, B, N * H)),
        "h_n": out((N, B, H)),
        "c_n": out((N, B, H)),
    }
    known = given | results
    first = {name: known[name] for name in forward.arguments}
    forward.native(*first.values())
    known |= {"dh": array(T, B, N * H), "dh_n": array(N, B, H), "dc_n": array(N, B, H), "dx": out((T, B, D))}
    known |= {f"d{name}": out((N, B, H)) for name in states}
    known |= {f"d{name}": [out(shape) for _ in range(N)] for name, shape in shapes.items()}
    known["db"] = [out((gates * H,)) for _ in range(N)]
    return first, {name: known[name] for name in backward.arguments}


def check_against_reference(kernels, gates, states, B, H, dtype, settings=()):
    arguments = forward_and_backward(*kernels, gates, states, 2, B, 2, H, dtype, 1 + B % 2, B == 2, settings)
    for kernel, each in zip(kernels, arguments, strict=True):
        reference = run_on_copies(kernel.run_reference, kernel, each)
        for isa in _native.isas:
            with native_isa(isa):
                for comparison in compare_all(check_threads(kernel, each), reference):
                    assert comparison.error <= limit(kernel, dtype), (isa, comparison)


def check_bits_of_threads(kernels, gates, states, B, H, dtype, settings=()):
    for isa in _native.isas:
        with native_isa(isa):
            for N in (1, 2):
                both = forward_and_backward(*kernels, gates, states, 150, B, 7, H, dtype, N, settings=settings)
                for kernel, arguments in zip(kernels, both, strict=True):
                    check_threads(kernel, arguments)


def check_lengths_are_each_sequence_alone(layer, states, weights, reverse):
    x = numbers(T, B, D)
    padded = x.copy()
    for n, length in enumerate(LENGTHS):
        padded[length:, n] = np.nan  # padding is never read
    tensors = [pydl.tensor(a, requires_grad=True) for a in (padded, *states, *weights)]
    y, *last = layer(*tensors, reverse=reverse, lengths=LENGTHS)
    y.backward(np.ones(y.shape))
    total = 0.0
    for n, length in enumerate(LENGTHS):
        s = slice(n, n + 1)
        alone = [pydl.tensor(a, requires_grad=True) for a in (x[:length, s], *(h[s] for h in states), *weights)]
        one, *last_one = layer(*alone, reverse=reverse)
        one.backward(np.ones(one.shape))
        np.testing.assert_allclose(y.data[:length, s], one.data, rtol=1e-12)
        np.testing.assert_array_equal(y.data[length:, s], 0.0)
        for a, b in zip(last, last_one, strict=True):
            np.testing.assert_allclose(a.data[s], b.data, rtol=1e-12)
        np.testing.assert_allclose(tensors[0].grad.data[:length, s], alone[0].grad.data, rtol=1e-10)
        np.testing.assert_array_equal(tensors[0].grad.data[length:, s], 0.0)
        np.testing.assert_allclose(tensors[1].grad.data[s], alone[1].grad.data, rtol=1e-10)
        total = total + np.concatenate([w.grad.data.ravel() for w in alone[1 + len(states) :]])
    found = np.concatenate([w.grad.data.ravel() for w in tensors[1 + len(states) :]])
    np.testing.assert_allclose(found, total, rtol=1e-10)


def check_both_directions(layer, states, gates):
    """Both directions at once are the same, bit for bit, as one after the other."""
    x, dy = numbers(T, B, D), numbers(T, B, 2 * H)
    first, second = weights(gates), weights(gates, seed=1)
    pairs = [np.stack([h, h[::-1]]) for h in states]
    leaves = [pydl.tensor(a, requires_grad=True) for a in (x, *pairs, *first, *second)]
    count = 1 + len(states)
    both = zip(leaves[count : count + 4], leaves[count + 4 :], strict=True)
    y, *last = layer(*leaves[:count], *both, lengths=LENGTHS)
    y.backward(dy)
    apart = [
        [pydl.tensor(a, requires_grad=True) for a in (x, *(h[d] for h in pairs), *(first, second)[d])] for d in (0, 1)
    ]
    results = [layer(*inputs, lengths=LENGTHS, reverse=d == 1) for d, inputs in enumerate(apart)]
    np.testing.assert_array_equal(y.data, np.concatenate([h.data for h, *_ in results], axis=2))
    for k, h_n in enumerate(last):
        np.testing.assert_array_equal(h_n.data, np.stack([each[1 + k].data for each in results]))
    for d, (h, *_) in enumerate(results):
        h.backward(dy[..., d * H : (d + 1) * H])
    np.testing.assert_allclose(leaves[0].grad.data, apart[0][0].grad.data + apart[1][0].grad.data, rtol=1e-12)
    for k in range(len(states)):
        np.testing.assert_array_equal(leaves[1 + k].grad.data, np.stack([each[1 + k].grad.data for each in apart]))
    for d in (0, 1):
        for k in range(4):
            np.testing.assert_array_equal(leaves[count + 4 * d + k].grad.data, apart[d][count + k].grad.data)


def check_mask(layer, states, weights, reverse):
    """A mask acts like a factor of W_hh's columns, another one for each sequence; its gradients are right."""
    x, mask = numbers(T, B, D), np.where(numbers(B, H, seed=5) > 0, 2.0, 0.5)
    masked = layer(x, *states, *weights, reverse=reverse, lengths=LENGTHS, mask=mask)
    for n, length in enumerate(LENGTHS):
        s, columns = slice(n, n + 1), [weights[0], weights[1] * mask[n], *weights[2:]]
        alone = layer(x[:length, s], *(h[s] for h in states), *columns, reverse=reverse)
        np.testing.assert_allclose(masked[0].data[:length, s], alone[0].data, rtol=1e-12)
        for a, b in zip(masked[1:], alone[1:], strict=True):
            np.testing.assert_allclose(a.data[s], b.data, rtol=1e-12)
    for lengths in (None, LENGTHS):
        f = lambda *a, lengths=lengths: layer(*a, reverse=reverse, lengths=lengths, mask=mask)  # noqa: E731
        check_gradient(f, x, *states, *weights)
    check_refused(
        lambda **given: layer(x, *states, *weights, **given), {}, {"mask": mask[:2]}, ValueError,
        r"mask has shape \(2, 3\) but must be \(3, 3\) = \(B, H\)",
    )  # fmt: skip


def check_empty(layer, states, weights, shape):
    steps, rows, features = shape
    x = pydl.tensor(np.ones(shape), requires_grad=True)
    w = pydl.tensor(np.ones((len(weights[0]), features)), requires_grad=True)
    y, *last = layer(x, *(h[:rows] for h in states), w, *weights[1:])
    assert y.shape == (steps, rows, H)
    if steps == 0:
        for h_n, h in zip(last, states, strict=True):
            np.testing.assert_array_equal(h_n.data, h)
    y.backward(np.ones(y.shape))
    assert x.grad.shape == shape
    np.testing.assert_array_equal(w.grad.data, np.zeros(w.shape))


def check_nan_stays_in_its_sequence(layer, states, weights):
    x = numbers(T, B, D)
    hurt = x.copy()
    hurt[1, 2] = np.nan
    got, want = layer(hurt, *states, *weights)[0].data, layer(x, *states, *weights)[0].data
    assert np.isnan(got[1:, 2]).all()
    np.testing.assert_array_equal(got[:, :2], want[:, :2])
    np.testing.assert_array_equal(got[0], want[0])


def check_refused(operation, arguments, change, error, message):
    with pytest.raises(error, match=message):
        operation(**{**arguments, **change})
