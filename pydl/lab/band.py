"""The band: where a sigmoid neuron lets a gradient pass undiminished.

A gradient that goes back through a = s(w x + b) is multiplied by w s'(w x + b). As s' <= 1/4, that is at least 1 in
size only if |w| >= 4, and then only for inputs x in a band. With z = w x + b and u = e^z, s'(z) = u / (1 + u)^2, so

    |w| s'(z) >= 1   <=>   u^2 + (2 - |w|) u + 1 <= 0
                     <=>   u lies between (|w| - 2 -+ sqrt(|w| (|w| - 4))) / 2

The product of these two roots is 1, so z lies between -L and L, where L is the logarithm of the larger one:

    L = ln( (|w| + sqrt(|w|^2 - 4 |w|)) / 2 - 1 )  =  arccosh(|w| / 2 - 1)
    width of the band of x = 2 L / |w|

The "- 1" is part of the root, so it belongs inside the logarithm. Outside, ln(...) - 1, the width would be negative at
|w| = 4, where the band has just one point: (2/4) (ln 2 - 1) = -0.15. Inside it is (2/4) ln(2 - 1) = 0.

The width grows from 0 and falls again. Its derivative is zero where L = |w| dL/d|w|, that is L = sqrt(|w| / (|w| - 4)).

Source: Nielsen, "Neural Networks and Deep Learning", chapter 5, with its two exercises.
"""

from __future__ import annotations

import argparse
import math
from decimal import Decimal, localcontext
from pathlib import Path
from typing import Any

import numpy as np

from ..arguments import check_number
from .figures import BLUE, GREY, ORANGE, picture
from .results import leave, open_folder


def unsaturated_band(w: float, b: float = 0.0) -> tuple[float, float] | None:
    """The smallest and the largest input x for which |w s'(w x + b)| >= 1; None where there is none, |w| < 4."""
    w, b = check_number("unsaturated_band", "w", w), check_number("unsaturated_band", "b", b)
    if abs(w) < 4:
        return None
    reach = math.acosh(abs(w) / 2 - 1)
    low, high = sorted(((-reach - b) / w, (reach - b) / w))
    return low, high


def widest_band() -> tuple[float, float]:
    """(w, width): the weight whose band of inputs is widest, and how wide it is."""

    def slope(w: float) -> float:
        """Has the sign of d width / dw."""
        return math.sqrt(w / (w - 4)) - math.acosh(w / 2 - 1)

    low, high = 5.0, 10.0
    while True:
        middle = (low + high) / 2
        if middle in (low, high):
            return low, 2 * math.acosh(low / 2 - 1) / low
        low, high = (middle, high) if slope(middle) > 0 else (low, middle)


def brute_force_widest_band(digits: int = 12) -> tuple[float, float]:
    """(w, width) without any of the formulas above: w s'(z) >= 1 is tried out, in numbers of many digits."""
    with localcontext() as context:
        # A maximum is flat: its place shows only in the second half of the digits of its value.
        context.prec = 2 * digits + 12

        def width(w: Decimal) -> Decimal:
            low, high = Decimal(0), Decimal(20)
            while high - low > Decimal(10) ** (-2 * digits - 8):
                z = (low + high) / 2
                u = z.exp()
                low, high = (z, high) if w * u >= (1 + u) ** 2 else (low, z)
            return 2 * low / w

        low, high = Decimal(5), Decimal(10)
        while high - low > Decimal(10) ** (-digits - 1):
            left, right = low + (high - low) / 3, high - (high - low) / 3
            low, high = (left, high) if width(left) < width(right) else (low, right)
        return float(low), float(width(low))


def measure() -> dict[str, Any]:
    """The widest band by the formula and by brute force."""
    (w, width), (tried_w, tried_width) = widest_band(), brute_force_widest_band()
    return {
        "w": w,
        "width": width,
        "brute_force_w": tried_w,
        "brute_force_width": tried_width,
        "width_at_4": 2 / 4 * math.log(4 / 2 - 1),
        "width_at_4_with_the_1_outside": 2 / 4 * (math.log(4 / 2) - 1),
    }


def finding(figures: dict[str, Any]) -> str:
    """One sentence on what came out."""
    apart = max(abs(figures[name] - figures[f"brute_force_{name}"]) for name in ("w", "width"))
    return (
        f"The band of inputs for which |w s'(wx + b)| >= 1 is never wider than {figures['width']:.10f}, at |w| = "
        f"{figures['w']:.10f}; brute force differs by {apart:.0e}."
    )


def draw(figures: dict[str, Any], path: Path) -> None:
    """The band itself, and its width."""
    weights = np.linspace(4, 40, 1000)
    edges = np.array([unsaturated_band(w) for w in weights])
    with picture(path, 11, 4.6, columns=2) as (_, (left, right)):
        left.fill_between(weights, edges[:, 0], edges[:, 1], color=BLUE, alpha=0.35, linewidth=0)
        left.plot(weights, edges, color=BLUE)
        left.axvline(4, color=GREY, linestyle=":")
        left.text(4.4, -0.275, "|w| = 4", color=GREY)
        left.text(12, 0.0, "$|w\\ s'(wx + b)| \\geq 1$", va="center", fontsize=13)
        left.set(title="Where a gradient passes undiminished", xlabel="|w|", ylabel="x + b/w")
        left.set(xlim=(0, 40), ylim=(-0.3, 0.3))
        right.plot(weights, edges[:, 1] - edges[:, 0], color=BLUE, label="width of the band")
        outside = 2 / weights * (np.log((weights + np.sqrt(weights**2 - 4 * weights)) / 2) - 1)
        right.plot(weights, outside, color=ORANGE, linestyle="--", label="with the - 1 outside the logarithm: wrong")
        right.plot(figures["w"], figures["width"], "o", color=BLUE)
        right.annotate(
            f"{figures['width']:.4f} at |w| = {figures['w']:.4f}",
            (figures["w"], figures["width"]),
            (figures["w"] + 2, figures["width"] + 0.05),
        )
        right.axhline(0, color=GREY, linewidth=1)
        right.set(title="Its width", xlabel="|w|", xlim=(0, 40), ylim=(-0.2, 0.65))
        right.legend(loc="lower right")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """This experiment has no options of its own."""


def run(args: argparse.Namespace) -> None:
    """Finds the widest band and leaves band.png."""
    folder = open_folder(args.out)
    figures = measure()
    draw(figures, folder / "band.png")
    leave(folder, finding(figures), figures, {})
