"""Pictures of how a training went and of how good the predictions are."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..arguments import Array
from .canvas import BLUE, GREY, ORANGE, new_figure, write_figure


def learning_curve(
    epochs: Sequence[dict[str, float]],
    path: str | os.PathLike[str],
    best_epoch: int = 0,
    loss: str = "cross-entropy",
    metric: str = "accuracy",
    held_out: str = "validation",
) -> None:
    """Loss and a metric over the epochs, for training and validation data. `epochs` as in History.epochs.

    loss: what kind of loss it is; metric: the name of the metric; held_out: what to call the data that are not learnt.
    """
    evaluated = any("train_loss" in epoch for epoch in epochs)  # as val_loss is; else the mean over the steps
    learnt = ("train_loss", f"train_{metric}") if evaluated else ("loss", metric)
    known = any(name in epoch for epoch in epochs for name in (learnt[1], f"val_{metric}"))
    figure, axes = new_figure(10 if known else 6, 4, columns=2 if known else 1)
    left, right = axes if known else (axes, None)
    number = np.arange(1, len(epochs) + 1)
    panels = [
        (left, f"loss ({loss})", [(learnt[0], "training", BLUE), ("val_loss", held_out, ORANGE)]),
        (right, metric.replace("_", " "), [(learnt[1], "training", BLUE), (f"val_{metric}", held_out, ORANGE)]),
    ]
    for axes, title, curves in panels if known else panels[:1]:
        for name, label, colour in curves:
            if any(name in epoch for epoch in epochs):
                values = [epoch.get(name, np.nan) for epoch in epochs]
                axes.plot(number, values, marker="o", markersize=3, color=colour, label=label)
        if best_epoch > 0:
            axes.axvline(best_epoch, color=GREY, linewidth=1, linestyle=":", label=f"best epoch: {best_epoch}")
        axes.set_xlabel("epoch")
        axes.set_title(title)
        axes.grid(alpha=0.3)
        axes.xaxis.get_major_locator().set_params(integer=True)
        axes.legend()
    left.set_ylim(bottom=0)
    write_figure(figure, path)


def learning_rates(found: Any, path: str | os.PathLike[str]) -> None:
    """What Trainer.find_learning_rate found: the loss over the rate, and the rate that it suggests."""
    figure, axes = new_figure(6, 4)
    axes.plot(found.rates, found.losses, color=GREY, linewidth=1, alpha=0.5, label="each batch")
    axes.plot(found.rates, found.smoothed, color=BLUE, label="their mean around each")
    axes.axvline(found.suggestion, color=ORANGE, linestyle="--", label=f"suggestion: {found.suggestion:.2g}")
    axes.set_xscale("log")
    top = 1.1 * max(found.smoothed[: int(np.argmin(found.smoothed)) + 1])
    axes.set(xlabel="learning rate", ylabel="loss", ylim=(0, top) if min(found.losses) >= 0 else None)
    axes.grid(alpha=0.3)
    axes.legend()
    write_figure(figure, path)


def confusion_matrix(counts: Array, classes: Sequence[str], path: str | os.PathLike[str], title: str = "") -> None:
    """Rows: what the image shows; columns: what the network says. The colour of the mistakes has its own scale."""
    figure, axes = new_figure(7, 6.4)
    mistakes = counts.astype(float)
    np.fill_diagonal(mistakes, np.nan)
    # Mistakes are few beside the hits; on one common scale they would all look like zero.
    worst = max(1.0, float(np.nanmax(mistakes))) if len(counts) > 1 else 1.0
    axes.imshow(np.where(np.eye(len(counts), dtype=bool), np.nan, counts), cmap="Oranges", vmin=0, vmax=worst * 1.3)
    for i, row in enumerate(counts):
        for j, count in enumerate(row):
            if count or i == j:
                axes.text(j, i, str(count), ha="center", va="center", color=BLUE if i == j else "black", fontsize=9)
    tilted = max((len(name) for name in classes), default=0) > 2
    axes.set_xticks(range(len(classes)), classes, rotation=45 if tilted else 0, ha="right" if tilted else "center")
    axes.set_yticks(range(len(classes)), classes)
    axes.set_xlabel("the network says")
    axes.set_ylabel("the image shows")
    axes.set_title(title)
    write_figure(figure, path)


def predictions(
    predicted: Array, actual: Array, path: str | os.PathLike[str], label: str, title: str = "", log: bool = True
) -> None:
    """Each prediction as a dot over what it should be; on the line both are equal. log: both axes show factors."""
    figure, axes = new_figure(6, 5.6)
    lowest, highest = (float(f([f(predicted), f(actual)])) for f in (np.min, np.max))
    margin = (highest / lowest) ** 0.05 if log else (highest - lowest) * 0.05
    limits = (lowest / margin, highest * margin) if log else (lowest - margin, highest + margin)
    axes.plot(limits, limits, color=GREY, linewidth=1)
    axes.scatter(actual, predicted, s=12, alpha=0.5, color=BLUE, linewidths=0)
    if log:
        axes.set_xscale("log")
        axes.set_yscale("log")
        steps = [s * 10.0**e for e in range(-3, 12) for s in (1, 2, 5) if limits[0] <= s * 10.0**e <= limits[1]]
        for axis in (axes.xaxis, axes.yaxis):
            axis.set_ticks(steps, [f"{step:,.10g}" for step in steps])
            axis.set_ticks([], minor=True)
    axes.set(xlim=limits, ylim=limits, xlabel=f"true {label}", ylabel=f"predicted {label}", title=title)
    axes.grid(alpha=0.3)
    write_figure(figure, path)


def bars(values: Sequence[tuple[str, float]], path: str | os.PathLike[str], label: str, title: str = "") -> None:
    """A horizontal bar for each (name, value), the first on top."""
    figure, axes = new_figure(7, 1 + 0.3 * max(3, len(values)))
    places = np.arange(len(values))
    axes.barh(places, [value for _, value in values], color=BLUE)
    axes.set_yticks(places, [name.replace("_", " ") for name, _ in values])
    axes.invert_yaxis()
    axes.set(xlabel=label, title=title)
    axes.grid(alpha=0.3, axis="x")
    write_figure(figure, path)


def reliability(
    predicted: Array, happened: Array, path: str | os.PathLike[str], title: str = "", groups: int = 10
) -> None:
    """Whether of all that got 3 % about 3 % happen: groups of equal size by their predicted probability.

    A dot is a group; the line through it, the 95 % interval of what happened (Wilson, JASA 22, 1927). On the diagonal,
    both are equal.
    """
    figure, axes = new_figure(6, 5.6)
    order = np.argsort(predicted, kind="stable")
    said, seen, low, high = [], [], [], []
    for rows in np.array_split(order, min(groups, max(1, len(order)))):
        n, share, z = len(rows), float(np.mean(happened[rows])), 1.96
        centre = (share + z * z / (2 * n)) / (1 + z * z / n)
        half = z / (1 + z * z / n) * np.sqrt(share * (1 - share) / n + z * z / (4 * n * n))
        said.append(100 * float(np.mean(predicted[rows])))
        seen.append(100 * share)
        low.append(100 * max(0.0, share - (centre - half)))
        high.append(100 * max(0.0, centre + half - share))
    limit = 1.1 * max(max(said), max(np.add(seen, high)))
    axes.plot([0, limit], [0, limit], color=GREY, linewidth=1)
    axes.errorbar(said, seen, yerr=[low, high], fmt="o", color=BLUE, ecolor=BLUE, elinewidth=1, markersize=5)
    axes.set(xlim=(0, limit), ylim=(0, limit), title=title)
    axes.set(xlabel="predicted, in percent", ylabel="happened, in percent")
    axes.grid(alpha=0.3)
    write_figure(figure, path)
