"""Houses made by a formula, with the columns of real sales: to try things where no data are. Nobody lives in them."""

from __future__ import annotations

import numpy as np

from .table import Table

QUARTERS = {"Riverside": 0.25, "Old_Town": 0.0, "Mill_Hill": -0.1, "Station": -0.3}
CONDITIONS = {"Poor": -0.3, "Average": 0.0, "Good": 0.15, "Excellent": 0.3}


def make_houses(rows: int = 600, seed: int = 0) -> Table:
    """Prices are area^0.8 times factors for quarter, condition, age and garage, and noise of 8 %."""
    random = np.random.default_rng(seed)
    quarter = random.choice(list(QUARTERS), rows)
    condition = random.choice(list(CONDITIONS), rows, p=[0.1, 0.5, 0.3, 0.1])
    area = np.round(np.exp(random.normal(7.2, 0.35, rows)))
    lot = np.round(area * random.uniform(3, 12, rows))
    built = random.integers(1900, 2011, rows)
    garage = random.integers(0, 4, rows)
    log_price = (
        np.log(560)
        + 0.8 * np.log(area)
        + 0.05 * np.log(lot)
        + np.array([QUARTERS[name] for name in quarter])
        + np.array([CONDITIONS[name] for name in condition])
        - 0.4 * ((2010 - built) / 110) ** 0.5
        + 0.06 * garage
        + random.normal(0, 0.08, rows)
    )
    return Table(
        {
            "Lot_Area": lot,
            "Neighborhood": quarter,
            "Overall_Cond": condition,
            "Year_Built": built,
            "Gr_Liv_Area": area,
            "Garage_Cars": garage,
            "Sale_Price": np.round(np.exp(log_price), -2),
        }
    )
