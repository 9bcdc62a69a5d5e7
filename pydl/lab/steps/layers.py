"""Formulas of activations, costs, fully connected layers, softmax, sums, and changes of shape.

Source: the file of the operation in pydl/ops.
"""

from __future__ import annotations

import math
import re
from typing import Any

import numpy as np

from .forms import Forms, bracket, refuse, shape_of
from .formula import LETTERS

# Number by number: a1 from x, and what the gradient is multiplied by.
ACTIVATIONS: dict[str, tuple[str, str]] = {
    "relu": ("maximum(x, 0)", "(x > 0)"),
    "sigmoid": ("sigmoid(x)", "y * (1 - y)"),
    "tanh": ("tanh(x)", "(1 - y**2)"),
    "leaky_relu": ("where(x > 0, x, {negative_slope} * x)", "where(x > 0, 1, {negative_slope})"),
    "elu": ("where(x > 0, x, {alpha} * (exp(x) - 1))", "where(x > 0, 1, {alpha} * exp(x))"),
    "softplus": ("ln(1 + exp(-abs({beta} * x))) / {beta} + maximum(x, 0)", "sigmoid({beta} * x)"),
    "silu": ("x * sigmoid(x)", "(sigmoid(x) + x * sigmoid(x) * (1 - sigmoid(x)))"),
    "softsign": ("x / (1 + abs(x))", "1 / (1 + abs(x))**2"),
    "abs": ("abs(x)", "((x > 0) - (x < 0))"),
    "square": ("x**2", "2 * x"),
    "exp": ("exp(x)", "y"),
    "log": ("ln(x)", "1 / x"),
    "neg": ("-x", "(-1)"),
    "dropout": ("x", "1"),
    "clone": ("x", "1"),
}


# Costs of pairs: of one number x and its target t, and the slope.
LOSSES: dict[str, tuple[str, str]] = {
    "mse_loss": ("(x - t)**2", "2 * (x - t)"),
    "l1_loss": ("abs(x - t)", "((x > t) - (x < t))"),
    "binary_cross_entropy": ("(-t * ln(x) - (1 - t) * ln(1 - x))", "(x - t) / (x * (1 - x))"),
    "binary_cross_entropy_with_logits": (
        "(maximum(x, 0) - x * t + ln(1 + exp(-abs(x))))",
        "(sigmoid(x) - t)",
    ),
    "huber_loss": (
        "where(abs(x - t) < {delta}, (x - t)**2 / 2, {delta} * (abs(x - t) - {delta} / 2))",
        "where(abs(x - t) < {delta}, x - t, {delta} * ((x > t) - (x < t)))",
    ),
    "smooth_l1_loss": (
        "where(abs(x - t) < {beta}, (x - t)**2 / (2 * {beta}), abs(x - t) - {beta} / 2)",
        "where(abs(x - t) < {beta}, (x - t) / {beta}, (x > t) - (x < t))",
    ),
}


# Two numbers at the same place of two arrays, and both slopes.
PAIRS = {"add": ("u + v", "1", "1"), "sub": ("u - v", "1", "-1"), "mul": ("u * v", "v", "u")}


def activation(name: str, given: dict[str, Any]) -> Forms:
    """a1 = s(a0), delta0 = delta1 s'(a0)."""
    if name == "softplus" and given["threshold"] < 20:
        refuse(name, "a threshold below 20")
    if name == "dropout" and given["training"]:
        refuse(name, "training; call the model's eval() first")
    value, slope = (each.format(**given) for each in ACTIVATIONS[name])
    names = {"x": "a0[...]", "y": "a1[...]"}
    return Forms(
        {"a0": given["input"]},
        ["a1"],
        [("every number by itself", f"a1[...] = {put(value, names)}")],
        [("what arrives times the slope, s'(a0)", f"da0[...] = da1[...] * {put(slope, names)}")],
    )


