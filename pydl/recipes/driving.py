"""driving: a camera's image and a radar's returns to the positions and speeds of other cars, with a hybrid network.

A convolutional branch looks at the image; each column of it, a direction, is turned into features for 20 distances.
The radar's returns are written into the same grid of directions and distances. Convolutions over both say for each cell
whether a car is there, where in the cell, and how fast. The camera knows directions well, the radar distances and
speeds; the same network with only one of its branches, and the classical clustering of radar returns, show what joining
them is worth.

The scenes are made by a simulator (pydl/data/road_scenes.py): nothing here has been tried on a road.

Sources: Zhou, Wang, Kraehenbuehl, "Objects as points", 2019 (cells and offsets); Roddick, Kendall, Cipolla,
"Orthographic feature transform for monocular 3D object detection", BMVC 2019 (from image columns to the ground); Nobis
et al., "A deep learning-based radar and camera sensor fusion architecture for object detection", SDF 2019.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from typing import Any, cast

import numpy as np

import pydl
from pydl import nn
from pydl.data import DataLoader, TensorDataset
from pydl.data.road_scenes import RoadScenes, make_drive, make_scenes
from pydl.nn.functional import binary_cross_entropy_with_logits, relu
from pydl.optim import AdamW
from pydl.optim.lr_scheduler import OneCycleLR
from pydl.random import generator
from pydl.training import Callback, Checkpoint, EarlyStopping, LRSchedule, Trainer, read_checkpoint

from .radar_clustering import cluster_radar
from .report import check_option, each_file, prepare_folder, report, suggest, whole
from .road_grid import DISTANCES, find_cars, radar_grid, target_grid
from .settings import choose_settings

BATCH = 32
PEAK_LEARNING_RATE, WEIGHT_DECAY = 2e-3, 0.1
NEAR_ENOUGH = 2.0  # metres between a car and where it was said to be
SENSORS = ("both", "camera", "radar")
LIFTED = 12  # features of a cell that come from the image


def convolution(inputs: int, outputs: int, size: int, stride: int = 1) -> list[nn.Module]:
    """A convolution that keeps the size (but for its stride), batch normalisation, ReLU."""
    return [
        nn.Conv2d(inputs, outputs, size, stride=stride, padding=size // 2, bias=False),
        nn.BatchNorm2d(outputs),
        nn.ReLU(),
    ]


class Network(nn.Module):
    """Image (N, 1, 48, 96) and radar grid (N, 8, 20, 24) -> (N, 4, 20, 24).

    For each cell the log-odds of a car, its place in the cell (distance, direction) and its speed.
    """

    def __init__(self, sensors: str) -> None:
        super().__init__()
        self.sensors = sensors
        channels = (LIFTED if sensors != "radar" else 0) + (8 if sensors != "camera" else 0)
        if sensors != "radar":
            self.camera = nn.Sequential(
                *convolution(1, 16, 5, stride=2),  # (16, 24, 48)
                *convolution(16, 32, 3),
                *convolution(32, 48, 3, stride=2),  # (48, 12, 24)
                *convolution(48, 48, 3),
                nn.Conv2d(48, LIFTED * DISTANCES, (12, 1)),  # a whole column of the image at once
            )
        self.first = nn.Conv2d(channels, 48, 3, padding=1)
        self.second = nn.Conv2d(48, 48, 3, padding=1)
        self.last = nn.Conv2d(48, 4, 1)
        with pydl.no_grad():
            cast(nn.Parameter, self.last.bias)[0] = -5.0  # at first, no cell has a car

    def forward(self, image: Any, radar: Any) -> Any:
        parts = []
        if self.sensors != "radar":
            columns = self.camera(image)
            parts.append(columns.reshape(columns.shape[0], LIFTED, DISTANCES, columns.shape[3]))
        if self.sensors != "camera":
            parts.append(pydl.tensor(radar))
        joined = pydl.cat(parts, 1) if len(parts) > 1 else parts[0]
        return self.last(relu(self.second(relu(self.first(joined)))))


def loss(outputs: Any, targets: Any) -> Any:
    """Cross-entropy of the cells, and where a car is the squared error of place and speed; per scene."""
    scenes = len(targets)
    there = targets[:, :1]
    cells = binary_cross_entropy_with_logits(outputs[:, :1], there, reduction="sum")
    off = (outputs[:, 1:] - targets[:, 1:]) * there
    return (cells + 4 * off.square().sum()) / scenes


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `pydl train driving`. None means: the default, or with --resume what the checkpoint says."""
    parser.add_argument("--scenes", type=int, help="how many simulated scenes to learn from (default: 8000)")
    parser.add_argument("--epochs", type=int, help="passes over them (default: 8)")


