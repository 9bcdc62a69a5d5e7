"""Formulas of single numbers, written once as text: shown, put into numbers, computed for whole arrays, unfolded.

    a1[n,o,j,k] = b[o] + sum(w[o,c,l,m] * a0[n,c,j+l,k+m], c, l, m)

On the left stands an array with its indices, on the right arithmetic in Python's signs with exp, ln, tanh, sigmoid,
abs, maximum(a, b), where(condition, a, b); a comparison is 1 or 0. sum and largest run over the indices named after
their body, argmax(body, number, ...) is the number where the body is largest. An index runs as far as the array that it
stands in alone, or as `l < 5` says. Whatever lies outside of an array is 0 (for largest and argmax: nothing), and so is
what stands at an index that is no whole number. [...] means all indices of the left side.

The tree of a formula is made of lists, strings and numbers, so that a page can compute with the same one:
[operation, operands ...], ["at", array, indices], ["sum", body, [[index, size] ...]], an index by its name.

Source: numbers as graphs, their derivatives as products along the edges: Baur, Strassen, "The complexity of partial
derivatives", Theoretical Computer Science 22 (1983).
"""

from __future__ import annotations

import ast
import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from ...arguments import Array
from .graph import OPERATIONS, Node, scalar
from .wording import BOUND, text_of

SIGNS: dict[type[ast.AST], str] = {
    ast.Add: "+",
    ast.Sub: "-",
    ast.Mult: "*",
    ast.Div: "/",
    ast.Pow: "**",
    ast.FloorDiv: "//",
    ast.Mod: "%",
    ast.Eq: "==",
    ast.Gt: ">",
    ast.Lt: "<",
}


# Indices of an array of any rank that the formula treats number by number.
LETTERS = {0: "", 1: "k", 2: "n,k", 3: "n,c,k", 4: "n,c,j,k", 5: "n,c,i,j,k"}


@dataclass
class Formula:
    """An array's numbers: target[indices] = tree. loops: the indices on the left with their sizes."""

    target: str
    loops: list[tuple[str, int]]
    tree: Any

    @property
    def shape(self) -> tuple[int, ...]:
        return tuple(size for _, size in self.loops)

    @property
    def indices(self) -> list[str]:
        return [name for name, _ in self.loops]

    def text(self) -> str:
        """The formula in one line."""
        return f"{text_of(['at', self.target, self.indices])[0]} = {text_of(self.tree)[0]}"

    def evaluate(self, values: dict[str, Array]) -> Array:
        """All numbers of the array from those of the arrays on the right, in float64."""
        axes: dict[str, tuple[int, int]] = {}
        for name, size in [*self.loops, *_bound(self.tree)]:
            axes.setdefault(name, (len(axes), size))
        result = np.asarray(_whole(self.tree, values, axes, 0.0), np.float64)
        shape = (*self.shape, *[1] * (len(axes) - len(self.loops)))
        return np.broadcast_to(result, shape).reshape(self.shape).copy()

    def unfold(self, index: tuple[int, ...], values: dict[str, Array]) -> Node:
        """The scalar graph of the number at index."""
        at = dict(zip(self.indices, index, strict=True))
        return scalar(self.tree, values, at, 0.0)


def formula(text: str, shapes: dict[str, tuple[int, ...]]) -> Formula:
    """Reads a formula; shapes: of the arrays in it, the target's too where it does not follow from its indices."""
    (assignment,) = ast.parse(text).body
    assert isinstance(assignment, ast.Assign)
    left = assignment.targets[0]
    everywhere: list[str] = []
    if isinstance(left, ast.Subscript) and isinstance(left.slice, ast.Constant):  # [...]
        named = [node.value.id for node in ast.walk(assignment) if _is_everywhere(node)]  # type: ignore[attr-defined]
        rank = next(len(shapes[name]) for name in named if name in shapes)
        everywhere = LETTERS[rank].split(",") if rank else []

    def read(node: Any) -> Any:
        match node:
            case ast.Constant(value=value):
                return value
            case ast.Name(id=name):
                return ["at", name, []] if name in shapes else name
            case ast.Subscript(value=ast.Name(id=name), slice=ast.Constant(value=index)) if index is ...:
                return ["at", name, list(everywhere)]
            case ast.Subscript(value=ast.Name(id=name), slice=ast.Tuple(elts=indices)):
                return ["at", name, [read(each) for each in indices]]
            case ast.Subscript(value=ast.Name(id=name), slice=index):
                return ["at", name, [read(index)]]
            case ast.BinOp(left=a, op=sign, right=b) | ast.Compare(left=a, ops=[sign], comparators=[b]):
                return [SIGNS[type(sign)], read(a), read(b)]
            case ast.UnaryOp(operand=a):
                return ["neg", read(a)]
            case ast.Call(func=ast.Name(id=name), args=arguments) if name in BOUND:
                count = 2 if name == "argmax" else 1
                parts = [read(each) for each in arguments]
                return [name, *parts[:count], [[each[1], each[2]] if isinstance(each, list) else [each, 0]
                                               for each in parts[count:]]]  # fmt: skip
            case ast.Call(func=ast.Name(id=name), args=arguments):
                return [name, *[read(each) for each in arguments]]
        raise ValueError(f"formula: cannot read {ast.dump(node)}")

    tree = read(assignment.value)
    target: Any = read(left) if not isinstance(left, ast.Name) else ["at", left.id, []]
    sizes: dict[str, int] = {name: size for name, size in _bound(tree) if size}
    _sizes([target, tree], shapes, sizes)
    for each in _sums(tree):
        each[-1] = [[name, sizes[name]] for name, _ in each[-1]]
    return Formula(target[1], [(name, sizes[name]) for name in target[2]], tree)