def put(text: str, names: dict[str, str]) -> str:
    """Single letters replaced by what they stand for."""
    return re.sub(r"\b[a-z]\b", lambda found: names.get(found[0], found[0]), text)


def pair(name: str, given: dict[str, Any]) -> Forms:
    """Sum, difference and product of two arrays of one shape, or of an array and a number."""
    value, *slopes = PAIRS[name]
    inputs = {"u": given["input"], "v": given["other"]}
    shapes = [shape_of(each) for each in inputs.values()]
    if () not in shapes and shapes[0] != shapes[1]:
        refuse(name, f"broadcasting of {shapes[0]} and {shapes[1]}")
    letters = LETTERS[max(map(len, shapes))]
    where = bracket(letters.split(",")) if letters else ""
    names = {key: key + (where if shape else "") for key, shape in zip(inputs, shapes, strict=True)}
    backward = []
    for (key, whole), slope in zip(names.items(), slopes, strict=True):
        flow = f"da1{where} * {put(slope, names)}"
        backward.append(("", f"d{whole} = " + (f"sum({flow}, {letters})" if where and whole == key else flow)))
    return Forms(inputs, ["a1"], [("", f"a1{where} = {put(value, names)}")], backward)


def loss(name: str, given: dict[str, Any]) -> Forms:
    """The mean or sum of the costs of all numbers."""
    shape = shape_of(given["input"])
    divided, letters = share(name, given, math.prod(shape)), LETTERS[len(shape)]
    cost, slope = (put(each.format(**given), {"x": f"a0[{letters}]", "t": f"t[{letters}]"}) for each in LOSSES[name])
    return Forms(
        {"a0": given["input"], "t": given["target"]},
        ["C"],
        [("the cost of every number", f"C = sum({cost}, {letters}){divided}")],
        [("its slope", f"da0[{letters}] = dC * {slope}{divided}")],
    )


def share(name: str, given: dict[str, Any], count: int) -> str:
    """What the sum of the costs is divided by."""
    if (
        given["reduction"] not in ("mean", "sum")
        or given.get("pos_weight") is not None
        or given.get("weight") is not None
    ):
        refuse(name, "weights, and reduction 'none'")
    return f" / {count}" if given["reduction"] == "mean" and count != 1 else ""


def linear(name: str, given: dict[str, Any]) -> Forms:
    """A fully connected layer; the gradient of its weights is an outer product."""
    rank = len(shape_of(given["input"]))
    lead = "".join(f"{letter}," for letter in ("n", "c", "i", "j")[: rank - 1])
    if given["activation"] is not None:
        refuse(name, "an activation of its own")
    inputs = {"a0": given["input"], "w": given["weight"]} | ({} if given["bias"] is None else {"b": given["bias"]})
    over = f", {lead[:-1]}" if lead else ""
    batch = (lambda text: f"sum({text}{over})") if over else (lambda text: text)
    return Forms(
        inputs,
        ["a1"],
        [("a weighted sum", f"a1[{lead}o] = sum(w[o,k] * a0[{lead}k], k)" + (" + b[o]" if "b" in inputs else ""))],
        [
            ("back through the same weights", f"da0[{lead}k] = sum(da1[{lead}o] * w[o,k], o)"),
            ("the outer product of what arrives and what went in", f"dw[o,k] = {batch(f'da1[{lead}o] * a0[{lead}k]')}"),
            ("the bias is added, so its slope is 1", f"db[o] = {batch(f'da1[{lead}o]')}"),
        ],
    )


