"""The page of a step-through: one file of HTML that holds formulas, parameters and input, and computes the rest itself.

Arrays that follow from others are not stored: the page makes loops of the formulas' trees (formulas.js), so that a
network of 90,000 parameters takes half a megabyte, and any number can be chosen, unfolded and nudged.
"""

from __future__ import annotations

import base64
import html
import json
import re
from pathlib import Path
from typing import Any

import numpy as np

from ...recipes.report import write_text
from .forms import two
from .images import zeros_around
from .wording import mathml

SCRIPTS = "formulas.js", "pictures.js", "step.js"


def _leaf(steps: Any, number: int) -> dict[str, Any]:
    """An array that the page cannot compute, as base64 of little-endian numbers."""
    kind = steps.dtypes[number].str[1:]
    array = np.ascontiguousarray(steps.values[number], f"<{kind}")
    return {"n": number, "k": kind, "d": base64.b64encode(array.tobytes()).decode()}


def _step(step: Any) -> dict[str, Any]:
    entries = [
        {"a": each.array, "t": each.formula.target, "l": each.formula.loops, "x": each.formula.tree,
         "s": {name: each.scope[name] for name in _used(each.formula.tree)}, "w": each.what, "m": mathml(each.formula)}
        for each in step.assignments
    ]  # fmt: skip
    found = {"title": step.title, "back": step.backward, "as": entries}
    if step.operation == "conv2d" and step.given["groups"] == 1:
        dilation = two(step.given["dilation"])
        padding = zeros_around(step.given["padding"], step.given["weight"].shape, dilation)
        found["conv"] = {"s": two(step.given["stride"]), "p": padding, "d": dilation}
        entries[0]["s"] |= {name: each for name, each in step.assignments[0].scope.items() if name in ("a0", "w", "b")}
    return found


def _used(tree: Any) -> set[str]:
    if not isinstance(tree, list):
        return set()
    own = {tree[1]} if tree and tree[0] == "at" else set()
    return own.union(*(_used(part) for part in tree))


def template() -> str:
    """The page without title, data and script; its style is that of all pages of the lab."""
    return Path(__file__).with_name("step.html").read_text(encoding="utf-8")


def write_page(steps: Any, path: Any) -> None:
    """Writes the page, whole or not at all."""
    data = {
        "leaves": [_leaf(steps, number) for number in steps.leaves],
        "shapes": [each.shape for each in steps.values],
        "labels": steps.labels,
        "gradients": steps.gradients,
        "cost": steps.cost_array,
        "steps": [_step(each) for each in steps.steps if each.assignments],
    }
    safe = json.dumps(data, separators=(",", ":")).replace("<", "\\u003c")
    parts = {
        "TITLE": html.escape(steps.title),
        "SUMMARY": html.escape(steps.finding()),
        "DATA": safe,
        "SCRIPT": "".join(Path(__file__).with_name(name).read_text(encoding="utf-8") for name in SCRIPTS),
    }
    text = re.sub("|".join(parts), lambda found: parts[found[0]], template())
    write_text(Path(path), text)
