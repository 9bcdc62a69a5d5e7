"""Dropout as an ensemble: one network with weights times (1 - p) against the average of thinned ones.

With dropout every step trains another network, thinned by a random mask m. At test time one would average all 2^n of
them. For a linear unit that is exact and costs nothing, because each input is there with probability 1 - p:

    sum over masks P(m) w.(m x) = (1 - p) w.x

For softmax it holds of the logarithms: the normalised geometric mean of all thinned softmax(W (m x)) is
softmax((1 - p) W x). Behind a non-linearity, as in a sigmoid or a deep network, it is an approximation; how good a one
is measured here by drawing thinned networks. (In training pydl divides by 1 - p, as all libraries do, so that at test
time the weights need no factor: it is the same thing.)

Source: Srivastava et al., "Dropout: a simple way to prevent neural networks from overfitting", JMLR 15, 2014; Baldi,
Sadowski, "Understanding dropout", NIPS 2013.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import numpy as np

from .. import nn, optim
from ..arguments import Array
from ..nn.functional import log_softmax, sigmoid, softmax
from ..random import manual_seed
from ..tensor import no_grad
from .digits import Digits, descend, judge, load_digits
from .figures import BLUE, GREY, ORANGE, picture
from .results import check_option, leave, open_folder

INPUTS = 12


def all_masks(n: int, p: float) -> tuple[Array, Array]:
    """The 2^n masks of n inputs, a row each, and their probabilities."""
    masks = (np.arange(2**n)[:, None] >> np.arange(n) & 1).astype(np.float64)
    return masks, np.prod(np.where(masks == 1, 1 - p, p), axis=1)


def units(p: float, seed: int) -> dict[str, Any]:
    """A linear unit, a sigmoid and a softmax: the average over all thinned ones, and weights times (1 - p)."""
    random = np.random.default_rng(seed)
    masks, chances = all_masks(INPUTS, p)
    x, w = random.uniform(0, 1, INPUTS), random.standard_normal((5, INPUTS))
    z = (masks * x) @ w.T
    scaled = (1 - p) * w @ x
    geometric = np.exp(chances @ log_softmax(z, dim=1).numpy())
    return {
        "outputs": list(z[:, 0]),
        "chances": list(chances),
        "linear": [float(chances @ z[:, 0]), float(scaled[0])],
        "sigmoid": [float(chances @ sigmoid(z[:, 0]).numpy()), float(sigmoid(scaled[0]).item())],
        "softmax": [list(geometric / geometric.sum()), list(softmax(scaled[None], dim=1).numpy()[0])],
    }


def ensemble(digits: Digits, p: float, epochs: int, members: int, seed: int) -> dict[str, Any]:
    """A network trained with dropout: accuracy of averages of thinned networks, and of the one with scaled weights."""
    manual_seed(seed)
    hidden = [nn.Linear(784, 100), nn.ReLU(), nn.Dropout(p), nn.Linear(100, 100), nn.ReLU(), nn.Dropout(p)]
    model = nn.Sequential(nn.Flatten(), *hidden, nn.Linear(100, 10))
    optimizer = optim.Adam(model.parameters(), lr=1e-3)
    random = np.random.default_rng(seed)
    for _ in range(epochs):
        for _ in descend(model, optimizer, digits.x, digits.y, 64, random):
            pass
    scaled = judge(model, digits.test_x, digits.test_y)[1]
    model.train()  # masks are drawn
    total = np.zeros((len(digits.test_y), 10))
    averages, singles = [], []
    with no_grad():
        for member in range(1, members + 1):
            share = softmax(model(digits.test_x), dim=1).numpy()
            total += share
            singles.append(float(np.mean(share.argmax(axis=1) == digits.test_y)))
            averages.append(float(np.mean((total / member).argmax(axis=1) == digits.test_y)))
    return {"scaled": scaled, "average_of_first": averages, "single": singles}


def measure(digits: Digits, p: float, epochs: int, members: int, seed: int) -> dict[str, Any]:
    """Single units exactly, and a network by drawing."""
    return {"p": p, "units": units(p, seed), "network": ensemble(digits, p, epochs, members, seed)}


def finding(figures: dict[str, Any]) -> str:
    """One sentence on what came out."""
    exact, network = figures["units"], figures["network"]
    apart = {
        name: float(np.abs(np.subtract(*map(np.array, exact[name]))).max()) for name in ("linear", "softmax", "sigmoid")
    }
    return (
        f"Weights times {1 - figures['p']:g} differ from the average of all {len(exact['outputs'])} thinned units by "
        f"{apart['linear']:.0e} for a linear unit, {apart['softmax']:.0e} for softmax (geometric mean) and "
        f"{apart['sigmoid']:.2g} for a sigmoid; a thinned network names {100 * np.mean(network['single']):.1f} % of "
        f"the test digits right, {len(network['single'])} averaged {100 * network['average_of_first'][-1]:.1f} %, "
        f"the one with scaled weights {100 * network['scaled']:.1f} %."
    )


def draw(figures: dict[str, Any], path: Path) -> None:
    """All thinned linear units with both averages; accuracy over the number of thinned networks."""
    exact, network = figures["units"], figures["network"]
    with picture(path, 11, 4.8, columns=2) as (_, (left, right)):
        left.hist(exact["outputs"], bins=40, weights=exact["chances"], color=BLUE, alpha=0.5)
        left.axvline(exact["linear"][0], color=BLUE, label="average of all")
        left.axvline(exact["linear"][1], color=ORANGE, linestyle="--", label=f"weights times {1 - figures['p']:g}")
        left.set(title=f"A linear unit, thinned in all {len(exact['outputs'])} ways", xlabel="output")
        left.set_ylabel("probability")
        left.set_ylim(top=left.get_ylim()[1] * 1.3)
        left.legend(loc="upper right")
        members = np.arange(1, len(network["single"]) + 1)
        right.plot(
            members, 100 * np.array(network["average_of_first"]), color=BLUE, label="average of thinned networks"
        )
        right.plot(members, 100 * np.array(network["single"]), ".", color=GREY, label="each of them alone")
        right.axhline(100 * network["scaled"], color=ORANGE, linestyle="--", label="one network, weights scaled")
        right.set(title="A real network", xlabel="thinned networks", ylabel="test digits named right, %")
        right.set_ylim(bottom=100 * min(network["single"]) - 3)
        right.legend(loc="lower right")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of this experiment."""
    parser.add_argument("--p", type=float, default=0.5, help="probability to be left out (default: 0.5)")
    parser.add_argument("--epochs", type=int, default=10, help="passes over the training images (default: 10)")
    parser.add_argument("--members", type=int, default=50, help="thinned networks to draw (default: 50)")
    parser.add_argument("--images", type=int, default=4000, help="how many images to train with (default: 4000)")


def run(args: argparse.Namespace) -> None:
    """Compares, and leaves dropout.png."""
    if not 0 < args.p < 1:
        raise ValueError(f"--p: must be between 0 and 1, not {args.p:g}")
    for name in ("epochs", "members"):
        check_option(f"--{name}", getattr(args, name), 1)
    folder = open_folder(args.out)
    figures = measure(load_digits(args.images), args.p, args.epochs, args.members, args.seed)
    draw(figures, folder / "dropout.png")
    settings = {name: getattr(args, name) for name in ("p", "epochs", "members", "images", "seed")}
    leave(folder, finding(figures), figures, settings)
