"""Pictures of a training, written as image files. Needs matplotlib: pip install 'pydl-cpu[plot]'."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

import numpy as np

from .arguments import Array
from .replacing import replacing

# Colours that people with colour-blindness tell apart. Okabe, Ito, "Color Universal Design", 2008.
BLUE, ORANGE, GREY = "#0072B2", "#D55E00", "#666666"


def new_figure(width: float, height: float, columns: int = 1, rows: int = 1) -> tuple[Any, Any]:
    """A figure that is drawn without a window, whatever the machine has, and its axes."""
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ImportError:
        raise ImportError("Pictures need matplotlib: pip install 'pydl-cpu[plot]'") from None
    figure = Figure(figsize=(width, height), dpi=120, layout="constrained")
    FigureCanvasAgg(figure)
    return figure, figure.subplots(rows, columns)


def write_figure(figure: Any, path: str | os.PathLike[str]) -> None:
    """Writes the picture whole or not at all."""
    with replacing(path) as file:
        figure.savefig(file, format="png")


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


def attention(read: Sequence[str], said: Sequence[str], weights: Array, path: str | os.PathLike[str]) -> None:
    """How much each word that was said (rows, said) looked at each that was read (columns): weights (T, S)."""
    figure, axes = new_figure(min(30.0, 2.5 + 0.34 * len(read)), min(30.0, 2.0 + 0.3 * len(said)))
    image = axes.imshow(weights, cmap="Blues", vmin=0, vmax=1, aspect="auto")
    font = _font_for("".join(said))
    if font is None:
        print("The picture has numbers for Chinese: no font here has it (Debian: apt install fonts-wqy-microhei)")
    labels = [str(k + 1) for k in range(len(said))] if font is None else list(said)
    axes.set_xticks(range(len(read)), [word.replace("$", r"\$") for word in read], rotation=60, ha="right")
    axes.set_yticks(range(len(said)), [label.replace("$", r"\$") for label in labels])
    if font is not None:
        for label in axes.get_yticklabels():
            label.set_fontproperties(font)
    axes.set_xlabel("read")
    axes.set_ylabel("said")
    figure.colorbar(image, ax=axes, label="weight")
    write_figure(figure, path)


def _font_for(text: str) -> Any:
    """A font of this machine with all the characters of a text, matplotlib's own one first; None if there is none."""
    from matplotlib.font_manager import FontProperties, findfont, findSystemFonts
    from matplotlib.ft2font import FT2Font

    needed = {ord(letter) for letter in text}
    for file in [findfont("DejaVu Sans"), *sorted(findSystemFonts())]:
        try:
            if needed <= FT2Font(file).get_charmap().keys():
                return FontProperties(fname=file, size=10)
        except (OSError, RuntimeError):  # a kind of font that matplotlib cannot read
            continue
    return None


def spectrogram(
    features: Array,
    seconds: float,
    marks: Sequence[tuple[float, float, str]],
    path: str | os.PathLike[str],
    title: str = "",
) -> None:
    """Features (T, bands), `seconds` a frame, with marks (start, end, text) above them, in seconds."""
    length = len(features) * seconds
    figure, axes = new_figure(min(30.0, max(6.0, 2.8 * length)), 3.6)
    axes.imshow(
        features.T,
        origin="lower",
        aspect="auto",
        extent=(0, length, 0, features.shape[1]),
        cmap="magma",
        vmin=-2,
        vmax=3,
    )
    for start, end, text in marks:
        middle = (start + end) / 2
        axes.axvspan(start, end, color="white", alpha=0.25, linewidth=0)
        axes.annotate(
            text, (middle, 1), xycoords=("data", "axes fraction"), xytext=(0, 3), textcoords="offset points",
            ha="center", va="bottom", color=BLUE, fontsize=9, fontweight="bold", annotation_clip=False,
        )  # fmt: skip
    axes.set_xlabel("seconds")
    axes.set_ylabel("mel band")
    axes.set_title(title, pad=20)
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


