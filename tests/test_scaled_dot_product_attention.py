import numpy as np
import pytest
from checks import check_gradient, check_refused, check_torch, close, torch

import pydl
from pydl.ops.scaled_dot_product_attention import attention_with_weights, scaled_dot_product_attention

RNG = np.random.default_rng(0)


def inputs(lead=(2, 3), L=4, S=5, E=6, Ev=7):
    return RNG.standard_normal((*lead, L, E)), RNG.standard_normal((*lead, S, E)), RNG.standard_normal((*lead, S, Ev))


def of_torch(*arguments, **options):
    return torch.nn.functional.scaled_dot_product_attention(*arguments, **options)


def test_worked_by_hand():
    """One query that fits the first key as well as the third, and the second by log 2 more."""
    q, k, v = (
        np.array([[1.0, 0.0]]),
        np.array([[0.0, 1.0], [np.log(2), 9.0], [0.0, 0.0]]),
        np.array([[4.0], [8.0], [0.0]]),
    )
    y, weights = attention_with_weights(q, k, v, scale=1.0)
    np.testing.assert_allclose(weights.numpy(), [[0.25, 0.5, 0.25]])
    np.testing.assert_allclose(y.numpy(), [[5.0]])


def test_every_sum_by_itself():
    q, k, v = inputs()
    mask = RNG.standard_normal((4, 5))
    y = scaled_dot_product_attention(q, k, v, mask).numpy()
    for n, h, i in np.ndindex(2, 3, 4):
        scores = [sum(q[n, h, i] * k[n, h, s]) / np.sqrt(6) + mask[i, s] for s in range(5)]
        weights = np.exp(scores) / sum(np.exp(scores))
        np.testing.assert_allclose(y[n, h, i], sum(w * v[n, h, s] for s, w in enumerate(weights)))


@pytest.mark.parametrize("lead", [(2, 3), (), (7,), (2, 0), (2, 1, 3)], ids=str)
@pytest.mark.parametrize("options", [{}, {"scale": 0.3}, {"is_causal": True}], ids=str)
def test_torch(lead, options):
    check_torch(
        lambda *a: scaled_dot_product_attention(*a, **options), lambda *a: of_torch(*a, **options), *inputs(lead)
    )


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


@pytest.mark.parametrize("backend", ["native", "reference"])
def test_torch_on_both_backends(backend):
    with pydl.use_backend(backend):
        check_torch(scaled_dot_product_attention, of_torch, *inputs((2,), 3, 4, 2, 3), RNG.standard_normal((3, 4)))


def test_gradient():
    mask = RNG.standard_normal((2, 1, 3))
    check_gradient(scaled_dot_product_attention, *inputs((2,), 2, 3, 2, 2), mask)
    check_gradient(lambda *a: attention_with_weights(*a)[1], *inputs((2,), 2, 3, 2, 2), mask)
    check_gradient(lambda *a: sum(y.sum() for y in attention_with_weights(*a)), *inputs((2,), 2, 3, 2, 2), mask)


def test_views_and_lengths_of_nothing():
    q, k, v = (RNG.standard_normal((5, 2, 3, 4)).transpose(1, 2, 0, 3) for _ in range(3))
    check_torch(scaled_dot_product_attention, of_torch, q, k, v)
    assert scaled_dot_product_attention(*inputs(S=0)).numpy().tolist() == np.zeros((2, 3, 4, 7)).tolist()
    assert scaled_dot_product_attention(*inputs(L=0)).shape == (2, 3, 0, 7)


def test_dropout():
    pydl.manual_seed(0)
    q, k, v = (pydl.tensor(x, requires_grad=True) for x in inputs((4,), 30, 40))
    _, whole = attention_with_weights(q, k, v)
    y, weights = attention_with_weights(q, k, v, dropout_p=0.25)
    kept = weights.detach().numpy() > 0
    assert 0.72 < kept.mean() < 0.78
    np.testing.assert_allclose(weights.detach().numpy(), whole.detach().numpy() * kept / 0.75)
    (y * y).sum().backward()
    # The same weights, kept by a product.
    Q, K, V = (pydl.tensor(x.numpy(), requires_grad=True) for x in (q.detach(), k.detach(), v.detach()))
    z = pydl.ops.matmul(attention_with_weights(Q, K, V)[1] * pydl.tensor(kept / 0.75), V)
    (z * z).sum().backward()
    for mine, other in ((q, Q), (k, K), (v, V)):
        close(mine.grad.numpy(), other.grad.numpy(), 1e-12, "gradient")


def test_any_number_of_threads():
    q, k, v = (x.astype(np.float32) for x in inputs((3, 8), 60, 70, 32, 32))
    outcomes = []
    before = pydl.get_num_threads()
    try:
        for threads in (1, 2, 3):
            pydl.set_num_threads(threads)
            leaf = pydl.tensor(q, requires_grad=True)
            y = scaled_dot_product_attention(leaf, k, v, is_causal=True)
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
