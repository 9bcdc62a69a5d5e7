import numpy as np
import pytest
from checks import check_gradient, check_refused, close

import pydl
from pydl import nn

RNG = np.random.default_rng(0)
L, S, N, E, H = 4, 5, 3, 8, 2


def numbers(*shape):
    return RNG.standard_normal(shape)


def pair(**settings):
    """The same layer in pydl and in PyTorch, and PyTorch itself."""
    torch = pytest.importorskip("torch")
    layer = nn.MultiheadAttention(E, H, dtype=np.float64, **settings)
    theirs = torch.nn.MultiheadAttention(E, H, dtype=torch.float64, **settings)
    for parameter in theirs.parameters():
        torch.nn.init.normal_(parameter)
    assert list(layer.state_dict()) == list(theirs.state_dict())
    layer.load_state_dict({name: value.numpy() for name, value in theirs.state_dict().items()})
    return layer, theirs, torch


def compare(layer, theirs, torch, inputs, options):
    """Results and all gradients. inputs: query, key and value; one that is there twice is one tensor."""
    made, of_torch = {}, {}
    for x in inputs:
        made[id(x)] = pydl.tensor(x, requires_grad=True)
        of_torch[id(x)] = torch.tensor(x, requires_grad=True)
    given = {name: torch.tensor(each) if isinstance(each, np.ndarray) else each for name, each in options.items()}
    y, weights = layer(*(made[id(x)] for x in inputs), **options)
    z, wanted = theirs(*(of_torch[id(x)] for x in inputs), **given)
    close(y.detach().numpy(), z.detach().numpy(), 1e-12, "result")
    assert (weights is None) == (wanted is None)
    loss, other = (y * y).sum(), (z * z).sum()
    if weights is not None:
        close(weights.detach().numpy(), wanted.detach().numpy(), 1e-12, "weights")
        loss, other = loss + (weights * weights).sum(), other + (wanted * wanted).sum()
    loss.backward()
    other.backward()
    for name in made:
        close(made[name].grad.numpy(), of_torch[name].grad.numpy(), 1e-11, "gradient of an input")
    for (name, mine), parameter in zip(layer.named_parameters(), theirs.parameters(), strict=True):
        close(mine.grad.numpy(), parameter.grad.numpy(), 1e-11, f"gradient of {name}")


PADDING = np.arange(S) >= np.array([[5], [3], [1]])
OPTIONS = {
    "plain": {},
    "no weights": {"need_weights": False},
    "all heads": {"average_attn_weights": False},
    "padding": {"key_padding_mask": PADDING},
    "padding of floats": {"key_padding_mask": np.where(PADDING, -np.inf, 0.5)},
    "bools": {"attn_mask": np.triu(np.ones((L, S), bool), 1)},
    "floats": {"attn_mask": numbers(L, S)},
    "of each head": {"attn_mask": numbers(N * H, L, S), "need_weights": False},
    "both of bools": {"attn_mask": np.triu(np.ones((L, S), bool), 1), "key_padding_mask": PADDING},
    "both of floats": {"attn_mask": numbers(L, S), "key_padding_mask": np.where(PADDING, -np.inf, 0.0)},
}


@pytest.mark.parametrize("options", list(OPTIONS))
def test_multihead_as_torch(options):
    compare(*pair(), [numbers(L, N, E), numbers(S, N, E), numbers(S, N, E)], OPTIONS[options])


@pytest.mark.parametrize(
    "settings",
    [{"batch_first": True}, {"bias": False}, {"kdim": 3, "vdim": 6}, {"vdim": 5, "batch_first": True}],
    ids=str,
)
def test_multihead_settings_as_torch(settings):
    key, value = settings.get("kdim", E), settings.get("vdim", E)
    shape = (N, S) if settings.get("batch_first") else (S, N)
    query = numbers(N, L, E) if settings.get("batch_first") else numbers(L, N, E)
    compare(*pair(**settings), [query, numbers(*shape, key), numbers(*shape, value)], {"key_padding_mask": PADDING})


