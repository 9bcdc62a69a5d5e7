"""numpy's side of the comparison: matrix products, which OpenBLAS computes for it."""

from __future__ import annotations

from functools import partial

import numpy as np

from ..workloads import KINDS as WORK
from ..workloads import Arrays, Workload
from . import Run, Variants


def set_up(threads: int) -> dict[str, str]:
    """The thread count is in the environment, from which OpenBLAS takes it."""
    blas = np.show_config(mode="dicts")["Build Dependencies"]["blas"]
    return {"numpy": f"{np.__version__} ({blas['name']} {blas['version']})"}


def matmul(workload: Workload, inputs: Arrays) -> Variants:
    apply, sizes = WORK["matmul"].apply, workload.sizes
    assert apply is not None
    run = partial(apply, np, sizes, inputs["a"], inputs["b"])
    return {"eager": lambda: Run(run, lambda y: {"y": y})}


KINDS = {"matmul": matmul}
