"""What filters learn: the 5x5 filters of a first convolution before and after learning, and what they find in a digit.

Each filter is a pattern of 25 weights that is laid over every place of the image; its map is bright where the image is
like the pattern. At first the weights are noise. Learned filters are strokes and edges: weights beside each other have
become alike, which the correlation of neighbouring weights measures. (It is 0 for noise.)

Source: Zeiler, Fergus, "Visualizing and understanding convolutional networks", ECCV 2014.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import numpy as np

from .. import nn, optim
from ..arguments import Array
from ..random import manual_seed
from ..tensor import no_grad
from .digits import Digits, descend, judge, load_digits
from .figures import picture
from .results import check_option, leave, open_folder

FILTERS, SIZE, SHOWN = 8, 5, 100


def likeness(weights: Array) -> float:
    """The correlation of weights beside or below each other in filters (F, 1, 5, 5), each filter's mean taken away."""
    w = weights[:, 0] - weights[:, 0].mean(axis=(1, 2), keepdims=True)
    first = np.concatenate([w[:, :, :-1].ravel(), w[:, :-1].ravel()])
    second = np.concatenate([w[:, :, 1:].ravel(), w[:, 1:].ravel()])
    return float(first @ second / np.sqrt((first @ first) * (second @ second)))


def patches(maps: Array, images: Array) -> Array:
    """For each filter the piece of all images (N, 1, 28, 28) that excites it most, from maps (N, F, 24, 24)."""
    found = []
    for filter in range(maps.shape[1]):
        image, row, column = np.unravel_index(int(maps[:, filter].argmax()), maps[:, filter].shape)
        found.append(images[image, 0, row : row + SIZE, column : column + SIZE])
    return np.array(found)


def measure(digits: Digits, epochs: int, seed: int) -> dict[str, Any]:
    """Filters before and after, their maps of one digit, the pieces that excite them, and figures."""
    manual_seed(seed)
    convolution = nn.Conv2d(1, FILTERS, SIZE)
    layers = [convolution, nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(FILTERS * 144, 10)]
    model = nn.Sequential(*layers)
    # The decay takes away what learning does not use of the noise that the weights begin with.
    optimizer = optim.AdamW(model.parameters(), lr=3e-3, weight_decay=0.1)
    random = np.random.default_rng(seed)
    before = convolution.weight.data.copy()
    accuracy_before = judge(model, digits.test_x, digits.test_y)[1]
    for _ in range(epochs):
        for _ in descend(model, optimizer, digits.x, digits.y, 64, random):
            pass
    with no_grad():
        maps = convolution(digits.test_x).numpy()
    return {
        "filters_before": before[:, 0].tolist(),
        "filters_after": convolution.weight.data[:, 0].tolist(),
        "likeness_before": likeness(before),
        "likeness_after": likeness(convolution.weight.data),
        "test_accuracy_before": accuracy_before,
        "test_accuracy_after": judge(model, digits.test_x, digits.test_y)[1],
        "maps": np.maximum(maps[SHOWN], 0).tolist(),
        "patches": patches(maps, digits.test_x).tolist(),
    }


def finding(figures: dict[str, Any]) -> str:
    """One sentence on what came out."""
    return (
        f"Learning raises the correlation of neighbouring weights in the filters from "
        f"{figures['likeness_before']:.2f} to {figures['likeness_after']:.2f}, and the share of test digits named "
        f"right from {100 * figures['test_accuracy_before']:.0f} % to {100 * figures['test_accuracy_after']:.1f} %."
    )


def draw(figures: dict[str, Any], digit: Array, path: Path) -> None:
    """Rows: filters before, after, maps of a digit, and the pieces of test digits that excite each filter most."""
    rows = [
        ("before\nlearning", figures["filters_before"], "RdBu_r"),
        ("after\nlearning", figures["filters_after"], "RdBu_r"),
        ("map of the\ndigit left", figures["maps"], "cividis"),
        ("excited\nmost by", figures["patches"], "Greys"),
    ]
    with picture(path, 13, 6.6, columns=FILTERS + 1, rows=len(rows)) as (figure, grid):
        for axes in grid.ravel():
            axes.set_xticks([])
            axes.set_yticks([])
            axes.grid(False)
            for spine in axes.spines.values():
                spine.set_visible(False)
        for (label, parts, colours), row in zip(rows, grid, strict=True):
            values = np.array(parts)
            top = np.abs(values).max()
            bottom = -top if colours == "RdBu_r" else 0
            row[0].set_ylabel(label, rotation=0, ha="right", va="center", fontsize=12)
            for part, axes in zip(values, row[1:], strict=True):
                axes.imshow(part, cmap=colours, vmin=bottom, vmax=top)
        grid[2, 0].imshow(digit, cmap="Greys")
        for number, axes in enumerate(grid[0, 1:], 1):
            axes.set_title(f"filter {number}")
        figure.suptitle("Eight 5x5 filters: red adds, blue takes away", fontsize=13)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of this experiment."""
    parser.add_argument("--epochs", type=int, default=10, help="passes over the training images (default: 10)")
    parser.add_argument("--images", type=int, default=4000, help="how many images to train with (default: 4000)")


def run(args: argparse.Namespace) -> None:
    """Trains, and leaves filters.png."""
    check_option("--epochs", args.epochs, 1)
    folder = open_folder(args.out)
    digits = load_digits(args.images)
    figures = measure(digits, args.epochs, args.seed)
    draw(figures, digits.test_x[SHOWN, 0], folder / "filters.png")
    for name in ("maps", "patches"):
        del figures[name]  # they are in the picture
    leave(folder, finding(figures), figures, {"epochs": args.epochs, "images": args.images, "seed": args.seed})
