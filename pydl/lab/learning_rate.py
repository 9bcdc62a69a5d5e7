"""Learning rate: too small, too large, right.

    w <- w - eta dC/dw

On a slope of curvature k, a step of gradient descent multiplies the distance to the minimum by 1 - eta k. For a small
eta that is nearly 1 and nothing happens; above eta = 2 / k it is below -1 and the steps run up the other side. A
network has many curvatures, so the best rate is close below the one at which the steepest of them diverges.

Source: LeCun, Bottou, Orr, Mueller, "Efficient BackProp", 1998.
"""

from __future__ import annotations

import argparse
import math
from pathlib import Path
from typing import Any

import numpy as np

from .. import nn, optim
from ..random import manual_seed
from .digits import Digits, descend, load_digits
from .figures import BLUE, GREEN, GREY, ORANGE, picture
from .results import check_option, leave, open_folder

BATCH = 64
DIVERGED = 1e3  # a loss that is not worth following


def learn(rate: float, digits: Digits, epochs: int, seed: int) -> list[float]:
    """The loss after each step; ends early once it is beyond DIVERGED."""
    manual_seed(seed)
    model = nn.Sequential(nn.Flatten(), nn.Linear(784, 30), nn.ReLU(), nn.Linear(30, 10))
    optimizer = optim.SGD(model.parameters(), lr=rate)
    random = np.random.default_rng(seed)
    losses: list[float] = []
    for _ in range(epochs):
        for loss in descend(model, optimizer, digits.x, digits.y, BATCH, random):
            if not loss < DIVERGED:
                return losses
            losses.append(loss)
    return losses


def smooth(losses: list[float], over: int = 20) -> list[float]:
    """Means of the last `over` losses, which differ from batch to batch."""
    sums = np.cumsum([0.0, *losses])
    return [(sums[i] - sums[max(0, i - over)]) / min(i, over) for i in range(1, len(sums))]


def measure(rates: list[float], digits: Digits, epochs: int, seed: int) -> dict[str, Any]:
    """The curve of each rate, and where it ends: the mean loss of the last steps, None where it diverged."""
    steps = epochs * math.ceil(len(digits.y) / BATCH)
    curves = [smooth(learn(rate, digits, epochs, seed)) for rate in rates]
    return {
        "rate": rates,
        "loss": curves,
        "final_loss": [curve[-1] if len(curve) == steps else None for curve in curves],
        "first_loss": curves[0][0],
    }


def three(figures: dict[str, Any]) -> tuple[int, int, int]:
    """The places of a rate that is too small, of the best, and of one that is too large."""
    final = [math.inf if loss is None else loss for loss in figures["final_loss"]]
    best = int(np.argmin(final))
    # Too small: the nearest rate below that leaves half of the loss to be learned, or else the smallest.
    half = figures["first_loss"] / 2
    small = max((i for i in range(best) if final[i] > half), default=0)
    large = next((i for i in range(best, len(final)) if final[i] > half), len(final) - 1)
    return small, best, large


def finding(figures: dict[str, Any]) -> str:
    """One sentence on what came out."""
    small, best, large = three(figures)
    rates = figures["rate"]

    def outcome(i: int) -> str:
        loss = figures["final_loss"][i]
        return "diverges" if loss is None else f"ends at a loss of {loss:.2g}"

    return (
        f"Of the learning rates from {rates[0]:g} to {rates[-1]:g}, {rates[best]:g} {outcome(best)}; {rates[small]:g} "
        f"is too small and {outcome(small)}, {rates[large]:g} too large and {outcome(large)}."
    )


def draw(figures: dict[str, Any], path: Path) -> None:
    """Three curves, and the final loss over the rate."""
    rates = figures["rate"]
    with picture(path, 11, 4.8, columns=2) as (_, (left, right)):
        for i, word, colour, stroke in zip(
            three(figures), ("too small", "right", "too large"), (BLUE, GREEN, ORANGE), ("--", "-", "-."), strict=True
        ):
            left.plot(figures["loss"][i], color=colour, linestyle=stroke, label=f"{rates[i]:g}: {word}")
        left.set(title="Three learning rates", xlabel="step", ylabel="loss (mean of 20 steps)")
        left.set_ylim(0, 1.6 * figures["first_loss"])
        left.legend(loc="upper right")
        ends = [(rate, loss) for rate, loss in zip(rates, figures["final_loss"], strict=True) if loss is not None]
        lost = [rate for rate, loss in zip(rates, figures["final_loss"], strict=True) if loss is None]
        right.loglog(*zip(*ends, strict=True), "o-", color=BLUE, label="at the end")
        right.axhline(figures["first_loss"], color=GREY, linestyle=":", label="before the first step")
        if lost:
            right.plot(
                lost, [figures["first_loss"] * 1.5] * len(lost), "x", color=ORANGE, markersize=9, label="diverged"
            )
        right.set(title="Where each learning rate ends", xlabel="learning rate", ylabel="loss")
        right.legend(loc="lower left")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of this experiment."""
    rates = [0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0]
    parser.add_argument("--rates", type=float, nargs="+", default=rates, help="learning rates (default: 0.001 to 30)")
    parser.add_argument("--epochs", type=int, default=10, help="passes over the training images (default: 10)")
    parser.add_argument("--images", type=int, default=4000, help="how many images to train with (default: 4000)")


def run(args: argparse.Namespace) -> None:
    """Trains with every rate and leaves learning-rate.png."""
    rates = sorted(set(args.rates))
    if not 0 < rates[0] <= rates[-1] < math.inf:
        raise ValueError("--rates: must be above 0 and finite")
    check_option("--epochs", args.epochs, 1)
    folder = open_folder(args.out)
    figures = measure(rates, load_digits(args.images), args.epochs, args.seed)
    draw(figures, folder / "learning-rate.png")
    leave(folder, finding(figures), figures, {"epochs": args.epochs, "images": args.images, "seed": args.seed})
