"""What all pictures share: colours, a figure without a window, a file that is written whole or not at all."""

from __future__ import annotations

import os
from typing import Any

from ..replacing import replacing

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
    """Writes the picture whole or not at all, as PNG, SVG or PDF by the end of its name; PNG if it has none."""
    kind = os.path.splitext(path)[1].lower() or ".png"
    if kind not in (".png", ".svg", ".pdf"):
        raise ValueError(f"{os.fspath(path)}: a picture's name must end in .png, .svg or .pdf")
    with replacing(path) as file:
        figure.savefig(file, format=kind[1:])
