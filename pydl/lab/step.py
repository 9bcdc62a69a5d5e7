"""Backpropagation one step at a time: the formula, the numbers put in, the result, and the central difference.

In the terminal Enter goes on; --html writes a page in which every number can be chosen and unfolded. What the steps are
made of: steps.py; the formulas: kinds.py.
"""

from __future__ import annotations

import argparse
import sys
from typing import Any

import numpy as np

from .. import nn, optim
from ..nn.functional import mse_loss
from ..random import manual_seed
from .digits import descend, load_digits
from .results import check_option, leave, open_folder
from .steps import Steps
from .steps import step as step

draws = False  # needs no matplotlib
CELLS = {"rnn": nn.RNNCell, "lstm": nn.LSTMCell}
MODELS = {
    "lenet": "LeNet on a digit",
    "mlp": "A digit in a fully connected network",
    "small": "A small convolutional network",
    "rnn": "A recurrent network on a sequence",
    "lstm": "An LSTM on a sequence",
}


class Reader(nn.Module):
    """A cell that reads a sequence (T, 1, 2), and one number from what it remembers in the end."""

    def __init__(self, cell: Any) -> None:
        super().__init__()
        self.cell = cell(2, 3)
        self.out = nn.Linear(3, 1)

    def forward(self, x: Any) -> Any:
        state = None
        for t in range(len(x)):
            state = self.cell(x[t], state)
        return self.out(state[0] if isinstance(state, tuple) else state)


def network(name: str) -> nn.Module:
    """The models for digits, and one for images of 6x6 that a person can follow with a pencil."""
    first, second = ([nn.Conv2d(*size), nn.ReLU(), nn.MaxPool2d(2)] for size in ((1, 20, 5), (20, 40, 5)))
    layers = {
        "lenet": [*first, *second, nn.Flatten(), nn.Linear(640, 100), nn.ReLU(), nn.Linear(100, 10)],
        "mlp": [nn.Flatten(), nn.Linear(784, 30), nn.Sigmoid(), nn.Linear(30, 10)],
        "small": [nn.Conv2d(1, 2, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(8, 3)],
    }
    return nn.Sequential(*layers[name])


def example(args: argparse.Namespace) -> Steps:
    """The steps of the chosen model on its example."""
    manual_seed(args.seed)
    random = np.random.default_rng(args.seed)
    if args.model in CELLS:
        x = random.random((3, 1, 2)).astype(np.float32)
        return step(Reader(CELLS[args.model]), x, np.array([[1.0]], np.float32), mse_loss)
    if args.model == "small":
        return step(network("small"), random.random((1, 1, 6, 6)).astype(np.float32), np.array([1]))
    digits = load_digits(seed=args.seed)
    check_option("--digit", args.digit, 0, len(digits.test_y) - 1)
    x, y = digits.test_x[args.digit : args.digit + 1], digits.test_y[args.digit : args.digit + 1]
    if args.checkpoint is not None:
        return step(*restore(args.checkpoint, x), y)
    model = network(args.model)
    optimizer = optim.Adam(model.parameters(), lr=2e-3)
    for _ in range(args.epochs):
        for _ in descend(model, optimizer, digits.x, digits.y, 64, random):
            pass
    return step(model, x, y)


def restore(path: str, x: Any) -> tuple[nn.Module, Any]:
    """The network of a training of photo-tagging, and the image as it saw images."""
    from ..recipes.photo_tagging import PLANS
    from ..serialization import load, load_metadata

    facts = load_metadata(path)
    try:
        model = PLANS[facts["settings"]["data"]].network(len(facts["classes"]))
        model.load_state_dict(load(path))
        mean, deviation = facts["brightness"]
    except (KeyError, RuntimeError, TypeError, ValueError) as error:
        raise ValueError(f"--checkpoint {path}: is no network of photo-tagging ({error})") from None
    return model, ((x - mean) / deviation).astype(np.float32)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of this experiment."""
    parser.add_argument("--model", choices=tuple(MODELS), default="lenet", help="which network (default: lenet)")
    parser.add_argument("--checkpoint", metavar="FILE", help="a network of photo-tagging instead")
    parser.add_argument("--digit", type=int, default=0, help="which image of the test data (default: 0)")
    parser.add_argument("--epochs", type=int, default=1, help="training before, where there is no checkpoint (1)")
    parser.add_argument("--html", metavar="FILE", help="write a page instead of printing the steps")


def run(args: argparse.Namespace) -> None:
    """Prints the steps, waiting after each where a person is there, or writes the page."""
    check_option("--epochs", args.epochs, 0)
    if args.checkpoint is not None and args.model != "lenet":
        raise ValueError(f"--checkpoint: brings its own network, and --model asks for {args.model}")
    folder = open_folder(args.out)
    steps = example(args)
    steps.title = MODELS[args.model]
    if args.html is not None:
        steps.html(args.html)
    else:
        steps.print(input if sys.stdin.isatty() and sys.stdout.isatty() else None)
    forward, backward = steps.largest_error
    figures = {"steps": len(steps.steps), "cost": steps.cost, "error_forward": forward, "error_backward": backward}
    settings = {name: getattr(args, name) for name in ("model", "checkpoint", "digit", "epochs", "seed")}
    leave(folder, steps.finding(), figures, settings)
    if args.html is not None:
        print(f"Open it in a browser: {args.html}")
