"""Times everything that memory bounds against PyTorch and numpy, and prints what is slower here.

    python benchmarks/walk.py [--threads 1] [--sizes 1e3,1e5,1e7] [--dtype float32] [--only softmax,sum] [--all]

One row is one operation at one size: forward (without a graph) and forward with backward. The libraries take turns in
one process, with a pause before each so that the other's threads have gone to sleep; the figure is the ratio of the
best times, peer / pydl. Rows below 1 are printed, worst first; --all prints every row. Needs PyTorch.
"""

from __future__ import annotations

import argparse
import math
import time

import numpy as np
import walk_parts

import pydl
from pydl import ops
from pydl.nn import functional as F

PAUSE = 0.02  # seconds; an idle OpenMP thread spins for some milliseconds


def shapes_of(n):
    """Matrices of about n elements: rows of 10, of 256 and of 4096 numbers, square, and images."""
    side = max(2, int(math.sqrt(n)))
    return {
        "rows10": (max(1, n // 10), 10),
        "rows256": (max(1, n // 256), 256),
        "rows4096": (max(1, n // 4096), min(n, 4096)),
        "square": (side, side),
        "power": (max(1, n // 4096), 16, min(256, max(1, n // 16))),  # rows a power of two apart
        "image": (max(1, n // 12544), 16, min(784, max(1, n // 16))),
    }


def rows(n, dtype):
    """(name, pydl, torch, numpy or None, arguments, which of them want a gradient) for arrays of n elements."""
    import torch
    from torch.nn import functional as TF

    rng = np.random.default_rng(0)

    def make(*shape, low=None):
        array = pydl.op.empty(shape, dtype)
        array[...] = rng.standard_normal(shape) if low is None else rng.uniform(low, low + 1.5, shape)
        return array

    x, z, positive = make(n), make(n), make(n, low=0.5)
    shapes = shapes_of(n)
    for name in ("relu", "sigmoid", "tanh", "gelu", "silu", "elu", "leaky_relu", "softplus"):
        yield name, getattr(F, name), getattr(TF, name) if hasattr(TF, name) else getattr(torch, name), None, [x], [0]
    yield "gelu tanh", lambda a: F.gelu(a, "tanh"), lambda a: TF.gelu(a, approximate="tanh"), None, [x], [0]
    for name in ("exp", "abs", "neg", "square"):
        yield name, getattr(ops, name), getattr(torch, name), getattr(np, {"neg": "negative"}.get(name, name)), [x], [0]
    for name in ("log", "sqrt"):
        yield name, getattr(ops, name), getattr(torch, name), getattr(np, name), [positive], [0]
    yield "pow 3", lambda a: ops.pow(a, 3), lambda a: torch.pow(a, 3), lambda a: a**3, [x], [0]
    yield "pow 0.5", lambda a: ops.pow(a, 0.5), lambda a: torch.pow(a, 0.5), lambda a: a**0.5, [positive], [0]
    yield "pow 1.7", lambda a: ops.pow(a, 1.7), lambda a: torch.pow(a, 1.7), lambda a: a**1.7, [positive], [0]
    yield "pow tensor", ops.pow, torch.pow, np.power, [positive, z], [0, 1]
    for name, other in (("add", "add"), ("sub", "subtract"), ("mul", "multiply"), ("div", "divide")):
        yield name, getattr(ops, name), getattr(torch, name), getattr(np, other), [x, positive], [0, 1]
    yield "add scalar", lambda a: a + 1.5, lambda a: a + 1.5, lambda a: a + dtype(1.5), [x], [0]
    yield "maximum", ops.maximum, torch.maximum, np.maximum, [x, z], [0, 1]
    yield "clamp", lambda a: ops.clamp(a, -1, 1), lambda a: torch.clamp(a, -1, 1), None, [x], [0]
    mask = x > 0
    torch_mask = torch.from_numpy(mask)
    yield "where", lambda a, b: ops.where(mask, a, b), lambda a, b: torch.where(torch_mask, a, b), None, [x, z], [0, 1]
    yield "gt", lambda a, b: a > b, lambda a, b: a > b, np.greater, [x, z], []
    yield "dropout", lambda a: F.dropout(a, 0.3), lambda a: TF.dropout(a, 0.3), None, [x], [0]
    yield "mse_loss", F.mse_loss, TF.mse_loss, None, [x, z], [0]
    yield "l1_loss", F.l1_loss, TF.l1_loss, None, [x, z], [0]
    target = (x > 0).astype(dtype)
    yield (
        "bce logits", F.binary_cross_entropy_with_logits, TF.binary_cross_entropy_with_logits, None, [x, target], [0],
    )  # fmt: skip
    a, row, column = make(*shapes["rows256"]), make(1, 256), make(shapes["rows256"][0], 1)
    yield "add row", ops.add, torch.add, np.add, [a, row], [0, 1]
    yield "add column", ops.add, torch.add, np.add, [a, column], [0, 1]
    yield "mul row", ops.mul, torch.mul, np.multiply, [a, row], [0, 1]
    image = make(*shapes["image"])
    channels = make(1, 16, 1)
    yield "mul channels", ops.mul, torch.mul, np.multiply, [image, channels], [0, 1]
    square = make(*shapes["square"])
    yield "add transposed", lambda a: a + a.T, lambda a: a + a.T, lambda a: a + a.T, [square], []
    for key in ("rows10", "rows256", "rows4096", "power"):
        a = make(*shapes[key])
        dims = range(a.ndim)
        for name in ("sum", "mean", "amax", "argmax"):
            for d in dims:
                yield (
                    f"{name} {key} dim {d}",
                    lambda a, name=name, d=d: getattr(ops, name)(a, d),
                    lambda a, name=name, d=d: getattr(torch, name)(a, d),
                    lambda a, name=name, d=d: getattr(np, name)(a, d),
                    [a],
                    [] if name == "argmax" else [0],
                )
        for name in ("softmax", "log_softmax"):
            for d in dims:
                yield (
                    f"{name} {key} dim {d}",
                    lambda a, name=name, d=d: getattr(F, name)(a, d),
                    lambda a, name=name, d=d: getattr(TF, name)(a, d),
                    None,
                    [a],
                    [0],
                )
    for name in ("sum", "mean", "amax", "argmax"):
        wants = [] if name == "argmax" else [0]
        yield f"{name} all", getattr(ops, name), getattr(torch, name), getattr(np, name), [x], wants
    for key in ("rows10", "rows256", "rows4096"):
        a = make(*shapes[key])
        R, D = a.shape
        labels = rng.integers(0, D, R)
        torch_labels = torch.from_numpy(labels)
        yield (
            f"cross_entropy {key}",
            lambda a, labels=labels: F.cross_entropy(a, labels),
            lambda a, labels=torch_labels: TF.cross_entropy(a, labels),
            None, [a], [0],
        )  # fmt: skip
        yield (
            f"nll_loss {key}",
            lambda a, labels=labels: F.nll_loss(a, labels),
            lambda a, labels=torch_labels: TF.nll_loss(a, labels),
            None, [a], [0],
        )  # fmt: skip
        w, b = make(D), make(D)
        yield (
            f"layer_norm {key}",
            lambda a, w, b, D=D: F.layer_norm(a, (D,), w, b),
            lambda a, w, b, D=D: TF.layer_norm(a, (D,), w, b),
            None, [a, w, b], [0, 1, 2],
        )  # fmt: skip
        yield (
            f"rms_norm {key}",
            lambda a, w, D=D: F.rms_norm(a, (D,), w),
            lambda a, w, D=D: TF.rms_norm(a, (D,), w),
            None, [a, w], [0, 1],
        )  # fmt: skip
        index = rng.integers(0, 1000, R)
        torch_index = torch.from_numpy(index)
        table = make(1000, D)
        yield (
            f"embedding {key}",
            lambda t, i=index: F.embedding(i, t),
            lambda t, i=torch_index: TF.embedding(i, t),
            None, [table], [0],
        )  # fmt: skip
        yield (
            f"getitem rows {key}", lambda t, i=index: t[i], lambda t, i=torch_index: t[i], lambda t, i=index: t[i],
            [table], [0],
        )  # fmt: skip
    for shape in (shapes["rows10"], shapes["rows256"], shapes["image"], (max(1, n // 6272), 128, 49)):
        a = make(*shape)
        C = shape[1]
        if a.size == C:
            continue
        w, b = make(C), make(C)
        stats = [make(C), make(C, low=0.5)]
        torch_stats = [torch.from_numpy(each.copy()) for each in stats]
        for training in (True, False):
            yield (
                f"batch_norm {'train' if training else 'eval'} {shape}",
                lambda a, w, b, s=stats, t=training: F.batch_norm(a, *s, w, b, t),
                lambda a, w, b, s=torch_stats, t=training: TF.batch_norm(a, *s, w, b, t),
                None, [a, w, b], [0, 1, 2],
            )  # fmt: skip
    yield "cat", lambda a, b: ops.cat([a, b]), lambda a, b: torch.cat([a, b]), None, [x[: n // 2], z[: n // 2]], [0, 1]
    a = make(*shapes["square"])
    yield "transpose copy", lambda a: a.T.contiguous(), lambda a: a.T.contiguous(), lambda a: a.T.copy(), [a], []
    yield "slice copy", lambda a: a[::2].contiguous(), lambda a: a[::2].contiguous(), lambda a: a[::2].copy(), [x], []


def best(run, seconds):
    """The best time of one call, from blocks of calls of about a millisecond."""
    start = time.perf_counter()
    run()
    once = time.perf_counter() - start
    count = max(1, min(1000, int(0.001 / max(once, 1e-7))))
    times, end = [], time.perf_counter() + seconds
    while len(times) < 3 or (time.perf_counter() < end and len(times) < 50):
        start = time.perf_counter()
        for _ in range(count):
            run()
        times.append((time.perf_counter() - start) / count)
    return min(times)


def turns(runs, seconds, threads):
    """The best time of each of the runs, which take turns."""
    times = [math.inf] * len(runs)
    for _ in range(2):
        for i, run in enumerate(runs):
            if run is not None:
                if threads > 1:
                    time.sleep(PAUSE)
                times[i] = min(times[i], best(run, seconds))
    return times


def both_ways(f, arguments, make, wants):
    """A function without arguments for forward and backward, with gradients of the arguments `wants`."""
    leaves = [make(a, i in wants) for i, a in enumerate(arguments)]
    first = f(*leaves)
    dy = make(np.ones(tuple(first.shape), arguments[0].dtype), False)

    def run():
        for leaf in leaves:
            leaf.grad = None
        f(*leaves).backward(dy)

    return run


def measure(size, options, name, mine, theirs, plain, arguments, wants):
    """The results for one row: (ratio, what was measured, pydl's time, the peers' times)."""
    import torch

    a, b = [pydl.from_numpy(each) for each in arguments], [torch.from_numpy(each) for each in arguments]
    forward = (lambda: mine(*a), lambda: theirs(*b), (lambda: plain(*arguments)) if plain else None)
    with torch.no_grad(), pydl.no_grad():
        own, *others = turns(forward, options.seconds, options.threads)
    yield min(others) / own, f"{name} [{size}] forward", own, *others
    if wants:
        runs = (
            both_ways(mine, arguments, lambda x, grad: pydl.Tensor(x, grad), wants),
            both_ways(theirs, arguments, lambda x, grad: torch.from_numpy(x).requires_grad_(grad), wants),
        )
        own, other = turns(runs, options.seconds, options.threads)
        yield other / own, f"{name} [{size}] both", own, other, math.inf


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--sizes", default="1e3,1e5,1e7")
    parser.add_argument("--dtype", default="float32")
    parser.add_argument("--only", default="", help="parts of names, comma-separated")
    parser.add_argument("--all", action="store_true")
    parser.add_argument("--seconds", type=float, default=0.01, help="for each turn")
    options = parser.parse_args()
    import torch

    torch.set_num_threads(options.threads)
    pydl.set_num_threads(options.threads)
    dtype = np.dtype(options.dtype).type
    wanted = [each for each in options.only.split(",") if each]

    results = []
    for size in options.sizes.split(","):
        n = int(float(size))
        for row in (*rows(n, dtype), *walk_parts.rows(n, dtype)):
            if not wanted or any(each in row[0] for each in wanted):
                results += measure(size, options, *row)
    shown = results if options.all else sorted(row for row in results if row[0] < 1.0)
    print(f"{'ratio':>6} {'pydl us':>10} {'torch us':>10} {'numpy us':>10}  row")
    for ratio, name, own, other, plain in shown:
        print(f"{ratio:6.2f} {own * 1e6:10.1f} {other * 1e6:10.1f} {plain * 1e6:10.1f}  {name}")
    mean = math.exp(sum(math.log(row[0]) for row in results) / len(results))
    below = sum(row[0] < 1.0 for row in results)
    print(
        f"{len(results)} rows, {below} below 1, geometric mean {mean:.2f}, {options.threads} threads, {options.dtype}"
    )


if __name__ == "__main__":
    main()
