"""Overfitting: good on what was learned, worse on what is new, and what early stopping, weight decay, dropout,
varied images and more data each do about it.

A network of 784 -> 200 -> 200 -> 10 learns few digits by heart. All trainings take the same number of steps:

    nothing         the loss on the learned digits goes to 0, that on others turns and rises
    early stopping  the same training; the weights are those of its best round by accuracy on validation digits
    weight decay    J = C + lambda / 2 sum w^2 keeps weights small
    dropout         each hidden neuron is left out of a step with probability 1/2
    varied images   every round turns, shifts and scales the digits anew: more data from what there is
    more data       ten times as many digits

With --data fashion-mnist clothes take the digits' place, which are mirrored, too.

Source: Nielsen, "Neural Networks and Deep Learning", chapter 3; Srivastava et al., "Dropout", JMLR 15, 2014; Simard,
Steinkraus, Platt, ICDAR 2003.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from .. import nn, optim
from ..data import Compose, RandomAffine, RandomHorizontalFlip
from ..random import manual_seed
from .digits import Digits, descend, judge, load_digits
from .figures import BLUE, COLOURS, GREY, ORANGE, picture
from .results import check_option, leave, open_folder

BATCH, MORE = 30, 10
CURES = ("nothing", "early stopping", "weight decay", "dropout", "varied images", "more data")


class Plan(NamedTuple):
    """What suits a set of images."""

    vary: Any
    weight_decay: float
    images: int  # the few
    validation: int
    rounds: int
    repeats: int


PLANS = {
    "mnist-5k": Plan(
        RandomAffine(degrees=12, translate=(0.08, 0.08), scale=(0.9, 1.1)),
        weight_decay=1.0,
        images=300,
        validation=700,
        rounds=60,
        repeats=1,
    ),
    "fashion-mnist": Plan(
        Compose([RandomHorizontalFlip(), RandomAffine(0, translate=(0.03, 0.03))]),
        weight_decay=0.1,
        images=1000,
        validation=2000,
        rounds=100,
        repeats=4,
    ),
}


def network(p: float) -> nn.Sequential:
    """784 -> 200 -> 200 -> 10 with dropout of probability p behind its hidden layers."""
    hidden = [nn.Linear(784, 200), nn.ReLU(), nn.Dropout(p), nn.Linear(200, 200), nn.ReLU(), nn.Dropout(p)]
    return nn.Sequential(nn.Flatten(), *hidden, nn.Linear(200, 10))


def learn(cure: str, digits: Digits, images: int, rounds: int, seed: int, plan: Plan) -> dict[str, Any]:
    """Trains with one cure; the losses of every round and the accuracies of the network that is kept.

    A round is one pass over as many digits as the small set has. The last plan.validation images are for validation.
    """
    manual_seed(seed)
    model = network(0.5 if cure == "dropout" else 0.0)
    optimizer = optim.AdamW(
        model.parameters(), lr=1e-3, weight_decay=plan.weight_decay if cure == "weight decay" else 0.0
    )
    random = np.random.default_rng(seed)
    pool = images * MORE if cure == "more data" else images
    validation_x, validation_y = digits.x[-plan.validation :], digits.y[-plan.validation :]
    train_loss, validation_loss, validation_accuracy = [], [], []
    best, kept_round = -1.0, 0
    kept: dict[str, Any] = {}
    for number in range(rounds):
        chosen = random.permutation(pool)[:images]
        x, y = digits.x[chosen], digits.y[chosen]
        for _ in descend(model, optimizer, plan.vary(x, random) if cure == "varied images" else x, y, BATCH, random):
            pass
        train_loss.append(judge(model, digits.x[:images], digits.y[:images])[0])
        loss, accuracy = judge(model, validation_x, validation_y)
        validation_loss.append(loss)
        validation_accuracy.append(accuracy)
        if cure != "early stopping" or accuracy > best:
            best, kept_round = accuracy, number + 1
            kept = {name: value.numpy().copy() for name, value in model.state_dict().items()}
    model.load_state_dict(kept)
    test_loss, test_accuracy = judge(model, digits.test_x, digits.test_y)
    return {
        "train_loss": train_loss,
        "validation_loss": validation_loss,
        "validation_accuracy": validation_accuracy,
        "kept_round": kept_round,
        "train_accuracy": judge(model, digits.x[:images], digits.y[:images])[1],
        "test_loss": test_loss,
        "test_accuracy": test_accuracy,
    }


def measure(digits: Digits, images: int, rounds: int, seed: int, plan: Plan, repeats: int) -> dict[str, Any]:
    """Every cure, on `repeats` draws of the images to learn: the curves of the first, the mean of the other figures."""
    figures: dict[str, Any] = {}
    for cure in CURES:
        runs = []
        for repeat in range(repeats):
            # Shuffled, as the order of the data set may go by class.
            order = np.random.default_rng(seed + repeat).permutation(len(digits.y))
            drawn = digits._replace(x=digits.x[order], y=digits.y[order])
            runs.append(learn(cure, drawn, images, rounds, seed + repeat, plan))
        figures[cure] = runs[0] | {
            name: float(np.mean([run[name] for run in runs]))
            for name in ("train_accuracy", "test_loss", "test_accuracy")
        }
    return figures


def finding(figures: dict[str, Any]) -> str:
    """One sentence on what came out."""
    plain = figures["nothing"]
    words = [
        f"{cure} {figures[cure]['test_loss']:.2f} ({100 * figures[cure]['test_accuracy']:.1f} %)" for cure in CURES[1:]
    ]
    return (
        f"A network that names {100 * plain['train_accuracy']:.1f} % of its few training images right has a loss of "
        f"{plain['test_loss']:.2f} on new ones and names {100 * plain['test_accuracy']:.1f} % of them right; with "
        f"{', '.join(words)}."
    )


def draw(figures: dict[str, Any], path: Path) -> None:
    """The curves without a cure, the validation losses of all, and what each ends with."""
    plain = figures["nothing"]
    rounds = np.arange(1, len(plain["train_loss"]) + 1)
    with picture(path, 14, 5.0, columns=3) as (_, (curves, compared, scores)):
        curves.plot(rounds, plain["train_loss"], color=BLUE, label="learned images")
        curves.plot(rounds, plain["validation_loss"], color=ORANGE, linestyle="--", label="other images")
        stop = figures["early stopping"]["kept_round"]
        curves.axvline(stop, color=GREY, linestyle=":", label=f"early stopping: round {stop}")
        curves.set(title="Without a cure", xlabel="round", ylabel="loss", ylim=(0, 1.4 * max(plain["validation_loss"])))
        curves.legend(loc="upper right")
        named = [cure for cure in CURES if cure != "early stopping"]
        for cure, colour, stroke in zip(named, COLOURS, ("-", "--", "-.", ":", (0, (5, 1, 1, 1))), strict=False):
            compared.plot(rounds, figures[cure]["validation_loss"], color=colour, linestyle=stroke, label=cure)
        highest = max(max(figures[cure]["validation_loss"]) for cure in named)
        compared.set(title="Loss on other images", xlabel="round", ylim=(0, 1.5 * highest))
        compared.legend(loc="upper right")
        values = [figures[cure]["test_loss"] for cure in CURES]
        places = np.arange(len(CURES))
        scores.barh(places, values, color=[GREY, *[BLUE] * (len(CURES) - 1)])
        for place, cure in enumerate(CURES):
            words = f" {values[place]:.2f}; {100 * figures[cure]['test_accuracy']:.1f} % right"
            scores.text(values[place], place, words, va="center")
        scores.set_yticks(places, CURES)
        scores.invert_yaxis()
        scores.set(title="Loss on test images", xlim=(0, 1.6 * max(values)))
        scores.grid(axis="y")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of this experiment."""
    parser.add_argument("--data", choices=tuple(PLANS), default="mnist-5k", help="which images (default: mnist-5k)")
    parser.add_argument("--images", type=int, help="the few images to learn (default: 300 digits, 1,000 clothes)")
    parser.add_argument("--rounds", type=int, help="passes over as many images (default: 60; clothes 100)")
    parser.add_argument("--repeats", type=int, help="mean over so many draws of them (default: 1; clothes 4)")


def run(args: argparse.Namespace) -> None:
    """Trains with every cure and leaves overfitting.png."""
    plan = PLANS[args.data]
    images = plan.images if args.images is None else args.images
    rounds = plan.rounds if args.rounds is None else args.rounds
    repeats = plan.repeats if args.repeats is None else args.repeats
    most = 330 if args.data == "mnist-5k" else 5000  # ten times as many must be there
    check_option("--images", images, 10, most)
    for name, value in (("rounds", rounds), ("repeats", repeats)):
        check_option(f"--{name}", value, 1)
    folder = open_folder(args.out)
    digits = load_digits(MORE * images + plan.validation, args.seed, args.data)
    figures = measure(digits, images, rounds, args.seed, plan, repeats)
    draw(figures, folder / "overfitting.png")
    leave(
        folder,
        finding(figures),
        figures,
        {"data": args.data, "images": images, "rounds": rounds, "repeats": repeats, "seed": args.seed},
    )
