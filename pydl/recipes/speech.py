"""speech: sound to text, with a bidirectional LSTM network that nobody told when which symbol is said.

Recordings of spoken digits are joined into utterances of three to seven digits. Log-mel features go through two
convolutions and two bidirectional LSTM layers (see speech_network.py); connectionist temporal classification trains it
on the texts alone. One speaker is left out of training, to see how it does with a voice that it has never heard. With
--data asterisk the same network learns letters from half an hour of telephone prompts.

Source: Graves, Fernandez, Gomez, Schmidhuber, "Connectionist temporal classification", ICML 2006; Leonard, "A database
for speaker-independent digit recognition", ICASSP 1984 (the task).
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

import pydl
from pydl.arguments import Array
from pydl.audio import write_wav
from pydl.data import DataLoader, LoadedData, Recordings, TensorDataset
from pydl.decoding import ctc_greedy, edit_distance
from pydl.nn.functional import ctc_loss
from pydl.optim.lr_scheduler import OneCycleLR
from pydl.training import Callback, Checkpoint, EarlyStopping, LRSchedule, Trainer, read_checkpoint

from .clipped_adam import ClippedAdam
from .hearing import RATE, hear
from .report import check_option, prepare_folder, report, suggest, tell_data
from .settings import choose_settings
from .speech_network import Listener
from .template_matching import coefficients, nearest
from .transcript import draw_transcript, transcribe
from .utterances import Plan, Utterances, fixed_utterances, pack

DATA = {"spoken-digits": "spoken-digits", "synthetic": "synthetic-digits", "asterisk": "asterisk-prompts"}
PLANS = {
    "spoken-digits": Plan(3, 7, "", "0123456789", 4, True),
    "synthetic": Plan(3, 7, "", "0123456789", 4, True),
    "asterisk": Plan(1, 1, " ", " 'abcdefghijklmnopqrstuvwxyz", 2, False),
}
BATCH = 16
PEAK_LEARNING_RATE = 3e-3
LARGEST_GRADIENT = 5.0
LONGEST = 12  # seconds of a prompt that is learned from; a few go on for a minute


class Parts(NamedTuple):
    """Recordings to learn from, to choose the best epoch by, for the test, and of the speaker left out of these."""

    learn: Recordings
    validation: Recordings
    test: Recordings
    unknown: Recordings


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `pydl train speech`. None means: the default, or with --resume what the checkpoint says."""
    parser.add_argument("--data", choices=DATA, help="which recordings (default: spoken-digits)")
    parser.add_argument("--root", help="folder or archive with the recordings")
    parser.add_argument("--unknown", help="the speaker who is left out of training (default: theo)")
    parser.add_argument("--epochs", type=int, help="how often the learning utterances are made anew (default: 60)")
    parser.add_argument("--utterances", type=int, help="how many utterances an epoch has (default: 512)")


