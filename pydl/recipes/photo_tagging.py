"""photo-tagging: image to object, with the convolutional network of the textbooks.

28x28 pixels, 20 filters of 5x5 giving 24x24, 2x2 max-pooling, a second such pair, flatten, a fully connected layer
with dropout, softmax with cross-entropy. The training images are shifted, turned and scaled a little, differently in
every epoch; the learning rate follows one cycle.

Source: LeCun, Bottou, Bengio, Haffner, "Gradient-based learning applied to document recognition", Proc. IEEE 86
(1998); Nielsen, "Neural Networks and Deep Learning", chapter 6; Smith, Topin, "Super-convergence", 2018 (one cycle).
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from typing import Any

import numpy as np

import pydl
from pydl import nn
from pydl.data import Compose, DataLoader, Normalize, RandomAffine, Subset, TensorDataset
from pydl.nn.functional import cross_entropy
from pydl.optim import Adam
from pydl.optim.lr_scheduler import OneCycleLR
from pydl.training import (
    Checkpoint,
    EarlyStopping,
    LRSchedule,
    Trainer,
    accuracy,
    confusion_matrix,
    read_checkpoint,
)

from .images import read_image, write_image
from .report import prepare_folder, report
from .settings import choose_settings

DATA = ("mnist-5k", "fashion-mnist")
BATCH = 64
PEAK_LEARNING_RATE = 4e-3

# The pure-Python reference needs seconds for one image, so it trains on a handful.
FEW = 8


def network(classes: int) -> nn.Sequential:
    """(N, 1, 28, 28) -> (N, classes) scores."""
    return nn.Sequential(
        nn.Conv2d(1, 20, 5),  # (20, 24, 24)
        nn.ReLU(),
        nn.MaxPool2d(2),  # (20, 12, 12)
        nn.Conv2d(20, 40, 5),  # (40, 8, 8)
        nn.ReLU(),
        nn.MaxPool2d(2),  # (40, 4, 4)
        nn.Flatten(),
        nn.Linear(640, 100),
        nn.ReLU(),
        nn.Dropout(0.5),
        nn.Linear(100, classes),
    )


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `pydl train photo-tagging`. None means: the default, or with --resume what the checkpoint says."""
    parser.add_argument("--data", choices=DATA, help="which images (default: mnist-5k)")
    parser.add_argument("--root", help="folder that holds the data set's files, where it does not come with pydl")
    parser.add_argument("--epochs", type=int, help="passes over the training images (default: 20)")
    parser.add_argument("--images", type=int, help=f"train on the first N images only (reference backend: {FEW})")