def images(
    pictures: Array,
    path: str | os.PathLike[str],
    titles: Sequence[str] = (),
    title: str = "",
    columns: int = 8,
    signed: bool = False,
) -> None:
    """Pictures (K, H, W), or (K, H, W, 3) in colour, in rows. signed: red is above 0, blue below; else dark is high."""
    array = np.asarray(pictures)
    if array.ndim not in (3, 4) or 0 in array.shape:
        raise ValueError(f"images: pictures must be (K, H, W) or (K, H, W, 3) and not empty, but has {array.shape}")
    columns = min(columns, len(array))
    rows = -(-len(array) // columns)
    figure, grid = new_figure(max(3.0, 1.15 * columns), (1.5 if len(titles) else 1.15) * rows + 0.6, columns, rows)
    top = float(np.abs(array[np.isfinite(array)]).max(initial=0.0)) or 1.0
    for k, axes in enumerate(np.atleast_1d(grid).ravel()):
        axes.set_axis_off()
        if k < len(array):
            limits = {"vmin": -top, "vmax": top} if signed else {}
            axes.imshow(array[k], cmap="RdBu_r" if signed else "Greys", **limits)
            if k < len(titles):
                axes.set_title(titles[k], fontsize=9)
    figure.suptitle(title)
    write_figure(figure, path)


def filters(weight: Any, path: str | os.PathLike[str], title: str = "filters: red adds, blue takes away") -> None:
    """The filters (O, I, K, K) of a convolution's weight: one picture each; in colour where I is 3, else their mean."""
    w = np.asarray(getattr(weight, "data", weight))
    if w.ndim != 4:
        raise ValueError(f"filters: weight must be (O, I, K, K), but has shape {w.shape}")
    if w.shape[1] == 3:  # in colours of their own scale; grey is 0
        images(0.5 + w.transpose(0, 2, 3, 1) / (2 * (np.abs(w).max() or 1.0)), path, title="filters: grey is 0")
    else:
        images(w.mean(1), path, title=title, signed=True)


def feature_maps(model: Any, layer: str, image: Array, path: str | os.PathLike[str], most: int = 32) -> None:
    """What the layer of that name in model.named_modules() makes of one image (C, H, W): its first `most` maps."""
    maps = _outputs(model, np.asarray(image)[None]).get(layer)
    if maps is None or maps.ndim != 4:
        raise ValueError(f"feature_maps: {layer!r} is no layer of the model that makes maps (N, C, H, W)")
    images(maps[0, :most], path, title=f"maps of {layer}: dark is high")


def most_confused(
    inputs: Array,
    labels: Array,
    probabilities: Array,
    classes: Sequence[str],
    path: str | os.PathLike[str],
    most: int = 16,
) -> None:
    """The images (N, 1 or 3, H, W) that the network is surest of and wrong about, with both names."""
    x, right, p = np.asarray(inputs), np.asarray(labels), np.asarray(probabilities)
    said = p.argmax(1)
    wrong = np.flatnonzero(said != right)
    wrong = wrong[np.argsort(-p[wrong, said[wrong]], kind="stable")][:most]
    if not len(wrong):
        raise ValueError("most_confused: every image is named right, so there is nothing to show")
    shown = x[wrong, 0] if x.shape[1] == 1 else x[wrong].transpose(0, 2, 3, 1)
    titles = [f"{classes[said[i]]} ({100 * p[i, said[i]]:.0f} %)\nnot {classes[right[i]]}" for i in wrong]
    images(shown, path, titles, "surest mistakes")


def layer_histograms(model: Any, inputs: Any, path: str | os.PathLike[str], loss: Any = None) -> None:
    """Histograms of each layer's outputs and, where loss(outputs) is given, of its weights' gradients.

    Outputs that pile up at the ends of a sigmoid, or at 0 of a ReLU, and gradients that shrink from layer to layer show
    why a network does not learn.
    """
    kinds = {name: type(module).__name__ for name, module in model.named_modules()}
    parts = [("outputs", _outputs(model, inputs))]
    if loss is not None:
        weights = {
            name: m.weight for name, m in model.named_modules() if name and getattr(m, "weight", None) is not None
        }
        kept = {name: weight.grad for name, weight in weights.items()}
        for weight in weights.values():
            weight.grad = None
        loss(model(inputs)).backward()
        arrays = {name: weight.grad.data for name, weight in weights.items() if weight.grad is not None}
        for name, weight in weights.items():
            weight.grad = kept[name]
        parts.append(("gradients of weights", arrays))
    rows = max(len(arrays) for _, arrays in parts)
    figure, grid = new_figure(4.5 * len(parts), 0.5 + 1.15 * rows, len(parts), rows)
    cells = np.reshape(grid, (rows, len(parts)))
    for column, (label, arrays) in zip(cells.T, parts, strict=True):
        for axes in column[len(arrays) :]:
            axes.set_axis_off()
        for axes, (name, values) in zip(column, arrays.items(), strict=False):
            flat = values.ravel()[:100_000]
            axes.hist(flat[np.isfinite(flat)], bins=50, color=BLUE)
            axes.set_yticks([])
            axes.tick_params(labelsize=8)
            axes.set_title(f"{name} ({kinds[name]}): {label}, std {float(values.std()):.2g}", fontsize=9)
    write_figure(figure, path)


def _outputs(model: Any, inputs: Any) -> dict[str, Array]:
    """name of a layer -> its output in one forward pass, in the order of the calls."""
    from .tensor import Tensor, no_grad

    found: dict[str, Array] = {}
    handles = []

    def keep(name: str) -> Any:
        return lambda module, given, output: found.update({name: output.data} if isinstance(output, Tensor) else {})

    for name, module in model.named_modules():
        if not next(module.children(), None):
            handles.append(module.register_forward_hook(keep(name)))
    try:
        with no_grad():
            model(inputs)
    finally:
        for handle in handles:
            handle.remove()
    return found
