"""restored: try something with a training and take it back."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from .. import random


@contextmanager
def restored(model: Any, optimizer: Any, *loaders: Any) -> Iterator[None]:
    """Afterwards weights, buffers, gradients, modes, the optimizer and the sources of random numbers are as before."""
    modes = [(module, module.training) for module in model.modules()]
    gradients = [(each, each.grad) for each in model.parameters()]
    weights = {name: each.data.copy() for name, each in model.state_dict().items()}
    state = copy.deepcopy(optimizer.state_dict())
    generators = [each.generator for each in loaders if getattr(each, "generator", None) is not None]
    drawn, own = random.get_rng_state(), [each.bit_generator.state for each in generators]
    try:
        for each, _ in gradients:  # so that new ones are not added to them
            each.grad = None
        yield
    finally:
        model.load_state_dict(weights)
        optimizer.load_state_dict(state)
        for each, gradient in gradients:
            each.grad = gradient
        for module, training in modes:
            module.__dict__["training"] = training
        random.set_rng_state(drawn)
        for generator, before in zip(generators, own, strict=True):
            generator.bit_generator.state = before
