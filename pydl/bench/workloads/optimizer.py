"""Optimizers: one step over all parameters of a network."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .workload import KINDS, Arrays, Kind, Workload, normal

AREA = "optimizer"
LEARNING_RATE = 1e-3

# ResNet-18's parameters: a first layer, four stages of four 3x3 convolutions (the first at half the channels, with a
# 1x1 convolution beside it), each with its batch normalisation, and a fully connected layer.
_STAGES = ((64, 64), (64, 128), (128, 256), (256, 512))
_RESNET18 = (
    (64, 3, 7, 7), (64,), (64,),
    *(
        shape
        for narrow, wide in _STAGES
        for filters in (
            [(wide, narrow, 3, 3), *[(wide, wide, 3, 3)] * 3] + ([(wide, narrow, 1, 1)] if narrow != wide else [])
        )
        for shape in (filters, (wide,), (wide,))
    ),
    (1000, 512), (1000,),
)  # fmt: skip
SETS: dict[str, tuple[tuple[int, ...], ...]] = {
    "LeNet, 8 tensors": ((20, 1, 5, 5), (20,), (40, 20, 5, 5), (40,), (500, 640), (500,), (10, 500), (10,)),
    "ResNet-18, 11.7 million": _RESNET18,
    "200 tensors of 33x31": ((33, 31),) * 200,
}
# The constructor's name, its arguments, numbers read and written for each parameter.
OPTIMIZERS: dict[str, tuple[str, dict[str, Any], int, int]] = {
    "Adam": ("Adam", {"lr": LEARNING_RATE}, 12, 7),
    "SGD with momentum": ("SGD", {"lr": LEARNING_RATE, "momentum": 0.9}, 4, 5),
}


def _inputs(g: np.random.Generator, dtype: np.dtype, of: str, how: str) -> Arrays:
    arrays = {}
    for index, shape in enumerate(SETS[of]):
        arrays[f"p{index}"], arrays[f"dp{index}"] = normal(g, dtype, *shape), normal(g, dtype, *shape)
    return arrays


def _cost(w: Workload) -> tuple[int, int]:
    parameters = sum(map(math.prod, SETS[w.sizes["of"]]))
    _, _, operations, traffic = OPTIMIZERS[w.sizes["how"]]
    return operations * parameters, traffic * parameters


KINDS["optimizer"] = Kind(_inputs, _cost)


ROWS = (
    *(Workload(f"Adam, {of}", AREA, "optimizer", {"of": of, "how": "Adam"}, steps=3) for of in SETS),
    *(
        Workload(f"SGD with momentum, {of}", AREA, "optimizer", {"of": of, "how": "SGD with momentum"}, steps=3)
        for of in ("ResNet-18, 11.7 million",)
    ),
)
