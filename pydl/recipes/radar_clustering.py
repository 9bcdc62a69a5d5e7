"""The classical rule that the recipe driving is held against: radar returns that lie together are a car."""

from __future__ import annotations

import numpy as np

from ..data.road_scenes import LANES
from .road_grid import STANDING

GAP = 3.0  # metres between returns of one car, at most
SPEED_GAP = 1.0  # metres a second


def cluster_radar(radar: np.ndarray, least: int, lanes: bool) -> list[np.ndarray]:
    """Cars (K, 4) in returns (N, R, 3): x, z, relative speed, 1.

    What stands still is left out. Two returns belong together if they are near each other and equally fast; a group of
    at least `least` is a car at their mean. lanes: it is moved to the middle of the nearest lane.
    """
    found = []
    for scene in radar:
        moving = scene[np.isfinite(scene[:, 0]) & (scene[:, 2] > STANDING)]
        x, z, speed = moving[:, 0] * np.sin(moving[:, 1]), moving[:, 0] * np.cos(moving[:, 1]), moving[:, 2]
        near = np.hypot(x[:, None] - x, z[:, None] - z) < GAP
        linked = near & (np.abs(speed[:, None] - speed) < SPEED_GAP)
        group = np.arange(len(moving))
        for _ in range(len(moving)):  # each takes the lowest number among those it is linked with, until none changes
            lowest = np.where(linked, group, len(group)).min(axis=1, initial=len(group))
            if np.array_equal(lowest, group):
                break
            group = lowest
        cars = []
        for each in np.unique(group):
            own = group == each
            if own.sum() >= least:
                side = float(x[own].mean())
                side = min(LANES, key=lambda lane: abs(lane - side)) if lanes else side
                cars.append((side, z[own].mean() - 0.5, speed[own].mean(), 1.0))
        found.append(np.array(cars).reshape(-1, 4))
    return found
