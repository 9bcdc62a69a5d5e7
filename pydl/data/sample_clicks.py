"""Clicks made by a formula, to try things where no data are: nobody clicked."""

from __future__ import annotations

import numpy as np

from .table import Table


def make_clicks(rows: int = 6000, seed: int = 0) -> Table:
    """Each user and item has two hidden traits; the odds of a click follow from how well they fit, and the place."""
    random = np.random.default_rng(seed)
    user, item = random.integers(0, 60, rows), random.integers(0, 25, rows)
    place, visits = random.integers(1, 4, rows), random.poisson(0.5, rows)
    traits = random.normal(size=(60, 2)), random.normal(size=(25, 2))
    odds = -1.5 + 1.5 * (traits[0][user] * traits[1][item]).sum(1) + 0.3 * (place == 1) + 0.5 * np.minimum(visits, 3)
    return Table(
        {
            "user": np.array([f"user {each}" for each in user]),
            "item": np.array([f"item {each}" for each in item]),
            "position": place.astype(str),
            "visits": visits,
            "part": random.integers(0, 4, rows).astype(str),
            "click": random.random(rows) < 1 / (1 + np.exp(-odds)),
        }
    )
