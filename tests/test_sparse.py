"""Sparse gradients: the rows of a table that a batch used, equal to the whole gradient where both exist."""

import copy

import numpy as np
import pytest

import pydl
from pydl import nn, optim
from pydl.nn.functional import embedding
from pydl.sparse import SparseRows

WORDS = np.array([[4, 1, 4], [0, 2, 1]])


def gradient(sparse, padding_idx=None, by_freq=False, words=WORDS):
    weight = pydl.tensor(np.arange(15.0).reshape(5, 3), requires_grad=True)
    y = embedding(words, weight, padding_idx, scale_grad_by_freq=by_freq, sparse=sparse)
    y.backward(np.arange(y.numel(), dtype=float).reshape(y.shape) + 1)
    return weight


@pytest.mark.parametrize("padding_idx", [None, 1, -1])
@pytest.mark.parametrize("by_freq", [False, True])
def test_equals_the_whole_gradient(padding_idx, by_freq):
    grad = gradient(True, padding_idx, by_freq).grad
    assert grad.is_sparse
    assert grad.shape == (5, 3)
    np.testing.assert_array_equal(grad.to_dense().data, gradient(False, padding_idx, by_freq).grad.data)
    padding = None if padding_idx is None else padding_idx % 5
    assert grad.indices().data.tolist() == [[row for row in (0, 1, 2, 4) if row != padding]]


def test_is_torchs():
    torch = pytest.importorskip("torch")
    weight = torch.arange(15.0, dtype=torch.float64).reshape(5, 3).requires_grad_()
    y = torch.nn.functional.embedding(torch.tensor(WORDS), weight, 1, scale_grad_by_freq=True)
    y.backward(torch.arange(18.0, dtype=torch.float64).reshape(2, 3, 3) + 1)
    np.testing.assert_allclose(gradient(True, 1, True).grad.to_dense().data, weight.grad.numpy())


def test_no_words_and_all_words():
    assert gradient(True, words=np.zeros(0, int)).grad.values().shape == (0, 3)
    every = np.arange(5)
    np.testing.assert_array_equal(gradient(True, words=every).grad.data, gradient(False, words=every).grad.data)


@pytest.mark.parametrize("order", [(True, True), (True, False), (False, True), (False, False)])
def test_gradients_of_two_uses_add_up(order):
    weight = pydl.tensor(np.ones((5, 3)), requires_grad=True)
    for sparse, words in zip(order, ([0, 1, 1], [1, 3]), strict=True):
        embedding(np.array(words), weight, sparse=sparse).sum().backward()
    grad = weight.grad.to_dense() if weight.grad.is_sparse else weight.grad
    assert weight.grad.is_sparse == all(order)
    assert grad.data[:, 0].tolist() == [1, 3, 0, 1, 0]


RULES = {
    "SGD": (lambda p: optim.SGD(p, lr=0.1), lambda p: optim.SGD(p, lr=0.1)),
    "SGD up": (lambda p: optim.SGD(p, lr=0.1, maximize=True), lambda p: optim.SGD(p, lr=0.1, maximize=True)),
    "Adagrad": (
        lambda p: optim.Adagrad(p, lr=0.1, initial_accumulator_value=0.1),
        lambda p: optim.Adagrad(p, lr=0.1, initial_accumulator_value=0.1),
    ),
}


@pytest.mark.parametrize("rule", RULES)
def test_optimizer_moves_as_with_the_whole_gradient(rule):
    tables = []
    for sparse, make in zip((True, False), RULES[rule], strict=True):
        pydl.manual_seed(3)
        layer, head = nn.Embedding(9, 4, sparse=sparse), nn.Linear(4, 1)
        optimizer = make([*layer.parameters(), *head.parameters()])
        for words in ([1, 2, 2], [8], [2, 3, 8]):
            optimizer.zero_grad()
            (head(layer(np.array(words))) ** 2).sum().backward()
            optimizer.step()
        tables.append(layer.weight.data)
    np.testing.assert_allclose(*tables, rtol=1e-5)


def test_sparse_adam_is_torchs():
    torch = pytest.importorskip("torch")
    start = np.random.default_rng(0).normal(size=(6, 3))
    theirs = torch.nn.Embedding.from_pretrained(torch.tensor(start), freeze=False, sparse=True)
    mine = nn.Embedding.from_pretrained(start, freeze=False, sparse=True)
    their_rule = torch.optim.SparseAdam(list(theirs.parameters()), lr=0.1)
    my_rule = optim.SparseAdam(mine.parameters(), lr=0.1)
    for words in ([1, 2, 2], [5], [2, 3, 5], [0, 1, 2, 3, 4, 5]):
        for layer, rule, given in ((theirs, their_rule, torch.tensor(words)), (mine, my_rule, np.array(words))):
            rule.zero_grad()
            (layer(given) ** 2).sum().backward()
            rule.step()
    np.testing.assert_allclose(mine.weight.data, theirs.weight.detach().numpy(), rtol=1e-9)
    assert my_rule.state_dict()["state"][0]["exp_avg"].shape == (6, 3)


def test_gradient_is_clipped_and_copied():
    weight = gradient(True)
    dense = gradient(False)
    twin = copy.deepcopy(weight)
    for each in (weight, dense):
        optim.clip_grad_norm_([each], 1.0)
    np.testing.assert_allclose(weight.grad.to_dense().data, dense.grad.data)
    assert twin.grad.is_sparse
    assert float(np.abs(twin.grad.data).sum()) > float(np.abs(weight.grad.data).sum())


def test_errors():
    weight = gradient(True)
    for rule in (optim.Adam, lambda p: optim.SGD(p, momentum=0.9)):
        with pytest.raises(ValueError, match="does not take sparse gradients"):
            rule([weight]).step()
    with pytest.raises(ValueError, match=r"SparseAdam: the gradient of a parameter .* is not sparse"):
        optim.SparseAdam([gradient(False)]).step()
    with pytest.raises(RuntimeError, match="numpy: this gradient has some rows"):
        weight.grad.numpy()
    with pytest.raises(RuntimeError, match="embedding: a sparse gradient is for a table that is a parameter"):
        embedding(WORDS, pydl.ones(5, 3, requires_grad=True) * 2, sparse=True).sum().backward()
    assert repr(weight.grad) == "SparseRows(4 of 5 rows, shape=(5, 3), dtype=float64)"
    assert isinstance(weight.grad, SparseRows)


def test_from_pretrained():
    layer = nn.Embedding.from_pretrained(np.eye(3), padding_idx=1)
    assert not layer.weight.requires_grad
    assert layer(np.array([2])).data.tolist() == [[0.0, 0.0, 1.0]]
    assert repr(nn.Embedding(3, 2, sparse=True)) == "Embedding(3, 2, sparse=True)"