def train(args: argparse.Namespace) -> dict[str, Any]:
    """Trains, evaluates and leaves the results in the folder args.out; returns the figures."""
    folder = prepare_folder(args.out, args.resume, args.overwrite)
    checkpoint = folder / "checkpoint.safetensors"
    few = FEW if pydl.get_backend() == "reference" else None
    defaults = {"data": "mnist-5k", "epochs": 1 if few else 20, "images": few, "seed": 0}
    settings = choose_settings(args, defaults, read_checkpoint(checkpoint)["facts"] if args.resume else None)
    if settings["images"] is not None and settings["images"] < 2:
        raise ValueError(f"--images: must be at least 2, not {settings['images']}")
    pydl.manual_seed(settings["seed"])

    data = pydl.data.load(settings["data"], root=args.root)
    learn, validation, test = divide(data, settings["images"])
    print(f"{data.name}: {len(learn)} images to learn from, {len(validation)} for validation, {len(test)} for the test")
    if pydl.get_backend() == "reference":
        print(f"The pure-Python reference needs about a second for an image, so it gets {len(learn)} of them.")

    normalize = Normalize(*brightness(learn))
    loader = DataLoader(
        learn,
        batch_size=min(BATCH, max(1, len(learn) // 2)),
        shuffle=True,
        transform=Compose([RandomAffine(degrees=10, translate=(0.08, 0.08), scale=(0.9, 1.1)), normalize]),
    )
    to_validate, to_test = (TensorDataset(normalize(images), labels) for images, labels in (validation[:], test[:]))
    model = network(len(data.classes))
    optimizer = Adam(model.parameters(), lr=PEAK_LEARNING_RATE)
    one_cycle = OneCycleLR(optimizer, max_lr=PEAK_LEARNING_RATE, total_steps=max(1, settings["epochs"] * len(loader)))
    best = EarlyStopping(monitor="val_loss", patience=max(5, settings["epochs"] // 2))
    trainer = Trainer(
        model,
        cross_entropy,
        optimizer,
        metrics=[accuracy],
        callbacks=[LRSchedule(one_cycle, every="batch"), best, Checkpoint(checkpoint, facts=settings)],
    )
    started = time.perf_counter()
    history = trainer.fit(
        loader, validation=to_validate, epochs=settings["epochs"], resume=checkpoint if args.resume else None
    )
    seconds = time.perf_counter() - started

    figures = trainer.evaluate(to_test)
    inputs, labels = to_test[:]
    scores = trainer.predict(inputs)
    results = {
        "test_accuracy": round(figures["accuracy"], 4),
        "test_loss": round(figures["loss"], 4),
        "baseline_nearest_mean_accuracy": round(nearest_mean_accuracy(learn, data.test, len(data.classes)), 4),
        "best_epoch": best.best_epoch,
        "training_images": len(learn),
        "test_images": len(test),
        "training_seconds": round(seconds, 1),
    }
    facts = {
        "recipe": "photo-tagging",
        "classes": list(data.classes),
        "brightness": brightness(learn),
        "settings": settings,
    }
    pydl.save(model.state_dict(), folder / "model.safetensors", metadata=facts)
    draw(folder, history.epochs, best.best_epoch, confusion_matrix(labels, scores.argmax(1), len(data.classes)), data)
    images, answers = data.test[: len(test)]
    write_examples(folder / "examples", images, answers, data.classes)
    report(folder, results, settings)
    print(f"\nTry it: pydl predict {folder / 'model.safetensors'} {folder / 'examples'}/*.png")
    return results


def divide(data: Any, images: int | None) -> tuple[Subset, Subset, Any]:
    """(training, validation, test): the last eighth of the training images is held out to choose the best epoch by."""
    total = len(data.train)
    held = total // 8
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


def nearest_mean_accuracy(learn: Any, test: Any, classes: int) -> float:
    """The baseline: an image belongs to the class whose mean image is nearest."""
    (x, y), (x_test, y_test) = learn[:], test[:]
    x, x_test = x.reshape(len(x), -1), x_test.reshape(len(x_test), -1)
    means = np.stack([x[y == k].mean(0) if np.any(y == k) else np.full(x.shape[1], np.inf) for k in range(classes)])
    nearest = [((means - each) ** 2).sum(1).argmin() for each in x_test]
    return float(np.mean(np.array(nearest) == y_test))


def draw(folder: Path, epochs: list[dict[str, float]], best_epoch: int, counts: Any, data: Any) -> None:
    """The learning curve and the confusion matrix; without matplotlib one sentence instead."""
    from .. import plot

    try:
        plot.learning_curve(epochs, folder / "learning-curve.png", best_epoch)
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
    try:
        classes = [str(name) for name in facts["classes"]]
        model = network(len(classes))
        model.load_state_dict(pydl.load(path))
        mean, std = facts["brightness"]
        normalize = Normalize(mean, std)
    except (KeyError, TypeError, ValueError, RuntimeError) as error:
        raise ValueError(f"{path}: is not whole as a network of photo-tagging ({error})") from None
    model.eval()
    failed = 0
    for file in files:
        try:
            image = read_image(file, size=28)
        except (OSError, ValueError) as error:
            print(f"{file}: {error}")
            failed += 1
            continue
        with pydl.no_grad():
            shares = nn.functional.softmax(model(normalize(image[None, None])), dim=1).numpy()[0]
        likely = np.argsort(-shares, kind="stable")[:3]
        print(f"{file}: " + ", ".join(f"{classes[k]} ({100 * shares[k]:.1f} %)" for k in likely))
    return failed
