"""A small change of one bias, followed through a chain of neurons: why gradients vanish and explode.

One neuron a layer: z_l = w_l a_(l-1) + b_l, a_l = s(z_l), and a cost C(a_L) at the end. Nudge the first bias by Db_1:

    Da_1 ~ s'(z_1) Db_1
    Da_2 ~ s'(z_2) w_2 Da_1                 (the change of z_2 is w_2 Da_1)
    Da_l ~ s'(z_l) w_l Da_(l-1)
    DC   ~ dC/da_L Da_L

Multiplied out, for four layers

    dC/db_1 = s'(z_1) w_2 s'(z_2) w_3 s'(z_3) w_4 s'(z_4) dC/da_4

A sigmoid has s' <= 1/4, so while |w| < 4 each layer shrinks the gradient: it vanishes. With w = 100 and b_l = -100
a_(l-1), z_l is 0, s' is 1/4, and each layer multiplies it by 25: it explodes.

Source: Nielsen, "Neural Networks and Deep Learning", chapter 5.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from ..arguments import Array
from ..nn.functional import relu, sigmoid, tanh
from ..tensor import Tensor, no_grad, tensor
from .figures import BLUE, COLOURS, GREY, ORANGE, STROKES, picture
from .results import check_option, leave, open_folder

ACTIVATIONS: dict[str, tuple[Any, Any]] = {
    # s, and s' from z and a = s(z)
    "sigmoid": (sigmoid, lambda z, a: a * (1 - a)),
    "tanh": (tanh, lambda z, a: 1 - a * a),
    "relu": (relu, lambda z, a: 1.0 * (z > 0)),
}
INPUT, TARGET = 0.5, 1.0


class Chain(NamedTuple):
    """The weights and biases of a chain, one a layer, as Tensors of one number, and its activation's name."""

    weights: list[Tensor]
    biases: list[Tensor]
    activation: str

    def forward(self, x: float = INPUT) -> tuple[list[Tensor], list[Tensor]]:
        """z and a of each layer."""
        activation = ACTIVATIONS[self.activation][0]
        z: list[Tensor] = []
        a: list[Tensor] = []
        for w, b in zip(self.weights, self.biases, strict=True):
            z.append(w * (a[-1] if a else x) + b)
            a.append(activation(z[-1]))
        return z, a

    def cost(self) -> Tensor:
        """C = (a_L - 1)^2 / 2."""
        return (self.forward()[1][-1] - TARGET).square() / 2


def random_chain(depth: int, activation: str, scale: float, seed: int) -> Chain:
    """A chain of weights and biases from N(0, scale^2)."""
    numbers = scale * np.random.default_rng(seed).standard_normal((2, depth))
    weights, biases = ([tensor(each, dtype=np.float64, requires_grad=True) for each in row] for row in numbers)
    return Chain(weights, biases, activation)


def exploding_chain(depth: int) -> Chain:
    """Sigmoids with w = 100 and b_l = -100 a_(l-1), so that every z is 0."""
    before = [INPUT, *[0.5] * (depth - 1)]
    return Chain(
        [tensor(100.0, dtype=np.float64, requires_grad=True) for _ in before],
        [tensor(-100.0 * a, dtype=np.float64, requires_grad=True) for a in before],
        "sigmoid",
    )


def follow(chain: Chain, nudge: float) -> dict[str, Any]:
    """Nudges b_1, and sets what happens layer by layer beside what the formula says of it.

    Measured changes are half of what a nudge up and a nudge down make together, so that curvature cancels out.
    """
    z, a = chain.forward()
    slopes = [ACTIVATIONS[chain.activation][1](zi.item(), ai.item()) for zi, ai in zip(z, a, strict=True)]
    chain.cost().backward()
    backward = chain.biases[0].grad.item()

    sides = []
    with no_grad():
        b = chain.biases[0].data
        kept = b.copy()
        for sign in (1, -1):
            b[...] = kept + sign * nudge
            sides.append([each.item() for each in (*chain.forward()[1], chain.cost())])
        b[...] = kept
    *measured, cost = ((up - down) / 2 for up, down in zip(*sides, strict=True))

    factors = [slopes[0], *(w.item() * s for w, s in zip(chain.weights[1:], slopes[1:], strict=True))]
    return {
        "z": [each.item() for each in z],
        "a": [each.item() for each in a],
        "slope": slopes,
        "weight": [w.item() for w in chain.weights],
        "change_followed": list(np.cumprod(factors) * nudge),
        "change_measured": measured,
        "gradient_product": float(np.prod(factors) * (a[-1].item() - TARGET)),
        "gradient_measured": cost / nudge,
        "gradient_backward": backward,
    }


def typical_factors(depth: int, activation: str, scale: float, chains: int, seed: int) -> Array:
    """|da_l / db_1| for l = 1 .. depth: the median of many random chains."""
    random = np.random.default_rng(seed)
    s, slope = ACTIVATIONS[activation]
    a, product = np.full(chains, INPUT), np.ones(chains)
    medians = []
    for layer in range(depth):
        w, b = scale * random.standard_normal((2, chains))
        z = w * a + b
        a = s(z).numpy()
        product = product * slope(z, a) * (w if layer else 1.0)
        medians.append(float(np.median(np.abs(product))))
    return np.array(medians)


