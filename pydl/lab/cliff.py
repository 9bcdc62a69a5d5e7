"""The cliff in the error surface of a small recurrent network, and what clipping the gradient does there.

One unit, started at h_0 = 1/2 and left alone for 50 steps, is to end near 0.7:

    h_t = w s(h_(t-1)) + b        s(x) = 1 / (1 + e^-x)        C(w, b) = (s(h_50) - 0.7)^2

Over most of the plane C is flat. Where small changes of w or b decide in which of two places the unit settles, C falls
like a wall: 50 factors w s'(h) multiply up to slopes of thousands. The lowest C is at the wall's foot. A step of plain
gradient descent that meets the wall is thrown far across the plane; clipping the norm of the gradient to a threshold
keeps its direction and makes of the throw a small step, so that the path stays, to and fro, at the wall and goes down
along it.

Source: Pascanu, Mikolov, Bengio, "On the difficulty of training recurrent neural networks", ICML 2013 (figure 6)
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import numpy as np

from ..arguments import Array, check_integer
from ..nn import Parameter
from ..ops import add, mul, sigmoid, square, sub
from ..optim import clip_grad_norm_
from ..tensor import Tensor, no_grad
from .figures import BLUE, GREY, ORANGE, picture
from .results import check_option, leave, open_folder

STEPS_OF_TIME, TARGET = 50, 0.7
W_RANGE, B_RANGE = (4.0, 7.0), (-3.6, 0.2)
START, RATE = (5.0, -2.8), 0.05


def cost(w: Any, b: Any) -> Tensor:
    """C(w, b); for arrays of w and b the mean over them, each beside the others."""
    return square(sub(end(w, b), TARGET)).mean()


def end(w: Any, b: Any) -> Tensor:
    """s(h_50)."""
    h: Any = np.array(0.5)
    for _ in range(STEPS_OF_TIME):
        h = add(mul(w, sigmoid(h)), b)
    result: Tensor = sigmoid(h)
    return result


def surface(points: int) -> tuple[Array, Array, Array]:
    """w, b and C(w, b) on a grid of points x points."""
    w, b = np.meshgrid(np.linspace(*W_RANGE, points), np.linspace(*B_RANGE, points))
    with no_grad():
        values: Array = (end(w, b).data - TARGET) ** 2
    return w, b, values


def descend_cliff(
    start: tuple[float, float] = START, steps: int = 200, max_norm: float | None = None
) -> dict[str, list[float]]:
    """The path of gradient descent from `start` = (w, b): its "w", "b", "cost" and the "gradient"'s norm at each step.

    max_norm: what the gradient is clipped to, if that is given.
    """
    check_integer("descend_cliff", "steps", steps, 1)
    w, b = (Parameter(np.array([float(each)])) for each in start)
    path: dict[str, list[float]] = {"w": [], "b": [], "cost": [], "gradient": []}
    for _ in range(steps):
        w.grad = b.grad = None
        c = cost(w, b)
        c.backward()
        norm = float(np.hypot(w.grad.data[0], b.grad.data[0]))
        for name, value in (("w", w.data[0]), ("b", b.data[0]), ("cost", c.item()), ("gradient", norm)):
            path[name].append(float(value))
        if max_norm is not None:
            clip_grad_norm_([w, b], max_norm)
        for each in (w, b):
            each.data[...] -= RATE * each.grad.data
    return path


def measure(steps: int, max_norm: float) -> dict[str, Any]:
    """Both paths from the same start in the valley before the wall."""
    free, clipped = descend_cliff(START, steps, None), descend_cliff(START, steps, max_norm)
    return {
        **{"max_norm": max_norm, "largest_gradient": max(free["gradient"]), "largest_throw": throw(free)},
        **{"largest_step_clipped": throw(clipped), "final_cost": free["cost"][-1]},
        **{"lowest_cost_clipped": min(clipped["cost"]), "path": free, "path_clipped": clipped},
    }


def throw(path: dict[str, list[float]]) -> float:
    """The longest step of a path."""
    return float(np.hypot(np.diff(path["w"]), np.diff(path["b"])).max())


def finding(figures: dict[str, Any]) -> str:
    """One sentence on what came out."""
    return (
        f"At the wall the gradient's norm reaches {figures['largest_gradient']:.3g}, and a plain step throws (w, b) by "
        f"{figures['largest_throw']:.3g} to where the cost stays at {figures['final_cost']:.3g}; clipped to the norm "
        f"{figures['max_norm']:g} no step is longer than {figures['largest_step_clipped']:.3g}, and the path, "
        f"to and fro at the wall, comes down to {figures['lowest_cost_clipped']:.2g}."
    )


def draw(figures: dict[str, Any], path: Path) -> None:
    """The surface from above with both paths, and the cost along them."""
    w, b, values = surface(241)
    both = (("path", ORANGE, "o", "--", "plain"), ("path_clipped", BLUE, ".", "-", f"norm ≤ {figures['max_norm']:g}"))
    with picture(path, 11, 4.8, columns=2) as (figure, (left, right)):
        near = left.inset_axes((0.03, 0.5, 0.4, 0.47))
        for axes in (left, near):
            shades = axes.pcolormesh(w, b, values, cmap="Greys", shading="auto", rasterized=True)
            for name, colour, marker, stroke, label in both:
                way, look = figures[name], {"color": colour, "marker": marker, "markersize": 4, "linewidth": 1}
                axes.plot(way["w"], way["b"], stroke, label=label, **look)
            axes.plot(*START, "s", color=GREY, label="start")
            axes.grid(False)
        figure.colorbar(shades, ax=left, label="cost C(w, b)")
        near.set(xlim=(START[0] - 0.25, START[0] + 0.1), ylim=(START[1] - 0.05, START[1] + 0.35), xticks=(), yticks=())
        left.indicate_inset_zoom(near, edgecolor="black")
        left.set(title="Where gradient descent goes", xlabel="w", ylabel="b", xlim=W_RANGE, ylim=B_RANGE)
        left.legend(loc="lower right")
        for name, colour, _, stroke, label in both:
            costs = np.maximum(figures[name]["cost"], 1e-12)
            right.semilogy(costs, color=colour, alpha=0.3, linewidth=1)
            right.semilogy(np.minimum.accumulate(costs), stroke, color=colour, label=f"{label}, lowest so far")
        right.set(title="Cost along the way", xlabel="step", ylabel="C")
        right.legend()


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of this experiment."""
    parser.add_argument("--descent-steps", type=int, default=200, help="steps of gradient descent (default: 200)")
    parser.add_argument("--max-norm", type=float, default=0.2, help="what the gradient is clipped to (default: 0.2)")


def check(args: argparse.Namespace) -> None:
    """Refuses wrong options."""
    check_option("--descent-steps", args.descent_steps, 2, 10_000)
    if not 0 < args.max_norm < 1e6:
        raise ValueError(f"--max-norm: must be above 0 and below 1000000, not {args.max_norm:g}")


def run(args: argparse.Namespace) -> None:
    """Descends twice and leaves cliff.png."""
    check(args)
    folder = open_folder(args.out)
    figures = measure(args.descent_steps, args.max_norm)
    draw(figures, folder / "cliff.png")
    leave(folder, finding(figures), figures, {"descent_steps": args.descent_steps, "max_norm": args.max_norm})
