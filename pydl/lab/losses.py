"""Cross-entropy against squared error after softmax: why a network that is badly wrong must not learn slowly.

For logits z, a = softmax(z) and the right answer y (one 1, else 0), the two costs and their gradients are

    cross-entropy   C = - sum_i y_i ln a_i             dC/dz_j = a_j - y_j
    squared error   C = 1/2 sum_i (a_i - y_i)^2        dC/dz_j = a_j ((a_j - y_j) - sum_i a_i (a_i - y_i))

The first is large exactly when the answer is wrong. The second has the factor a_j of softmax's own slope: where the
right answer's a_j is almost 0, so is the gradient. Networks that are sure of wrong answers (they first learn every
digit by the name of the next one) learn the right ones from there with each cost.

Source: Nielsen, "Neural Networks and Deep Learning", chapter 3; Glorot, Bengio, AISTATS 2010, figure 5.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from .. import nn, optim
from ..arguments import Array
from ..nn.functional import cross_entropy, one_hot, softmax
from ..random import manual_seed
from ..tensor import Tensor, no_grad, tensor
from .digits import Digits, descend, judge, load_digits
from .figures import BLUE, GREY, ORANGE, picture
from .results import check_option, leave, open_folder

RATE, BATCH = 0.5, 64


def squared_error(z: Any, y: Any) -> Tensor:
    """1/2 sum_i (softmax(z)_i - y_i)^2, the mean over the batch."""
    return (softmax(z, dim=1) - one_hot(y, 10).numpy().astype(np.float32)).square().sum(dim=1).mean() / 2


COSTS: dict[str, Callable[[Any, Any], Any]] = {"cross-entropy": cross_entropy, "squared error": squared_error}


def gradient_sizes(margins: Array) -> dict[str, list[float]]:
    """||dC/dz|| where the right answer's logit is `margin` above the nine others."""
    sizes: dict[str, list[float]] = {}
    for name, cost in COSTS.items():
        sizes[name] = []
        for margin in margins:
            z = tensor(np.where(np.arange(10) == 0, margin, 0.0)[None], dtype=np.float64, requires_grad=True)
            cost(z, np.zeros(1, np.int64)).backward()
            assert z.grad is not None
            sizes[name].append(float(np.linalg.norm(z.grad.numpy())))
    return sizes


def network() -> nn.Sequential:
    """784 -> 30 -> 10."""
    return nn.Sequential(nn.Flatten(), nn.Linear(784, 30), nn.ReLU(), nn.Linear(30, 10))


def train(model: Any, digits: Digits, y: Array, cost: Callable[..., Any], epochs: int, seed: int) -> list[float]:
    """The share of right answers on the test digits before the first and after every epoch."""
    optimizer = optim.SGD(model.parameters(), lr=RATE)
    random = np.random.default_rng(seed)
    scores = [judge(model, digits.test_x, digits.test_y)[1]]
    for _ in range(epochs):
        for _ in descend(model, optimizer, digits.x, y, BATCH, random, cost):
            pass
        scores.append(judge(model, digits.test_x, digits.test_y)[1])
    return scores


def surface(wrong: Any, right: Any, digits: Digits, steps: int) -> dict[str, Any]:
    """Both costs over the plane through the badly wrong network and the right one.

    along: 0 is the wrong network, 1 the right one; across: a random direction of the same length.
    """
    starts = [parameter.data.copy() for parameter in wrong.parameters()]
    ways = [end.data - start for end, start in zip(right.parameters(), starts, strict=True)]
    random = np.random.default_rng(0)
    across = [random.standard_normal(way.shape) * np.linalg.norm(way) / np.sqrt(way.size) for way in ways]
    along_axis, across_axis = np.linspace(-0.5, 1.5, steps), np.linspace(-1.0, 1.0, steps)
    model = network()
    heights: dict[str, list[list[float]]] = {name: [] for name in COSTS}
    with no_grad():
        for b in across_axis:
            rows: dict[str, list[float]] = {name: [] for name in COSTS}
            for a in along_axis:
                for parameter, start, way, side in zip(model.parameters(), starts, ways, across, strict=True):
                    parameter.data[...] = start + a * way + b * side
                outputs = model(digits.test_x[:500])
                for name, cost in COSTS.items():
                    rows[name].append(cost(outputs, digits.test_y[:500]).item())
            for name in COSTS:
                heights[name].append(rows[name])
    return {"along": list(along_axis), "across": list(across_axis), **heights}


