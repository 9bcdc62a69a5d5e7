"""What the gates of an LSTM do over a sequence: a small one learns to keep a number until it is asked for.

Every step shows a number and perhaps a marker, "keep this" or "say it"; at all other steps the answer is to be 0. No
gate is told what it is for. What they come to, with s the logistic function:

    i, f, o = s(W x_t + U h_(t-1) + b)    between 0, shut, and 1, open
    g = tanh(W x_t + U h_(t-1) + b)       what might be written
    c_t = f c_(t-1) + i g                 the cell: shut f to forget what was there, open i to write
    h_t = o tanh(c_t)                     what others see of it: open o to say it

The cell that holds the number is the one whose c correlates most with the number kept. Its f is open while it keeps,
and c loses half of a number after log(1/2) / log(f) steps. An input gate may stay open all the time where g is 0.

Source: Hochreiter, Schmidhuber, "Long short-term memory", Neural Computation 9 (1997); Gers, Schmidhuber, Cummins,
"Learning to forget: continual prediction with LSTM", Neural Computation 12 (2000) (forget gate); Karpathy, Johnson,
Fei-Fei, "Visualizing and understanding recurrent networks", 2015 (reading the gates)
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import numpy as np

from .. import nn
from ..arguments import Array
from ..optim import Adam, clip_grad_norm_
from ..random import manual_seed
from ..tensor import no_grad
from .figures import BLUE, GREY, ORANGE, picture
from .memory_tasks import recall
from .results import check_option, leave, open_folder

T, BATCH, RATE, LARGEST_GRADIENT = 40, 32, 0.02, 1.0
GATES = {"i": "input gate", "f": "forget gate", "o": "output gate"}


def train(hidden: int, steps: int, seed: int) -> tuple[nn.LSTM, nn.Linear]:
    """The layer, and the one that reads a number from its h."""
    manual_seed(seed)
    sequences = np.random.default_rng(seed)
    layer, answer = nn.LSTM(3, hidden, init="recommended"), nn.Linear(hidden, 1)
    parameters = [*layer.parameters(), *answer.parameters()]
    optimizer = Adam(parameters, lr=RATE)
    for _ in range(steps):
        x, y = recall(sequences, T, BATCH)
        cost = nn.functional.mse_loss(answer(layer(x)[0]), y)
        optimizer.zero_grad()
        cost.backward()
        clip_grad_norm_(parameters, LARGEST_GRADIENT)
        optimizer.step()
    return layer, answer


def look_inside(layer: nn.LSTM, x: Array) -> dict[str, Array]:
    """i, f, g, o, c and h of every step, each (T, B, H)."""
    with no_grad():
        h = layer(x)[0].data
    W, U, b, b_h = (each.data for each in layer.parameters())
    before = np.concatenate([np.zeros_like(h[:1]), h[:-1]])
    i, f, g, o = np.split(x @ W.T + before @ U.T + b + b_h, 4, axis=2)
    i, f, o = (
        0.5 + 0.5 * np.tanh(each / 2) for each in (i, f, o)
    )  # the logistic function, and never too large for exp
    g = np.tanh(g)
    c = np.zeros_like(h)
    for t in range(len(h)):
        c[t] = f[t] * c[t - 1] + i[t] * g[t]  # c[-1] is still 0 when t is 0
    return {"i": i, "f": f, "g": g, "o": o, "c": c, "h": h}


def measure(hidden: int, steps: int, seed: int) -> dict[str, Any]:
    """Trains, then what the gates do on 1,000 sequences of their own, and all of one of them."""
    layer, answer = train(hidden, steps, seed)
    x, y = recall(np.random.default_rng([seed, 1]), T, 1000)
    inside = look_inside(layer, x)
    with no_grad():
        said = answer(inside["h"]).data
    keep, ask = x[..., 1] == 1, x[..., 2] == 1
    held = (np.cumsum(keep, axis=0) > 0) & ~keep
    last = np.maximum.accumulate(np.where(keep, np.arange(T)[:, None], 0), axis=0)
    kept = np.take_along_axis(x[..., 0], last, axis=0)[held]
    likeness = [abs(float(np.corrcoef(c, kept)[0, 1])) for c in inside["c"][held].T]
    order = [int(k) for k in np.argsort(likeness)[::-1]]
    cell = order[0]
    moments = {"keep": keep, "ask": ask, "other": ~keep & ~ask}
    means = {name: {at: float(inside[name][m][:, cell].mean()) for at, m in moments.items()} for name in GATES}
    loss = float(-np.log(inside["f"][held][:, cell].clip(1e-30, 1 - 1e-7)).mean())  # of log |c|, a step
    fits = (keep.sum(axis=0) == 3) & (np.count_nonzero(y, axis=(0, 2)) == 4)
    shown = int(np.argmax(fits * np.ptp(y, axis=(0, 2))))  # answers far apart
    one = {name: inside[name][:, shown][:, order].T.tolist() for name in ("c", *GATES)}
    return {
        **{"hidden": hidden, "steps": steps, "cell": cell, "likeness": likeness[cell], "gates": means},
        **{"half_after": float(np.log(2) / loss)},
        **{"error_at_questions": rms(said - y, ask), "who_says_0": rms(y, ask), "error_elsewhere": rms(said - y, ~ask)},
        **{"sequence": {"x": x[:, shown].T.tolist(), "said": said[:, shown, 0].tolist(), **one}},
    }


def rms(differences: Array, at: Array) -> float:
    """The root of the mean square."""
    return float(np.sqrt(np.mean(differences[at].astype(np.float64) ** 2)))


def finding(figures: dict[str, Any]) -> str:
    """Two sentences on what came out."""
    i, f, o = (figures["gates"][name] for name in GATES)
    return (
        f"Asked for the number kept, an LSTM of {figures['hidden']} errs by {figures['error_at_questions']:.3f} (who "
        f"always says 0 by {figures['who_says_0']:.2f}), elsewhere by {figures['error_elsewhere']:.3f}. In the cell "
        f"that holds the number (correlation {figures['likeness']:.3f}) the forget gate is at {f['keep']:.3f} where a "
        f"new one comes and at {f['other']:.3f} between, which loses half of a number in "
        f"{figures['half_after']:.0f} steps; the input gate is at {i['keep']:.3f} where one comes and "
        f"{i['other']:.3f} between, the output gate at {o['ask']:.3f} at a question and {o['other']:.3f} without."
    )


def draw(figures: dict[str, Any], path: Path) -> None:
    """One sequence: the numbers shown and said, then cells and gates as heat maps, the cell that holds it on top."""
    one = figures["sequence"]
    number, keep, ask = (np.array(row) for row in one["x"])
    said, steps = np.array(one["said"]), np.arange(len(number))
    with picture(path, 9.5, 8.4, rows=5) as (figure, rows):
        rows[0].get_gridspec().set_height_ratios([2, 1, 1, 1, 1])
        rows[0].plot(steps, number, ".", color=GREY, label="shown")
        rows[0].plot(steps, said, color=BLUE, linewidth=1.2)
        rows[0].plot(steps[ask == 1], said[ask == 1], "D", color=BLUE, label="said when asked")
        rows[0].plot(steps[keep == 1], number[keep == 1], "o", color=ORANGE, markersize=8, label="to be kept")
        rows[0].set(ylabel="number", ylim=(-1.1, 1.1))
        rows[0].legend(loc="lower center", bbox_to_anchor=(0.5, 1), ncols=3)
        most = np.abs(one["c"][0]).max()
        panels = [("cell", one["c"], "RdBu_r", -most, most)]
        panels += [(GATES[name], one[name], "cividis", 0, 1) for name in GATES]
        for axes, (label, values, colours, low, high) in zip(rows[1:], panels, strict=True):
            map = axes.imshow(values, cmap=colours, vmin=low, vmax=high, aspect="auto", interpolation="nearest")
            figure.colorbar(map, ax=axes, pad=0.01)
            axes.set(ylabel=label, yticks=[0], yticklabels=["holds it"])
        for axes in rows:
            axes.grid(False)
            axes.set(xlim=(-0.5, len(steps) - 0.5), xticks=[])
            for at, colour, stroke in ((keep, ORANGE, "-"), (ask, BLUE, ":")):
                for step in steps[at == 1]:
                    axes.axvline(step - 0.5, color=colour, linestyle=stroke, linewidth=1.2)
        rows[-1].set(xlabel="step", xticks=range(0, len(steps), 5))


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of this experiment."""
    parser.add_argument("--hidden", type=int, default=3, help="cells of the LSTM (default: 3)")
    parser.add_argument("--steps", type=int, default=5000, help="training steps (default: 5000)")


def run(args: argparse.Namespace) -> None:
    """Trains, and leaves gates.png."""
    for name, most in (("hidden", 64), ("steps", 1_000_000)):
        check_option(f"--{name}", getattr(args, name), 1, most)
    folder = open_folder(args.out)
    figures = measure(args.hidden, args.steps, args.seed)
    draw(figures, folder / "gates.png")
    leave(folder, finding(figures), figures, {"hidden": args.hidden, "steps": args.steps, "seed": args.seed})
