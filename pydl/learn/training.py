"""Exercises on training: what an optimizer does with a gradient, dropout, batch normalization."""

from __future__ import annotations

import numpy as np

import pydl
from pydl import optim
from pydl.nn import functional as F

from .exercise import exercise


@exercise("gradient descent with momentum", returns="w_next, velocity_next")
def momentum(w, g, velocity, lr, mu):
    """One step of gradient descent with momentum; what it does to the weights is returned, not written into them:

        velocity' = mu * velocity + g
        w' = w - lr * velocity'

    w, g, velocity    arrays of one shape: weights, gradient dC/dw, velocity
    returns w', velocity'
    """
    parameter = pydl.nn.Parameter(w.copy())
    optimizer = optim.SGD([parameter], lr=lr, momentum=mu)
    # A step from zero with gradient `velocity` leaves that velocity.
    for gradient in (velocity, g):
        parameter.data[...] = w
        parameter.grad = pydl.tensor(gradient)
        optimizer.step()
    return parameter, (w - parameter.data) / lr


@momentum.cases
def _(random):
    return [
        {name: random.normal(size=shape) for name in ("w", "g", "velocity")} | {"lr": 0.1, "mu": 0.9}
        for shape in [(2,), (3, 4), (20, 30)]
    ]


@momentum.mistake("the step has the wrong sign: it goes against the gradient")
def _(w, g, velocity, lr, mu):
    velocity = mu * velocity + g
    return w + lr * velocity, velocity


@momentum.mistake("the step takes the velocity from before; use the new one")
def _(w, g, velocity, lr, mu):
    return w - lr * velocity, mu * velocity + g


@exercise("the optimizer Adam", returns="w")
def adam(w, gradients, lr, beta1, beta2, eps):
    """Adam, one step for each of the gradients; m and v start at 0 and t at 1:

        m = beta1 * m + (1 - beta1) * g
        v = beta2 * v + (1 - beta2) * g^2
        w = w - lr * (m / (1 - beta1^t)) / (sqrt(v / (1 - beta2^t)) + eps)

    w            an array: the weights at the start (do not change it: return a new one)
    gradients    a list of arrays of its shape, for t = 1, 2, ...
    returns w after the last step
    """
    parameter = pydl.nn.Parameter(w.copy())
    optimizer = optim.Adam([parameter], lr=lr, betas=(beta1, beta2), eps=eps)
    for g in gradients:
        parameter.grad = pydl.tensor(g)
        optimizer.step()
    return parameter


@adam.cases
def _(random):
    settings = {"lr": 0.1, "beta1": 0.9, "beta2": 0.99, "eps": 0.01}
    return [
        {"w": random.normal(size=shape), "gradients": [0.1 * random.normal(size=shape) for _ in range(steps)]}
        | settings
        for shape, steps in [((2,), 1), ((3,), 3), ((4, 5), 5)]
    ]


def _adam(w, gradients, lr, beta1, beta2, eps, corrected=True, outside=True):
    w, m, v = w.copy(), 0.0, 0.0
    for t, g in enumerate(gradients, 1):
        m, v = beta1 * m + (1 - beta1) * g, beta2 * v + (1 - beta2) * g**2
        a, b = (m / (1 - beta1**t), v / (1 - beta2**t)) if corrected else (m, v)
        w -= lr * a / (np.sqrt(b) + eps if outside else np.sqrt(b + eps))
    return w


@adam.mistake("m and v are not corrected for their start at 0: divide by 1 - beta^t")
def _(**case):
    return _adam(**case, corrected=False)


@adam.mistake("eps belongs outside the root: sqrt(v) + eps")
def _(**case):
    return _adam(**case, outside=False)


@exercise("dropping units at random", returns="y")
def dropout(x, u, p):
    """Inverted dropout in training: each element is dropped with probability p, the others are scaled so that the
    expectation stays:

        y = x / (1 - p)  where u >= p,  otherwise 0

    x, u    arrays of one shape; u is uniform in [0, 1), drawn for you so that the result is determined
    p       0 <= p < 1
    """
    return np.where(u >= p, x, 0.0) / (1 - p)


@dropout.cases
def _(random):
    return [
        {"x": random.normal(size=shape), "u": random.random(shape), "p": p}
        for shape, p in [((4,), 0.5), ((3, 4), 0.2), ((3, 4), 0.0), ((50, 60), 0.5)]
    ]


@dropout.mistake("what is kept is not scaled by 1 / (1 - p)")
def _(x, u, p):
    return np.where(u >= p, x, 0.0)


@dropout.mistake("p is the probability to drop, not to keep: u >= p stays")
def _(x, u, p):
    return np.where(u < p, x, 0.0) / (p or 1.0)


@exercise("batch normalization in training", returns="y")
def batchnorm_forward(x, gamma, beta, eps):
    """Batch normalization in training:

        mean[k] = 1/N * sum over n of  x[n,k]
        var[k]  = 1/N * sum over n of  (x[n,k] - mean[k])^2
        y[n,k]  = gamma[k] * (x[n,k] - mean[k]) / sqrt(var[k] + eps) + beta[k]

    x (N, K), gamma and beta (K), y (N, K)
    """
    return F.batch_norm(x, None, None, gamma, beta, training=True, eps=eps)


@batchnorm_forward.cases
def _(random):
    return [
        {
            "x": 3 + random.normal(size=(n, k)),
            "gamma": random.normal(size=k),
            "beta": random.normal(size=k),
            "eps": 0.01,
        }
        for n, k in [(2, 2), (5, 3), (64, 20)]
    ]


@batchnorm_forward.mistake("the variance is divided by N - 1; in training it is N")
def _(x, gamma, beta, eps):
    return gamma * (x - x.mean(0)) / np.sqrt(x.var(0, ddof=1) + eps) + beta


@batchnorm_forward.mistake("each row is normalized, not each column: that is layer normalization")
def _(x, gamma, beta, eps):
    return gamma * (x - x.mean(1, keepdims=True)) / np.sqrt(x.var(1, keepdims=True) + eps) + beta


@batchnorm_forward.mistake("eps belongs inside the root: sqrt(var + eps)")
def _(x, gamma, beta, eps):
    return gamma * (x - x.mean(0)) / (np.sqrt(x.var(0)) + eps) + beta