def batch_norm(name: str, given: dict[str, Any]) -> Forms:
    """Every channel shifted and scaled by what training found, which is all fixed in evaluation."""
    if given["training"]:
        refuse(name, "training; call the model's eval() first")
    where = LETTERS[len(shape_of(given["input"]))]
    c = where.split(",")[1]
    inputs = {"a0": given["input"], "mean": given["running_mean"], "var": given["running_var"]}
    inputs |= {key: given[label] for key, label in (("w", "weight"), ("b", "bias")) if given[label] is not None}
    scale, weight, bias = (
        f"(var[{c}] + {given['eps']})**0.5",
        f" * w[{c}]" * ("w" in inputs),
        f" + b[{c}]" * ("b" in inputs),
    )
    normal = f"(a0[{where}] - mean[{c}]) / {scale}"
    over = ", ".join(letter for letter in where.split(",") if letter != c)
    return Forms(
        inputs,
        ["a1"],
        [("less the channel's mean, over its deviation", f"a1[{where}] = {normal}{weight}{bias}")],
        [
            ("mean and deviation are fixed, so the slope is too", f"da0[{where}] = da1[{where}]{weight} / {scale}"),
            ("", f"dw[{c}] = sum(da1[{where}] * {normal}, {over})"),
            ("", f"db[{c}] = sum(da1[{where}], {over})"),
        ],
    )


def reshape(name: str, given: dict[str, Any], result: Any) -> Forms:
    """The same numbers in another shape: only their indices change."""
    before, after = shape_of(given["input"]), shape_of(result)

    def copied(target: str, to: tuple[int, ...], source: str, shape: tuple[int, ...]) -> str:
        letters = [letter for letter in LETTERS[len(to)].split(",") if letter]
        same = 0
        while same < min(len(to), len(shape)) and to[same] == shape[same]:
            same += 1
        number = ""  # its number, counted through what is not the same
        for letter, length in zip(letters[same:], to[same:], strict=True):
            number = f"({number}) * {length} + {letter}" if number else letter
        indices: list[str] = []
        size = 1
        for axis in reversed(range(same, len(shape))):
            text = f"({number or 0})" if size == 1 else f"({number or 0}) // {size}"
            indices.insert(0, text if axis == same else f"{text} % {shape[axis]}")
            size *= shape[axis]
        return f"{target}{bracket(letters)} = {source}{bracket(letters[:same] + indices)}"

    return Forms(
        {"a0": given["input"]},
        ["a1"],
        [(f"{before} becomes {after}: the same numbers in the same order", copied("a1", after, "a0", before))],
        [("the way back", copied("da0", before, "da1", after))],
        {"a1": after},
    )


def getitem(name: str, given: dict[str, Any], result: Any) -> Forms:
    """A part of an array, chosen by whole numbers, `:` and None."""
    before, index = shape_of(given["input"]), given["index"]
    parts = list(index) if isinstance(index, tuple) else [index]
    if ... in [each for each in parts if each is ...]:
        at = next(i for i, each in enumerate(parts) if each is ...)
        parts[at : at + 1] = [slice(None)] * (len(before) - sum(each is not None for each in parts) + 1)
    parts += [slice(None)] * (len(before) - sum(each is not None for each in parts))
    letters = [letter for letter in LETTERS[len(shape_of(result))].split(",") if letter]
    source: list[str] = []
    used = 0
    for part in parts:
        if part is None:
            used += 1
        elif isinstance(part, int | np.integer):
            source.append(str(int(part) % before[len(source)]))
        elif part == slice(None):
            source.append(letters[used])
            used += 1
        else:
            refuse(name, f"the index {part!r}")
    own = [letter for letter in LETTERS[len(before)].split(",") if letter]
    chosen = [(letter, number) for letter, number in zip(own, source, strict=True) if number.isdigit()]
    names = dict(zip(source, own, strict=True))
    there = [names.get(letter, "0") for letter in letters]
    arrives = f"da1[{','.join(there)}]" if there else "da1"
    return Forms(
        {"a0": given["input"]},
        ["a1"],
        [("a part", f"a1{bracket(letters)} = a0{bracket(source)}")],
        [
            (
                "what was not chosen has no gradient",
                f"da0{bracket(own)} = {arrives}" + "".join(f" * ({letter} == {number})" for letter, number in chosen),
            )
        ],
        {"a1": shape_of(result)},
    )


