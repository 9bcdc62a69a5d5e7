"""clip_grad_norm: the gradients of a small convolutional network, many small ones, and one that no cache holds."""

import numpy as np
from run import Bench, out, randn

from pydl.optim.clip_grad_norm import grad_norm, grad_scale

LENET = (500, 20, 20000, 40, 64000, 100, 1000, 10)
SMALL = (100,) * 200
LARGE = (4_000_000,)


def grad_norm_numpy(g, norm, p):
    norm[()] = np.sqrt(sum(np.dot(each, each) for each in g))


def grad_scale_numpy(g, factor):
    for each in g:
        each *= factor


BENCHES = [
    Bench(
        grad_norm,
        [LENET, SMALL, LARGE],
        small=(1000,),
        arguments=lambda *n: ([randn(k) for k in n], out(), 2.0),
        numpy=grad_norm_numpy,
        bytes=lambda *n: 4 * sum(n),
    ),
    Bench(
        grad_scale,
        [LENET, SMALL, LARGE],
        small=(1000,),
        arguments=lambda *n: ([randn(k) for k in n], 1.0),
        numpy=grad_scale_numpy,
        bytes=lambda *n: 8 * sum(n),
    ),
]
