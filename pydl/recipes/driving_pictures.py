"""Pictures of the recipe driving: what the camera sees, and the road from above with cars as they are and as found."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..data.road_scenes import LANE_WIDTH, RoadScenes
from ..plot import BLUE, GREY, ORANGE, new_figure, write_figure
from ..replacing import replacing

MARKS = {"both": ("camera and radar", BLUE, "x"), "clustering": ("radar clustering", ORANGE, "+")}


def draw_scenes(
    scenes: RoadScenes, found: dict[str, list[np.ndarray]], chosen: Sequence[int], path: str | os.PathLike[str]
) -> None:
    """Some scenes in a row: above the image, below the road."""
    figure, _ = new_figure(2.6 * max(1, len(chosen)), 6.4)
    figure.clear()
    grid = figure.subplots(2, max(1, len(chosen)), squeeze=False, gridspec_kw={"height_ratios": [1, 3]})
    for column, n in enumerate(chosen):
        _camera(grid[0][column], scenes.images[n, 0])
        _road(grid[1][column], scenes.radar[n], scenes.cars[n], {name: each[n] for name, each in found.items()})
        if column:
            grid[1][column].set_ylabel("")
    handles, labels = grid[1][0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=len(labels))
    figure.suptitle("simulated scenes that were not learnt")
    write_figure(figure, path)


def _camera(axes: Any, image: np.ndarray) -> None:
    axes.imshow(image, cmap="gray", vmin=0, vmax=1)
    axes.set_xticks([])
    axes.set_yticks([])


def _road(axes: Any, radar: np.ndarray, cars: np.ndarray, found: dict[str, np.ndarray]) -> None:
    for edge in (-1.5, -0.5, 0.5, 1.5):
        axes.axvline(edge * LANE_WIDTH, color=GREY, linewidth=0.8, linestyle="--" if abs(edge) < 1 else "-")
    x, z = radar[:, 0] * np.sin(radar[:, 1]), radar[:, 0] * np.cos(radar[:, 1])
    axes.scatter(x, z, s=8, color=GREY, alpha=0.6, label="radar returns")
    axes.scatter(cars[:, 0], cars[:, 1], s=110, facecolors="none", edgecolors="black", marker="s", label="cars")
    for name, each in found.items():
        label, colour, marker = MARKS[name]
        axes.scatter(each[:, 0], each[:, 1], s=60, color=colour, marker=marker, label=label)
    axes.set(xlim=(-10, 10), ylim=(0, 80), xlabel="metres to the right", ylabel="metres ahead")


def draw_drive(scenes: RoadScenes, found: list[np.ndarray], path: str | os.PathLike[str]) -> None:
    """An animation (GIF) of a drive. Needs Pillow beside matplotlib."""
    try:
        from PIL import Image
    except ImportError:
        raise ImportError("Animations need Pillow: pip install 'pydl-cpu[images]'") from None
    frames = []
    for n in range(len(scenes)):
        figure, (left, right) = new_figure(6, 3.2, columns=2)
        _camera(left, scenes.images[n, 0])
        left.set_title("simulated camera")
        _road(right, scenes.radar[n], scenes.cars[n], {"both": found[n]})
        figure.canvas.draw()
        frames.append(Image.fromarray(np.asarray(figure.canvas.buffer_rgba())[..., :3]).quantize(128))
    with replacing(path) as file:
        frames[0].save(file, format="GIF", save_all=True, append_images=frames[1:], duration=200, loop=0)