def test_multihead_of_one_input_and_without_a_batch():
    x = numbers(L, N, E)
    compare(*pair(), [x, x, x], {})
    query, keys = numbers(L, E), numbers(S, E)
    compare(*pair(), [query, keys, keys], {"key_padding_mask": PADDING[1], "attn_mask": np.eye(L, S, 1, dtype=bool)})
    compare(*pair(batch_first=True), [query, keys, keys], {"average_attn_weights": False})


def test_multihead_causal_and_dropout():
    layer, x = nn.MultiheadAttention(E, H, dropout=0.5), numbers(L, N, E).astype(np.float32)
    _, weights = layer.eval()(x, x, x, is_causal=True)
    assert not np.triu(weights.detach().numpy(), 1).any()
    np.testing.assert_allclose(weights.sum(-1).detach().numpy(), 1, rtol=1e-6)
    _, dropped = layer.train()(x, x, x, average_attn_weights=False)
    assert (dropped.detach().numpy() == 0).any()
    np.testing.assert_array_equal(layer.eval()(x, x, x)[0].detach().numpy(), layer(x, x, x)[0].detach().numpy())


def test_multihead_starts_like_torch():
    torch = pytest.importorskip("torch")
    pydl.manual_seed(0)
    mine, theirs = nn.MultiheadAttention(64, 4).state_dict(), torch.nn.MultiheadAttention(64, 4).state_dict()
    for name, value in mine.items():
        np.testing.assert_allclose(value.numpy().std(), theirs[name].numpy().std(), rtol=0.1, err_msg=name)


def attentions(**settings):
    yield nn.BahdanauAttention(4, 6, 5, dtype=np.float64, **settings)
    yield nn.LuongAttention(4, 6, dtype=np.float64, **settings)
    yield nn.LuongAttention(6, 6, "dot", dtype=np.float64, **settings)


def scores_of(layer, q, k):
    """The formulas, one query and one key at a time."""
    if isinstance(layer, nn.BahdanauAttention):
        w, u, v = (each.weight.detach().numpy() for each in (layer.w, layer.u, layer.v))
        return (v @ np.tanh(w @ q + u @ k))[0]
    return (q if layer.w is None else layer.w.weight.detach().numpy() @ q) @ k


@pytest.mark.parametrize("which", range(3))
@pytest.mark.parametrize("padded", [False, True])
def test_encoder_attention_by_its_formula(which, padded):
    layer = list(attentions())[which]
    query, keys, values = numbers(L, N, layer.query_size), numbers(S, N, 6), numbers(S, N, 2)
    context, weights = layer(query, keys, values, PADDING if padded else None)
    for n, i in np.ndindex(N, L):
        seen = [s for s in range(S) if not (padded and PADDING[n, s])]
        e = np.exp([scores_of(layer, query[i, n], keys[s, n]) for s in seen])
        wanted = np.zeros(S)
        wanted[seen] = e / e.sum()
        np.testing.assert_allclose(weights.detach().numpy()[n, i], wanted, atol=1e-12)
        np.testing.assert_allclose(context.detach().numpy()[i, n], wanted @ values[:, n], atol=1e-12)


@pytest.mark.parametrize("which", range(3))
def test_encoder_attention_of_one_step_and_with_the_batch_first(which):
    layer, other = list(attentions())[which], list(attentions(batch_first=True))[which]
    other.load_state_dict(layer.state_dict())
    query, keys = numbers(L, N, layer.query_size), numbers(S, N, 6)
    context, weights = layer(query, keys, key_padding_mask=PADDING)
    c, w = other(query.swapaxes(0, 1), keys.swapaxes(0, 1), key_padding_mask=PADDING)
    close(c.detach().numpy().swapaxes(0, 1), context.detach().numpy(), 1e-12, "context")
    close(w.detach().numpy(), weights.detach().numpy(), 1e-12, "weights")
    for step in range(L):
        c, w = layer(query[step], keys, key_padding_mask=PADDING)
        close(c.detach().numpy(), context.detach().numpy()[step], 1e-12, "context of a step")
        close(w.detach().numpy(), weights.detach().numpy()[:, step], 1e-12, "weights of a step")


