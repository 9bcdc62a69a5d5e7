"""What the losses share: their reductions, checks of targets, samples, and what they return given their kernels."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .._compiled import REDUCTIONS as REDUCTIONS
from .._compiled import along, flat, usual_classes
from ..arguments import Array, check_array, check_integer, show
from ..op import empty


def check_reduction(op: str, reduction: Any) -> int:
    """The number of a reduction: 0 none, 1 mean, 2 sum."""
    if not isinstance(reduction, str) or reduction not in REDUCTIONS:
        raise ValueError(f"{op}: reduction is {show(reduction)} but must be 'none', 'mean' or 'sum'")
    return REDUCTIONS[reduction]


def check_same_shape(op: str, input: Array, target: Array) -> None:
    """Refuses a target that would broadcast: (N, 1) against (N,) is N*N differences, and always a mistake."""
    if input.shape != target.shape:
        raise ValueError(f"{op}: input has shape {input.shape} but target has {target.shape}; they must be equal")


def check_no_gradient(op: str, **needed: bool) -> None:
    """Refuses gradients that an operation does not have, rather than leaving them out silently."""
    for name, needs in needed.items():
        if needs:
            raise RuntimeError(f"{op}: {name} has no gradient; use {name}.detach()")


def check_classes(op: str, target: Any, shape: tuple[int, ...], ignore_index: int) -> Array:
    """Class labels for an input of `shape`, (C,), (N, C) or (N, C, d1, ...), as int64."""
    needed = shape[:1] + shape[2:] if len(shape) > 1 else ()
    classes = shape[1] if len(shape) > 1 else shape[0]
    if usual_classes(target, needed, classes):
        return target  # type: ignore[no-any-return]
    labels = check_array(op, "target", target)
    if labels.dtype.kind not in "iu":
        hint = f" (or probabilities of shape {shape})" if op == "cross_entropy" else ""
        raise TypeError(f"{op}: target has dtype {labels.dtype} but class labels must be integers{hint}")
    if labels.shape != needed:
        raise ValueError(f"{op}: target has shape {labels.shape} but must have {needed} for an input of shape {shape}")
    labels = labels.astype(np.int64, copy=False)
    if labels.size and labels.view(np.uint64).max() >= classes:  # a negative label is a large one there
        wrong = np.argwhere(((labels < 0) | (labels >= classes)) & (labels != ignore_index))
        if len(wrong):
            place = tuple(int(i) for i in wrong[0])
            where = f"[{', '.join(map(str, place))}]" if place else ""
            raise ValueError(
                f"{op}: target{where} is {labels[place]} but there are {classes} classes (0 to {classes - 1})"
            )
    return labels


def are_probabilities(op: str, target: Any, shape: tuple[int, ...]) -> bool:
    """Whether the target holds a probability of each class, and not labels."""
    t = target if isinstance(target, np.ndarray) else check_array(op, "target", target)
    return t.dtype.kind == "f" and t.shape == shape


def check_class_weight(op: str, weight: tuple[int, ...], shape: tuple[int, ...]) -> None:
    """Refuses weights, given by their shape, that are not one number a class."""
    classes = shape[1] if len(shape) > 1 else shape[0]
    if weight != (classes,):
        raise ValueError(f"{op}: weight has shape {weight} but must have ({classes},), one number a class")


def check_class_input(op: str, x: Array, weight: Array | None) -> None:
    """Refuses inputs without a dimension of classes, or without a class, and weights that are not one a class."""
    if x.ndim == 0:
        raise ValueError(f"{op}: input must be (C,), (N, C) or (N, C, d1, ...), but has shape ()")
    if x.shape[1 if x.ndim > 1 else 0] == 0:
        raise ValueError(f"{op}: input has no classes (shape {x.shape})")
    if weight is not None:
        check_class_weight(op, weight.shape, x.shape)


def class_arrays(op: str, x: Array, target: Any, ignore_index: Any, reduction: Any) -> tuple[Any, ...]:
    """What usual_class_loss() returns, for any classes that can be converted."""
    how = check_reduction(op, reduction)
    labels = check_classes(op, target, x.shape, check_integer(op, "ignore_index", ignore_index, -(2**31)))
    x3 = as_classes(x)
    return how, x, x3, labels.reshape(x3.shape[0], x3.shape[2]), *result(labels.shape, x.dtype, how)


def spread(op: str, name: str, weight: Array | None, shape: tuple[int, ...]) -> Array | None:
    """A weight of each element, as one dimension."""
    if weight is None:
        return None
    try:
        return np.broadcast_to(weight, shape).reshape(math.prod(shape))
    except ValueError:
        raise ValueError(f"{op}: {name} has shape {weight.shape} and does not broadcast to {shape}") from None


def as_classes(array: Array) -> Array:
    """(C,), (N, C) or (N, C, d1, ...) as (N, C, D)."""
    classes: Array = along(array, 1 if array.ndim > 1 else 0)
    return classes


def result(shape: tuple[int, ...], dtype: Any, reduction: int) -> tuple[Array, Array]:
    """An array for a loss, and the same memory as the kernels write it, with one dimension."""
    y = empty(() if reduction else shape, dtype)
    return y, flat(y)


def reduce(terms: list[float], divisor: float, reduction: int, y: Array) -> None:
    """For references: writes the terms, their sum, or their sum over `divisor`."""
    if reduction == 0:
        y[...] = terms
    else:
        y[0] = sum(terms) / np.float64(divisor if reduction == 1 else 1)


def of_pairs(
    op: str, x: Array, target: Array, weights: dict[str, Array | None], how: int, forward: Any, backward: Any
) -> Any:
    """What a loss of x[i] and target[i] returns, given its kernels. weights: of each element, by their arguments."""
    y, line = result(x.shape, x.dtype, how)
    spread_weights = [spread(op, name, weight, x.shape) for name, weight in weights.items()]
    arrays = [flat(x), flat(target), *spread_weights]
    forward(*arrays, line, how)

    def gradient(dy, needs):
        check_no_gradient(op, **dict(zip(weights, needs[2:], strict=True)))
        dx, dt = (empty(x.shape, x.dtype) if need else None for need in needs[:2])
        gradients = (None if each is None else flat(each) for each in (dx, dt))
        backward(flat(dy), *arrays, *gradients, how == 1)
        return dx, dt, *(None for _ in weights)

    return y, gradient, ("input", "target", *weights)


# The limits of numbers from N(0, 1): none.
ANY = {"x": (), "target": ()}


def draw_forward(draw: Any, limits: dict[str, Any] = ANY) -> dict[str, Any]:
    """For samples of a loss of x[i] and target[i]. limits: of x, the target and the weights, which may be None."""
    size, reduction = draw.integer(1, 100), draw.integer(0, 2)
    y = draw.out((1 if reduction else size,))
    return {**draw_pairs(draw, size, limits), "y": y, "reduction": reduction}


def draw_backward(draw: Any, limits: dict[str, Any] = ANY) -> dict[str, Any]:
    """The same for its gradient."""
    size, reduction = draw.integer(0, 100), draw.integer(0, 2)
    dy = draw.array((1 if reduction else size,))
    places = {name: draw.choice(None, draw.out((size,))) for name in ("dx", "dtarget")}
    return {"dy": dy, **draw_pairs(draw, size, limits), **places, "mean": reduction == 1}


def draw_pairs(draw: Any, size: int, limits: dict[str, Any]) -> dict[str, Any]:
    drawn = {name: draw.array((size,), *each) for name, each in limits.items()}
    return {name: each if name in ANY else draw.choice(None, each) for name, each in drawn.items()}
