"""Exercises on a standard network: a layer, its backward pass, the squashing function, the loss."""

from __future__ import annotations

import numpy as np

import pydl
from pydl.nn import functional as F

from .exercise import exercise, gradients


@exercise("the squashing function, safe for large numbers", returns="y")
def sigmoid(z):
    """y = 1 / (1 + exp(-z)), element by element

    z, y    arrays of one shape

    exp of a large number overflows; for z below zero, exp(z) / (1 + exp(z)) is the same and does not.
    """
    return F.sigmoid(z)


@sigmoid.cases
def _(random):
    return [{"z": np.array([0.0, 1.0, -1.0])}, {"z": np.array([1000.0, -1000.0])}, {"z": random.normal(size=(20, 30))}]


@sigmoid.mistake("exp(z) instead of exp(-z): the curve falls where it should rise")
def _(z):
    return 1 / (1 + np.exp(np.minimum(z, 700)))


@exercise("a fully connected layer", returns="y")
def linear_forward(x, w, b):
    """y[n,o] = b[o] + sum over i of  w[o,i] * x[n,i]

    x    (N, I)    a batch of N inputs
    w    (O, I)    the weights of O neurons
    b    (O)       their biases
    y    (N, O)
    """
    return F.linear(x, w, b)


@linear_forward.cases
def _(random):
    sizes = [(1, 2, 2), (3, 4, 2), (16, 20, 10)]
    return [
        {"x": random.normal(size=(n, i)), "w": random.normal(size=(o, i)), "b": random.normal(size=o)}
        for n, i, o in sizes
    ]


@linear_forward.mistake("the biases are missing")
def _(x, w, b):
    return x @ w.T


@exercise("the gradients of a fully connected layer", returns="dx, dw, db")
def linear_backward(dy, x, w):
    """The gradients of C where dy = dC/dy arrives at the output y = x w^T + b of a fully connected layer:

        dx[n,i] = sum over o of  dy[n,o] * w[o,i]
        dw[o,i] = sum over n of  dy[n,o] * x[n,i]     (the outer product of dy and x, summed over the batch)
        db[o]   = sum over n of  dy[n,o]

    dy    (N, O)
    x     (N, I)
    w     (O, I)
    returns dx (N, I), dw (O, I), db (O)
    """
    x, w = (pydl.tensor(each, requires_grad=True) for each in (x, w))
    b = pydl.zeros(w.shape[0], dtype="float64", requires_grad=True)
    return gradients(F.linear(x, w, b), dy, x, w, b)


@linear_backward.undoes
def _(x, w):
    return x @ w.T


@linear_backward.cases
def _(random):
    sizes = [(1, 2, 2), (3, 4, 2), (16, 20, 10)]
    return [
        {"dy": random.normal(size=(n, o)), "x": random.normal(size=(n, i)), "w": random.normal(size=(o, i))}
        for n, i, o in sizes
    ]


@linear_backward.mistake(
    "dw and db are the mean over the batch; the sum is asked for (the loss divides by N, not the layer)"
)
def _(dy, x, w):
    return dy @ w, dy.T @ x / len(x), dy.mean(0)


@exercise("a classifier's loss and its gradient", returns="loss, dscores")
def softmax_cross_entropy(scores, labels):
    """The loss of a classifier and its gradient:

        p[n,k] = exp(s[n,k]) / sum over j of  exp(s[n,j])           softmax
        loss = -1/N * sum over n of  log p[n, labels[n]]            cross-entropy, a mean over the batch
        dscores[n,k] = (p[n,k] - (1 if k == labels[n] else 0)) / N

    scores    (N, K)    any numbers, large ones too: subtract the largest of a row before exp
    labels    (N)       whole numbers 0 .. K-1
    returns loss (one number), dscores (N, K)
    """
    s = pydl.tensor(scores, requires_grad=True)
    loss = F.cross_entropy(s, pydl.tensor(labels))
    return loss, *gradients(loss, np.ones(()), s)


@softmax_cross_entropy.cases
def _(random):
    large = np.array([[1000.0, 0.0, -1000.0], [-800.0, -801.0, -802.0]])
    cases = [
        {"scores": random.normal(size=(n, k)), "labels": random.integers(0, k, n)}
        for n, k in [(1, 2), (3, 4), (32, 10)]
    ]
    return [*cases[:2], {"scores": large, "labels": np.array([1, 0])}, cases[2]]


def _softmax(scores):
    e = np.exp(scores - scores.max(1, keepdims=True))
    return e / e.sum(1, keepdims=True)


@softmax_cross_entropy.mistake("the sum over the batch; divide loss and gradient by N")
def _(scores, labels):
    p, rows = _softmax(scores), np.arange(len(labels))
    return -np.log(p[rows, labels]).sum(), p - np.eye(scores.shape[1])[labels]


@softmax_cross_entropy.mistake("the gradient lacks the factor 1/N of the mean")
def _(scores, labels):
    p, rows = _softmax(scores), np.arange(len(labels))
    return -np.log(p[rows, labels]).mean(), p - np.eye(scores.shape[1])[labels]


@softmax_cross_entropy.mistake("the gradient's sign: it is p minus the target, not the target minus p")
def _(scores, labels):
    p, rows = _softmax(scores), np.arange(len(labels))
    return -np.log(p[rows, labels]).mean(), (np.eye(scores.shape[1])[labels] - p) / len(labels)