def _is_everywhere(node: ast.AST) -> bool:
    return isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Constant) and node.slice.value is ...


def _sums(tree: Any) -> list[Any]:
    """The parts that run over indices."""
    if not isinstance(tree, list):
        return []
    own = [tree] if tree and tree[0] in BOUND else []
    return own + [found for part in tree for found in _sums(part)]


def _bound(tree: Any) -> list[tuple[str, int]]:
    return [(name, size) for each in _sums(tree) for name, size in each[-1]]


def _sizes(tree: Any, shapes: dict[str, tuple[int, ...]], sizes: dict[str, int]) -> None:
    """An index has the size of the first array in which it stands alone."""
    if not isinstance(tree, list):
        return
    if tree and tree[0] == "at" and tree[1] in shapes:
        for name, size in zip(tree[2], shapes[tree[1]], strict=True):
            if isinstance(name, str):
                sizes.setdefault(name, size)
    for part in tree:
        _sizes(part, shapes, sizes)


# Whole arrays: every index has an axis of its own.


def _whole(tree: Any, values: dict[str, Array], axes: dict[str, tuple[int, int]], outside: float) -> Any:
    if isinstance(tree, str):
        axis, size = axes[tree]
        return np.arange(size).reshape([size if i == axis else 1 for i in range(len(axes))])
    if not isinstance(tree, list):
        return tree
    kind = tree[0]
    if kind == "at":
        return _read(values[tree[1]], [_whole(each, values, axes, 0.0) for each in tree[2]], outside)
    if kind in BOUND:
        over = [axes[name] for name, _ in tree[-1]]
        if kind == "sum":
            return _total([_whole(each, values, axes, outside) for each in _factors(tree[1])], over, len(axes))
        body = np.asarray(_whole(tree[1], values, axes, -np.inf))
        for axis, size in over:  # an index that does not occur
            body = np.repeat(body, size, axis) if body.shape[axis] != size else body
        if kind == "largest":
            return body.max(tuple(axis for axis, _ in over), keepdims=True)
        return _place(body, _whole(tree[2], values, axes, 0.0), [axis for axis, _ in over])
    with np.errstate(all="ignore"):
        return OPERATIONS[kind][0](*[_whole(each, values, axes, outside) for each in tree[1:]])


def _read(array: Array, indices: list[Any], outside: float) -> Any:
    if not indices:
        return array[()]
    inside: Any = True
    whole = []
    for index, size in zip(indices, array.shape, strict=True):
        rounded = np.floor(index).astype(np.int64)
        inside = inside & (rounded == index) & (rounded >= 0) & (rounded < size)
        whole.append(np.clip(rounded, 0, max(size - 1, 0)))
    found = array[tuple(whole)]
    return found if np.all(inside) else np.where(inside, found, outside)


def _factors(tree: Any) -> list[Any]:
    return _factors(tree[1]) + _factors(tree[2]) if isinstance(tree, list) and tree[0] == "*" else [tree]


def _total(factors: list[Any], over: list[tuple[int, int]], rank: int) -> Any:
    """The sum of products over some axes, without an array of all products."""
    operands: list[Any] = []
    scale = 1.0
    seen: set[int] = set()
    for each in factors:
        array = np.asarray(each, np.float64)
        own = [axis for axis in range(array.ndim) if array.shape[axis] != 1]
        if not own:
            scale = scale * float(array.reshape(()))
            continue
        seen.update(own)
        operands += [array.reshape([array.shape[axis] for axis in own]), own]
    summed = [axis for axis, _ in over]
    scale *= math.prod(size for axis, size in over if axis not in seen)
    kept = sorted(seen - set(summed))
    total: Any = np.einsum(*operands, kept, optimize=True) if operands else np.ones(())
    shape = [1] * rank
    for axis, size in zip(kept, np.shape(total), strict=True):
        shape[axis] = size
    return (scale * total).reshape(shape)


def _place(body: Array, numbers: Any, over: list[int]) -> Array:
    """The number where body is largest along some axes; the first one, where several are."""
    numbers = np.broadcast_to(numbers, body.shape)
    last = range(body.ndim - len(over), body.ndim)
    body, numbers = (np.moveaxis(each, over, last) for each in (body, numbers))
    lead = body.shape[: body.ndim - len(over)]
    best = body.reshape(*lead, -1).argmax(-1)[..., None]
    found = np.take_along_axis(numbers.reshape(*lead, -1), best, -1)
    return np.moveaxis(found.reshape(*lead, *[1] * len(over)), last, over)
