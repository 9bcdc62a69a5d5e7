"""The diagrams that the lecture notes had and the scan has lost, drawn anew: `python docs/make_pictures.py lstm`."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from pydl.plot import BLUE, GREY, ORANGE, new_figure, write_figure


def node(axis: Any, x: float, y: float, label: str, colour: str = BLUE, size: float = 0.3) -> None:
    from matplotlib.patches import Circle

    axis.add_patch(Circle((x, y), size, facecolor="white", edgecolor=colour, linewidth=1.6, zorder=3))
    axis.text(x, y, label, ha="center", va="center", fontsize=11, zorder=4)


def arrow(axis: Any, start: tuple[float, float], end: tuple[float, float], label: str = "", **style: Any) -> None:
    """From one point to another; the label above its middle."""
    bend, colour = style.pop("bend", 0.0), style.pop("color", GREY)
    shape = {"arrowstyle": "->", "color": colour, "linewidth": 1.3, "connectionstyle": f"arc3,rad={bend}"}
    axis.annotate("", end, start, arrowprops={**shape, "shrinkA": 1, "shrinkB": 1, **style})
    if label:
        x, y = (start[0] + end[0]) / 2, (start[1] + end[1]) / 2
        axis.text(x, y + 0.12, label, ha="center", va="bottom", fontsize=10, color=colour)


def four_neurons(axis: Any) -> None:
    """Four neurons, one after another."""
    arrow(axis, (-0.9, 0), (-0.3, 0), "$a_0$")
    for k in range(1, 5):
        x = 1.6 * (k - 1)
        node(axis, x, 0, f"$z_{k}, a_{k}$", size=0.42)
        arrow(axis, (x, -1.05), (x, -0.44))
        axis.text(x, -1.1, f"$b_{k}$", ha="center", va="top", fontsize=11)
        arrow(axis, (x + 0.43, 0), (x + 1.17, 0), f"$w_{k + 1}$" if k < 4 else "")
    axis.text(6.1, 0, "$C$", ha="left", va="center", fontsize=13)
    axis.set(xlim=(-1, 6.5), ylim=(-1.5, 0.7))


def fully_connected(axis: Any) -> None:
    """Three layers, each number of one with each of the next."""
    layers = [(0, 3, "x"), (2.2, 4, "a^1"), (4.4, 2, "a^2")]
    places = [[(x, (n - 1) / 2 - k) for k in range(n)] for x, n, _ in layers]
    for left, right in pairwise(places):
        for start in left:
            for end in right:
                axis.plot(*zip(start, end, strict=True), color=GREY, linewidth=0.8, zorder=1)
    for (_, _, name), column in zip(layers, places, strict=True):
        for k, (x, y) in enumerate(column):
            node(axis, x, y, f"${name}_{k + 1}$", ORANGE if name == "x" else BLUE)
    for x, label in ((0, "inputs"), (2.2, "hidden layer"), (4.4, "outputs")):
        axis.text(x, 2.05, label, ha="center", fontsize=11)
    axis.set(xlim=(-0.8, 5.2), ylim=(-2, 2.4))


def zero_padding(axis: Any) -> None:
    """A 5 x 5 image in a frame of zeros, and the 3 x 3 filter at two of its places."""
    values = np.pad(np.ones((5, 5)), 1)
    for (row, column), value in np.ndenumerate(values):
        face = "#cfe3f2" if value else "white"
        axis.add_patch(_square(column, -row, 1, face, "#999999"))
        if not value:
            axis.text(column + 0.5, -row + 0.5, "0", ha="center", va="center", color=GREY, fontsize=10)
    for column, row, colour in ((0, 0, ORANGE), (3, 2, BLUE)):
        axis.add_patch(_square(column, -row - 2, 3, "none", colour, 2.6))
    for row in range(5):
        for column in range(5):
            axis.add_patch(_square(9 + column, -row - 1, 1, "white", "#999999"))
    axis.add_patch(_square(9, -1, 1, "#f4d3bf", ORANGE, 2))
    axis.add_patch(_square(12, -3, 1, "#cfe3f2", BLUE, 2))
    arrow(axis, (7.2, -2.5), (8.8, -2.5), "3 x 3")
    axis.text(3.5, 1.3, "5 x 5 and a frame of zeros", ha="center", fontsize=11)
    axis.text(11.5, 1.3, "5 x 5 again", ha="center", fontsize=11)
    axis.set(xlim=(-0.3, 14.3), ylim=(-6.3, 2))


def _square(x: float, y: float, side: float, face: str, edge: str, width: float = 0.8) -> Any:
    from matplotlib.patches import Rectangle

    return Rectangle((x, y), side, side, facecolor=face, edgecolor=edge, linewidth=width, zorder=3 if width > 1 else 1)


def unrolled(axis: Any) -> None:
    """The loop on the left, the same laid out over time on the right."""
    node(axis, 0, 0, "$h$")
    arrow(axis, (0, -1), (0, -0.32))
    arrow(axis, (0, 0.32), (0, 1))
    arrow(axis, (0.3, 0.1), (0.3, -0.12), bend=-2.6, color=ORANGE)
    axis.text(1.05, 0, "$W_{hh}$", va="center", color=ORANGE, fontsize=10)
    axis.text(0, -1.05, "$x_t$", ha="center", va="top", fontsize=11)
    axis.text(0, 1.05, "$y_t$", ha="center", va="bottom", fontsize=11)
    axis.text(1.9, 0, "=", ha="center", va="center", fontsize=18)
    _over_time(axis, 2.9, "h", 0, 1)
    axis.set(xlim=(-0.6, 8.8), ylim=(-1.5, 1.5))


def _over_time(axis: Any, left: float, name: str, y: float, direction: int) -> None:
    for k in range(4):
        x = left + 1.6 * k
        node(axis, x, y, rf"${name}_{k + 1}$", BLUE if direction == 1 else ORANGE)
        if y == 0:
            arrow(axis, (x, y - 1), (x, y - 0.32), "")
            arrow(axis, (x, y + 0.32), (x, y + 1))
            axis.text(x, -1.05, f"$x_{k + 1}$", ha="center", va="top", fontsize=11)
            axis.text(x, 1.05, f"$y_{k + 1}$", ha="center", va="bottom", fontsize=11)
        if k < 3:
            ends = [(x + 0.32, y), (x + 1.28, y)][::direction]
            arrow(axis, ends[0], ends[1], "$W_{hh}$" if y == 0 else "", color=ORANGE)


def bidirectional(axis: Any) -> None:
    """Two networks over the same inputs, in opposite directions; each result sees both."""
    _over_time(axis, 0, r"\overrightarrow{h}", 0.6, 1)
    _over_time(axis, 0.55, r"\overleftarrow{h}", -0.6, -1)
    for k in range(4):
        x = 1.6 * k + 0.27
        axis.text(x, -1.75, f"$x_{k + 1}$", ha="center", va="top", fontsize=11)
        axis.text(x, 1.75, f"$y_{k + 1}$", ha="center", va="bottom", fontsize=11)
        arrow(axis, (x, -1.7), (x - 0.25, 0.29))
        arrow(axis, (x, -1.7), (x + 0.2, -0.91))
        arrow(axis, (x - 0.2, 0.91), (x, 1.7))
        arrow(axis, (x + 0.25, -0.29), (x, 1.7))
    axis.set(xlim=(-0.6, 6), ylim=(-2.2, 2.2))


def lstm(axis: Any) -> None:
    """The cell: what stays, what goes in, what shows."""
    from matplotlib.patches import FancyBboxPatch

    box = FancyBboxPatch((0.2, -1.6), 7.4, 3.5, "round,pad=0.1", facecolor="#f6f6f6", edgecolor=GREY)
    axis.add_patch(box)
    arrow(axis, (-0.7, 1.3), (1.47, 1.3), "$c_{t-1}$", color=BLUE)
    node(axis, 1.7, 1.3, r"$\odot$", BLUE, 0.22)
    arrow(axis, (1.93, 1.3), (3.57, 1.3), color=BLUE)
    node(axis, 3.8, 1.3, "+", BLUE, 0.22)
    arrow(axis, (4.03, 1.3), (8.5, 1.3), "", color=BLUE)
    axis.text(8.1, 1.42, "$c_t$", ha="center", color=BLUE, fontsize=10)
    node(axis, 3.8, 0.3, r"$\odot$", ORANGE, 0.22)
    arrow(axis, (3.8, 0.53), (3.8, 1.07), color=ORANGE)
    for x, name, label in ((1.7, "$f$", "forget"), (3.1, "$i$", "input"), (4.5, "$g$", "new"), (6.0, "$o$", "output")):
        node(axis, x, -0.7, name, GREY, 0.28)
        axis.text(x, -1.12, label, ha="center", va="top", fontsize=9, color=GREY)
    arrow(axis, (1.7, -0.41), (1.7, 1.07))
    arrow(axis, (3.2, -0.43), (3.65, 0.12))
    arrow(axis, (4.4, -0.43), (3.95, 0.12))
    node(axis, 6.9, 0.3, r"$\odot$", BLUE, 0.22)
    arrow(axis, (6.2, -0.5), (6.75, 0.13))
    arrow(axis, (6.9, 1.3), (6.9, 0.53), color=BLUE)
    axis.text(7.0, 0.85, "tanh", va="center", fontsize=9, color=BLUE)
    arrow(axis, (7.13, 0.3), (8.5, 0.3), color=ORANGE)
    axis.text(8.1, 0.42, "$h_t$", ha="center", color=ORANGE, fontsize=10)
    axis.text(3.9, -2.15, "all four see  $x_t$  and  $h_{t-1}$", ha="center", fontsize=11)
    arrow(axis, (3.9, -2.0), (3.9, -1.75))
    axis.set(xlim=(-0.9, 8.7), ylim=(-2.3, 2.1))


DIAGRAMS = {f.__name__: f for f in (four_neurons, fully_connected, zero_padding, unrolled, bidirectional, lstm)}


def draw(name: str, folder: Path) -> None:
    """Writes a diagram, as large as it needs to be."""
    figure, axis = new_figure(7, 7)
    DIAGRAMS[name](axis)
    (left, right), (low, high) = axis.get_xlim(), axis.get_ylim()
    figure.set_size_inches(7, 7 * (high - low) / (right - left))
    axis.set_aspect("equal")
    axis.axis("off")
    write_figure(figure, folder / f"{name}.png")