def train(args: argparse.Namespace) -> dict[str, Any]:
    """Trains, evaluates and leaves the results in the folder args.out; returns the figures."""
    folder = prepare_folder(args.out, args.resume, args.overwrite)
    checkpoint = folder / "checkpoint.safetensors"
    resumed = read_checkpoint(checkpoint)["facts"] if args.resume else None
    settings = choose_settings(args, {"scenes": 8000, "epochs": 8, "seed": 0}, resumed)
    check_option("--scenes", settings["scenes"], 10)
    count = settings["scenes"]
    learn, validation, test = (
        make_scenes(number, 3 * settings["seed"] + k)
        for k, number in enumerate((count, max(count // 10, 5), max(count // 5, 5)))
    )
    print(f"simulated scenes: {len(learn)} to learn from, {len(validation)} for validation, {len(test)} for the test")
    print("source: pydl/data/road_scenes.py; licence: MIT, as pydl")

    figures: dict[str, Any] = {}
    seconds, models, histories, found = 0.0, {}, {}, {}
    for sensors in SENSORS:
        print(f"\nsensors: {sensors}")
        started = time.perf_counter()
        own = sensors == "both"
        callbacks: list[Callback] = [Checkpoint(checkpoint, facts=settings)] if own else []
        resume = checkpoint if own and args.resume else None
        models[sensors], histories[sensors] = fit(sensors, learn, validation, settings, callbacks, resume)
        seconds += time.perf_counter() - started
        threshold = choose_threshold(models[sensors], validation)
        if own:
            best_threshold = threshold
        found[sensors] = find_cars(outputs_for(models[sensors], test), threshold)
    found["clustering"] = cluster_radar(test.radar, *choose_clustering(validation))
    for name, cars in found.items():
        label = "test" if name == "both" else f"baseline_{name}_only" if name in SENSORS else f"baseline_{name}"
        figures |= {f"{label}_{key}": value for key, value in judge(cars, test.cars).items()}
    figures |= {"training_scenes": len(learn), "test_scenes": len(test), "training_seconds": round(seconds, 1)}

    metadata = {"recipe": "driving", "threshold": best_threshold, "settings": settings, "data": "simulated"}
    pydl.save(models["both"].state_dict(), folder / "model.safetensors", metadata=metadata)
    write_examples(folder / "examples", test, 3)
    draw(folder, models["both"], best_threshold, histories["both"], found, test, settings["seed"])
    report(folder, figures, settings)
    suggest("predict", folder, "examples/*.npz")
    return figures


class MirroredScenes(TensorDataset):
    """Images, radar grids and targets; of each batch half is mirrored: twice the data, as a road has two sides."""

    def gather(self, indices: np.ndarray) -> Any:
        images, radar, targets = (array[indices] for array in self.arrays)
        turned = generator().random(len(indices)) < 0.5
        for array, sides in ((images, ()), (radar, (2, 6)), (targets, (2,))):
            array[turned] = array[turned][..., ::-1]
            for channel in sides:  # places in a cell, from its left to its right
                array[turned, channel] *= -1
        return images, radar, targets


def fit(
    sensors: str,
    learn: RoadScenes,
    validation: RoadScenes,
    settings: dict[str, Any],
    callbacks: list[Callback],
    resume: Any,
) -> tuple[Network, list[dict[str, float]]]:
    """A network that has one branch or both."""
    pydl.manual_seed(settings["seed"])
    model = Network(sensors)
    sets = [
        kind(each.images, radar_grid(each.radar), target_grid(each.cars))
        for kind, each in ((MirroredScenes, learn), (TensorDataset, validation))
    ]
    loader = DataLoader(sets[0], batch_size=min(BATCH, len(learn)), shuffle=True, drop_last=True)
    optimizer = AdamW(model.parameters(), lr=PEAK_LEARNING_RATE, weight_decay=WEIGHT_DECAY)
    cycle = OneCycleLR(optimizer, max_lr=PEAK_LEARNING_RATE, total_steps=settings["epochs"] * len(loader))
    best = EarlyStopping(monitor="val_loss", patience=settings["epochs"])
    trainer = Trainer(model, loss, optimizer, callbacks=[LRSchedule(cycle, every="batch"), best, *callbacks])
    history = trainer.fit(loader, validation=sets[1], epochs=settings["epochs"], resume=resume)
    return model, history.epochs


def outputs_for(model: Network, scenes: RoadScenes) -> np.ndarray:
    """The network's outputs for scenes."""
    grids = radar_grid(scenes.radar)
    with pydl.no_grad():
        model.eval()
        parts = [model(scenes.images[k : k + 64], grids[k : k + 64]).numpy() for k in range(0, len(scenes), 64)]
    return np.concatenate(parts)


def match(found: np.ndarray, cars: np.ndarray) -> list[tuple[int, int]]:
    """(place in found, place in cars) of those that belong together: the nearest first, at most NEAR_ENOUGH apart."""
    apart = np.hypot(found[:, None, 0] - cars[None, :, 0], found[:, None, 1] - cars[None, :, 1])
    pairs: list[tuple[int, int]] = []
    while apart.size and apart.min() <= NEAR_ENOUGH:
        i, j = np.unravel_index(int(apart.argmin()), apart.shape)
        pairs.append((int(i), int(j)))
        apart[i, :] = apart[:, j] = np.inf
    return pairs


def judge(found: list[np.ndarray], cars: list[np.ndarray]) -> dict[str, float]:
    """How many were found (recall), how many of those said are there (precision), both in one (F1), and how far off."""
    matches = [match(*each) for each in zip(found, cars, strict=True)]
    hits, said, there = (sum(map(len, each)) for each in (matches, found, cars))
    errors = [
        (np.hypot(*(f[i, :2] - c[j, :2])), f[i, 2] - c[j, 2])
        for f, c, pairs in zip(found, cars, matches, strict=True)
        for i, j in pairs
    ]
    distance, speed = np.array(errors).reshape(-1, 2).T
    return {
        "f1": round(2 * hits / max(said + there, 1), 4),
        "precision": round(hits / max(said, 1), 4),
        "recall": round(hits / max(there, 1), 4),
        "position_error_metres": round(float(distance.mean()), 3) if hits else float("nan"),
        "speed_error_metres_per_second": round(float(np.abs(speed).mean()), 3) if hits else float("nan"),
    }


def choose_threshold(model: Network, validation: RoadScenes) -> float:
    """The probability from which on a peak counts as a car: what finds most on the validation scenes."""
    outputs = outputs_for(model, validation)
    choices = [0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8]
    return max(choices, key=lambda each: judge(find_cars(outputs, each), validation.cars)["f1"])


def choose_clustering(validation: RoadScenes) -> tuple[int, bool]:
    """The options of the clustering that find most on the validation scenes."""
    choices = [(least, lanes) for least in (1, 2, 3) for lanes in (False, True)]
    return max(choices, key=lambda each: judge(cluster_radar(validation.radar, *each), validation.cars)["f1"])


def write_examples(folder: Path, scenes: RoadScenes, count: int) -> None:
    """Some scenes as files, to try `pydl predict` with: image, radar, and where the cars are."""
    folder.mkdir(exist_ok=True)
    chosen = [n for n in range(len(scenes)) if len(scenes.cars[n]) > 1] or list(range(len(scenes)))
    for k, n in enumerate(chosen[:count]):
        np.savez(folder / f"scene-{k}.npz", image=scenes.images[n], radar=scenes.radar[n], cars=scenes.cars[n])


def draw(folder: Path, model: Network, threshold: float, history: Any, found: Any, test: RoadScenes, seed: int) -> None:
    """Learning curve, scenes seen from above, and a short drive as an animation; without matplotlib one sentence."""
    from .. import plot
    from .driving_pictures import draw_drive, draw_scenes

    try:
        plot.learning_curve(history, folder / "learning-curve.png", loss="cells and offsets")
        chosen = [n for n in range(len(test)) if len(test.cars[n]) > 1][:6]
        draw_scenes(test, {name: found[name] for name in ("both", "clustering")}, chosen, folder / "scenes.png")
        drive = make_drive(30, seed + 100)
        draw_drive(drive, find_cars(outputs_for(model, drive), threshold), folder / "drive.gif")
    except ImportError as error:
        print(error)


def predict(path: str, files: list[str]) -> int:
    """Prints the cars in each scene (.npz with image and radar); returns how many files could not be read."""
    facts = pydl.load_metadata(path)
    with whole(path, "driving"):
        model = Network("both")
        model.load_state_dict(pydl.load(path))
        threshold = float(facts["threshold"])

    def tell(file: str, scene: RoadScenes) -> None:
        (cars,) = find_cars(outputs_for(model, scene), threshold)
        print(f"{file}: {len(cars) or 'no'} car{'s' * (len(cars) != 1)}")
        for x, z, speed, share in cars[np.argsort(cars[:, 1])]:
            side = "right" if x >= 0 else "left"
            print(f"  {z:5.1f} m ahead, {abs(x):.1f} m to the {side}, {speed:+5.1f} m/s ({100 * share:.0f} %)")

    return each_file(files, read_scene, tell)


def read_scene(file: str) -> RoadScenes:
    """One scene from a file."""
    import zipfile

    try:
        with np.load(file, allow_pickle=False) as content:
            image, radar = content["image"], content["radar"]
    except (KeyError, zipfile.BadZipFile, EOFError, ValueError, AttributeError, TypeError) as error:
        raise ValueError(f"is no scene: an .npz file with image (1, 48, 96) and radar (R, 3) ({error})") from None
    if (
        image.shape != (1, 48, 96)
        or radar.ndim != 2
        or radar.shape[1] != 3
        or "f" not in (image.dtype.kind + radar.dtype.kind)
    ):
        raise ValueError(f"must hold image (1, 48, 96) and radar (R, 3), but has {image.shape} and {radar.shape}")
    return RoadScenes(image[None].astype(np.float32), radar[None].astype(np.float32), [np.empty((0, 3))])
