"""Pictures of sequences: what a translation looked at, and where in a sound something was heard."""

from __future__ import annotations

import math
import os
import sys
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..arguments import Array
from .canvas import BLUE, new_figure, write_figure

_LINE = 15.0  # seconds


def attention(read: Sequence[str], said: Sequence[str], weights: Array, path: str | os.PathLike[str]) -> None:
    """How much each word that was said (rows, said) looked at each that was read (columns): weights (T, S)."""
    figure, axes = new_figure(min(30.0, 2.5 + 0.34 * len(read)), min(30.0, 2.0 + 0.3 * len(said)))
    image = axes.imshow(weights, cmap="Blues", vmin=0, vmax=1, aspect="auto")
    font = _font_for("".join(said))
    if font is None:
        # Not among the texts that a command may print.
        notice = "The picture has numbers for Chinese: no font here has it (Debian: apt install fonts-wqy-microhei)"
        print(notice, file=sys.stderr)
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
    """Features (T, bands), `seconds` a frame, with marks (start, end, text) above them, in seconds.

    Long sounds go on in further lines, of 15 seconds each, so that the marks can be read.
    """
    length = len(features) * seconds
    count = math.ceil(length / _LINE)
    wide = length if count == 1 else _LINE
    figure, lines = new_figure(min(30.0, max(6.0, 2.8 * wide)), 3.6 * count, rows=count)
    for line, axes in enumerate(np.atleast_1d(lines)):
        first, last = line * wide, (line + 1) * wide
        place = (0, length, 0, features.shape[1])
        axes.imshow(features.T, "magma", origin="lower", aspect="auto", extent=place, vmin=-2, vmax=3)
        axes.set(xlim=(first, last), ylabel="mel band")
        for start, end, text in marks:
            middle = (start + end) / 2
            if first <= middle < last:
                axes.axvspan(start, end, color="white", alpha=0.25, linewidth=0)
                axes.annotate(
                    text, (middle, 1), xycoords=("data", "axes fraction"), xytext=(0, 3), textcoords="offset points",
                    ha="center", va="bottom", color=BLUE, fontsize=9, fontweight="bold", annotation_clip=False,
                )  # fmt: skip
        if line == 0:
            axes.set_title(title if len(title) < 200 else f"{title[:200]}…", pad=20)
    axes.set_xlabel("seconds")
    write_figure(figure, path)
