"""What all pictures of the lab share: readable type, colours that everybody can tell apart, files written whole."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from ..plot import BLUE as BLUE
from ..plot import GREY as GREY
from ..plot import ORANGE as ORANGE
from ..plot import new_figure, write_figure

# The rest of the palette of Okabe and Ito, but for its yellow, which is hard to see on white.
GREEN, PURPLE, SKY, AMBER = "#009E73", "#AA4499", "#56B4E9", "#E69F00"
COLOURS = (BLUE, ORANGE, GREEN, PURPLE, SKY, AMBER)
# In black and white, or for who sees no colours at all, lines differ in their strokes.
STROKES = ("-", "--", "-.", ":", (0, (5, 1, 1, 1, 1, 1)), (0, (1, 1)))

_STYLE: Any = {
    "font.size": 11,
    "axes.titlesize": 12,
    "axes.labelsize": 11,
    "legend.fontsize": 10,
    "xtick.labelsize": 10,
    "ytick.labelsize": 10,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.alpha": 0.3,
    "lines.linewidth": 2,
    "legend.frameon": True,
    "legend.framealpha": 0.85,
    "legend.edgecolor": "none",
}


def require_matplotlib() -> None:
    """Errors: ImportError in one sentence where matplotlib is missing."""
    new_figure(1, 1)


@contextmanager
def picture(
    path: str | os.PathLike[str], width: float, height: float, columns: int = 1, rows: int = 1
) -> Iterator[tuple[Any, Any]]:
    """Hands out a figure and its axes, and writes them to `path` once they are drawn on.

    width, height: in inches, of 120 pixels. axes: one, or an array of them where there are several.
    Errors: ImportError in one sentence where matplotlib is missing.
    """
    require_matplotlib()
    from matplotlib import rc_context

    with rc_context(_STYLE):
        figure, axes = new_figure(width, height, columns, rows)
        yield figure, axes
        write_figure(figure, path)