@pytest.mark.parametrize("which", range(3))
def test_encoder_attention_gradient(which):
    layer = list(attentions())[which]
    check_gradient(
        lambda q, k, v: layer(q, k, v, PADDING)[0], numbers(2, N, layer.query_size), numbers(S, N, 6), numbers(S, N, 2)
    )


def test_projected_keys_are_those_of_the_call():
    for batch_first in (False, True):
        layer = next(attentions(batch_first=batch_first))
        query, keys = numbers(N, 4), numbers(*((N, S) if batch_first else (S, N)), 6)
        want = layer(query, keys)
        got = layer(query, keys, projected_keys=layer.project(keys))
        for mine, other in zip(got, want, strict=True):
            np.testing.assert_array_equal(mine.detach().numpy(), other.detach().numpy())


QUERY, KEYS = np.zeros((L, N, 4), np.float32), np.zeros((S, N, 6), np.float32)
X = np.zeros((L, N, E), np.float32)
BAHDANAU, LUONG, HEADS = nn.BahdanauAttention(4, 6, 5), nn.LuongAttention(4, 6), nn.MultiheadAttention(E, H)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: BAHDANAU(KEYS, KEYS), ValueError,
         "BahdanauAttention: query must be (L, B, query_size) or (B, query_size) with query_size 4, but has shape"),
        (lambda: LUONG(QUERY, QUERY), ValueError,
         "LuongAttention: keys must have three dimensions, the last of key_size 6, but have shape (4, 3, 4)"),
        (lambda: LUONG(QUERY, KEYS[:, :2]), ValueError, "LuongAttention: query has a batch of 3 but keys one of 2"),
        (lambda: LUONG(QUERY, KEYS, QUERY), ValueError, "LuongAttention: values have shape (4, 3, 4) but there"),
        (lambda: BAHDANAU(QUERY, KEYS, key_padding_mask=PADDING.T), ValueError,
         "BahdanauAttention: key_padding_mask has shape (5, 3) but must be (3, 5), batch and keys"),
        (lambda: BAHDANAU(QUERY, KEYS, key_padding_mask=PADDING | True), ValueError,
         "BahdanauAttention: key_padding_mask leaves no key for 0 of the batch"),
        (lambda: LUONG(QUERY, KEYS, key_padding_mask=PADDING * 1.0), TypeError,
         "LuongAttention: key_padding_mask has dtype float64 but must be bool, True for padding"),
        (lambda: BAHDANAU(QUERY, KEYS, projected_keys=KEYS), ValueError,
         "BahdanauAttention: projected_keys has shape (5, 3, 6), which is not that of project(keys)"),
        (lambda: nn.LuongAttention(4, 6, "dot"), ValueError,
         "LuongAttention: query_size is 4 but key_size 6; score='dot' needs equal ones"),
        (lambda: nn.LuongAttention(4, 6, "sum"), ValueError, "LuongAttention: score must be 'dot' or 'general'"),
        (lambda: nn.MultiheadAttention(8, 3), ValueError,
         "MultiheadAttention: embed_dim is 8 but must be a multiple of num_heads, which is 3"),
        (lambda: nn.MultiheadAttention(8, 2, add_bias_kv=True), ValueError,
         "MultiheadAttention: add_bias_kv must be False"),
        (lambda: HEADS(X, X, X[0]), ValueError,
         "MultiheadAttention: query, key and value must all have three dimensions, or two (query (4, 3, 8), key"),
        (lambda: HEADS(X, KEYS, KEYS), ValueError, "MultiheadAttention: key has 6 features but needs 8 (query"),
        (lambda: HEADS(X, X[:, :2], X[:, :2]), ValueError, "MultiheadAttention: query and key must have the same"),
        (lambda: HEADS(X, X, X, attn_mask=np.zeros((4, 3), bool)), ValueError,
         "MultiheadAttention: attn_mask has shape (4, 3) but must be (4, 4) or (6, 4, 4)"),
    ],
)  # fmt: skip
def test_refuses(call, error, message):
    check_refused(call, error, message)
