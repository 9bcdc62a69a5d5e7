"""Mini-batch size: one digit a step, some, or all. What a larger batch costs, and how much noise it takes away.

    g_B = 1/B sum of the gradients of B digits,    E ||g_B - g||^2 = V / B (N - B) / (N - 1)

g is the gradient over all N digits, V the variance of a single digit's gradient, and the B digits are drawn without
repetition. So a batch of 64 points only 8 times as exactly as one digit does, for 64 times the arithmetic, though not
64 times the time, as matrix products are faster than the same products of vectors.

Source: Bottou, Curtis, Nocedal, "Optimization methods for large-scale machine learning", SIAM Review 60, 2018.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from typing import Any

import numpy as np

from .. import nn, optim
from ..arguments import Array
from ..nn.functional import cross_entropy
from ..random import manual_seed
from .digits import Digits, descend, judge, load_digits
from .figures import BLUE, COLOURS, GREY, ORANGE, STROKES, picture
from .results import check_option, leave, open_folder

RATE = 0.1


def network(seed: int) -> nn.Sequential:
    """784 -> 30 -> 10."""
    manual_seed(seed)
    return nn.Sequential(nn.Flatten(), nn.Linear(784, 30), nn.ReLU(), nn.Linear(30, 10))


def gradient(model: Any, x: Array, y: Array) -> Array:
    """All of dC/dw, one after another."""
    for parameter in model.parameters():
        parameter.grad = None
    cross_entropy(model(x), y).backward()
    return np.concatenate([parameter.grad.numpy().ravel() for parameter in model.parameters()])


def noise(digits: Digits, sizes: list[int], draws: int, seed: int) -> tuple[list[float], list[float]]:
    """sqrt(E ||g_B - g||^2) / ||g|| before the first step: measured, and by the formula from single digits."""
    model, random, n = network(seed), np.random.default_rng(seed), len(digits.y)
    g = gradient(model, digits.x, digits.y)
    scale = float(np.linalg.norm(g))

    def mean_square(size: int, times: int) -> float:
        squares = []
        for _ in range(times):
            batch = random.choice(n, size, replace=False)
            squares.append(float(np.sum((gradient(model, digits.x[batch], digits.y[batch]) - g) ** 2)))
        return float(np.mean(squares))

    variance = mean_square(1, 10 * draws)
    measured = [np.sqrt(mean_square(size, draws)) / scale for size in sizes]
    expected = [np.sqrt(variance / size * (n - size) / (n - 1)) / scale for size in sizes]
    return [float(each) for each in measured], [float(each) for each in expected]


def learn(digits: Digits, size: int, epochs: int, seed: int) -> dict[str, list[float]]:
    """Test loss before the first and after every epoch, and how many seconds the training had taken by then."""
    model = network(seed)
    optimizer = optim.SGD(model.parameters(), lr=RATE)
    random = np.random.default_rng(seed)
    losses, seconds = [judge(model, digits.test_x, digits.test_y)[0]], [0.0]
    for _ in range(epochs):
        start = time.perf_counter()
        for _ in descend(model, optimizer, digits.x, digits.y, size, random):
            pass
        seconds.append(seconds[-1] + time.perf_counter() - start)
        losses.append(judge(model, digits.test_x, digits.test_y)[0])
    return {"test_loss": losses, "seconds": seconds}


def measure(digits: Digits, sizes: list[int], epochs: int, draws: int, seed: int) -> dict[str, Any]:
    """Noise, speed and learning of every size."""
    measured, expected = noise(digits, sizes, draws, seed)
    curves = [learn(digits, size, epochs, seed) for size in sizes]
    return {
        "batch_size": sizes,
        "noise_measured": measured,
        "noise_expected": expected,
        "seconds_per_epoch": [curve["seconds"][-1] / epochs for curve in curves],
        "curves": curves,
    }


def finding(figures: dict[str, Any]) -> str:
    """One sentence on what came out."""
    sizes = ", ".join(map(str, figures["batch_size"]))
    noises = ", ".join(f"{100 * each:.0f}" for each in figures["noise_measured"])
    times = ", ".join(f"{1000 * each:.0f}" for each in figures["seconds_per_epoch"])
    ends = ", ".join(f"{curve['test_loss'][-1]:.2f}" for curve in figures["curves"])
    return (
        f"With batches of {sizes} digits the noise is {noises} % of the gradient, an epoch takes {times} ms, and the "
        f"loss on test digits after {len(figures['curves'][0]['seconds']) - 1} epochs is {ends}."
    )


def draw(figures: dict[str, Any], path: Path) -> None:
    """Noise by size, loss by epoch, loss by time."""
    sizes = figures["batch_size"]
    with picture(path, 14, 4.8, columns=3) as (_, (noisy, epochs, clock)):
        several = [i for i, value in enumerate(figures["noise_measured"]) if figures["noise_expected"][i] > 0]
        for name, mark, colour in (("expected", "-", ORANGE), ("measured", "o", BLUE)):
            values = [100 * figures[f"noise_{name}"][i] for i in several]
            noisy.loglog([sizes[i] for i in several], values, mark, color=colour, label=name)
        noisy.axhline(100, color=GREY, linestyle=":", label="as large as the gradient")
        noisy.set(title="Noise of the gradient", xlabel="digits in a batch", ylabel="% of the gradient")
        noisy.legend(loc="lower left")
        for size, curve, colour, stroke in zip(sizes, figures["curves"], COLOURS, STROKES, strict=False):
            epochs.plot(curve["test_loss"], color=colour, linestyle=stroke, label=f"{size}")
            clock.plot(curve["seconds"][1:], curve["test_loss"][1:], color=colour, linestyle=stroke, label=f"{size}")
        epochs.set(title="Loss by epochs", xlabel="epoch", ylabel="loss on test digits", ylim=(0, None))
        epochs.xaxis.get_major_locator().set_params(integer=True)
        top = 1.6 * max(max(curve["test_loss"]) for curve in figures["curves"])
        clock.set(title="Loss by time", xlabel="seconds", xscale="log", ylim=(0, top))
        clock.legend(loc="upper right", title="digits in a batch", ncol=3)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of this experiment."""
    parser.add_argument("--sizes", type=int, nargs="+", default=[1, 8, 64, 512, 4000], help="(1 8 64 512 4000)")
    parser.add_argument("--epochs", type=int, default=15, help="passes over the training images (default: 15)")
    parser.add_argument("--draws", type=int, default=200, help="batches to measure the noise with (default: 200)")
    parser.add_argument("--images", type=int, default=4000, help="how many images to train with (default: 4000)")


def run(args: argparse.Namespace) -> None:
    """Trains with every size and leaves batch-size.png."""
    sizes = sorted(set(args.sizes))
    digits = load_digits(args.images)
    if not 1 <= sizes[0] <= sizes[-1] <= args.images or len(sizes) > 6:
        raise ValueError(f"--sizes: must be at most 6 sizes from 1 to {args.images}, not {' '.join(map(str, sizes))}")
    for name in ("epochs", "draws"):
        check_option(f"--{name}", getattr(args, name), 1)
    folder = open_folder(args.out)
    figures = measure(digits, sizes, args.epochs, args.draws, args.seed)
    draw(figures, folder / "batch-size.png")
    settings = {name: getattr(args, name) for name in ("epochs", "draws", "images", "seed")}
    leave(folder, finding(figures), figures, settings)
