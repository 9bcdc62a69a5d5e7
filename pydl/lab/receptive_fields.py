"""Receptive fields: how much of the image one number deep in a convolutional network sees.

    r_0 = 1,   r_l = r_(l-1) + (k_l - 1) s_1 s_2 ... s_(l-1)        for kernels of size k and strides s

A convolution adds k - 1 pixels, a pooling of stride 2 doubles what every later layer adds. The formula is compared with
a measurement: the gradient of one output pixel by all input pixels, which is zero outside of the field. Within it the
middle counts most, because many ways lead there and few to the rim.

Source: Luo, Li, Urtasun, Zemel, "Understanding the effective receptive field in deep convolutional neural networks",
NIPS 2016.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import numpy as np

from .. import nn
from ..arguments import Array
from ..random import manual_seed
from ..tensor import tensor
from .figures import BLUE, ORANGE, picture
from .results import check_option, leave, open_folder

CHANNELS = 4
# name -> the layers of one block: (kind, kernel, stride)
BLOCKS = {
    "3x3 convolutions": [("conv", 3, 1)],
    "3x3 convolution, 2x2 pooling": [("conv", 3, 1), ("pool", 2, 2)],
}


def formula(block: list[tuple[str, int, int]], blocks: int) -> int:
    """r of so many blocks."""
    field, jump = 1, 1
    for _, kernel, stride in block * blocks:
        field += (kernel - 1) * jump
        jump *= stride
    return field


def sensitivity(block: list[tuple[str, int, int]], blocks: int, draws: int, seed: int) -> Array:
    """|dy/dx| of one output pixel by every input pixel: the mean over random networks, with a frame of zeros."""
    size = formula(block, blocks)
    frame = 4
    manual_seed(seed)
    mean = np.zeros((size + 2 * frame,) * 2)
    for _ in range(draws):
        channels = 1
        layers: list[nn.Module] = []
        for kind, kernel, stride in block * blocks:
            if kind == "conv":
                # In double precision, where no algorithm leaves rounding errors in place of zeros.
                layers.append(nn.Conv2d(channels, CHANNELS, kernel, stride, bias=False, dtype=np.float64))
                channels = CHANNELS
            else:
                layers.append(nn.AvgPool2d(kernel, stride))
        # The output that sees from `frame` on: strides have to divide where it starts, so the frame is a whole jump.
        jump = int(np.prod([stride for _, _, stride in block * blocks]))
        start = -(-frame // jump)
        side = size + 2 * start * jump
        x = tensor(np.zeros((1, 1, side, side)), dtype=np.float64, requires_grad=True)
        nn.Sequential(*layers)(x)[0, :, start, start].sum().backward()
        assert x.grad is not None
        cut = start * jump - frame
        seen = np.abs(x.grad.numpy()[0, 0])
        mean += seen[cut : side - cut, cut : side - cut] / draws
    return mean


def extent(map: Array) -> int:
    """The side of the smallest square around what is not zero."""
    rows, columns = np.nonzero(map)
    return int(max(np.ptp(rows), np.ptp(columns))) + 1


def core(map: Array) -> float:
    """How much of the whole comes from the middle half of the field in each direction."""
    size = extent(map)
    middle = (len(map) - 1) / 2
    near = np.abs(np.arange(len(map)) - middle) <= size / 4
    return float(map[np.ix_(near, near)].sum() / map.sum())


def measure(depth: int, draws: int, seed: int) -> dict[str, Any]:
    """Fields by formula and as measured, and the maps."""
    figures: dict[str, Any] = {}
    for name, block in BLOCKS.items():
        counts = list(range(1, depth + 1))
        maps = [sensitivity(block, count, draws, seed) for count in counts]
        figures[name] = {
            "blocks": counts,
            "formula": [formula(block, count) for count in counts],
            "measured": [extent(map) for map in maps],
            "core": [core(map) for map in maps],
            "maps": [map.tolist() for map in maps],
        }
    return figures


def finding(figures: dict[str, Any]) -> str:
    """One sentence on what came out."""
    plain, pooled = figures.values()
    agree = all(each["formula"] == each["measured"] for each in figures.values())
    return (
        f"After {plain['blocks'][-1]} 3x3 convolutions one number sees {plain['measured'][-1]} pixels across, with "
        f"pooling between them {pooled['measured'][-1]}, {'as' if agree else 'not as'} the formula says; "
        f"{100 * plain['core'][-1]:.0f} % of what the former sees comes from the quarter in the middle."
    )


def draw(figures: dict[str, Any], path: Path) -> None:
    """The sizes of the fields, and what counts within."""
    plain, pooled = figures.values()
    with picture(path, 13, 4.6, columns=3) as (_, (sizes, *maps)):
        for each, name, colour, stroke in zip((plain, pooled), BLOCKS, (BLUE, ORANGE), ("-", "--"), strict=True):
            sizes.plot(each["blocks"], each["formula"], color=colour, linestyle=stroke, label=f"{name}: formula")
            sizes.plot(each["blocks"], each["measured"], "o", color=colour, label=f"{name}: measured")
        sizes.set(title="Receptive field", xlabel="blocks", ylabel="pixels across")
        sizes.set_xticks(plain["blocks"])
        sizes.set_ylim(top=1.35 * pooled["formula"][-1])
        sizes.legend(loc="upper left")
        for axes, each, name in zip(maps, (plain, pooled), BLOCKS, strict=True):
            map = np.array(each["maps"][-1])
            axes.imshow(np.where(map > 0, map, np.nan), cmap="cividis")
            axes.set_title(f"{each['blocks'][-1]} x ({name}): |dy/dx|", fontsize=11)
            axes.grid(False)
            for axis in (axes.xaxis, axes.yaxis):
                axis.get_major_locator().set_params(integer=True)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of this experiment."""
    parser.add_argument("--depth", type=int, default=5, help="blocks of layers (default: 5)")
    parser.add_argument("--draws", type=int, default=100, help="random networks to average over (default: 100)")


def run(args: argparse.Namespace) -> None:
    """Measures, and leaves receptive-fields.png."""
    check_option("--depth", args.depth, 1, 6)
    check_option("--draws", args.draws, 1)
    folder = open_folder(args.out)
    figures = measure(args.depth, args.draws, args.seed)
    draw(figures, folder / "receptive-fields.png")
    for each in figures.values():
        del each["maps"]  # they are in the picture
    settings = {"depth": args.depth, "draws": args.draws, "seed": args.seed}
    leave(folder, finding(figures), figures, settings)
