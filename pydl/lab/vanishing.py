"""Vanishing gradients in deep networks on real digits, and what cures them.

How fast layer l learns is the size of its gradient, ||dC/dW_l||. In a deep network of sigmoids it falls from layer to
layer on the way back, as in the chain of single neurons (`pydl lab chain`): s' <= 1/4. Networks of 2 to 30 hidden
layers of 30 neurons are compared before their first step, while they learn, and by what they have learned, with

    sigmoid             weights from N(0, 1 / inputs), biases from N(0, 1)
    sigmoid, Xavier     weights from N(0, 2 / (inputs + outputs)), biases 0
    tanh, Xavier        tanh' goes up to 1
    ReLU                weights from U(-r, r), r = 1 / sqrt(inputs), which makes each layer's output smaller
    ReLU, He            weights from N(0, 2 / inputs), which makes up for the half that ReLU cuts off
    sigmoid, batch norm the sums of each layer are brought back to where the sigmoid is steep
    tanh, residual      x + tanh(W x + b): the gradient has a way past each layer

Source: Nielsen, "Neural Networks and Deep Learning", chapter 5; Glorot, Bengio, AISTATS 2010; He, Zhang, Ren, Sun, ICCV
2015 and CVPR 2016; Ioffe, Szegedy, ICML 2015.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import numpy as np

from .. import nn, optim
from ..nn import init
from ..nn.functional import cross_entropy
from ..random import manual_seed
from .digits import Digits, descend, judge, load_digits
from .figures import COLOURS, GREY, STROKES, picture
from .gradient_flow import gradient_flow
from .results import check_option, leave, open_folder

WIDTH, BATCH, RATE, MOMENTUM = 30, 64, 0.01, 0.9
WATCHED = 3  # hidden layers of the network that is watched while it learns
# name -> activation, first weights, batch norm, residual
CURES: dict[str, tuple[Any, str, bool, bool]] = {
    "sigmoid": (nn.Sigmoid, "notes", False, False),
    "sigmoid, Xavier": (nn.Sigmoid, "xavier", False, False),
    "tanh, Xavier": (nn.Tanh, "xavier", False, False),
    "ReLU": (nn.ReLU, "", False, False),
    "ReLU, He": (nn.ReLU, "he", False, False),
    "sigmoid, batch norm": (nn.Sigmoid, "xavier", True, False),
    "tanh, residual": (nn.Tanh, "xavier", False, True),
}


def linear(inputs: int, outputs: int, start: str) -> nn.Linear:
    """A fully connected layer with first weights as one of the cures has them."""
    layer = nn.Linear(inputs, outputs)
    assert layer.bias is not None
    if start == "notes":
        init.normal_(layer.weight, 0, inputs**-0.5)
        init.normal_(layer.bias)
    elif start == "xavier":
        init.xavier_normal_(layer.weight)
        init.zeros_(layer.bias)
    elif start == "he":
        init.kaiming_normal_(layer.weight)
        init.zeros_(layer.bias)
    return layer


def network(depth: int, cure: str) -> nn.Sequential:
    """784 -> 30 -> ... -> 30 -> 10 with `depth` hidden layers."""
    activation, start, normed, residual = CURES[cure]
    layers: list[nn.Module] = []
    for number in range(depth):
        block = [linear(WIDTH if number else 784, WIDTH, start), activation()]
        if normed:
            block.insert(1, nn.BatchNorm1d(WIDTH))
        hidden = nn.Sequential(*block)
        layers.append(nn.Residual(hidden) if residual and number else hidden)
    return nn.Sequential(nn.Flatten(), *layers, linear(WIDTH, 10, start if start != "notes" else ""))


def speeds(model: Any, digits: Digits) -> list[float]:
    """||dC/dW_l|| of each hidden layer over a thousand images."""
    model.train()
    flow = gradient_flow(model, cross_entropy(model(digits.x[:1000]), digits.y[:1000]))
    matrices = {name: parameter.ndim == 2 for name, parameter in model.named_parameters()}
    return [speed for name, speed in flow.items() if matrices[name]][:-1]


def learn(depth: int, cure: str, digits: Digits, epochs: int, seed: int, watch: bool = False) -> dict[str, Any]:
    """Trains a network; how fast its layers learn before (and, if asked for, after every epoch), and its accuracy."""
    manual_seed(seed)
    model = network(depth, cure)
    optimizer = optim.SGD(model.parameters(), lr=RATE, momentum=MOMENTUM)
    random = np.random.default_rng(seed)
    history = [speeds(model, digits)]
    for _ in range(epochs):
        for _ in descend(model, optimizer, digits.x, digits.y, BATCH, random):
            pass
        if watch:
            history.append(speeds(model, digits))
    return {"speeds": history, "accuracy": judge(model, digits.test_x, digits.test_y)[1]}


def measure(depths: list[int], digits: Digits, epochs: int, seed: int) -> dict[str, Any]:
    """Every cure at every depth."""
    found = {cure: {depth: learn(depth, cure, digits, epochs, seed) for depth in depths} for cure in CURES}
    watched = learn(WATCHED, "sigmoid, Xavier", digits, 2 * epochs, seed, watch=True)
    return {
        "depths": depths,
        "speeds": {cure: {str(d): each["speeds"][0] for d, each in row.items()} for cure, row in found.items()},
        "accuracy": {cure: [each["accuracy"] for each in row.values()] for cure, row in found.items()},
        "speeds_while_learning": watched["speeds"],
    }


def finding(figures: dict[str, Any]) -> str:
    """One sentence on what came out."""
    deepest = figures["depths"][-1]

    def ratio(cure: str) -> float:
        """How much slower the second layer is than the last: these two have the same number of weights."""
        layers = figures["speeds"][cure][str(deepest)]
        return float(layers[-1] / max(layers[1], 1e-300))

    best = max(CURES, key=lambda cure: figures["accuracy"][cure][-1])
    return (
        f"Of {deepest} hidden layers of sigmoids the second learns {ratio('sigmoid'):.0e} times as slowly as the last, "
        f"with {best} {ratio(best):.1g} times; they name {100 * figures['accuracy']['sigmoid'][-1]:.0f} % and "
        f"{100 * figures['accuracy'][best][-1]:.0f} % of the test digits right."
    )


def draw(figures: dict[str, Any], path: Path) -> None:
    """Speeds by depth, while learning and by cure; accuracy by depth."""
    depths = figures["depths"]
    with picture(path, 12, 9.2, columns=2, rows=2) as (_, ((by_depth, learning), (by_cure, accuracy))):
        for i, depth in enumerate(depths):
            values = figures["speeds"]["sigmoid"][str(depth)]
            colour = COLOURS[i % len(COLOURS)]
            by_depth.semilogy(
                np.arange(1, depth + 1), values, "o-", markersize=4, color=colour, label=f"{depth} layers"
            )
        by_depth.set(title="Sigmoids, before the first step", xlabel="layer l", ylabel="$||dC/dW_l||$")
        by_depth.legend(loc="lower right")
        history = np.array(figures["speeds_while_learning"])
        for i, speed in enumerate(history.T):
            learning.semilogy(speed, color=COLOURS[i % 6], linestyle=STROKES[i % 6], label=f"layer {i + 1}")
        learning.set(title=f"{WATCHED} layers of sigmoids while they learn", xlabel="epoch", ylabel="$||dC/dW_l||$")
        learning.set_ylim(bottom=history.min() / 30)
        learning.legend(loc="lower center", ncol=3)
        # Seven lines: one of them grey.
        for (cure, row), colour, stroke in zip(
            figures["speeds"].items(), (*COLOURS, GREY), (*STROKES, "-"), strict=True
        ):
            by_cure.semilogy(np.arange(1, depths[-1] + 1), row[str(depths[-1])], color=colour, linestyle=stroke)
            scores = 100 * np.array(figures["accuracy"][cure])
            accuracy.plot(depths, scores, marker="o", markersize=4, color=colour, linestyle=stroke, label=cure)
        by_cure.set(title=f"{depths[-1]} layers, before the first step", xlabel="layer l", ylabel="$||dC/dW_l||$")
        accuracy.set(title="After training", xlabel="hidden layers", ylabel="test digits named right, %", ylim=(0, 100))
        accuracy.set_xticks(depths)
        accuracy.legend(loc="lower right", bbox_to_anchor=(1.0, 0.12))


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of this experiment."""
    parser.add_argument(
        "--depths", type=int, nargs="+", default=[2, 5, 10, 20, 30], help="numbers of hidden layers (2 5 10 20 30)"
    )
    parser.add_argument("--epochs", type=int, default=15, help="passes over the training images (default: 15)")
    parser.add_argument("--images", type=int, default=4000, help="how many images to train with (default: 4000)")


def run(args: argparse.Namespace) -> None:
    """Trains all networks and leaves vanishing.png."""
    depths = sorted(set(args.depths))
    if not 2 <= depths[0] <= depths[-1] <= 100:
        raise ValueError(f"--depths: must be from 2 to 100, not {' '.join(map(str, args.depths))}")
    check_option("--epochs", args.epochs, 1)
    folder = open_folder(args.out)
    figures = measure(depths, load_digits(args.images), args.epochs, args.seed)
    draw(figures, folder / "vanishing.png")
    leave(folder, finding(figures), figures, {"epochs": args.epochs, "images": args.images, "seed": args.seed})
