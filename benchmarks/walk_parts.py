"""More rows for walk.py: parts of arrays, order, statistics, images, and arrays that are not contiguous."""

from __future__ import annotations

import math

import numpy as np

import pydl
from pydl import ops
from pydl.nn import functional as F


def rows(n, dtype):
    """As walk.rows."""
    import torch
    from torch.nn import functional as TF

    rng = np.random.default_rng(1)

    def make(*shape):
        array = pydl.op.empty(shape, dtype)
        array[...] = rng.standard_normal(shape)
        return array

    def same(name, *arguments, label="", a=None, wants=(0,), **options):
        mine = getattr(F, name) if hasattr(F, name) and hasattr(TF, name) else getattr(ops, name)
        theirs = getattr(TF, name) if hasattr(TF, name) else getattr(torch, name)
        return (
            f"{name} {label}".rstrip(),
            lambda x: mine(x, *arguments, **options),
            lambda x: theirs(x, *arguments, **options),
            None, [a], list(wants),
        )  # fmt: skip

    x = make(n)
    side = max(2, math.isqrt(n))
    square, long, wide = make(side, side), make(max(1, n // 64), 64), make(max(1, n // 4096), min(n, 4096))
    image = make(max(1, n // 12544), 16, *((28, 28) if n >= 12544 else (8, 8)))
    for name in (
        "relu6",
        "hardtanh",
        "hardswish",
        "hardsigmoid",
        "selu",
        "celu",
        "mish",
        "softsign",
        "hardshrink",
        "softshrink",
    ):
        yield same(name, a=x)
    for name in ("sin", "log1p", "expm1", "sign", "floor", "rsqrt", "reciprocal"):
        yield same(name, a=np.abs(x) if name == "rsqrt" else x)
    for label, a in (("square", square), ("long", long), ("wide", wide)):
        for d in (0, 1):
            yield same("cumsum", d, label=f"{label} dim {d}", a=a)
            yield same("prod", d, label=f"{label} dim {d}", a=a)
            yield same("var", d, label=f"{label} dim {d}", a=a)
            yield same("std", d, label=f"{label} dim {d}", a=a)
            yield same("logsumexp", d, label=f"{label} dim {d}", a=a)
            yield same("max", d, label=f"{label} dim {d}", a=a, wants=())
            yield same("sort", d, label=f"{label} dim {d}", a=a, wants=())
        k = min(5, a.shape[1])
        yield same("topk", k, label=f"{k} {label}", a=a, wants=())
        yield same("norm", label=label, a=a)
        yield same("flip", (0,), label=f"{label} dim 0", a=a)
        yield same("flip", (1,), label=f"{label} dim 1", a=a)
        yield same("roll", 3, 1, label=label, a=a)
        yield same("tril", label=label, a=a)
        D = a.shape[1]
        index = rng.integers(0, D, a.shape)
        torch_index = torch.from_numpy(index)
        yield (
            f"gather {label}", lambda a, i=index: ops.gather(a, 1, i), lambda a, i=torch_index: torch.gather(a, 1, i),
            None, [a], [0],
        )  # fmt: skip
        yield (
            f"scatter_add {label}", lambda a, b, i=index: ops.scatter_add(a, 1, i, b),
            lambda a, b, i=torch_index: torch.scatter_add(a, 1, i, b), None, [a, make(*a.shape)], [0, 1],
        )  # fmt: skip
        yield (
            f"scatter {label}", lambda a, b, i=index: ops.scatter(a, 1, i, b),
            lambda a, b, i=torch_index: torch.scatter(a, 1, i, b), None, [a, make(*a.shape)], [0, 1],
        )  # fmt: skip
        for d in (0, 1):
            some = rng.integers(0, a.shape[d], a.shape[d])
            torch_some = torch.from_numpy(some)
            yield (
                f"index_select {label} dim {d}", lambda a, d=d, i=some: ops.index_select(a, d, i),
                lambda a, d=d, i=torch_some: torch.index_select(a, d, i), None, [a], [0],
            )  # fmt: skip
        mask = a > 0.5
        torch_mask = torch.from_numpy(mask)
        yield (
            f"masked_fill {label}", lambda a, m=mask: ops.masked_fill(a, m, 0.0),
            lambda a, m=torch_mask: torch.masked_fill(a, m, 0.0), None, [a], [0],
        )  # fmt: skip
        yield (
            f"masked_select {label}", lambda a, m=mask: ops.masked_select(a, m),
            lambda a, m=torch_mask: torch.masked_select(a, m), None, [a], [0],
        )  # fmt: skip
        for d in (0, 1):
            yield (
                f"cat {label} dim {d}", lambda a, b, d=d: ops.cat([a, b], d), lambda a, b, d=d: torch.cat([a, b], d),
                None, [a, make(*a.shape)], [0, 1],
            )  # fmt: skip
            yield (
                f"stack {label} dim {d}", lambda a, b, d=d: ops.stack([a, b], d),
                lambda a, b, d=d: torch.stack([a, b], d), None, [a, make(*a.shape)], [0, 1],
            )  # fmt: skip
        yield (
            f"split cat {label}", lambda a, h=(D + 1) // 2: ops.cat(ops.split(a, h, 1)[::-1], 1),
            lambda a, h=(D + 1) // 2: torch.cat(torch.split(a, h, 1)[::-1], 1), None, [a], [0],
        )  # fmt: skip
        yield same("pad", (1, 1), label=label, a=a)
        b = make(D, a.shape[0])
        yield f"add transposed {label}", lambda a, b: a + b.T, lambda a, b: a + b.T, None, [a, b], [0, 1]
        yield f"relu transposed {label}", lambda a: F.relu(a.T), lambda a: TF.relu(a.T), None, [a], [0]
        yield f"tanh sliced {label}", lambda a: ops.tanh(a[:, ::2]), lambda a: torch.tanh(a[:, ::2]), None, [a], [0]
        yield f"mul rows sliced {label}", lambda a: a[:, 1:] * 2.0, lambda a: a[:, 1:] * 2.0, None, [a], [0]
        yield f"sum transposed {label}", lambda a: a.T.sum(0), lambda a: a.T.sum(0), None, [a], [0]
        yield f"softmax transposed {label}", lambda a: F.softmax(a.T, 1), lambda a: TF.softmax(a.T, 1), None, [a], [0]
        yield f"contiguous transposed {label}", lambda a: a.T.contiguous(), lambda a: a.T.contiguous(), None, [a], [0]
    yield same("pad", (1, 1, 1, 1), label="image", a=image)
    yield same("pad", (1, 1, 1, 1), "reflect", label="image reflect", a=image)
    yield same("interpolate", None, 2, label="image nearest", a=image)
    yield same("interpolate", None, 2, "bilinear", label="image bilinear", a=image)
    yield same("pixel_shuffle", 2, label="image", a=image)
    yield same("softmax", 1, label="image dim 1", a=image)
    yield same("softmax", 2, label="image dim 2", a=image)
    yield same("group_norm", 4, label="image", a=image)
    yield same("instance_norm", label="image", a=image)
    yield same("dropout2d", 0.3, label="image", a=image)
    yield same("permute", (0, 2, 3, 1), label="image copied", a=image)
    yield (
        "permute copy image", lambda a: ops.permute(a, (0, 2, 3, 1)).contiguous(),
        lambda a: torch.permute(a, (0, 2, 3, 1)).contiguous(), None, [image], [0],
    )  # fmt: skip
    labels = rng.integers(0, 10, max(1, n // 10))
    torch_labels = torch.from_numpy(labels)
    yield (
        "one_hot", lambda a: F.one_hot(labels, 10), lambda a: TF.one_hot(torch_labels, 10), None, [x[:1]], [],
    )  # fmt: skip
