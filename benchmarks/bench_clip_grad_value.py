"""clip_grad_value: the gradients of a small convolutional network, many small ones, and one that no cache holds."""

import numpy as np
from run import Bench, randn

from pydl.optim.clip_grad_value import clip_grad_value

LENET = (500, 20, 20000, 40, 64000, 100, 1000, 10)
SMALL = (100,) * 200
LARGE = (4_000_000,)


def clip_numpy(g, limit):
    for each in g:
        np.clip(each, -limit, limit, out=each)


BENCHES = [
    Bench(
        clip_grad_value,
        [LENET, SMALL, LARGE],
        small=(1000,),
        arguments=lambda *n: ([randn(k) for k in n], 1.0),
        numpy=clip_numpy,
        bytes=lambda *n: 8 * sum(n),
    )
]
