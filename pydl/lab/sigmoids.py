"""Many sigmoids with different biases add up to softplus, which is nearly ReLU.

Copies of one sigmoid s(x) = 1 / (1 + e^-x), each with a bias h lower than the one before, weighed by h:

    h s(x - h/2) + h s(x - 3h/2) + h s(x - 5h/2) + ...   ->   integral_0^oo s(x - b) db = ln(1 + e^x) = softplus(x)

The closer the biases, the closer the sum comes to softplus (it misses about h^2/24 s'(x)), and softplus is never more
than ln 2 away from ReLU, max(0, x). So one ReLU does the work of a crowd of sigmoids, at the price of a comparison.
What it cures: a sigmoid's slope is at most 1/4 and falls to nothing on both sides, while the crowd's slope is s(x),
which goes to 1.

Source: Nair, Hinton, "Rectified linear units improve restricted Boltzmann machines", ICML 2010.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import numpy as np

from ..arguments import Array
from ..nn.functional import relu, sigmoid, softplus
from .figures import BLUE, COLOURS, GREY, ORANGE, STROKES, picture
from .results import check_option, leave, open_folder

RANGE = 10.0  # x runs from -RANGE to RANGE
REACH = 40.0  # biases go so far that what comes after adds less than 1e-13 within the range


def shifted_sum(x: Array, spacing: float) -> Array:
    """h sum_k s(x - (k + 1/2) h), with biases up to REACH."""
    biases = np.arange(spacing / 2, REACH, spacing)
    heights: Array = spacing * sigmoid(x[:, None] - biases).numpy()
    total: Array = heights.sum(axis=1)
    return total


def measure(spacings: list[float]) -> dict[str, Any]:
    """How far the sums are from softplus, softplus from ReLU, and what slopes there are."""
    x = np.linspace(-RANGE, RANGE, 2001)
    soft, hard = softplus(x).numpy(), relu(x).numpy()
    return {
        "spacing": spacings,
        "sigmoids": [len(np.arange(h / 2, REACH, h)) for h in spacings],
        "largest_difference_from_softplus": [float(np.abs(shifted_sum(x, h) - soft).max()) for h in spacings],
        "softplus_from_relu": float(np.abs(soft - hard).max()),
        "slope_of_a_sigmoid_at_3": float(sigmoid(3.0).item() * (1 - sigmoid(3.0).item())),
        "slope_of_softplus_at_3": sigmoid(3.0).item(),
    }


def finding(figures: dict[str, Any]) -> str:
    """One sentence on what came out."""
    errors = [f"{e:.1g}" for e in figures["largest_difference_from_softplus"]]
    spacings = [f"{h:g}" for h in figures["spacing"]]
    return (
        f"Sums of sigmoids whose biases are {', '.join(spacings)} apart differ from softplus by at most "
        f"{', '.join(errors)}, softplus from ReLU by {figures['softplus_from_relu']:.3f}; at x = 3 one sigmoid has the "
        f"slope {figures['slope_of_a_sigmoid_at_3']:.3f}, the crowd {figures['slope_of_softplus_at_3']:.3f}."
    )


def draw(figures: dict[str, Any], path: Path) -> None:
    """The sums, and their slopes."""
    x = np.linspace(-RANGE, RANGE, 801)
    with picture(path, 11, 4.6, columns=2) as (_, (left, right)):
        for h, colour, stroke in zip(figures["spacing"], COLOURS[2:], STROKES[1:], strict=False):
            left.plot(x, shifted_sum(x, h), color=colour, linestyle=stroke, label=f"sum of sigmoids, {h:g} apart")
        left.plot(x, softplus(x).numpy(), color=BLUE, linewidth=1.5, label="softplus ln(1 + $e^x$)")
        left.plot(x, relu(x).numpy(), color=ORANGE, linewidth=1, label="ReLU max(0, x)")
        left.plot(x, sigmoid(x).numpy(), color=GREY, linestyle=":", label="one sigmoid")
        left.set(title="Many sigmoids add up", xlabel="x", xlim=(-6, 10), ylim=(-0.5, 10))
        left.legend(loc="upper left")
        s = sigmoid(x).numpy()
        right.plot(x, s, color=BLUE, label="softplus: s(x)")
        right.plot(x, (x > 0) * 1.0, color=ORANGE, linestyle="--", label="ReLU: 0 or 1")
        right.plot(x, s * (1 - s), color=GREY, linestyle=":", label="one sigmoid: s(x)(1 - s(x)) ≤ 1/4")
        right.set(title="Slopes", xlabel="x", xlim=(-6, 6), ylim=(-0.05, 1.5))
        right.legend(loc="upper left")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of this experiment."""
    parser.add_argument(
        "--spacing", type=float, nargs="+", default=[8.0, 4.0, 1.0], help="distances of the biases (default: 8 4 1)"
    )


def run(args: argparse.Namespace) -> None:
    """Adds the sigmoids up and leaves sigmoids.png."""
    for h in args.spacing:
        check_option("--spacing", h, 0.01, int(REACH))
    folder = open_folder(args.out)
    figures = measure(args.spacing)
    draw(figures, folder / "sigmoids.png")
    leave(folder, finding(figures), figures, {"spacing": args.spacing})
