"""adam: the update of a small convolutional network, of many small tensors, and of one that no cache holds."""

import numpy as np
from run import Bench, out, randn

from pydl.optim.adam import adam_update

LENET = (500, 20, 20000, 40, 64000, 100, 1000, 10)
SMALL = (100,) * 200
LARGE = (4_000_000,)


def adam_numpy(w, g, m, v, v_max, lr, beta1, beta2, eps, weight_decay, decoupled, correction1, correction2):
    for weight, gradient, mean, square in zip(w, g, m, v, strict=True):
        mean *= beta1
        mean += (1 - beta1) * gradient
        square *= beta2
        square += (1 - beta2) * gradient * gradient
        weight -= lr / correction1 * mean / (np.sqrt(square / correction2) + eps)


def arguments(*sizes):
    w, g, m, v = ([make(n) for n in sizes] for make in (randn, randn, out, out))
    return w, g, m, v, [], 0.001, 0.9, 0.999, 1e-8, 0.0, False, 0.1, 0.001


BENCHES = [
    Bench(
        adam_update,
        [LENET, SMALL, LARGE],
        small=(1000,),
        arguments=arguments,
        numpy=adam_numpy,
        bytes=lambda *n: 28 * sum(n),
    )
]
