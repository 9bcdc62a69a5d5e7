"""photo-tagging: image to object, with the convolutional network of the textbooks.

Digits: 28x28 pixels, 32 filters of 5x5 giving 24x24, 2x2 max-pooling, a second such pair, flatten, a fully connected
layer with dropout, softmax with cross-entropy; the images are shifted, turned and scaled a little. Clothes: five
convolutions of 3x3 in three stages; the images are mirrored and shifted, and a new image gets the mean of its own
scores and its mirror image's. Every epoch varies the images differently, and the learning rate follows one cycle, so
that the last epoch is the best one and all training images can be learnt. --validation holds an eighth of them out, to
choose such settings by.

Source: LeCun, Bottou, Bengio, Haffner, "Gradient-based learning applied to document recognition", Proc. IEEE 86
(1998); Nielsen, "Neural Networks and Deep Learning", chapter 6;
Simonyan, Zisserman, "Very deep convolutional networks for large-scale image recognition", ICLR 2015; Ioffe, Szegedy,
"Batch normalization", ICML 2015; Szegedy et al., "Rethinking the inception architecture", CVPR 2016, section 7 (label
smoothing); Smith, Topin, "Super-convergence", 2018 (one cycle).
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

import pydl
from pydl import nn
from pydl.data import (
    Compose,
    DataLoader,
    Normalize,
    RandomAffine,
    RandomCrop,
    RandomHorizontalFlip,
    Subset,
    TensorDataset,
)
from pydl.nn.functional import cross_entropy
from pydl.optim import SGD, AdamW, Optimizer
from pydl.optim.lr_scheduler import OneCycleLR
from pydl.training import (
    Checkpoint,
    LRSchedule,
    Trainer,
    accuracy,
    confusion_matrix,
    read_checkpoint,
)

from .images import read_image, write_image
from .report import check_option, each_file, prepare_folder, report, suggest, tell_data, whole
from .settings import choose_settings

BATCH = 64

# The pure-Python reference needs seconds for one image, so it trains on a handful.
FEW = 8


def digit_network(classes: int) -> nn.Sequential:
    """(N, 1, 28, 28) -> (N, classes) scores."""
    return nn.Sequential(
        nn.Conv2d(1, 32, 5, bias=False),  # (32, 24, 24); the normalization has the bias
        nn.BatchNorm2d(32),
        nn.ReLU(),
        nn.MaxPool2d(2),  # (32, 12, 12)
        nn.Conv2d(32, 64, 5, bias=False),  # (64, 8, 8)
        nn.BatchNorm2d(64),
        nn.ReLU(),
        nn.MaxPool2d(2),  # (64, 4, 4)
        nn.Flatten(),
        nn.Dropout(0.5),
        nn.Linear(1024, 128),
        nn.BatchNorm1d(128),
        nn.ReLU(),
        nn.Dropout(0.5),
        nn.Linear(128, classes),
    )


def clothes_network(classes: int) -> nn.Sequential:
    """(N, 1, 28, 28) -> (N, classes) scores. On maps of 28x28 there is one convolution: it has one channel to read."""
    layers: list[Any] = []
    channels = 1
    for widths in ((32,), (48, 48), (96, 96)):  # maps of 28x28, 14x14, 7x7
        for filters in widths:
            layers += [nn.Conv2d(channels, filters, 3, padding=1, bias=False), nn.BatchNorm2d(filters), nn.ReLU()]
            channels = filters
        layers.insert(-2, nn.MaxPool2d(2))  # before the normalization, which has a quarter of the numbers then
    return nn.Sequential(*layers, nn.Flatten(), nn.Dropout(0.1), nn.Linear(channels * 3 * 3, classes))


@dataclass(frozen=True)
class Plan:
    """How a data set is learnt."""

    network: Callable[[int], nn.Sequential]
    epochs: int
    vary: Callable[..., Any]
    peak: float  # of the learning rate
    optimizer: Callable[..., Optimizer]
    smoothing: float = 0.0  # of the labels, in the training loss
    mirrored: bool = False  # whether a mirror image shows the same


PLANS = {
    "mnist-5k": Plan(
        digit_network,
        epochs=40,
        vary=RandomAffine(degrees=10, translate=(0.08, 0.08), scale=(0.9, 1.1)),
        peak=4e-3,
        optimizer=lambda parameters, lr: AdamW(parameters, lr, weight_decay=0.02),
    ),
    "fashion-mnist": Plan(
        clothes_network,
        epochs=15,
        vary=Compose([RandomHorizontalFlip(), RandomCrop(28, padding=2)]),
        peak=0.05,
        optimizer=lambda parameters, lr: SGD(parameters, lr, momentum=0.9, weight_decay=5e-4, nesterov=True),
        smoothing=0.1,
        mirrored=True,
    ),
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `pydl train photo-tagging`. None means: the default, or with --resume what the checkpoint says."""
    parser.add_argument("--data", choices=tuple(PLANS), help="which images (default: mnist-5k)")
    parser.add_argument("--root", help="folder that holds the data set's files, where it does not come with pydl")
    parser.add_argument("--epochs", type=int, help="passes over the training images (default: 40; clothes: 15)")
    parser.add_argument("--validation", action="store_true", default=None, help="hold an eighth of the images out")
    parser.add_argument("--images", type=int, help=f"train on the first N images only (reference backend: {FEW})")


