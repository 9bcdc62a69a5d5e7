"""One row of the comparison, and what all rows of one kind have in common."""

from __future__ import annotations

import math
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

Arrays = dict[str, np.ndarray]
Sizes = dict[str, Any]


@dataclass(frozen=True)
class Kind:
    """A kind of work: how its inputs are drawn, what it costs at least, and how it is written.

    inputs   (generator, dtype, sizes) -> the arrays
    cost     (workload) -> operations, numbers read or written (each input once, each output once)
    tensors  the inputs that are differentiable arguments, in order
    apply    (functional, sizes, *tensors) -> result, for libraries that have PyTorch's names
    module   (nn, sizes) -> a layer or network of such a library, whose parameters are among the inputs; the work is
             then the module on its `tensors`
    """

    inputs: Callable[..., Arrays]
    cost: Callable[[Workload], tuple[int, int]]
    tensors: tuple[str, ...] = ("input",)
    apply: Callable[..., Any] | None = None
    module: Callable[..., Any] | None = None


KINDS: dict[str, Kind] = {}


@dataclass(frozen=True)
class Workload:
    """One row.

    gradients  "" (the result only), "record" (the result, recorded for a backward pass that is not run), "all", or
               "weight" (a first layer: no gradient of the images)
    steps      how many steps the check of the numbers covers; more than one where a step changes a state
    tolerance  largest difference allowed, as a part of the largest number of that output
    random     the numbers differ from library to library by intention, so that only their shapes are compared
    memory     whether the peak resident size of the whole process is measured, too
    exact      the errors of the numbers, against pydl's in float64, stand beside the times: different algorithms round
               differently
    extra      a further size of something another row shows already: only measured when all rows are asked for
    """

    name: str
    area: str
    kind: str
    sizes: Sizes = field(default_factory=dict)
    gradients: str = ""
    dtype: str = "float32"
    steps: int = 1
    tolerance: float = 2e-4
    random: bool = False
    memory: bool = False
    exact: bool = False
    extra: bool = False

    def inputs(self) -> Arrays:
        """The same arrays in every process: drawn with a seed made from the row's name."""
        generator = np.random.default_rng(zlib.crc32(self.name.encode()))
        return KINDS[self.kind].inputs(generator, np.dtype(self.dtype), **self.sizes)

    @property
    def backward(self) -> bool:
        return self.gradients in ("all", "weight")

    @property
    def flops(self) -> int:
        return KINDS[self.kind].cost(self)[0]

    @property
    def bytes(self) -> int:
        """Least traffic: every input read once, every output written once."""
        return KINDS[self.kind].cost(self)[1] * np.dtype(self.dtype).itemsize

    @property
    def bound(self) -> str:
        """The limit a row is measured against: "bytes" below one operation a byte, "flops" above."""
        return "bytes" if self.flops < self.bytes else "flops"


def normal(generator: np.random.Generator, dtype: np.dtype, *shape: int, scale: float = 1.0) -> np.ndarray:
    return (generator.standard_normal(shape) * scale).astype(dtype)


def module_arrays(module: Any, generator: np.random.Generator, dtype: np.dtype) -> Arrays:
    """The parameters and buffers of a module of pydl, drawn anew: numbers that keep signals at their size."""
    arrays = {}
    for name, tensor in module.state_dict().items():
        shape = tensor.shape
        if len(shape) > 1:
            arrays[name] = normal(generator, dtype, *shape, scale=1 / math.sqrt(math.prod(shape[1:])))
        elif name.endswith(("weight", "running_var")):  # factors and variances of normalisations
            arrays[name] = generator.uniform(0.5, 1.5, shape).astype(dtype)
        elif len(shape) == 1:
            arrays[name] = normal(generator, dtype, *shape, scale=0.1)
        else:
            arrays[name] = np.array(tensor.numpy(), copy=True)  # a count of batches
    return arrays
