"""Optimizers as paths: plain, momentum, Adagrad, RMSprop and Adam on a valley, a saddle and a real loss surface.

    valley          f(x, y) = x^2 / 40 + y^2            one curvature is 40 times the other
    saddle          f(x, y) = x^2 - y^2 + y^4 / 4       start beside the ridge; minima at y = -+ sqrt 2
    a real network  the loss of 784 -> 15 -> 10 on digits over the plane W0 + x D1 + y D2 through its start and two
                    trained networks, of which only x and y are learned

Plain descent crosses the valley to and fro, or creeps along it. Momentum carries on in the direction that persists.
Adagrad, RMSprop and Adam divide by the size of past gradients, so both coordinates move at the same pace. On the
saddle's ridge the gradient is almost nothing: what divides by its size leaves soonest.

Source: the formulas and their sources stand in pydl/optim. The plane: Goodfellow, Vinyals, Saxe, "Qualitatively
characterizing neural network optimization problems", ICLR 2015.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from .. import nn, optim
from ..arguments import Array
from ..nn.functional import cross_entropy, linear, relu
from ..random import manual_seed
from ..tensor import Tensor, no_grad, tensor
from .digits import Digits, descend, load_digits
from .figures import COLOURS, STROKES, picture
from .results import check_option, leave, open_folder

Function = Callable[[Any], Tensor]


class Surface(NamedTuple):
    """A function of p = (x, y), where to start, the part to draw, the rates, and a height that counts as down."""

    f: Function
    start: tuple[float, float]
    x: tuple[float, float]
    y: tuple[float, float]
    rates: dict[str, float]
    low: float


OPTIMIZERS: dict[str, Callable[[list[Tensor], float], Any]] = {
    "plain": lambda p, lr: optim.SGD(p, lr=lr),
    "momentum": lambda p, lr: optim.SGD(p, lr=lr, momentum=0.9),
    "Adagrad": lambda p, lr: optim.Adagrad(p, lr=lr),
    "RMSprop": lambda p, lr: optim.RMSprop(p, lr=lr, alpha=0.9),
    "Adam": lambda p, lr: optim.Adam(p, lr=lr),
}


def valley(p: Any) -> Tensor:
    """x^2 / 40 + y^2."""
    height: Tensor = p[0].square() / 40 + p[1].square()
    return height


def saddle(p: Any) -> Tensor:
    """x^2 - y^2 + y^4 / 4."""
    height: Tensor = p[0].square() - p[1].square() + p[1].square().square() / 4
    return height


def plane(digits: Digits, seed: int) -> Function:
    """The loss of a real network on the plane through its first weights and two sets of trained ones."""
    ends = []
    for attempt in range(2):
        manual_seed(seed)
        model = nn.Sequential(nn.Flatten(), nn.Linear(784, 15), nn.ReLU(), nn.Linear(15, 10))
        start = [parameter.data.astype(np.float64) for parameter in model.parameters()]
        optimizer = optim.SGD(model.parameters(), lr=0.2)
        # Two halves of the data, so that the two ways differ.
        half = slice(attempt, None, 2)
        random = np.random.default_rng(seed + attempt)
        for _ in range(8):
            for _ in descend(model, optimizer, digits.x[half], digits.y[half], 50, random):
                pass
        ends.append([parameter.data.astype(np.float64) for parameter in model.parameters()])
    ways = [[tensor(w - w0, dtype=np.float64) for w, w0 in zip(end, start, strict=True)] for end in ends]
    x = digits.x[:500].reshape(-1, 784).astype(np.float64)
    y = digits.y[:500]

    def loss(p: Any) -> Tensor:
        a, b, c, d = (w + p[0] * first + p[1] * second for w, first, second in zip(start, *ways, strict=True))
        return cross_entropy(linear(relu(linear(x, a, b)), c, d), y)

    return loss


def surfaces(digits: Digits, seed: int) -> dict[str, Surface]:
    """The three grounds."""
    loss = plane(digits, seed)
    return {
        "valley": Surface(
            valley,
            (-9.0, 1.8),
            (-10, 4),
            (-2.5, 2.5),
            {"plain": 0.9, "momentum": 0.1, "Adagrad": 1.0, "RMSprop": 0.3, "Adam": 0.5},
            0.01,
        ),
        "saddle": Surface(
            saddle,
            (-1.6, 1e-3),
            (-2, 2),
            (-1, 2.2),
            {"plain": 0.1, "momentum": 0.05, "Adagrad": 0.3, "RMSprop": 0.05, "Adam": 0.1},
            -0.9,
        ),
        "a real network": Surface(
            loss,
            (-0.4, 0.9),
            (-0.6, 1.4),
            (-0.4, 1.4),
            {"plain": 0.05, "momentum": 0.01, "Adagrad": 0.1, "RMSprop": 0.03, "Adam": 0.05},
            0.35,
        ),
    }


def descend_path(surface: Surface, name: str, steps: int) -> tuple[list[list[float]], list[float]]:
    """The points that an optimizer visits, and their heights."""
    p = tensor(surface.start, dtype=np.float64, requires_grad=True)
    optimizer = OPTIMIZERS[name]([p], surface.rates[name])
    points, heights = [], []
    for _ in range(steps + 1):
        height = surface.f(p)
        points.append(p.tolist())
        heights.append(height.item())
        optimizer.zero_grad()
        height.backward()
        optimizer.step()
    return points, heights


def measure(digits: Digits, steps: int, seed: int) -> dict[str, Any]:
    """Every optimizer on every surface: its path, heights, and the first step at which it is low enough."""
    figures: dict[str, Any] = {}
    for title, surface in surfaces(digits, seed).items():
        figures[title] = {"low": surface.low, "paths": {}, "heights": {}, "arrived": {}}
        for name in OPTIMIZERS:
            points, heights = descend_path(surface, name, steps)
            figures[title]["paths"][name] = points
            figures[title]["heights"][name] = heights
            figures[title]["arrived"][name] = next((i for i, h in enumerate(heights) if h <= surface.low), None)
    return figures


def finding(figures: dict[str, Any]) -> str:
    """One sentence on what came out."""
    parts = []
    for title, each in figures.items():
        arrived = sorted((step, name) for name, step in each["arrived"].items() if step is not None)
        late = [name for name, step in each["arrived"].items() if step is None]
        words = ", ".join(f"{name} {step}" for step, name in arrived)
        words += f", {' and '.join(late)} more than {len(each['heights']['plain']) - 1}" if late else ""
        parts.append(f"on {title if title[0] == 'a' else f'the {title}'} ({each['low']:g}): {words}")
    return f"Steps until it is low enough, {'; '.join(parts)}."


def heights_on_grid(surface: Surface, x: Array, y: Array) -> Array:
    """f at every point of a grid, rows for y."""
    with no_grad():
        return np.array([[surface.f(tensor([a, b], dtype=np.float64)).item() for a in x] for b in y])


def draw(figures: dict[str, Any], grounds: dict[str, Surface], path: Path, grid: int = 41) -> None:
    """The paths above, the heights below."""
    with picture(path, 14, 8.6, columns=3, rows=2) as (figure, (maps, heights)):
        for (title, surface), ground, below in zip(grounds.items(), maps, heights, strict=True):
            x, y = np.linspace(*surface.x, grid), np.linspace(*surface.y, grid)
            ground.contourf(x, y, heights_on_grid(surface, x, y), levels=22, cmap="Greys", alpha=0.6)
            for name, colour, stroke in zip(OPTIMIZERS, COLOURS, STROKES, strict=False):
                points = np.array(figures[title]["paths"][name])
                ground.plot(*points.T, color=colour, linewidth=1.5, marker=".", markersize=4, linestyle=stroke)
                below.plot(figures[title]["heights"][name], color=colour, linestyle=stroke, label=name)
            ground.plot(*surface.start, "o", color="black", markersize=8)
            ground.set(title=title, xlim=surface.x, ylim=surface.y, xlabel="x", ylabel="y")
            ground.grid(False)
            below.axhline(surface.low, color="black", linewidth=1, linestyle=":")
            below.set(xlabel="step", ylabel="height")
        heights[0].set_yscale("log")
        figure.legend(*heights[0].get_legend_handles_labels(), loc="outside lower center", ncol=5)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of this experiment."""
    parser.add_argument("--steps", type=int, default=80, help="how far each optimizer goes (default: 80)")


def run(args: argparse.Namespace) -> None:
    """Lets the optimizers go and leaves optimizers.png."""
    check_option("--steps", args.steps, 1, 10_000)
    folder = open_folder(args.out)
    digits = load_digits(2000)
    figures = measure(digits, args.steps, args.seed)
    draw(figures, surfaces(digits, args.seed), folder / "optimizers.png")
    leave(folder, finding(figures), figures, {"steps": args.steps, "seed": args.seed})
