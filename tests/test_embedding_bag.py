"""embedding_bag and its layer, against PyTorch and central differences."""

import numpy as np
import pytest
from checks import check_gradient, check_refused, check_torch, torch

import pydl
from pydl import nn
from pydl.nn.functional import embedding_bag

rng = np.random.default_rng(0)
WEIGHT = rng.standard_normal((7, 3))
WORDS, OFFSETS = rng.integers(0, 7, 9), np.array([0, 2, 2, 6])
SHARES = rng.uniform(0.5, 2, 9)
CASES = {
    "bags of one size": (WORDS.reshape(3, 3), None, {}),
    "offsets": (WORDS, OFFSETS, {}),
    "last offset": (WORDS, np.array([0, 3, 9]), {"include_last_offset": True}),
    "padding": (WORDS, OFFSETS, {"padding_idx": int(WORDS[2])}),
}


@pytest.mark.parametrize("mode", ["sum", "mean", "max"])
@pytest.mark.parametrize("case", CASES)
def test_as_in_pytorch(case, mode):
    words, offsets, options = CASES[case]

    def mine(w):
        return embedding_bag(words, w, offsets, mode=mode, **options)

    def theirs(w):
        places = None if offsets is None else torch.tensor(offsets)
        return torch.nn.functional.embedding_bag(torch.tensor(words), w, places, mode=mode, **options)

    check_gradient(mine, WEIGHT)
    if mode == "max":  # which of equal words gets the gradient differs
        check_torch(lambda w: mine(w).detach(), lambda w: theirs(w).detach(), WEIGHT)
    else:
        check_torch(mine, theirs, WEIGHT)


def test_weights_of_words():
    check_gradient(lambda w, a: embedding_bag(WORDS, w, OFFSETS, mode="sum", per_sample_weights=a), WEIGHT, SHARES)
    check_torch(
        lambda w, a: embedding_bag(WORDS, w, OFFSETS, mode="sum", per_sample_weights=a),
        lambda w, a: torch.nn.functional.embedding_bag(
            torch.tensor(WORDS), w, torch.tensor(OFFSETS), mode="sum", per_sample_weights=a
        ),
        WEIGHT,
        SHARES,
    )


def test_layer():
    layer = nn.EmbeddingBag(7, 3, mode="sum")
    assert list(layer.state_dict()) == ["weight"]
    y = layer(np.array([[1, 1], [2, 3]]))
    w = layer.weight.data
    np.testing.assert_allclose(y.detach().numpy(), [2 * w[1], w[2] + w[3]], rtol=1e-6)
    assert layer(np.array([1, 2]), np.array([0])).shape == (1, 3)
    assert "mode='sum'" in repr(layer)
    trained = nn.EmbeddingBag.from_pretrained(WEIGHT, padding_idx=2)
    np.testing.assert_allclose(trained(np.array([[1, 2, 3]])).numpy(), [(WEIGHT[1] + WEIGHT[3]) / 2])


def test_refuses():
    check_refused(lambda: embedding_bag(WORDS, WEIGHT), ValueError, "embedding_bag: input must be (B, L) without offs")
    check_refused(lambda: embedding_bag(WORDS, WEIGHT, [0, 5, 3]), ValueError, "embedding_bag: offsets must begin with")
    check_refused(
        lambda: embedding_bag(WORDS, WEIGHT, [0], mode="min"), ValueError, "embedding_bag: mode must be 'sum'"
    )
    check_refused(lambda: embedding_bag(WORDS + 7, WEIGHT, [0]), IndexError, "embedding: input has numbers from")
    check_refused(lambda: embedding_bag(WORDS, WEIGHT, [0], per_sample_weights=SHARES), ValueError,
                  "embedding_bag: per_sample_weights needs mode 'sum' and the shape (9,) of input")  # fmt: skip
    assert pydl.ops.embedding_bag is embedding_bag


@pytest.mark.parametrize("mode", ["sum", "mean", "max"])
def test_many_bags_go_in_blocks(mode):
    words, table = rng.integers(0, 50, (700, 9)), rng.standard_normal((50, 33))
    w, v = pydl.tensor(table, requires_grad=True), pydl.tensor(table, requires_grad=True)
    embedding_bag(words, w, mode=mode).square().sum().backward()
    rows = v[words]
    each = {"sum": rows.sum(1), "mean": rows.mean(1), "max": rows.amax(1)}[mode]
    each.square().sum().backward()
    np.testing.assert_allclose(w.grad.numpy(), v.grad.numpy(), rtol=1e-9, atol=1e-9)


def test_largest_of_bags_of_many_sizes():
    lengths = np.array([3, 0, 1, 200, 2, 9, 17, 0])
    words = rng.integers(0, 7, lengths.sum())
    got = embedding_bag(words, WEIGHT, np.cumsum(lengths) - lengths, mode="max").numpy()
    parts = np.split(WEIGHT[words], np.cumsum(lengths)[:-1])
    np.testing.assert_array_equal(got, [part.max(0) if len(part) else np.zeros(3) for part in parts])
    assert embedding_bag(words[:0], WEIGHT, words[:0], mode="max").shape == (0, 3)
