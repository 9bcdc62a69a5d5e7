import numpy as np
import pytest
from checks import check_gradient, check_kernel, check_refused, check_torch, torch

import pydl
from pydl import _native
from pydl.ops.attention_with_weights import attention_with_weights
from pydl.ops.scaled_dot_product_attention import (
    attention_in_blocks,
    scaled_dot_product_attention,
    scaled_dot_product_attention_backward,
    scaled_dot_product_attention_forward,
)

RNG = np.random.default_rng(0)


def inputs(lead=(2, 3), L=4, S=5, E=6, Ev=7):
    return RNG.standard_normal((*lead, L, E)), RNG.standard_normal((*lead, S, E)), RNG.standard_normal((*lead, S, Ev))


def of_torch(*arguments, **options):
    return torch.nn.functional.scaled_dot_product_attention(*arguments, **options)


@pytest.mark.parametrize(
    "kernel", [scaled_dot_product_attention_forward, scaled_dot_product_attention_backward], ids=lambda k: k.name
)
def test_native_equals_reference(kernel):
    check_kernel(kernel, examples=20)


def test_worked_by_hand():
    """One query that fits the first key as well as the third, and the second by log 2 more."""
    q, k, v = (
        np.array([[1.0, 0.0]]),
        np.array([[0.0, 1.0], [np.log(2), 9.0], [0.0, 0.0]]),
        np.array([[4.0], [8.0], [0.0]]),
    )
    np.testing.assert_allclose(scaled_dot_product_attention(q, k, v, scale=1.0).numpy(), [[5.0]])
    np.testing.assert_allclose(attention_in_blocks(q, k, v, scale=1.0).numpy(), [[5.0]])


def test_every_sum_by_itself():
    q, k, v = inputs()
    mask = RNG.standard_normal((4, 5))
    y = scaled_dot_product_attention(q, k, v, mask).numpy()
    for n, h, i in np.ndindex(2, 3, 4):
        scores = [sum(q[n, h, i] * k[n, h, s]) / np.sqrt(6) + mask[i, s] for s in range(5)]
        weights = np.exp(scores) / sum(np.exp(scores))
        np.testing.assert_allclose(y[n, h, i], sum(w * v[n, h, s] for s, w in enumerate(weights)))


BOTH = pytest.mark.parametrize("attention", [scaled_dot_product_attention, attention_in_blocks], ids=["kept", "blocks"])


@BOTH
@pytest.mark.parametrize("lead", [(2, 3), (), (7,), (2, 0), (2, 1, 3)], ids=str)
@pytest.mark.parametrize("options", [{}, {"scale": 0.3}, {"is_causal": True}], ids=str)
def test_torch(attention, lead, options):
    check_torch(lambda *a: attention(*a, **options), lambda *a: of_torch(*a, **options), *inputs(lead))


@pytest.mark.parametrize(("L", "S"), [(300, 300), (70, 400), (300, 260), (2100, 2050)], ids=str)
@pytest.mark.parametrize("causal", [True, False], ids=["causal", "all"])
def test_torch_with_many_keys(L, S, causal):
    """So many that the weights are made again where only the keys before a query count, or of all of 2,100."""
    check_torch(
        lambda *a: scaled_dot_product_attention(*a, is_causal=causal),
        lambda *a: of_torch(*a, is_causal=causal),
        *inputs((1,), L, S, 5, 3),
    )


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_keys_that_are_hidden_for_long(dtype):
    """Keys are read some hundreds at a time: a query may see none of the first ones, all of them, or none at all."""
    q, k, v = (x.astype(dtype) for x in inputs((2,), 5, 1000, 6, 7))
    mask = np.zeros((5, 1000), dtype)
    mask[0, :700] = mask[1, 300:] = mask[2] = mask[3, :-1] = -np.inf
    mask[4] = np.linspace(0, 200, 1000)  # the largest score rises all the time
    for attn_mask in (mask, mask[:, ::-1], mask == 0):
        expected = of_torch(*(torch.tensor(x) for x in (q, k, v)), torch.tensor(attn_mask.copy())).nan_to_num()
        y = attention_in_blocks(q, k, v, attn_mask).numpy()
        np.testing.assert_allclose(y, expected, rtol=1e-4 if dtype == np.float32 else 1e-9, atol=1e-5)


MASKS = {
    "floats": RNG.standard_normal((4, 5)),
    "a row": RNG.standard_normal((1, 5)),
    "heads": RNG.standard_normal((3, 4, 5)),
    "batch": RNG.standard_normal((2, 1, 1, 5)),
    "bools": RNG.random((2, 3, 4, 5)) < 0.6,
    "one query sees nothing": np.arange(4)[:, None] != np.full(5, 2),
    "-inf": np.where(np.arange(4)[:, None] == 1, -np.inf, np.zeros(5)),
}


@pytest.mark.parametrize("mask", list(MASKS))
def test_torch_with_a_mask(mask):
    check_torch(scaled_dot_product_attention, of_torch, *inputs(), MASKS[mask])
    mask = MASKS[mask]
    check_torch(
        lambda *a: attention_in_blocks(*a, mask if mask.dtype == bool else mask.astype(a[0].dtype)),
        lambda *a: of_torch(*a, torch.tensor(mask, dtype=torch.bool if mask.dtype == bool else a[0].dtype)),
        *inputs(),
    )


