"""The grid that the recipe driving sees the road in: 24 directions, the columns of the image, times 20 distances.

A camera measures directions and a radar distances, so in a grid of these two what both say of a car lies in one cell.
Distances grow by a constant factor from cell to cell, as the camera's precision falls.
"""

from __future__ import annotations

import numpy as np

from ..data.road_scenes import FARTHEST, FOCAL, NEAREST, WIDTH

DIRECTIONS, DISTANCES = 24, 20
FIRST, LAST = np.log(NEAREST * 0.9), np.log(FARTHEST * 1.1)
STEP = (LAST - FIRST) / DISTANCES
PIXELS = WIDTH / DIRECTIONS
SPEED_UNIT = 10.0  # metres a second
STANDING = -15.0  # relative speed below which a return comes from what stands still


def place(x: np.ndarray, z: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Position in the grid, in cells: (distance, direction), both from 0; the middle of cell i is i + 0.5."""
    with np.errstate(invalid="ignore"):
        return (np.log(z) - FIRST) / STEP, (WIDTH / 2 + FOCAL * x / z) / PIXELS


def position(distance: np.ndarray, direction: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(x, z) of a place in the grid."""
    z = np.exp(FIRST + distance * STEP)
    return (direction * PIXELS - WIDTH / 2) * z / FOCAL, z


def radar_grid(radar: np.ndarray) -> np.ndarray:
    """Returns (N, R, 3) as (N, 8, 20, 24): for what moves and for what stands still the number of returns in each cell
    (in threes), their mean place in the cell and their mean relative speed."""
    with np.errstate(invalid="ignore"):
        z, x = radar[..., 0] * np.cos(radar[..., 1]), radar[..., 0] * np.sin(radar[..., 1])
        rows, columns = place(x, z)
        inside = (rows >= 0) & (rows < DISTANCES) & (columns >= 0) & (columns < DIRECTIONS)
        stands = (radar[..., 2] < STANDING).astype(int)
    grid = np.zeros((len(radar), 2, 4, DISTANCES, DIRECTIONS), np.float32)
    n, _ = np.nonzero(inside)
    i, j = rows[inside].astype(int), columns[inside].astype(int)
    values = [np.ones(len(n)), rows[inside] - i - 0.5, columns[inside] - j - 0.5, radar[..., 2][inside] / SPEED_UNIT]
    for channel, value in enumerate(values):
        np.add.at(grid[:, :, channel], (n, stands[inside], i, j), value)
    grid[:, :, 1:] /= np.maximum(grid[:, :, :1], 1)
    grid[:, :, 0] /= 3
    return grid.reshape(len(radar), 8, DISTANCES, DIRECTIONS)


def target_grid(cars: list[np.ndarray]) -> np.ndarray:
    """(N, 4, 20, 24): 1 where the middle of a car is, its place in the cell, and its relative speed."""
    grid = np.zeros((len(cars), 4, DISTANCES, DIRECTIONS), np.float32)
    for n, each in enumerate(cars):
        for x, z, speed in each[np.argsort(-each[:, 1])]:  # of two in a cell, the near one counts
            row, column = place(x, z)
            i, j = int(row), int(column)
            if 0 <= i < DISTANCES and 0 <= j < DIRECTIONS:
                grid[n, :, i, j] = 1, row - i - 0.5, column - j - 0.5, speed / SPEED_UNIT
    return grid


def find_cars(outputs: np.ndarray, threshold: float) -> list[np.ndarray]:
    """The cars (K, 4) in a network's outputs (N, 4, 20, 24): x, z, relative speed, probability.

    A car is a cell that is likelier than its eight neighbours. Where the network is sure of a car but not of its cell,
    the probability is spread, so the sum over the nine counts.
    """
    shares = 1 / (1 + np.exp(-outputs[:, 0].astype(np.float64)))
    padded = np.pad(shares, ((0, 0), (1, 1), (1, 1)))
    rows, columns = shares.shape[1:]
    around = np.stack([padded[:, i : i + rows, j : j + columns] for i in range(3) for j in range(3)])
    peaks = (shares == around.max(0)) & (around.sum(0) >= threshold)
    found = []
    for n in range(len(outputs)):
        i, j = np.nonzero(peaks[n])
        x, z = position(i + 0.5 + outputs[n, 1, i, j], j + 0.5 + outputs[n, 2, i, j])
        found.append(
            np.stack([x, z, outputs[n, 3, i, j] * SPEED_UNIT, np.minimum(around[:, n, i, j].sum(0), 1)], axis=1)
        )
    return found