def measure(depth: int, activation: str, scale: float, seed: int, nudge: float, layers: int = 30) -> dict[str, Any]:
    """The chain followed, the one that explodes, and what is typical of deeper ones."""
    # A nudge must grow 25-fold a layer without leaving the straight part of the last sigmoid, and not drown in b = -50.
    explosive = min(depth, 6)
    return {
        "chain": follow(random_chain(depth, activation, scale, seed), nudge),
        "exploding": follow(exploding_chain(explosive), 1e-2 / 25.0**explosive),
        "typical": {name: list(typical_factors(layers, name, 1.0, 2001, seed)) for name in ("sigmoid", "tanh")},
        "bound": [0.25**layer for layer in range(1, layers + 1)],
    }


def finding(figures: dict[str, Any]) -> str:
    """One sentence on what came out."""
    chain, wild = figures["chain"], figures["exploding"]
    depth = len(chain["z"])
    typical = figures["typical"]["sigmoid"]
    per_layer = (typical[-1] / typical[0]) ** (1 / (len(typical) - 1))
    return (
        f"Nudging b1 of a chain of {depth} gives dC/db1 = {chain['gradient_measured']:.8g}, the product of slopes and "
        f"weights {chain['gradient_product']:.8g}, backward() {chain['gradient_backward']:.8g}; a layer of random "
        f"sigmoids typically leaves {100 * per_layer:.0f} % of a change, one with w = 100 and b = -100a makes it "
        f"{wild['weight'][-1] * wild['slope'][-1]:g} times as large."
    )


def draw(figures: dict[str, Any], path: Path) -> None:
    """The change after each layer; how it goes on in deep chains."""
    chain, wild = figures["chain"], figures["exploding"]
    with picture(path, 11, 4.8, columns=2) as (_, (left, right)):
        for each, colour, name in ((chain, BLUE, "random weights"), (wild, ORANGE, "w = 100, b = -100a")):
            followed, measured = (np.abs(each[f"change_{kind}"]) for kind in ("followed", "measured"))
            first = followed[0] / each["slope"][0]  # the nudge
            layers = range(len(followed) + 1)
            left.semilogy(layers, [1, *followed / first], color=colour, label=f"{name}: product of the formula")
            left.semilogy(layers, [1, *measured / first], "o", color=colour, label=f"{name}: measured")
        depth = len(chain["z"])
        marked = range(0, depth + 1, 1 if depth <= 12 else 5)
        left.set_xticks(marked, [f"$a_{{{layer}}}$" if layer else "$b_1$" for layer in marked])
        left.set(title="A change of one bias, layer by layer", ylabel="size of the change / that of $b_1$")
        left.set_ylim(top=left.get_ylim()[1] * 1e3)
        left.legend(loc="upper left")
        deep = np.arange(1, len(figures["bound"]) + 1)
        for (name, values), colour, stroke in zip(figures["typical"].items(), COLOURS, STROKES, strict=False):
            right.semilogy(deep, values, color=colour, linestyle=stroke, label=f"{name}, w and b from N(0, 1): median")
        right.semilogy(
            deep, figures["bound"], color=GREY, linestyle=":", label="sigmoid, |w| = 1: no more than $(1/4)^l$"
        )
        right.set(title="Deep chains", xlabel="layer l", ylabel="$|da_l / db_1|$")
        right.legend(loc="lower left")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of this experiment."""
    parser.add_argument("--depth", type=int, default=4, help="neurons in the chain (default: 4)")
    parser.add_argument("--activation", choices=tuple(ACTIVATIONS), default="sigmoid", help="default: sigmoid")
    parser.add_argument("--scale", type=float, default=1.0, help="weights are from N(0, scale^2) (default: 1)")
    parser.add_argument("--nudge", type=float, default=1e-3, help="how far b1 is moved (default: 0.001)")


def run(args: argparse.Namespace) -> None:
    """Follows the nudge, prints it layer by layer, and leaves chain.png."""
    check_option("--depth", args.depth, 1, 100)
    for name in ("scale", "nudge"):
        if not 0 < getattr(args, name) <= 1000:
            raise ValueError(f"--{name}: must be above 0 and at most 1000, not {getattr(args, name):g}")
    folder = open_folder(args.out)
    figures = measure(args.depth, args.activation, args.scale, args.seed, args.nudge)
    chain = figures["chain"]
    print("layer          w          z      s'(z)      change, measured   s'(z) w times the last")
    columns = ("weight", "z", "slope", "change_measured", "change_followed")
    for layer, row in enumerate(zip(*(chain[name] for name in columns), strict=True), 1):
        w, z, slope, measured, followed = row
        print(f"{layer:>5} {w:>10.5f} {z:>10.5f} {slope:>10.5f} {measured:>21.10g} {followed:>24.10g}")
    print()
    draw(figures, folder / "chain.png")
    settings = {name: getattr(args, name) for name in ("depth", "activation", "scale", "nudge", "seed")}
    leave(folder, finding(figures), figures, settings)