@pytest.mark.parametrize("backend", ["native", "reference"])
def test_torch_on_both_backends(backend):
    with pydl.use_backend(backend):
        check_torch(scaled_dot_product_attention, of_torch, *inputs((2,), 3, 4, 2, 3), RNG.standard_normal((3, 4)))


def test_many_weights_are_kept_nowhere():
    """Those of 3,000 queries and keys are 36 MB; what is needed for the way back and for blocks is a few hundred KB."""
    q, k, v = (pydl.tensor(x.astype(np.float32), requires_grad=True) for x in inputs((1,), 3000, 3000, 4, 4))
    before = sum(_native.arena_stats()[name] for name in ("bytes_in_use", "bytes_cached"))
    y = scaled_dot_product_attention(q, k, v)
    y.backward(y.detach())
    assert sum(_native.arena_stats()[name] for name in ("bytes_in_use", "bytes_cached")) - before < 9_000_000


def test_gradient():
    mask = RNG.standard_normal((2, 1, 3))
    check_gradient(scaled_dot_product_attention, *inputs((2,), 2, 3, 2, 2), mask)
    check_gradient(lambda *a: attention_in_blocks(*a, is_causal=True), *inputs((2,), 3, 3, 2, 2))


@BOTH
def test_views_and_lengths_of_nothing(attention):
    q, k, v = (RNG.standard_normal((5, 2, 3, 4)).transpose(1, 2, 0, 3) for _ in range(3))
    check_torch(attention, of_torch, q, k, v)
    assert attention(*inputs(S=0)).numpy().tolist() == np.zeros((2, 3, 4, 7)).tolist()
    assert attention(*inputs(L=0)).shape == (2, 3, 0, 7)


@pytest.mark.parametrize("where", ["q", "k", "v", "dy"])
def test_what_is_not_finite_reaches_what_it_reaches_where_weights_are_kept(where):
    """Keys that a query may not see have the weight 0, which makes NaN of a NaN: in blocks they cannot be left out."""
    arrays = dict(
        zip(("q", "k", "v", "dy"), [*inputs((1, 2), 200, 200, 4, 3), RNG.standard_normal((1, 2, 200, 3))], strict=True)
    )
    arrays[where][0, 1, 120, 2] = np.nan
    outcomes = []
    for attention in (
        lambda *a: attention_with_weights(*a, is_causal=True)[0],
        lambda *a: attention_in_blocks(*a, is_causal=True),
    ):
        leaves = [pydl.tensor(arrays[name], requires_grad=True) for name in ("q", "k", "v")]
        y = attention(*leaves)
        y.backward(pydl.tensor(arrays["dy"]))
        outcomes.append([y.detach().numpy(), *(leaf.grad.numpy() for leaf in leaves)])
    for kept, again in zip(*outcomes, strict=True):
        np.testing.assert_allclose(again, kept, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize(("heads", "length"), [(8, 60), (1, 150)], ids=str)
@BOTH
def test_any_number_of_threads(attention, heads, length):
    q, k, v = (x.astype(np.float32) for x in inputs((3, heads), length, 270, 32, 32))
    outcomes = []
    before = pydl.get_num_threads()
    try:
        for threads in (1, 2, 3):
            pydl.set_num_threads(threads)
            leaf = pydl.tensor(q, requires_grad=True)
            y = attention(leaf, k, v, is_causal=True)
            y.sum().backward()
            outcomes.append((y.detach().numpy().tobytes(), leaf.grad.numpy().tobytes()))
    finally:
        pydl.set_num_threads(before)
    assert outcomes[0] == outcomes[1] == outcomes[2]


Q = np.zeros((2, 4, 6), np.float32)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        ((Q, Q[..., :5], Q), ValueError,
         "query has 6 features but key has 5 (query (2, 4, 6), key (2, 4, 5), value (2, 4, 6))"),
        ((Q, Q, Q[:, :3]), ValueError, "there are 4 keys but 3 values"),
        ((Q, Q[:1], Q), ValueError, "the dimensions before the last two must be equal"),
        ((Q[0, 0], Q, Q), ValueError, "query, key and value need two dimensions or more (query (6,)"),
        ((Q, Q, Q, np.zeros((3, 4), np.float32)), ValueError,
         "attn_mask has shape (3, 4) and does not broadcast to (2, 4, 4)"),
        ((Q, Q, Q, np.zeros((4, 4), int)), TypeError,
         "attn_mask has dtype int64 but must be bool or float32, as query is"),
        ((Q, Q, Q, np.ones((4, 4), bool), 0.0, True), ValueError, "attn_mask must be None with is_causal=True"),
        ((Q, Q, Q, None, 1.5), ValueError, "dropout_p must be from 0.0 to 1.0, not 1.5"),
        ((Q, Q, Q.astype(np.float64)), TypeError, "value is float64 but query is float32"),
    ],
)  # fmt: skip
def test_refuses(call, error, message):
    check_refused(lambda: scaled_dot_product_attention(*call), error, f"scaled_dot_product_attention: {message}")
