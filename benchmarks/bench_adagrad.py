"""adagrad: the update of a small convolutional network, of many small tensors, and of one that no cache holds."""

import numpy as np
from run import Bench, out, randn

from pydl.optim.adagrad import adagrad_update

LENET = (500, 20, 20000, 40, 64000, 100, 1000, 10)
SMALL = (100,) * 200
LARGE = (4_000_000,)


def adagrad_numpy(w, g, s, lr, weight_decay, eps):
    for weight, gradient, total in zip(w, g, s, strict=True):
        total += gradient * gradient
        weight -= lr * gradient / (np.sqrt(total) + eps)


BENCHES = [
    Bench(
        adagrad_update,
        [LENET, SMALL, LARGE],
        small=(1000,),
        arguments=lambda *n: ([randn(k) for k in n], [randn(k) for k in n], [out(k) for k in n], 0.01, 0.0, 1e-10),
        numpy=adagrad_numpy,
        bytes=lambda *n: 20 * sum(n),
    )
]
