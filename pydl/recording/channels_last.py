"""Channels last between the convolutions of a recording that may round differently: see recorded_function.py.

Users see images as (N, C, H, W), one channel after another. Convolutions are fastest where the channels of a pixel
are neighbours and the weights are prepared (pydl/ops/conv2d_channels_last.py). A recording knows all its calls, so its
images can lie that way from the first convolution to whatever needs them otherwise:

    clone           x -> frame              only where an image comes from outside
    conv2d          frame -> frame          with the bias, the sum and the ReLU that follow it
    relu, add, ...  frame -> frame
    clone           frame -> y              only where somebody else reads the image

A frame is an image with the zeros around it that its readers want. They are written once, when the frame is made.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ..arguments import Array
from ..op import KERNELS, empty
from ..ops.conv2d_channels_last import pack_filters, suits_winograd, transform_filters
from ..ops.conv2d_winograd import get_winograd
from ..ops.max_pool2d_channels_last import max_pool2d_channels_last
from .fusion import CONVOLUTIONS, Call, named

# Kernels that do the same to each element of images of one shape, wherever these lie.
ELEMENTWISE = frozenset(
    f"{name}_forward" for name in ("relu", "leaky_relu", "elu", "gelu", "silu", "sigmoid", "tanh", "add", "sub", "mul")
)
Sides = tuple[int, int, int, int]  # top, bottom, left, right


@dataclass
class Image:
    """An image of the recording in one form or both.

    plain   whether the recorded array holds the numbers
    frame   (N, H, W, C) with zeros of `halo` around it, or None
    place   of the emitted call that fills the frame
    """

    array: Array
    plain: bool
    frame: Array | None = None
    halo: Sides = (0, 0, 0, 0)
    place: int = -1

    def pixels(self, sides: Sides = (0, 0, 0, 0)) -> Array:
        """(N, H, W, C) with so many zeros on its sides."""
        assert self.frame is not None
        _, height, width, _ = self.frame.shape
        (top, bottom, left, right), (t, b, l, r) = self.halo, sides  # noqa: E741
        return self.frame[:, top - t : height - bottom + b, left - l : width - right + r]

    def channels_first(self, sides: Sides = (0, 0, 0, 0)) -> Array:
        """The same, as (N, C, H, W)."""
        return self.pixels(sides).transpose(0, 3, 1, 2)


@dataclass
class Layout:
    """Puts channels last between the convolutions of a recording.

    frames   memory for images, of which the calls write all but the zeros around
    used     the ids of the arrays whose numbers were prepared
    """

    calls: list[Call]
    outputs: list[Array]
    watched: set[int]  # ids of the arrays of weights that a change would be noticed of
    emitted: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    images: dict[tuple[int, Any], Image] = field(default_factory=dict)
    frames: list[Array] = field(default_factory=list)
    used: set[int] = field(default_factory=set)

    def run(self) -> list[Call]:
        """The calls that take the place of the recorded ones."""
        self.halos: dict[tuple[int, Any], Sides] = {}
        for call in self.calls:
            if self.is_suitable(call):
                given = named(call)
                halo = self.halos.get(_key(given["x"]), (0, 0, 0, 0))
                self.halos[_key(given["x"])] = tuple(map(max, halo, given["padding"]))
        for call in self.calls:
            self.take(call)
        for image in self.images.values():
            if any(np.may_share_memory(image.array, output) for output in self.outputs):
                self.write_plain(image)
        return [(KERNELS[name].native, tuple(given.values())) for name, given in self.emitted]

    def emit(self, name: str, *arguments: Any) -> int:
        self.emitted.append((name, dict(zip(KERNELS[name].arguments, arguments, strict=True))))
        return len(self.emitted) - 1

    def is_suitable(self, call: Call) -> bool:
        """A convolution of ordinary images by weights whose changes are noticed."""
        if call[0].__name__ not in CONVOLUTIONS:
            return False
        given = named(call)
        w, b = given["w"], given["b"]
        return (
            given.get("groups", 1) == 1
            and id(w) in self.watched
            and (b is None or (id(b) in self.watched and b.flags.c_contiguous))
            and given["x"].flags.c_contiguous
            and given["y"].flags.c_contiguous
            and given["y"].size > 0
        )

    def take(self, call: Call) -> None:
        name, given = call[0].__name__, named(call)
        if self.is_suitable(call):
            return self.convolve(given)
        if name in ELEMENTWISE and self.elementwise(name, given):
            return None
        if name == "max_pool2d_forward" and self.max_pool(given):
            return None
        if name == "mean_forward" and self.mean(given):
            return None
        arrays = [each for given in call[1] for each in (given if isinstance(given, list) else [given])]
        for key, image in list(self.images.items()):
            if not any(isinstance(each, np.ndarray) and np.may_share_memory(each, image.array) for each in arrays):
                continue
            self.write_plain(image)
            written = [given[each] for each in KERNELS[name].writes]
            written = [each for one in written for each in (one if isinstance(one, list) else [one])]
            if any(each is not None and np.may_share_memory(each, image.array) for each in written):
                del self.images[key]
        self.emit(name, *call[1])
        return None

    # ---- images in both forms ----

    def find(self, array: Array) -> Image:
        """The image that a recorded array is."""
        key = _key(array)
        if key not in self.images:
            self.images[key] = Image(array, plain=True)
        return self.images[key]

    def has_frame(self, array: Array) -> bool:
        image = self.images.get(_key(array))
        return image is not None and image.frame is not None

    def add_frame(self, image: Image) -> Image:
        """Memory for the channels-last form."""
        N, C, H, W = image.array.shape
        image.halo = top, bottom, left, right = self.halos.get(_key(image.array), (0, 0, 0, 0))
        image.frame = empty((N, H + top + bottom, W + left + right, C), image.array.dtype)
        image.frame[...] = 0
        self.frames.append(image.frame)
        return image

    def with_frame(self, array: Array) -> Image:
        """The image in the channels-last form, turned if it has only the other one."""
        image = self.find(array)
        if image.frame is None:
            self.add_frame(image)
            image.place = self.emit("clone_forward", image.array.transpose(0, 2, 3, 1), image.pixels())
        return image

    def result(self, array: Array) -> Image:
        """A new image that is about to be written in the channels-last form."""
        image = self.images[_key(array)] = self.add_frame(Image(array, plain=False))
        image.place = len(self.emitted)
        return image

    def write_plain(self, image: Image) -> None:
        if not image.plain:
            self.emit("clone_forward", image.channels_first(), image.array)
            image.plain = True

    def is_passed_on(self, array: Array) -> bool:
        """Whether nobody but the call that writes the array and one that reads it know of it."""
        users = sum(
            any(isinstance(each, np.ndarray) and np.may_share_memory(each, array) for each in arguments)
            for _, arguments in self.calls
        )
        return users == 2 and not any(np.may_share_memory(output, array) for output in self.outputs)

    # ---- calls ----

    def convolve(self, given: dict[str, Any]) -> None:
        w, b, padding = given["w"], given["b"], given["padding"]
        stride, dilation = given.get("stride", (1, 1)), given.get("dilation", (1, 1))
        self.used |= {id(w), id(b)}
        x = self.with_frame(given["x"]).channels_first(padding)
        y = self.result(given["y"]).channels_first()
        packed = pack_filters(w)
        if get_winograd() and suits_winograd(w, y.shape, stride, dilation):
            self.emit("conv2d_channels_last_winograd", x, transform_filters(w), packed, b, None, y, False)
        else:
            self.emit("conv2d_channels_last", x, packed, b, None, y, stride, dilation, False)

    def open_convolution(self, array: Array) -> dict[str, Any] | None:
        """The arguments of the convolution that writes the image, if what follows may still become part of it."""
        image = self.images.get(_key(array))
        if image is None or image.frame is None or image.place < 0:
            return None
        name, given = self.emitted[image.place]
        is_open = name.startswith("conv2d_channels_last") and not given["relu"] and self.is_passed_on(array)
        return given if is_open else None

    def move_result(self, given: dict[str, Any], before: Array, after: Array) -> None:
        """The convolution that wrote one image writes another."""
        place = self.images.pop(_key(before)).place
        image = self.result(after)
        image.place = place
        given["y"] = image.channels_first()

    def elementwise(self, name: str, given: dict[str, Any]) -> bool:
        arrays = {key: each for key, each in given.items() if isinstance(each, np.ndarray)}
        y = given["y"]
        if y.ndim != 4 or any(each.shape != y.shape or not each.flags.c_contiguous for each in arrays.values()):
            return False
        inputs = [each for key, each in arrays.items() if key != "y"]
        if not any(self.has_frame(each) for each in inputs) or any(np.may_share_memory(each, y) for each in inputs):
            return False
        if name == "relu_forward" and (conv := self.open_convolution(inputs[0])) is not None:
            conv["relu"] = True
            self.move_result(conv, inputs[0], y)
            return True
        if name == "add_forward" and self.join_sum(inputs[0], inputs[1], y):
            return True
        frames = {key: self.with_frame(each).pixels() for key, each in arrays.items() if key != "y"}
        frames["y"] = self.result(y).pixels()
        self.emit(name, *(given | frames).values())
        return True

    def join_sum(self, a: Array, b: Array, y: Array) -> bool:
        """Adds in the convolution that comes last, if the other image exists by then."""
        for array, other in ((a, b), (b, a)):
            conv = self.open_convolution(array)
            if conv is None or conv["add"] is not None or not self.has_frame(other):
                continue
            if self.find(other).place < self.find(array).place:
                conv["add"] = self.find(other).channels_first()
                self.move_result(conv, array, y)
                return True
        return False

    def max_pool(self, given: dict[str, Any]) -> bool:
        window = given["window"]
        if not self.has_frame(given["x"]) or given["indices"] is not None or not given["y"].flags.c_contiguous:
            return False
        if window is not None and not self.is_read_nowhere(window):
            return False
        x = self.find(given["x"]).channels_first()
        y = self.result(given["y"]).channels_first()
        settings = [given[name] for name in ("kernel", "stride", "padding", "dilation")]
        self.emit(max_pool2d_channels_last.name, x, y, *settings)
        return True

    def is_read_nowhere(self, array: Array) -> bool:
        users = sum(
            any(isinstance(each, np.ndarray) and np.may_share_memory(each, array) for each in arguments)
            for _, arguments in self.calls
        )
        return users == 1 and not any(np.may_share_memory(output, array) for output in self.outputs)

    def mean(self, given: dict[str, Any]) -> bool:
        """The average over whole images."""
        x, y = given["x"], given["y"]
        if x.ndim != 4 or not self.has_frame(x) or y.shape != (*x.shape[:2], 1, 1) or not y.flags.c_contiguous:
            return False
        self.emit("mean_forward", self.find(x).pixels(), y.reshape(len(y), 1, 1, -1))
        return True


def _key(array: Array) -> tuple[int, Any]:
    return array.ctypes.data, array.shape
