"""What the lab's experiments on real digits share: the images, an epoch of training, and how good a network is."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np

from ..arguments import Array
from ..data import load
from ..nn.functional import cross_entropy
from ..tensor import no_grad
from .results import check_option


class Digits(NamedTuple):
    """Images (N, 1, 28, 28) from 0 to 1 and their labels (N,), to learn from and to test with."""

    x: Array
    y: Array
    test_x: Array
    test_y: Array


def load_digits(images: int = 4000, seed: int = 0, data: str = "mnist-5k") -> Digits:
    """The digits in the package, `images` of them for training, drawn at random; 1,000 for testing.

    data: another set of images, "fashion-mnist", whose clothes then take the digits' place; 10,000 for testing.
    """
    digits = load(data)
    x, y = digits.train[:]
    check_option("--images", images, 1, len(y))
    chosen = np.sort(np.random.default_rng(seed).permutation(len(y))[:images])
    return Digits(x[chosen], y[chosen], *digits.test[:])


def descend(
    model: Any,
    optimizer: Any,
    x: Array,
    y: Array,
    batch_size: int,
    random: np.random.Generator,
    loss: Callable[..., Any] = cross_entropy,
) -> Iterator[float]:
    """One epoch: a step for each batch of the shuffled data; yields its loss after the step."""
    model.train()
    order = random.permutation(len(y))
    for start in range(0, len(y), batch_size):
        batch = order[start : start + batch_size]
        cost = loss(model(x[batch]), y[batch])
        optimizer.zero_grad()
        cost.backward()
        optimizer.step()
        yield cost.item()


def judge(model: Any, x: Array, y: Array) -> tuple[float, float]:
    """(mean cross-entropy, share of right answers) of a network that is not learning."""
    model.eval()
    with no_grad():
        outputs = model(x)
        loss = cross_entropy(outputs, y).item()
    return loss, float(np.mean(outputs.numpy().argmax(axis=1) == y))