def measure(digits: Digits, epochs: int, seed: int, steps: int = 25) -> dict[str, Any]:
    """Gradients, training curves, and the surface on which they run."""
    margins = np.linspace(-12, 12, 121)
    curves: dict[str, list[float]] = {}
    trained: dict[str, Any] = {}
    for name, cost in COSTS.items():
        manual_seed(seed)
        model = network()
        train(model, digits, (digits.y + 1) % 10, cross_entropy, epochs, seed)
        if not trained:
            wrong = network()
            wrong.load_state_dict(model.state_dict())
        curves[name] = train(model, digits, digits.y, cost, epochs, seed)
        trained[name] = model
    return {
        "margin": list(margins),
        "gradient": gradient_sizes(margins),
        "test_accuracy": curves,
        "surface": surface(wrong, trained["cross-entropy"], digits, steps),
    }


def finding(figures: dict[str, Any]) -> str:
    """One sentence on what came out."""
    at = int(np.argmin(np.abs(np.array(figures["margin"]) + 10)))
    sizes = [figures["gradient"][name][at] for name in COSTS]
    first, second = (figures["test_accuracy"][name] for name in COSTS)
    epochs = [next((str(i) for i, score in enumerate(curve) if score > 0.5), "more") for curve in (first, second)]
    return (
        f"When the right answer's logit is 10 below the others, cross-entropy has a gradient of {sizes[0]:.2g} and "
        f"squared error one of {sizes[1]:.1g}; a network that was sure of wrong digits names half of the test digits "
        f"right after {epochs[0]} of {len(first) - 1} epochs with the one and {epochs[1]} with the other."
    )


def draw(figures: dict[str, Any], path: Path) -> None:
    """Gradient sizes, learning curves, and the two surfaces."""
    with picture(path, 12, 9.2, columns=2, rows=2) as (figure, ((sizes, curves), maps)):
        for name, colour, stroke in zip(COSTS, (BLUE, ORANGE), ("-", "--"), strict=True):
            sizes.plot(figures["margin"], figures["gradient"][name], color=colour, linestyle=stroke, label=name)
            scores = 100 * np.array(figures["test_accuracy"][name])
            curves.plot(scores, color=colour, linestyle=stroke, marker="o", markersize=4, label=name)
        sizes.set(title="How strong the gradient is", xlabel="logit of the right answer, others 0", ylabel="||dC/dz||")
        sizes.text(-11.5, 0.6, "sure of a\nwrong answer", color=GREY)
        sizes.text(6.5, 0.6, "sure of the\nright answer", color=GREY)
        sizes.legend(loc="upper right")
        curves.set(title="Learning, from wrong answers to right ones", xlabel="epoch", ylim=(0, 100))
        curves.xaxis.get_major_locator().set_params(integer=True)
        curves.set_ylabel("test digits named right, %")
        curves.legend(loc="lower right")
        where = figures["surface"]
        for axes, name in zip(maps, COSTS, strict=True):
            filled = axes.contourf(where["along"], where["across"], where[name], levels=18, cmap="cividis")
            figure.colorbar(filled, ax=axes)
            axes.plot([0, 1], [0, 0], color="white", linestyle=":")
            for place, word in ((0, "wrong"), (1, "right")):
                axes.plot(place, 0, "o", color="white", markeredgecolor="black")
                axes.text(place, 0.08, word, color="white", ha="center", fontweight="bold")
            axes.set(title=f"Error surface: {name}", xlabel="from the wrong network to the right one")
            axes.set_ylabel("a random direction")
            axes.grid(False)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of this experiment."""
    parser.add_argument("--epochs", type=int, default=20, help="passes over the training images (default: 20)")
    parser.add_argument("--images", type=int, default=4000, help="how many images to train with (default: 4000)")


def run(args: argparse.Namespace) -> None:
    """Trains with both costs and leaves losses.png."""
    check_option("--epochs", args.epochs, 1)
    folder = open_folder(args.out)
    figures = measure(load_digits(args.images), args.epochs, args.seed)
    draw(figures, folder / "losses.png")
    leave(folder, finding(figures), figures, {"epochs": args.epochs, "images": args.images, "seed": args.seed})
