"""How much of a gradient is left after T steps back: plain recurrent networks, LSTM and GRU on the same task.

The cost C compares the answer after the last step with the target. Its gradient by the state k steps before the end is

    dC/dh_(T-k) = dC/dh_T  dh_T/dh_(T-1) ... dh_(T-k+1)/dh_(T-k),

a product of k matrices; for a plain network each is diag(1 - h^2) W_hh. Its length shrinks or grows like lambda^k,
unless something holds it: in an LSTM the way through the cell, dc_t/dc_(t-1) = f, which is 1 where the forget gate is
open, and in a GRU that through z. Measured is the gradient by the input, since x_t reaches the rest by way of h_t
alone: the mean over the batch of |dC/dx_t|, beside that of the last step.

Source: Bengio, Simard, Frasconi, "Learning long-term dependencies with gradient descent is difficult", IEEE Trans.
Neural Networks 5 (1994); Hochreiter, Schmidhuber, "Long short-term memory", Neural Computation 9 (1997)
"""

from __future__ import annotations

import argparse
import itertools
import math
from pathlib import Path
from typing import Any

import numpy as np

from .. import nn
from ..arguments import check_choice, check_integer
from ..random import manual_seed
from ..tensor import tensor
from .figures import COLOURS, STROKES, picture
from .memory_tasks import SYMBOLS, adding, copying
from .results import check_option, leave, open_folder

KINDS = ("RNN", "LSTM", "GRU")
INITS = {"PyTorch's": None, "recommended": "recommended"}
TASKS = ("adding", "copying")


def gradient_lengths(kind: str, task: str, T: int, init: str | None = None, seed: int = 0) -> list[float]:
    """|dC/dx| of every step, from the last one back, for an untrained network of 64 units, the mean over 32 sequences.

    kind: "RNN", "LSTM" or "GRU"; task: "adding", or "copying", whose sequences are 20 steps longer than T (see
    memory_tasks.py); init: the layer's first values, None or "recommended".
    """
    check_choice("gradient_lengths", "kind", kind, *KINDS)
    check_choice("gradient_lengths", "task", task, *TASKS)
    check_integer("gradient_lengths", "T", T, 2)
    hidden, batch = 64, 32
    manual_seed(seed)
    rng = np.random.default_rng(seed)
    values, wanted = (adding if task == "adding" else copying)(rng, T, batch)
    layer: Any = getattr(nn, kind)(values.shape[2], hidden, dtype=np.float64, init=init)
    answer = nn.Linear(hidden, 1 if task == "adding" else SYMBOLS, dtype=np.float64)
    x = tensor(values.astype(np.float64), requires_grad=True)
    last = answer(layer(x)[0][-1])
    cost = (
        nn.functional.mse_loss(last, wanted.astype(np.float64))
        if task == "adding"
        else nn.functional.cross_entropy(last, wanted[-1])
    )
    cost.backward()
    assert x.grad is not None
    lengths = np.linalg.norm(x.grad.data, axis=2).mean(axis=1)[::-1]
    return [float(each) for each in lengths]


def decay(lengths: list[float]) -> float:
    """By what a step multiplies the gradient: lambda of a straight line through the logarithms."""
    present = [(k, math.log(each)) for k, each in enumerate(lengths) if each > 1e-290]
    if len(present) < 2:
        return 0.0
    steps, logarithms = np.array(present).T
    return math.exp(float(np.polyfit(steps, logarithms, 1)[0]))


def measure(lengths: list[int], seed: int = 0) -> dict[str, Any]:
    """What of the last step's gradient is left at the first step, and how it falls on the way."""
    rows: list[dict[str, Any]] = []
    for task, kind, (label, init), T in itertools.product(TASKS, KINDS, INITS.items(), lengths):
        along = gradient_lengths(kind, task, T, init, seed)
        rows.append(
            {
                **{"task": task, "network": kind, "init": label, "T": T, "factor_of_a_step": decay(along)},
                **{"left_at_the_first_step": along[-1] / along[0], "gradient": along},
            }
        )
    return {"rows": rows}


def finding(figures: dict[str, Any]) -> str:
    """One sentence on what came out, of the longest sequences of the adding problem."""
    longest = max(row["T"] for row in figures["rows"])
    chosen = [row for row in figures["rows"] if row["T"] == longest and row["task"] == "adding"]
    parts = []
    for label in INITS:
        of = [row for row in chosen if row["init"] == label]
        factors = ", ".join(f"{row['network']} {row['factor_of_a_step']:.2f}" for row in of)
        left = ", ".join(f"{row['left_at_the_first_step']:.0e}" for row in of)
        parts.append(f"with {label} first values by {factors} (of the last step's {left} arrive at the first)")
    return (
        f"On the adding problem with T = {longest}, each step back multiplies the gradient of an untrained network "
        f"{', '.join(parts)}."
    )


def draw(figures: dict[str, Any], path: Path) -> None:
    """The gradients of the longest sequences, step by step."""
    longest = max(row["T"] for row in figures["rows"])
    with picture(path, 11, 4.6, columns=2) as (_, both):
        for axes, task in zip(both, TASKS, strict=True):
            chosen = [row for row in figures["rows"] if (row["task"], row["T"]) == (task, longest)]
            for row in chosen:
                colour, stroke = COLOURS[KINDS.index(row["network"])], STROKES[2 * list(INITS).index(row["init"])]
                label = f"{row['network']}, {row['init']}"
                axes.semilogy(
                    [max(each, 1e-40) for each in row["gradient"]], color=colour, linestyle=stroke, label=label
                )
            axes.set(title=f"{task}, T = {longest}", xlabel="steps before the end", ylabel="|dC/dx|", ylim=(1e-30, 10))
            axes.legend()


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of this experiment."""
    parser.add_argument(
        "--lengths", type=int, nargs="+", default=[50, 100, 200, 500], help="steps T (default: 50 100 200 500)"
    )


def check(args: argparse.Namespace) -> None:
    """Refuses wrong options."""
    for T in args.lengths:
        check_option("--lengths", T, 2, 100_000)


def run(args: argparse.Namespace) -> None:
    """Measures the gradients and leaves gradients-through-time.png."""
    check(args)
    folder = open_folder(args.out)
    figures = measure(args.lengths, args.seed)
    draw(figures, folder / "gradients-through-time.png")
    leave(folder, finding(figures), figures, {"lengths": args.lengths, "seed": args.seed})