def train(args: argparse.Namespace) -> dict[str, Any]:
    """Trains, evaluates and leaves the results in the folder args.out; returns the figures."""
    folder = prepare_folder(args.out, args.resume, args.overwrite)
    checkpoint = folder / "checkpoint.safetensors"
    resumed = read_checkpoint(checkpoint)["facts"] if args.resume else None
    settings = choose_settings(args, defaults(args.data), resumed)
    check_option("--utterances", settings["utterances"], 1)
    pydl.manual_seed(settings["seed"])

    plan = PLANS[settings["data"]]
    data = pydl.data.load(DATA[settings["data"]], root=args.root)
    parts = divide(data, settings["unknown"])
    tell_data(data, describe(parts))
    few = max(1, min(settings["utterances"] // 2, 200))
    utterances = Utterances(parts.learn, plan, settings["utterances"], BATCH)
    validation = loader(fixed_utterances(parts.validation, plan, few, seed=1), plan)
    model = Listener(len(plan.alphabet), plan.stride)
    optimizer = ClippedAdam(model.parameters(), PEAK_LEARNING_RATE, LARGEST_GRADIENT)
    one_cycle = OneCycleLR(optimizer, PEAK_LEARNING_RATE, total_steps=settings["epochs"] * len(utterances))
    # Validation hears known voices, and which epoch these like best says nothing of strangers': what the schedule ends
    # on is kept for them.
    best = EarlyStopping(monitor="val_loss", patience=settings["epochs"], restore_best=not plan.strangers)
    trainer = Trainer(
        model,
        loss,
        optimizer,
        metrics=[error_rate],
        callbacks=[
            LRSchedule(one_cycle, every="batch"),
            ShortOnesFirst(utterances),
            best,
            Checkpoint(checkpoint, facts=settings),
        ],
    )
    started = time.perf_counter()
    history = trainer.fit(
        utterances, validation=validation, epochs=settings["epochs"], resume=checkpoint if args.resume else None
    )
    seconds = time.perf_counter() - started

    facts = {"recipe": "speech", "alphabet": plan.alphabet, "stride": plan.stride, "settings": settings}
    pydl.save(model.state_dict(), folder / "model.safetensors", metadata=facts)
    results = evaluate(trainer, parts, plan, few)
    kept = len(history.epochs) if plan.strangers else best.best_epoch
    results |= {"kept_epoch": kept, "training_seconds": round(seconds, 1)}
    draw_curve(folder, history.epochs, 0 if plan.strangers else best.best_epoch)
    write_examples(folder / "examples", parts, plan)
    example = next((folder / "examples").glob("*.wav"))
    try:
        draw_transcript(model, plan.alphabet, example, folder / "transcript.png")
    except ImportError as error:
        print(error)
    report(folder, results, settings)
    suggest("transcribe", folder, "examples/*.wav")
    return results


def defaults(data: str | None) -> dict[str, Any]:
    """The settings, where nobody asked for others."""
    unknown = {"synthetic": "yew", "asterisk": ""}.get(data or "", "theo")
    settings = {"data": "spoken-digits", "unknown": unknown, "epochs": 60, "utterances": 512, "seed": 0}
    # The pure-Python reference needs a minute for an utterance.
    return settings if pydl.get_backend() == "native" else {**settings, "epochs": 1, "utterances": 1}


def divide(data: LoadedData, unknown: str) -> Parts:
    """Of each known speaker's digits the takes 0 to 4 are for the test and 5 to 9 for validation; of the prompts, which
    have one speaker, a tenth each. No prompt's text is in two parts."""
    learn, test = data.train, data.test
    assert isinstance(learn, Recordings)
    assert isinstance(test, Recordings)
    speakers = sorted(set(learn.speakers.tolist()))
    if len(speakers) == 1:
        if unknown:
            raise ValueError(f"--unknown: {data.name} has one speaker, who cannot be left out")
        short = learn.select([len(each) <= LONGEST * learn.rate for each in learn.samples])
        held = np.array([sum(text.encode()) % 9 == 0 for text in short.texts])
        nobody = test.select(np.zeros(len(test), bool))
        return Parts(short.select(~held), short.select(held), test, nobody)
    if unknown not in speakers:
        raise ValueError(f"--unknown: there is no speaker {unknown!r}; the speakers are {', '.join(speakers)}")
    known = learn.speakers != unknown
    return Parts(
        learn.select(known & (learn.takes >= 10)),
        learn.select(known & (learn.takes < 10)),
        test.select(test.speakers != unknown),
        learn.select(~known),
    )


def describe(parts: Parts) -> str:
    """How many recordings each part has, in a sentence."""
    speakers = len(set(parts.learn.speakers.tolist()))
    sentence = (
        f"{len(parts.learn)} recordings of {speakers} speaker{'s' * (speakers > 1)} to learn from, "
        f"{len(parts.validation)} for validation, {len(parts.test)} for the test"
    )
    if len(parts.unknown):
        sentence += f", {len(parts.unknown)} of {parts.unknown.speakers[0]}, whom the network never hears in training"
    return sentence


class ShortOnesFirst(Callback):
    """The first epochs have short utterances, one symbol more in each: where to put a symbol is learned on few."""

    def __init__(self, utterances: Utterances) -> None:
        self.utterances = utterances

    def on_epoch_begin(self, trainer: Any) -> None:
        plan, epoch = self.utterances.plan, trainer.epoch
        spelled = plan.space != ""
        longest = (10 * epoch if spelled else 1 if epoch <= 3 else epoch) if epoch < 8 else None
        self.utterances.longest = longest


def loader(utterances: tuple[list[Array], list[str]], plan: Plan) -> DataLoader:
    """Batches of fixed utterances."""
    sounds, texts = utterances
    return DataLoader(TensorDataset(*pack([hear(sound) for sound in sounds], texts, plan)), batch_size=50)


def loss(log_probs: Any, targets: Array) -> Any:
    """CTC's loss, the mean over the batch of that of a symbol."""
    return ctc_loss(log_probs.transpose(0, 1), targets[:, 2:], targets[:, 0], targets[:, 1])


def error_rate(log_probs: Array, targets: Array) -> float:
    """Wrong, missing and superfluous symbols for each symbol of the texts, with greedy decoding."""
    read = ctc_greedy(log_probs.transpose(1, 0, 2), targets[:, 0])
    edits = [edit_distance(row[2 : 2 + row[1]], each.labels) for row, each in zip(targets, read, strict=True)]
    return float(sum(edits) / targets[:, 1].sum())


def evaluate(trainer: Trainer, parts: Parts, plan: Plan, count: int) -> dict[str, Any]:
    """The test, on utterances of the known speakers and of the unknown one, and what template matching says of their
    single recordings."""
    symbol = "character" if plan.space else "digit"
    results: dict[str, Any] = {}
    templates = spread(parts.learn, 500 if plan.space else 200)
    for name, recordings in (("test", parts.test), ("unknown_speaker", parts.unknown)):
        if not len(recordings):
            continue
        if plan.space:  # each prompt once
            said = list(recordings.samples), list(recordings.texts)
        else:
            said = fixed_utterances(recordings, plan, count, seed=2)
        results[f"{name}_{symbol}_error_rate"] = round(trainer.evaluate(loader(said, plan))["error_rate"], 4)
        results[f"{name}_utterances"] = len(said[0])
        baseline = template_error_rate(templates, spread(recordings, count), step=4 if plan.space else 2)
        results[f"baseline_template_{name}_{symbol}_error_rate"] = round(baseline, 4)
    return results


def spread(recordings: Recordings, count: int) -> Recordings:
    """At most `count` recordings, evenly from all."""
    return recordings.select(np.unique(np.linspace(0, len(recordings) - 1, count).round().astype(int)))


def template_error_rate(templates: Recordings, test: Recordings, step: int) -> float:
    """The error rate of template matching on single recordings: it is told where they begin and end."""
    known = [coefficients(samples, step) for samples in templates.samples]
    guesses = [templates.texts[nearest(coefficients(samples, step), known)] for samples in test.samples]
    edits = sum(edit_distance(text, guess) for text, guess in zip(test.texts, guesses, strict=True))
    return edits / sum(map(len, test.texts))


def draw_curve(folder: Path, epochs: list[dict[str, float]], best_epoch: int) -> None:
    """The learning curve; without matplotlib one sentence instead."""
    from .. import plot

    try:
        plot.learning_curve(epochs, folder / "learning-curve.png", best_epoch, "CTC, a symbol", "error_rate")
    except ImportError as error:
        print(error)


def write_examples(folder: Path, parts: Parts, plan: Plan) -> None:
    """Some utterances of the test as files, to try `pydl transcribe` with."""
    folder.mkdir(exist_ok=True)
    for recordings in (parts.test, parts.unknown):
        if len(recordings):
            sounds, texts = fixed_utterances(recordings, plan, 5, seed=3)
            for sound, text in zip(sounds, texts, strict=True):
                name = f"{recordings.speakers[0]}-" if recordings is parts.unknown else ""
                write_wav(folder / f"{name}{text.replace(' ', '-')[:60]}.wav", sound, RATE)


def predict(path: str, files: list[str]) -> int:
    """Prints what is said in each WAV file; returns how many files could not be read."""
    return transcribe(path, files)
