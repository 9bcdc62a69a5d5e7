"""The steps of step() in the terminal: formulas with one number's numbers put in, one step after another."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..convolution_matrix import convolution_matrix
from .forms import two
from .images import zeros_around
from .parts import Step


def text_of_step(steps: Any, number: int) -> str:
    """What Steps.text() returns."""
    step = steps.steps[number - 1]
    way = "backward" if step.backward else "forward"
    lines = [f"Step {number} of {len(steps.steps)}, {way}: {step.title}"]
    for each in step.assignments:
        index = steps.chosen(each)
        node = steps.unfolded(each, index, 1)
        lines += ["", f"  {each.formula.text()}" + (f"      {each.what}" if each.what else "")]
        shape = "x".join(map(str, each.formula.shape)) or "one number"
        lines.append(f"    {shape}; {node.label} = {node.numbers()} = {node.value:.8g}")
        checked = steps.confirmed(each, index)
        if checked is not None:
            lines.append(f"    {checked.text()}")
    if step.operation == "conv2d" and not step.backward and step.given["groups"] == 1:
        lines += ["", f"  {_as_matrix(steps, step)}"]
    return "\n".join(lines)


def _as_matrix(steps: Any, step: Step) -> str:
    """A convolution written out as the matrix of a fully connected layer, and checked."""
    scope = step.assignments[0].scope
    x, w, y = (steps.values[scope[name]] for name in ("a0", "w", "a1"))
    rows, columns = y[0].size, x[0].size
    if rows * columns > 30_000_000:
        return f"as a fully connected layer it has {rows:,} x {columns:,} weights, too many to write out here"
    padding = zeros_around(step.given["padding"], w.shape, two(step.given["dilation"]))
    W = convolution_matrix(w, x.shape[2], x.shape[3], step.given["stride"], padding, step.given["dilation"])
    product = (x.reshape(len(x), -1) @ W.T).reshape(y.shape)
    if "b" in scope:
        product += steps.values[scope["b"]][:, None, None]
    return (
        f"as a fully connected layer: W is {rows:,} x {columns:,}, {np.count_nonzero(W):,} of its {W.size:,} "
        f"weights are not 0 and {np.unique(w).size:,} are different; W a0 + b gives a1 (largest difference "
        f"{np.abs(product - y).max():.1g})"
    )


def walk(steps: Any, ask: Callable[[str], str] | None) -> None:
    """What Steps.print() does."""
    number = 1
    while number <= len(steps.steps):
        print(steps.text(number) + "\n")
        number += 1
        while ask is not None:
            answer = ask("Enter: next, b: back, q: end, or a number to unfold, such as a1 0 2: ").strip()
            if answer == "q":
                return
            if answer in ("", "b") or answer.isdigit():
                number = int(answer or number) if answer != "b" else max(1, number - 2)
                break
            name, *index = answer.replace(",", " ").replace("[", " ").replace("]", " ").split()
            try:
                node = steps.unfold(number - 1, name, tuple(int(each) for each in index))
                print("\n".join(node.tree()) + "\n")
            except ValueError as error:
                print(error)
