"""The adding problem: LSTM and GRU learn what happened 200 steps ago, a plain recurrent network does not.

All three are trained alike: the same sequences in the same order, as many steps, Adam with the gradient clipped by its
norm, first values "recommended" (orthogonal recurrent weights, open forget gates). What counts is the mean square error
on sequences of their own; who always answers 1 has 1/6.

Source: Hochreiter, Schmidhuber, "Long short-term memory", Neural Computation 9 (1997)
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from .. import nn
from ..arguments import Array, check_choice, check_integer
from ..optim import Adam, clip_grad_norm_
from ..random import manual_seed
from ..tensor import Tensor, no_grad
from .figures import COLOURS, GREY, STROKES, picture
from .memory_tasks import adding
from .results import check_option, leave, open_folder

KINDS = ("RNN", "LSTM", "GRU")
HIDDEN, BATCH, RATE, LARGEST_GRADIENT = 64, 32, 0.01, 1.0
SOLVED = 0.01  # mean square error
WINDOW = 50  # steps of a point of the curves


class Adder(nn.Module):
    """A recurrent layer and one number from its last state."""

    def __init__(self, kind: str, hidden: int) -> None:
        super().__init__()
        self.layer = getattr(nn, kind)(2, hidden, init="recommended")
        self.answer = nn.Linear(hidden, 1)

    def forward(self, x: Any) -> Tensor:
        answer: Tensor = self.answer(self.layer(x)[0][-1])
        return answer


def train_adder(
    kind: str, T: int, steps: int, seed: int = 0, say: Callable[[str], None] = lambda _: None
) -> dict[str, Any]:
    """Trains one network of 64 units on the adding problem over T steps with batches of 32 sequences.

    kind: "RNN", "LSTM" or "GRU"; say is called with lines on how it goes. "curve" of what it returns is the mean square
    error of every 50 steps, "test_error" that on 1,000 new sequences at the end.
    """
    check_choice("train_adder", "kind", kind, *KINDS)
    check_integer("train_adder", "T", T, 2)
    check_integer("train_adder", "steps", steps, 1)
    manual_seed(seed)
    sequences = np.random.default_rng(seed)
    network = Adder(kind, HIDDEN)
    optimizer = Adam(network.parameters(), lr=RATE)
    costs: list[float] = []
    began = time.perf_counter()
    for step in range(steps):
        x, y = adding(sequences, T, BATCH)
        cost = nn.functional.mse_loss(network(x), y)
        optimizer.zero_grad()
        cost.backward()
        clip_grad_norm_(network.parameters(), LARGEST_GRADIENT)
        optimizer.step()
        costs.append(cost.item())
        if (step + 1) % 500 == 0:
            say(f"{kind}: step {step + 1} of {steps}, mean square error {np.mean(costs[-WINDOW:]):.4f}")
    windows = [float(np.mean(costs[k : k + WINDOW])) for k in range(0, steps, WINDOW)]
    return {
        **{"network": kind, "test_error": error(network, *adding(np.random.default_rng([seed, 1]), T, 1000))},
        **{"seconds": round(time.perf_counter() - began, 1), "curve": windows},
    }


def error(network: Adder, x: Array, y: Array) -> float:
    """The mean square error on these sequences."""
    with no_grad():
        return float(np.mean((network(x).data - y) ** 2))


def measure(T: int, steps: int, seed: int, say: Callable[[str], None] = lambda _: None) -> dict[str, Any]:
    """All three networks."""
    return {"T": T, "steps": steps, "rows": [train_adder(kind, T, steps, seed, say) for kind in KINDS]}


def finding(figures: dict[str, Any]) -> str:
    """One sentence on what came out."""
    solved = [f"{row['network']} ({row['test_error']:.4f})" for row in figures["rows"] if row["test_error"] < SOLVED]
    not_solved = [
        f"{row['network']} ({row['test_error']:.4f})" for row in figures["rows"] if row["test_error"] >= SOLVED
    ]
    return (
        f"After {figures['steps']} steps on the adding problem with T = {figures['T']}, below the mean square error "
        f"{SOLVED:g}: {' and '.join(solved) or 'none'}; above: {' and '.join(not_solved) or 'none'}."
    )


def draw(figures: dict[str, Any], path: Path) -> None:
    """Error over the steps."""
    with picture(path, 8, 4.8) as (_, axes):
        for row, colour, stroke in zip(figures["rows"], COLOURS, STROKES, strict=False):
            at = [min((k + 1) * WINDOW, figures["steps"]) for k in range(len(row["curve"]))]
            axes.semilogy(at, row["curve"], color=colour, linestyle=stroke, label=row["network"])
        axes.axhline(1 / 6, color=GREY, linewidth=1, linestyle=":", label="always answering 1")
        title = f"The adding problem, T = {figures['T']}"
        axes.set(title=title, xlabel="training steps", ylabel=f"mean square error of {WINDOW} steps")
        axes.legend()


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of this experiment."""
    parser.add_argument("--steps", type=int, default=3000, help="training steps of each network (default: 3000)")
    parser.add_argument("--quick", action="store_true", help="T = 20 and 300 steps, to see it work")


def check(args: argparse.Namespace) -> None:
    """Refuses wrong options."""
    check_option("--steps", args.steps, 1, 1_000_000)


def run(args: argparse.Namespace) -> None:
    """Trains the three and leaves adding-problem.png."""
    check(args)
    folder = open_folder(args.out)
    T, steps = (20, min(args.steps, 300)) if args.quick else (200, args.steps)
    figures = measure(T, steps, args.seed, print)
    draw(figures, folder / "adding-problem.png")
    leave(folder, finding(figures), figures, {"quick": args.quick, "steps": args.steps, "seed": args.seed})
