"""The scalar graph of one number: what it was made of, each with its value and the gradient that flows to it.

Source: Baur, Strassen, "The complexity of partial derivatives", Theoretical Computer Science 22 (1983): derivatives as
products along the edges.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ...arguments import Array
from .wording import BOUND, joined, label_of


def sigmoid(x: Any) -> Any:
    """1 / (1 + e^-x), without overflow."""
    e = np.exp(-np.abs(x))
    return np.where(x < 0, e, 1.0) / (1.0 + e)


# An operation on numbers, and its slopes from the operands and the result.
OPERATIONS: dict[str, tuple[Any, Any]] = {
    "+": (np.add, lambda y, a, b: (1.0, 1.0)),
    "-": (np.subtract, lambda y, a, b: (1.0, -1.0)),
    "*": (np.multiply, lambda y, a, b: (b, a)),
    "/": (np.true_divide, lambda y, a, b: (1 / b, -y / b)),
    "**": (np.float_power, lambda y, a, b: (b * a ** (b - 1), 0.0)),
    "//": (np.floor_divide, lambda y, a, b: (0.0, 0.0)),
    "%": (np.mod, lambda y, a, b: (0.0, 0.0)),
    "==": (lambda a, b: 1.0 * np.equal(a, b), lambda y, a, b: (0.0, 0.0)),
    ">": (lambda a, b: 1.0 * np.greater(a, b), lambda y, a, b: (0.0, 0.0)),
    "<": (lambda a, b: 1.0 * np.less(a, b), lambda y, a, b: (0.0, 0.0)),
    "neg": (np.negative, lambda y, a: (-1.0,)),
    "exp": (np.exp, lambda y, a: (y,)),
    "ln": (np.log, lambda y, a: (1 / a,)),
    "tanh": (np.tanh, lambda y, a: (1 - y * y,)),
    "sigmoid": (sigmoid, lambda y, a: (y * (1 - y),)),
    "abs": (np.abs, lambda y, a: (float(np.sign(a)),)),
    "maximum": (np.maximum, lambda y, a, b: (float(a >= b), float(a < b))),
    "where": (np.where, lambda y, c, a, b: (0.0, float(bool(c)), float(not c))),
}


@dataclass
class Node:
    """One number of a scalar computation graph: what made it, its value, and dC/d(it) along this path.

    label: what it is called, "w[0,0,1,2]"; array and index where it stands in an array. slopes: d(this)/d(child).
    """

    operation: str
    label: str
    value: float
    children: list[Node] = field(default_factory=list)
    slopes: tuple[float, ...] = ()
    array: str = ""
    index: tuple[int, ...] = ()
    gradient: float | None = None

    def backward(self, gradient: float) -> None:
        """Gives every number below its gradient: the one that arrives times the slope."""
        self.gradient = gradient + 0.0  # never -0
        for child, slope in zip(self.children, self.slopes, strict=True):
            child.backward(gradient * float(slope))

    def leaves(self) -> list[Node]:
        """The numbers that this one was made of, from left to right."""
        return [leaf for child in self.children for leaf in child.leaves()] if self.children else [self]

    def numbers(self, most: int = 6, digits: int = 4) -> str:
        """The formula with its numbers put in; of long sums the largest terms."""
        return _show(self, most, digits)[0]

    def largest(self, most: int) -> list[Node]:
        """The children that count: of many the largest, and of a sum not those that are 0."""
        counting = [child for child in self.children if child.value != 0 or self.operation != "sum"]
        return sorted(counting, key=lambda child: -abs(child.value))[:most] if len(counting) > most else counting

    def tree(self, most: int = 8, indent: str = "") -> list[str]:
        """The graph, a number a line, with values and gradients; of long sums the largest terms."""
        flow = "" if self.gradient is None else f"   gradient {self.gradient:.6g}"
        name = f"{self.label}  = " if self.array else f"{self.operation}  = " if self.children else ""
        lines = [f"{indent}{name}{self.value:.6g}{flow if self.array or self.children else ''}"]
        shown = self.largest(most) if self.operation in BOUND else self.children
        for child in shown:
            lines += child.tree(most, indent + "  ")
        if len(shown) < len(self.children):
            rest = sum(child.value for child in self.children) - sum(child.value for child in shown)
            of = f", together {rest:.6g}" if self.operation == "sum" else ""
            lines.append(f"{indent}  ... and {len(self.children) - len(shown)} more{of}")
        return lines


def scalar(tree: Any, values: dict[str, Array], at: dict[str, int], outside: float) -> Node:
    if isinstance(tree, str):
        return Node("", "", float(at[tree]))
    if not isinstance(tree, list):
        return Node("", "", float(tree))
    kind = tree[0]
    if kind == "at":
        index = [scalar(each, values, at, 0.0).value for each in tree[2]]
        array = values[tree[1]]
        if not all(0 <= i < size and i == int(i) for i, size in zip(index, array.shape, strict=True)):
            return Node("", "outside", outside)
        place = tuple(int(i) for i in index)
        return Node("", label_of(tree[1], place), float(array[place]), array=tree[1], index=place)
    if kind in BOUND:
        children, numbers = [], []
        for each in np.ndindex(*[size for _, size in tree[-1]]):
            inner = {**at, **dict(zip([name for name, _ in tree[-1]], each, strict=True))}
            child = scalar(tree[1], values, inner, outside if kind == "sum" else -math.inf)
            if child.label == "outside":
                continue
            children.append(child)
            numbers.append(scalar(tree[2], values, inner, 0.0).value if kind == "argmax" else 0.0)
        if kind == "sum":
            return Node("sum", "", sum(child.value for child in children), children, (1.0,) * len(children))
        best = max(range(len(children)), key=lambda i: children[i].value)
        if kind == "argmax":
            return Node("argmax", "", numbers[best], children, (0.0,) * len(children))
        slopes = tuple(float(i == best) for i in range(len(children)))
        return Node("largest", "", children[best].value, children, slopes)
    children = [scalar(each, values, at, outside) for each in tree[1:]]
    if kind == "*" and any(child.label == "outside" for child in children):
        return Node("", "outside", outside)
    if kind == "+" and any(child.label == "outside" for child in children):
        return children[children[0].label == "outside"]
    operands = [child.value for child in children]
    with np.errstate(all="ignore"):
        value = float(OPERATIONS[kind][0](*operands))
        return Node(kind, "", value, children, OPERATIONS[kind][1](value, *operands))


def _show(node: Node, most: int, digits: int) -> tuple[str, int]:
    if not node.children:
        return f"{node.value:.{digits}g}", 9 if node.value >= 0 else 0
    order = node.largest(most) if node.operation in BOUND else node.children
    parts = [_show(child, most, digits) for child in order]
    if node.operation == "same":
        return parts[0]
    if rest := len(node.children) - len(order):
        zeros = node.operation == "sum" and not any(child.value for child in node.children if child not in order)
        parts.append((f"{rest} {'zeros' if zeros else 'more'}", 9))
    if node.operation == "sum":
        return " + ".join(f"({text})" if rank < 1 or text[0] == "-" else text for text, rank in parts), 1
    return joined(node.operation, parts)