def train(args: argparse.Namespace) -> dict[str, Any]:
    """Trains, evaluates and leaves the results in the folder args.out; returns the figures."""
    folder = prepare_folder(args.out, args.resume, args.overwrite)
    checkpoint = folder / "checkpoint.safetensors"
    few = FEW if pydl.get_backend() == "reference" else None
    plan = PLANS[args.data or "mnist-5k"]
    defaults = {
        "data": "mnist-5k",
        "epochs": 1 if few else plan.epochs,
        "images": few,
        "seed": 0,
        "validation": False,
    }
    settings = choose_settings(args, defaults, read_checkpoint(checkpoint)["facts"] if args.resume else None)
    plan = PLANS[settings["data"]]
    if settings["images"] is not None:
        check_option("--images", settings["images"], 2)
    pydl.manual_seed(settings["seed"])

    data = pydl.data.load(settings["data"], root=args.root)
    learn, validation, test = divide(data, settings["images"], settings["validation"])
    held_out = f"{len(validation)} for validation, " if settings["validation"] else ""
    tell_data(data, f"{len(learn)} images to learn from, {held_out}{len(test)} for the test")
    if pydl.get_backend() == "reference":
        print(f"The pure-Python reference needs about a second for an image, so it gets {len(learn)} of them.")

    mean, std = brightness(learn)
    normalize = Normalize(mean, std)
    loader = DataLoader(
        learn,
        batch_size=min(BATCH, max(2, len(learn) // 2)),
        shuffle=True,
        drop_last=True,  # what is left over may be one image, of which a batch norm cannot take the variance
        transform=Compose([plan.vary, normalize]),
    )
    to_validate, to_test = (TensorDataset(normalize(images), labels) for images, labels in (validation[:], test[:]))
    model = plan.network(len(data.classes))
    optimizer = plan.optimizer(model.parameters(), plan.peak)
    one_cycle = OneCycleLR(optimizer, max_lr=plan.peak, total_steps=max(1, settings["epochs"] * len(loader)))
    trainer = Trainer(
        model,
        partial(cross_entropy, label_smoothing=plan.smoothing),
        optimizer,
        metrics=[accuracy],
        callbacks=[LRSchedule(one_cycle, every="batch"), Checkpoint(checkpoint, facts=settings)],
        capture=True,
    )
    started = time.perf_counter()
    history = trainer.fit(
        loader,
        validation=to_validate if settings["validation"] else None,
        epochs=settings["epochs"],
        resume=checkpoint if args.resume else None,
    )
    seconds = time.perf_counter() - started

    inputs, labels = to_test[:]
    scores = score(trainer.predict, inputs, plan.mirrored)
    results = {
        "test_accuracy": round(accuracy(scores, labels), 4),
        "test_loss": round(cross_entropy(scores, labels).item(), 4),
        "baseline_nearest_mean_accuracy": round(nearest_mean_accuracy(learn, data.test, len(data.classes)), 4),
        "training_images": len(learn),
        "test_images": len(test),
        "training_seconds": round(seconds, 1),
    }
    facts = {
        "recipe": "photo-tagging",
        "classes": list(data.classes),
        "brightness": [mean, std],
        "settings": settings,
    }
    if settings["validation"]:
        inputs, answers = to_validate[:]
        results["validation_accuracy"] = round(accuracy(score(trainer.predict, inputs, plan.mirrored), answers), 4)
    pydl.save(model.state_dict(), folder / "model.safetensors", metadata=facts)
    draw(folder, history.epochs, confusion_matrix(labels, scores.argmax(1), len(data.classes)), data)
    images, answers = data.test[: len(test)]
    write_examples(folder / "examples", images, answers, data.classes)
    report(folder, results, settings)
    suggest("predict", folder, "examples/*.png")
    return results


def divide(data: Any, images: int | None, validation_wanted: bool) -> tuple[Subset, Subset, Any]:
    """(training, validation, test): if it is wanted, the last eighth of the training images is for validation."""
    total = len(data.train)
    held = total // 8 if validation_wanted else 0
    learn, validation, test = np.arange(total - held), np.arange(total - held, total), data.test
    if images is not None and images < len(learn):
        learn = learn[:images]
        if images <= FEW:
            validation, test = validation[:images], Subset(data.test, range(images))
    return Subset(data.train, learn), Subset(data.train, validation), test


def brightness(learn: Any) -> tuple[float, float]:
    """Mean and standard deviation of the training images' pixels: with inputs around 0 a network learns sooner."""
    images = learn[:][0]
    return round(float(images.mean()), 4), round(float(images.std()), 4)


def score(network: Callable[[Any], Any], images: Any, mirrored: bool) -> Any:
    """The network's scores; where a mirror image shows the same, the mean of an image's and its mirror image's."""
    scores = network(images)
    return (scores + network(np.ascontiguousarray(images[..., ::-1]))) / 2 if mirrored else scores


def nearest_mean_accuracy(learn: Any, test: Any, classes: int) -> float:
    """The baseline: an image belongs to the class whose mean image is nearest."""
    (x, y), (x_test, y_test) = learn[:], test[:]
    x, x_test = x.reshape(len(x), -1), x_test.reshape(len(x_test), -1)
    means = np.stack([x[y == k].mean(0) if np.any(y == k) else np.full(x.shape[1], np.inf) for k in range(classes)])
    nearest = [((means - each) ** 2).sum(1).argmin() for each in x_test]
    return float(np.mean(np.array(nearest) == y_test))


def draw(folder: Path, epochs: list[dict[str, float]], counts: Any, data: Any) -> None:
    """The learning curve and the confusion matrix; without matplotlib one sentence instead."""
    from .. import plot

    try:
        plot.learning_curve(epochs, folder / "learning-curve.png")
        hits = f"{np.trace(counts)} of {counts.sum()} test images right"
        plot.confusion_matrix(counts, data.classes, folder / "confusion-matrix.png", f"{data.name}: {hits}")
    except ImportError as error:
        print(error)


def write_examples(folder: Path, images: Any, labels: Any, classes: Any) -> None:
    """One test image of each class as a file, to try `pydl predict` with."""
    folder.mkdir(exist_ok=True)
    for k, name in enumerate(classes):
        places = np.flatnonzero(labels == k)
        if len(places):
            safe = "".join(letter if letter.isalnum() else "-" for letter in str(name).lower())
            write_image(folder / f"{safe}.png", images[places[0], 0])


def predict(path: str, files: list[str]) -> int:
    """Prints for each image file what the network sees in it; returns how many files could not be read."""
    facts = pydl.load_metadata(path)
    with whole(path, "photo-tagging"):
        classes = [str(name) for name in facts["classes"]]
        plan = PLANS[facts["settings"]["data"]]
        model = plan.network(len(classes))
        model.load_state_dict(pydl.load(path))
        mean, std = facts["brightness"]
        normalize = Normalize(mean, std)
    model.eval()

    def tell(file: str, image: np.ndarray) -> None:
        with pydl.no_grad():
            scores = score(model, normalize(image[None, None]), plan.mirrored)
            shares = nn.functional.softmax(scores, dim=1).numpy()[0]
        likely = np.argsort(-shares, kind="stable")[:3]
        print(f"{file}: " + ", ".join(f"{classes[k]} ({100 * shares[k]:.1f} %)" for k in likely))

    return each_file(files, lambda file: read_image(file, size=28), tell)
