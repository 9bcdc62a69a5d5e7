"""sgd: the update of a small convolutional network, of many small tensors, and of one that no cache holds."""

from run import Bench, out, randn

from pydl.optim.sgd import sgd_update

LENET = (500, 20, 20000, 40, 64000, 100, 1000, 10)
SMALL = (100,) * 200
LARGE = (4_000_000,)


def sgd_numpy(w, g, v, lr, momentum, dampening, weight_decay, nesterov):
    for weight, gradient, velocity in zip(w, g, v, strict=True):
        velocity *= momentum
        velocity += gradient
        weight -= lr * velocity


BENCHES = [
    Bench(
        sgd_update,
        [LENET, SMALL, LARGE],
        small=(1000,),
        arguments=lambda *n: (
            [randn(k) for k in n],
            [randn(k) for k in n],
            [out(k) for k in n],
            0.1,
            0.9,
            0.0,
            0.0,
            False,
        ),
        numpy=sgd_numpy,
        bytes=lambda *n: 20 * sum(n),
    )
]
