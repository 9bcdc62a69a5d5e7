"""Pictures of what a network has inside: images, filters, maps, histograms of its layers."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..arguments import Array
from .canvas import BLUE, new_figure, write_figure


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
    from ..tensor import Tensor, no_grad

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
