"""What the convolutions share, over one, two or three dimensions: checks, sizes, samples, and the way back."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

from .._compiled import remembered
from ..arguments import check_integer, check_rank, check_tuple, show
from ..op import empty
from .sum import sum_forward

Sizes = tuple[int, ...]

# By how many dimensions a filter has: layouts, and what an axis and an element are called.
LAYOUTS = {
    1: ("(N, C, L) or (C, L)", "length"),
    2: ("(N, C, H, W) or (C, H, W)", "height, width"),
    3: ("(N, C, D, H, W) or (C, D, H, W)", "depth, height, width"),
}
DIMENSIONS = {"conv1d": 1, "conv2d": 2, "conv3d": 3}
ELEMENTS = {1: "positions", 2: "pixels", 3: "voxels"}


class Geometry(NamedTuple):
    """The checked settings of a convolution and the shape of its result."""

    stride: Sizes
    padding: Sizes  # (front, behind) of every axis in turn
    dilation: Sizes
    groups: int
    y: Sizes  # of a batch


@remembered
def check_convolution(
    op: str,
    input: Sizes,
    weight: Sizes,
    bias: Sizes | None,
    itemsize: int,
    stride: Any,
    padding: Any,
    dilation: Any,
    groups: Any,
) -> Geometry:
    """What `op` makes of operands of these shapes, or the error that says what does not fit. input may be without N."""
    dims = DIMENSIONS[op]
    steps = check_tuple(op, "stride", stride, 1, dims)
    dilations = check_tuple(op, "dilation", dilation, 1, dims)
    groups = check_integer(op, "groups", groups, 1)
    check_shapes(op, input, weight, bias, groups, dims)
    zeros = check_padding(op, padding, weight[2:], steps, dilations)
    batch = input if len(input) == dims + 2 else (1, *input)
    return Geometry(steps, zeros, dilations, groups, output_shape(op, batch, weight, itemsize, steps, zeros, dilations))


def check_padding(op: str, padding: Any, taps: Sizes, stride: Sizes, dilation: Sizes) -> Sizes:
    """(front, behind) of every axis in turn, from one integer, one for each axis, "valid" or "same"."""
    if not isinstance(padding, str):
        return tuple(side for each in check_tuple(op, "padding", padding, 0, len(taps)) for side in (each, each))
    if padding == "valid":
        return (0, 0) * len(taps)
    if padding == "same":
        if any(step != 1 for step in stride):
            raise ValueError(f"{op}: padding='same' needs stride 1, but stride is {stride}")
        added = [d * (k - 1) for d, k in zip(dilation, taps, strict=True)]
        return tuple(side for all in added for side in (all // 2, all - all // 2))
    raise ValueError(f"{op}: padding must be 'valid', 'same' or integers, not {show(padding)}")


def check_shapes(op: str, input: Sizes, weight: Sizes, bias: Sizes | None, groups: int, dims: int) -> None:
    """Refuses operands that do not fit each other."""
    given = f"(input {input}, weight {weight}, groups={groups})"
    layout, sizes = LAYOUTS[dims]
    check_rank(op, "input", input, dims + 1, dims + 2, layout=layout)
    check_rank(op, "weight", weight, dims + 2, layout=f"(out_channels, in_channels/groups, {sizes})")
    if 0 in weight:
        raise ValueError(f"{op}: weight has a dimension of size 0 and must have none {given}")
    if weight[0] % groups != 0:
        raise ValueError(f"{op}: weight has {weight[0]} output channels, which groups={groups} does not divide {given}")
    channels = input[-dims - 1]
    if channels != weight[1] * groups:
        per_group = f" for each of the {groups} groups" if groups > 1 else ""
        raise ValueError(f"{op}: weight has {weight[1]} input channels{per_group} but input has {channels} {given}")
    if bias is not None and bias != (weight[0],):
        raise ValueError(f"{op}: bias must have shape ({weight[0]},) for the weight {weight}, but has {bias}")


def check_result(op: str, shape: Sizes, itemsize: int, *operands: Sizes) -> Sizes:
    """The shape of a result, refused where no memory could hold it."""
    largest = max(*(size for each in operands for size in each), *shape)
    elements = max(shape[0], 1) * math.prod(shape[1:])
    if largest >= 2**31 or elements * itemsize >= 2**63:
        raise ValueError(f"{op}: the result would have the shape {shape}, which is too large")
    return shape


def output_shape(
    op: str, input: Sizes, weight: Sizes, itemsize: int, stride: Sizes, padding: Sizes, dilation: Sizes
) -> Sizes:
    """The shape of y for a batch. Refuses a kernel that does not fit and a result that no memory could hold."""
    dims, sizes = len(stride), []
    for axis, name in enumerate(LAYOUTS[dims][1].split(", ")):
        padded = input[2 + axis] + padding[2 * axis] + padding[2 * axis + 1]
        reach = dilation[axis] * (weight[2 + axis] - 1) + 1
        if reach > padded:
            raise ValueError(
                f"{op}: weight covers {reach} {ELEMENTS[dims]} in {name} but the padded input has {padded} "
                f"(input {input}, weight {weight}, padding {padding}, dilation {dilation})"
            )
        sizes.append((padded - reach) // stride[axis] + 1)
    return check_result(op, (input[0], weight[0], *sizes), itemsize, input, weight)


def draw_convolution(draw: Any, dims: int) -> dict[str, Any]:
    """For samples: sizes that differ in every dimension, and settings for them; x's, w's and y's shapes and more."""
    groups = draw.choice(1, 1, 2, 3)
    per_group, filters = draw.integer(1, 4 if dims < 3 else 2), draw.choice(1, 2, 5, 17)
    taps, stride, dilation, size, output = [], [], [], [], []
    padding: list[int] = []
    for axis in range(dims):
        taps.append(draw.integer(1, 3 if dims < 3 else 2 + (axis == 0)))
        stride.append(draw.integer(1, 3))
        dilation.append(draw.integer(1, 3 if axis == 0 else 2))
        sides = draw.integer(0, 3 if dims < 3 else 2), draw.integer(0, 3 if dims < 3 else 1)
        reach, added = dilation[axis] * (taps[axis] - 1) + 1, sum(sides)
        size.append(draw.integer(max(1, reach - added), max(1, reach - added) + (5 if dims < 3 else 2)))
        output.append((size[axis] + added - reach) // stride[axis] + 1)
        padding += sides
    batch = draw.integer(0, 2)
    settings = {"stride": stride, "padding": padding, "dilation": dilation}
    return {
        "x": (batch, groups * per_group, *size),
        "w": (groups * filters, per_group, *taps),
        "y": (batch, groups * filters, *output),
        "settings": {name: tuple(value) for name, value in settings.items()} | {"groups": groups},
    }


def as_images(array: Any) -> Any:
    """Sequences as images of one row, a view; images and volumes as they are."""
    return array[:, :, None] if array.ndim == 3 else array


def settings_of_images(stride: Sizes, padding: Sizes, dilation: Sizes, groups: int) -> tuple[Sizes, Sizes, Sizes, int]:
    """The settings for as_images."""
    if len(stride) == 1:
        return (1, *stride), (0, 0, *padding), (1, *dilation), groups
    return stride, padding, dilation, groups


def bias_gradient(dy: Any) -> Any:
    """The sums over all but the channels."""
    db = empty((dy.shape[1],), dy.dtype)
    sum_forward(dy, db.reshape(1, -1, *(1,) * (dy.ndim - 2)))
    return db


def convolve(x: Any, w: Any, b: Any, g: Geometry, forward: Any, input_gradient: Any, weight_gradient: Any) -> Any:
    """What a convolution returns, given its kernels: those of images serve sequences too."""
    batch = x if x.ndim == w.ndim else x[None]
    settings = settings_of_images(*g[:4])
    y = empty(g.y, x.dtype)
    images, filters = as_images(batch), as_images(w)
    forward(images, filters, b, as_images(y), *settings)

    def gradient(dy, needs):
        dy = as_images(dy.reshape(y.shape))
        dx = dw = db = None
        if needs[0]:
            dx = empty(batch.shape, x.dtype)
            input_gradient(dy, filters, as_images(dx), *settings)
            dx = dx.reshape(x.shape)
        if needs[1]:
            dw = empty(w.shape, x.dtype)
            db = empty((len(w),), x.dtype) if needs[2] else None
            weight_gradient(dy, images, as_images(dw), db, *settings)
        elif needs[2]:
            db = bias_gradient(dy)
        return dx, dw, db

    return y if x.ndim == w.ndim else y[0], gradient, (("weight", 0), ("input", 1))