def total(name: str, given: dict[str, Any]) -> Forms:
    """The sum or mean of all numbers."""
    shape = shape_of(given["input"])
    if given["dim"] is not None and given["dim"] != tuple(range(len(shape))):
        refuse(name, "dim")
    letters = LETTERS[len(shape)]
    share = "" if name == "sum" else f" / {math.prod(shape)}"
    return Forms(
        {"a0": given["input"]},
        ["a1"],
        [("all numbers together", f"a1 = sum(a0[{letters}], {letters}){share}")],
        [("the same for every number", f"da0[{letters}] = da1{share}")],
        {"a1": ()},
    )


def line(name: str, given: dict[str, Any]) -> tuple[str, str, str]:
    """The indices of a softmax: of one number, of another one in its line, and of the line."""
    rank = len(shape_of(given["input"]))
    letters = LETTERS[rank].split(",")
    dim = int(given["dim"]) % rank
    other = ["q" if i == dim else letter for i, letter in enumerate(letters)]
    rest = [letter for i, letter in enumerate(letters) if i != dim]
    return ",".join(letters), ",".join(other), bracket(rest)


def softmax(name: str, given: dict[str, Any]) -> Forms:
    """Positive numbers that add up to 1, or their logarithms."""
    one, other, rest = line(name, given)
    shift = ("the largest of each line, so that nothing overflows", f"m{rest} = largest(a0[{other}], q)")
    if name == "softmax":
        forward = (
            "shares that add up to 1",
            f"a1[{one}] = exp(a0[{one}] - m{rest}) / sum(exp(a0[{other}] - m{rest}), q)",
        )
        backward = f"da0[{one}] = a1[{one}] * (da1[{one}] - sum(da1[{other}] * a1[{other}], q))"
    else:
        forward = (
            "logarithms of shares that add up to 1",
            f"a1[{one}] = a0[{one}] - m{rest} - ln(sum(exp(a0[{other}] - m{rest}), q))",
        )
        backward = f"da0[{one}] = da1[{one}] - exp(a1[{one}]) * sum(da1[{other}], q)"
    return Forms({"a0": given["input"]}, ["a1"], [shift, forward], [("every number moves all of its line", backward)])


def plain_classes(name: str, given: dict[str, Any]) -> str:
    """The divisor of a cost of classes, which must be of (N, C) numbers and whole targets."""
    shape = shape_of(given["input"])
    if len(shape) != 2 or shape_of(given["target"]) != shape[:1]:
        refuse(name, "other shapes than (N, C) with N classes")
    if given["weight"] is not None or given.get("label_smoothing") or np.any(np.asarray(given["target"]) < 0):
        refuse(name, "weight, label_smoothing and ignored targets")
    return share(name, given, shape[0])


def cross_entropy(name: str, given: dict[str, Any]) -> Forms:
    """Softmax and -ln of the target's share in one; the gradient is the share minus the target."""
    divided = plain_classes(name, given)
    return Forms(
        {"a0": given["input"], "t": given["target"]},
        ["C"],
        [
            ("the largest of each line, so that nothing overflows", "m[n] = largest(a0[n,k], k)"),
            ("the logarithm of the sum of all e^a0", "L[n] = m[n] + ln(sum(exp(a0[n,k] - m[n]), k))"),
            ("softmax: shares that add up to 1", "p[n,k] = exp(a0[n,k] - L[n])"),
            ("-ln of the share that the target t got", f"C = sum(L[n] - a0[n,t[n]], n){divided}"),
        ],
        [("the share, less 1 for the target", f"da0[n,k] = dC * (p[n,k] - (k == t[n])){divided}")],
    )


def nll_loss(name: str, given: dict[str, Any]) -> Forms:
    """Minus the number at the target."""
    divided = plain_classes(name, given)
    return Forms(
        {"a0": given["input"], "t": given["target"]},
        ["C"],
        [("minus what stands at the target t", f"C = -sum(a0[n,t[n]], n){divided}")],
        [("only the target's number counts", f"da0[n,k] = -dC * (k == t[n]){divided}")],
    )
