"""sgd: all tensors of a model in one call."""

from run import Bench, out, randn

from pydl.optim.sgd import sgd_update

# How many tensors, and how many elements each: as in a small convolutional network, many small ones, a large one.
SHAPES = [(8, 10_000), (200, 100), (1, 4_000_000)]


def sgd_numpy(w, g, v, lr, momentum, dampening, weight_decay, nesterov):
    for weight, gradient, velocity in zip(w, g, v, strict=True):
        velocity *= momentum
        velocity += gradient
        weight -= lr * velocity


BENCHES = [
    Bench(
        sgd_update,
        SHAPES,
        small=(4, 250),
        arguments=lambda count, n: (
            [randn(n) for _ in range(count)],
            [randn(n) for _ in range(count)],
            [out(n) for _ in range(count)],
            0.1,
            0.9,
            0.0,
            0.0,
            False,
        ),
        numpy=sgd_numpy,
        bytes=lambda count, n: 20 * count * n,
    )
]
