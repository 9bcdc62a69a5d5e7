"""Pictures of a training, written as image files. Needs matplotlib: pip install 'pydl-cpu[plot]'."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

import numpy as np

from .arguments import Array

# Colours that people with colour-blindness tell apart. Okabe, Ito, "Color Universal Design", 2008.
BLUE, ORANGE, GREY = "#0072B2", "#D55E00", "#666666"


def _figure(width: float, height: float, columns: int = 1) -> tuple[Any, Any]:
    """A figure that is drawn without a window, whatever the machine has."""
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ImportError:
        raise ImportError("Pictures need matplotlib: pip install 'pydl-cpu[plot]'") from None
    figure = Figure(figsize=(width, height), dpi=120, layout="constrained")
    FigureCanvasAgg(figure)
    return figure, figure.subplots(1, columns)


def _write(figure: Any, path: str | os.PathLike[str]) -> None:
    """Writes the picture whole or not at all."""
    target = os.fspath(path)
    temporary = f"{target}.{os.getpid()}.tmp"
    try:
        figure.savefig(temporary, format="png")
        os.replace(temporary, target)
    finally:
        if os.path.exists(temporary):
            os.remove(temporary)


def learning_curve(
    epochs: Sequence[dict[str, float]],
    path: str | os.PathLike[str],
    best_epoch: int = 0,
    loss: str = "cross-entropy",
    metric: str = "accuracy",
) -> None:
    """Loss and a metric over the epochs, for training and validation data. `epochs` as in History.epochs.

    loss: what kind of loss it is; metric: the name of the metric.
    """
    figure, (left, right) = _figure(10, 4, columns=2)
    number = np.arange(1, len(epochs) + 1)
    panels = [
        (left, f"loss ({loss})", [("loss", "training", BLUE), ("val_loss", "validation", ORANGE)]),
        (right, metric.replace("_", " "), [(metric, "training", BLUE), (f"val_{metric}", "validation", ORANGE)]),
    ]
    for axes, title, curves in panels:
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
    _write(figure, path)


def confusion_matrix(counts: Array, classes: Sequence[str], path: str | os.PathLike[str], title: str = "") -> None:
    """Rows: what the image shows; columns: what the network says. The colour of the mistakes has its own scale."""
    figure, axes = _figure(7, 6.4)
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
    _write(figure, path)
