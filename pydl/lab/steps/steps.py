"""step: a network forward and backward, one step at a time, every number with the formula that made it.

    steps = lab.step(model, x, target)      # what ran, as formulas; checked against the model and its gradients
    steps.print()                           # in the terminal; steps.html("steps.html"): a page
    steps.difference("dw", (0, 1)) ...      # (C(p + h) - C(p - h)) / (2 h)
    steps.unfold(3, "a1", (0, 2, 5, 5))     # the scalar graph of one number

The model runs once as it is, and every operation is noted with what it was given. pydl/lab/kinds.py knows the formulas
of each, forward and backward; with them all numbers are computed again, in float64, and compared with the model's
results and with what backward() says.

Source: Rumelhart, Hinton, Williams, "Learning representations by back-propagating errors", Nature 323 (1986); Nielsen,
"Neural Networks and Deep Learning", chapter 2.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from ...arguments import Array
from ...nn import Module
from ...tensor import Tensor
from .forms import Forms
from .formula import formula
from .graph import Node
from .kinds import forms
from .parts import Assignment, Difference, Step
from .terminal import text_of_step, walk
from .wording import label_of, name_of

NUDGE = 1e-5


class Steps:
    """What step() returns. steps: the forward ones, then the backward ones; values: all arrays, in float64.

    labels: what the arrays are called outside of formulas; gradients: array -> array of dC/d(it); leaves: the arrays
    that were not computed. largest_error: of the formulas against the model (forward, backward), relative to each
    array's largest number.
    """

    def __init__(self, model: Module, calls: list[Any], cost: Tensor, names: dict[int, str]) -> None:
        self.title = type(model).__name__
        self.cost_array = -1
        self.values: list[Array] = []
        self.labels: list[str] = []
        self.gradients: dict[int, int] = {}
        self.leaves: list[int] = []
        self.dtypes: dict[int, Any] = {}
        self.steps: list[Step] = []
        self.producers: dict[int, tuple[Step, Assignment]] = {}
        self._errors = [0.0, 0.0]
        self._known: dict[int, int] = {}  # id of a Tensor or array -> its number
        self._kept: list[Any] = []  # so that an id stays what it is
        self._run(calls, cost, names)

    def __repr__(self) -> str:
        return f"<{len(self.steps)} steps of {self.title}, C = {self.cost:.6g}>"

    @property
    def cost(self) -> float:
        return float(self.values[self.cost_array])

    def _add(self, label: str, value: Array) -> int:
        self.values.append(value)
        self.labels.append(label)
        return len(self.values) - 1

    def _array(self, value: Any, names: dict[int, str]) -> int:
        """The number of what an operation was given."""
        if id(value) not in self._known:
            if isinstance(value, Tensor) and value.grad_fn is not None:
                raise ValueError(
                    f"step: {value.grad_fn.name} ran where it could not be followed; call it by pydl's name"
                )
            self._kept.append(value)
            array = np.asarray(value.data if isinstance(value, Tensor) else value)
            number = self._add(names.get(id(value), "constant"), array.astype(np.float64))
            self._known[id(value)] = number
            self.leaves.append(number)
            self.dtypes[number] = array.dtype if array.dtype.kind == "f" else np.dtype(np.int32)
        return self._known[id(value)]

    def _assign(self, step: Step, text: str, what: str, scope: dict[str, int], shapes: dict[str, Any]) -> Assignment:
        known = {"d" + name: self.values[number].shape for name, number in scope.items()} | shapes
        known |= {name: self.values[number].shape for name, number in scope.items()}
        read = formula(text, known)
        value = read.evaluate({name: self.values[number] for name, number in scope.items()})
        number = self._add(f"{name_of(read.target)} of step {len(self.steps) + 1}", value)
        scope[read.target] = number
        assignment = Assignment(read, what, scope, number)
        step.assignments.append(assignment)
        self.producers[number] = (step, assignment)
        return assignment

    def _run(self, calls: list[Any], cost: Tensor, names: dict[int, str]) -> None:
        ran = [self._forward(title, name, given, results, names) for title, name, given, results in calls]
        if id(cost) not in self._known:
            raise ValueError("step: the cost must be made by pydl's operations, as a loss is")
        self.cost_array = self._known[id(cost)]
        one = self._add("dC/dC", np.ones(()))
        self.leaves.append(one)
        self.dtypes[one] = np.dtype(np.float64)
        arriving: dict[int, list[int]] = {self.cost_array: [one]}
        for step, known, scope, results in reversed(ran):
            self._backward(step, known, scope, results, arriving)
        shared = Step("gradients of what was used several times", "sum", True, [], {})
        for number in self.leaves:
            if number in arriving and number != one:
                self._arrive(shared, {}, self.labels[number], number, arriving)
        if shared.assignments:
            self.steps.append(shared)
        for value, number in ((each, self._known[id(each)]) for each in self._kept):
            if isinstance(value, Tensor) and value.grad is not None and number in self.gradients:
                self._compare(1, self.gradients[number], value.grad)

    def _forward(
        self, title: str, name: str, given: dict[str, Any], results: list[Any], names: dict[int, str]
    ) -> tuple[Step, Forms, dict[str, int], list[Any]]:
        """An operation that ran, as a step; what is known of it, and its arrays by their names in the formulas."""
        known = forms(name, given, results[0])
        step = Step(title, name.strip("_"), False, [], given)
        scope = {local: self._array(value, names) for local, value in known.inputs.items()}
        shapes = known.shapes | {local: each.shape for local, each in zip(known.outputs, results, strict=True)}
        for what, text in known.forward:
            self._assign(step, text, what, scope, shapes)
        self.steps.append(step)
        for local, result in zip(known.outputs, results, strict=True):
            self._known[id(result)] = scope[local]
            self._compare(0, scope[local], result)
        return step, known, scope, results

    def _backward(
        self,
        step: Step,
        known: Forms,
        scope: dict[str, int],
        results: list[Any],
        arriving: dict[int, list[int]],
    ) -> None:
        """The step back through an operation: gradients of its inputs go to `arriving`."""
        back = Step(step.title, step.operation, True, [], step.given)
        inside = dict(scope)
        for local, result in zip(known.outputs, results, strict=True):
            self._arrive(back, inside, local, scope[local], arriving)
            if result.requires_grad and result.grad is not None:
                self._compare(1, inside["d" + local], result.grad)
        for what, text in known.backward:
            target = text.split("=")[0].split("[")[0].strip()
            local = target[1:]
            if (target[0] == "d" and local in known.inputs) or local in scope:
                number = scope.get(local)
                if number is None or (number in self.leaves and self.dtypes[number].kind != "f"):
                    continue
                made = self._assign(back, text, what, inside, known.shapes).array
                if local in known.inputs:
                    arriving.setdefault(number, []).append(made)
                else:
                    self.gradients[number] = made
            elif local not in ("b", "b_ih", "b_hh"):
                self._assign(back, text, what, inside, known.shapes)
        for local, total in known.total.items():
            self.gradients[scope[local]] = inside[total]
        self.steps.append(back)

    def _compare(self, way: int, number: int, theirs: Any) -> None:
        """Notes how far a formula's numbers are from the model's: forward 0, backward 1."""
        self._errors[way] = max(self._errors[way], _difference(self.values[number], theirs.data))

    @property
    def largest_error(self) -> tuple[float, float]:
        return self._errors[0], self._errors[1]

    def _arrive(
        self, step: Step, scope: dict[str, int], local: str, number: int, arriving: dict[int, list[int]]
    ) -> None:
        """The whole gradient of an array: of all that used it, added up."""
        found = arriving.get(number, [])
        shape = self.values[number].shape
        if len(found) == 1:
            scope["d" + local] = found[0]
        elif not found:
            self._assign(
                step, f"d{local}[...] = 0" if shape else f"d{local} = 0", "nothing uses it", scope, {f"d{local}": shape}
            )
        else:
            # A parameter's own name has dots.
            target = "d" + "".join(letter if letter.isalnum() else "_" for letter in local)
            parts = {f"from{i + 1}": each for i, each in enumerate(found)}
            where = "[...]" if shape else ""
            text = f"{target}{where} = " + " + ".join(part + where for part in parts)
            made = self._assign(step, text, "what each use contributes, added up", parts, {target: shape})
            scope["d" + local] = made.array
        self.gradients[number] = scope["d" + local]

    # Asking

    def difference(self, array: int, index: tuple[int, ...]) -> Difference:
        """dC/d(one number) by moving it: all that is computed from it is computed again."""
        value = self.values[array]
        kept = float(value[index])
        h = NUDGE * max(1.0, abs(kept))
        up, down = (self._cost_with(array, index, kept + sign * h) for sign in (1, -1))
        gradient = float(self.values[self.gradients[array]][index])
        return Difference(gradient, (up - down) / (2 * h), (self.cost - down) / h, (up - self.cost) / h)

    def _cost_with(self, array: int, index: tuple[int, ...], value: float) -> float:
        changed = {array: self.values[array].copy()}
        changed[array][index] = value
        for step in self.steps:
            for each in step.assignments if not step.backward else []:
                scope = each.scope
                if each.array != array and any(scope[name] in changed for name in _arrays(each.formula.tree)):
                    new = {name: changed.get(number, self.values[number]) for name, number in scope.items()}
                    changed[each.array] = each.formula.evaluate(new)
        return float(changed.get(self.cost_array, self.values[self.cost_array]))

    def unfold(self, step: int, name: str, index: tuple[int, ...], depth: int = 1) -> Node:
        """The scalar graph of one number: step from 1 on, name as in its formulas, index into the array.

        depth: through how many formulas, one after the other. A forward number and what it was made of have gradients:
        dC/d(it) along this path, the gradient that arrives times the slopes on the way.
        Errors: ValueError for a step, a name or an index that does not exist.
        """
        if not isinstance(step, int | np.integer) or not 1 <= step <= len(self.steps):
            raise ValueError(f"unfold: step must be from 1 to {len(self.steps)}, not {step!r}")
        return self.unfolded(self.steps[step - 1].find(name), tuple(index), depth)

    def unfolded(self, assignment: Assignment, index: tuple[int, ...], depth: int) -> Node:
        shape = assignment.formula.shape
        if len(index) != len(shape) or not all(0 <= i < size for i, size in zip(index, shape, strict=True)):
            raise ValueError(f"unfold: index {index} is not in {name_of(assignment.formula.target)} of shape {shape}")
        node = assignment.formula.unfold(index, {name: self.values[n] for name, n in assignment.scope.items()})
        if node.array:  # a number that is another one
            node = Node("same", "", node.value, [node], (1.0,))
        node.array, node.index = assignment.formula.target, index
        node.label = label_of(node.array, index)
        if depth > 1:
            self._deeper(node, assignment.scope, depth - 1)
        if assignment.array in self.gradients:
            node.backward(float(self.values[self.gradients[assignment.array]][index]))
        return node

    def _deeper(self, node: Node, scope: dict[str, int], depth: int) -> None:
        for i, child in enumerate(node.children):
            made = self.producers.get(scope[child.array]) if child.array else None
            if made is not None:
                node.children[i] = self.unfolded(made[1], child.index, depth)
            else:
                self._deeper(child, scope, depth)

    def chosen(self, assignment: Assignment) -> tuple[int, ...]:
        """The number of an array that says most: the largest gradient, or the largest number that is one."""
        gradient = self.gradients.get(assignment.array, assignment.array)
        sizes = np.abs(self.values[gradient])
        if not sizes.any():
            sizes = np.abs(self.values[assignment.array])
        return tuple(int(i) for i in np.unravel_index(int(sizes.argmax()), sizes.shape)) if sizes.size else ()

    def confirmed(self, assignment: Assignment, index: tuple[int, ...]) -> Difference | None:
        """The central difference of the number that is nudged: this one, or the one that this is the gradient of."""
        source = next((each for each, made in self.gradients.items() if made == assignment.array), assignment.array)
        return self.difference(source, index) if source in self.gradients else None

    # Showing

    def text(self, number: int) -> str:
        """Step `number`, from 1 on: formulas, the numbers of one entry put in, the central difference."""
        return text_of_step(self, number)

    def finding(self) -> str:
        """One sentence on what came out."""
        forward, backward = self.largest_error
        return (
            f"{len(self.steps)} steps, C = {self.cost:.6g}: the formulas give the model's numbers (largest difference "
            f"{forward:.1g}, relative to the largest number of an array) and the gradients of backward() "
            f"({backward:.1g})."
        )

    def print(self, ask: Callable[[str], str] | None = None) -> None:
        """Prints the steps; with ask = input, waits after each: Enter goes on, b back, q ends, a number goes there,
        and `NAME INDEX...` unfolds a number, as in `a1 0 2 5 5`."""
        walk(self, ask)

    def html(self, path: Any) -> None:
        """Writes a page that holds all of it, computes by itself and needs nothing else."""
        from .page import write_page

        write_page(self, path)


def _difference(ours: Array, theirs: Array) -> float:
    return float(np.max(np.abs(ours - theirs)) / max(1e-30, np.max(np.abs(theirs)))) if ours.size else 0.0


def _arrays(tree: Any) -> Iterator[str]:
    """The names of the arrays in a formula."""
    if isinstance(tree, list):
        if tree and tree[0] == "at":
            yield tree[1]
        for part in tree:
            yield from _arrays(part)
