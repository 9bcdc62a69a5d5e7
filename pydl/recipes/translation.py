"""translation: English to Chinese, with an LSTM that reads in both directions and one with attention that writes.

The pairs are the messages of LibreOffice, 16,000 menu entries, hints and sentences with their translations. English is
cut into frequent pieces of words, learned from the same text; Chinese into single characters, which stand for about a
syllable's meaning each and of which there are few. What texts are left out of training is decided by what remains of
them without case, punctuation and numbers, so that none of the test's was learned in another guise. The network and why
it has its form: translator.py.

Source: the papers named in translator.py; Szegedy et al., "Rethinking the Inception architecture", CVPR 2016 (label
smoothing); Papineni et al., "BLEU", ACL 2002; Popovic, "chrF", WMT 2015; Post, "A call for clarity in reporting BLEU
scores", WMT 2018 (sacrebleu).
"""

from __future__ import annotations

import argparse
import time
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

import pydl
from pydl.data import BytePairs, SentencePairs
from pydl.data.sentence_pairs import held_out, one_of_each
from pydl.nn.functional import cross_entropy
from pydl.optim.lr_scheduler import OneCycleLR
from pydl.training import (
    Callback,
    Checkpoint,
    EarlyStopping,
    LRSchedule,
    Trainer,
    accuracy,
    read_checkpoint,
)

from .clipped_adam import ClippedAdam
from .interpreter import Interpreter, load_interpreter
from .report import check_option, each_file, prepare_folder, report, suggest, tell_data, write_text
from .sentence_batches import SentenceBatches
from .settings import choose_settings
from .translation_baselines import NearestSource, WordByWord
from .translation_scores import scores
from .translator import Translator

DATA = {"libreoffice-zh": "libreoffice-zh", "sample": "sample-sentences"}
PLACES = 500  # of pieces in a batch, padding included
PEAK_LEARNING_RATE = 4e-3
LARGEST_GRADIENT = 1.0
LABEL_SMOOTHING = 0.1
BEAM = 5
LONG = 3  # words of a text that is more than a name


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `pydl train translation`. None means: the default, or with --resume what the checkpoint says."""
    parser.add_argument("--data", choices=DATA, help="which sentences (default: libreoffice-zh)")
    parser.add_argument("--root", help="folder with .mo, .po or .tsv files of English and Chinese, instead of Debian's")
    parser.add_argument("--epochs", type=int, help="passes over the sentences (default: 30)")
    parser.add_argument("--width", type=int, help="numbers in each layer's vectors (default: 256)")
    parser.add_argument("--joins", type=int, help="pieces of English words to learn (default: 4000; 0: letters alone)")
    parser.add_argument("--sampling", type=float, help="scheduled sampling's share at the end (default: 0)")


def train(args: argparse.Namespace) -> dict[str, Any]:
    """Trains, evaluates and leaves the results in the folder args.out; returns the figures."""
    folder = prepare_folder(args.out, args.resume, args.overwrite)
    checkpoint = folder / "checkpoint.safetensors"
    resumed = read_checkpoint(checkpoint)["facts"] if args.resume else None
    settings = choose_settings(args, defaults(), resumed)
    check(settings)
    pydl.manual_seed(settings["seed"])

    data = pydl.data.load(DATA[settings["data"]], root=args.root)
    assert isinstance(data.train, SentencePairs)
    assert isinstance(data.test, SentencePairs)
    held = held_out(data.train, 1)
    learn, validation, test = data.train.select(~held), one_of_each(data.train.select(held)), data.test
    if min(map(len, (learn, validation, test))) == 0:
        raise ValueError(f"--root: {len(data.train) + len(test)} pairs of texts are too few to hold some back")
    tell_data(data, f"{len(learn)} pairs to learn from, {len(validation)} for validation, {len(test)} for the test")
    english = BytePairs.learn(map(str.casefold, learn.sources), settings["joins"])
    chinese = BytePairs.learn(learn.targets, 0)
    model = Translator(len(english), len(chinese), settings["width"])
    interpreter = Interpreter(model, english, chinese)

    sources, targets = interpreter.numbers(learn)
    # Few sentences come in smaller batches, so that an epoch still has some tens of steps.
    places = min(PLACES, (sum(map(len, sources)) + sum(map(len, targets))) // 40)
    batches = SentenceBatches(sources, targets, places, shuffle=True)
    to_validate = SentenceBatches(*interpreter.numbers(validation), PLACES, shuffle=False)
    optimizer = ClippedAdam(model.parameters(), PEAK_LEARNING_RATE, LARGEST_GRADIENT)
    one_cycle = OneCycleLR(optimizer, PEAK_LEARNING_RATE, total_steps=settings["epochs"] * len(batches))
    best = EarlyStopping(monitor="val_accuracy", patience=max(5, settings["epochs"] // 3))
    trainer = Trainer(
        model,
        partial(cross_entropy, label_smoothing=LABEL_SMOOTHING),
        optimizer,
        metrics=[accuracy],
        callbacks=[
            LRSchedule(one_cycle, every="batch"),
            MoreSampling(settings["sampling"]),
            best,
            Checkpoint(checkpoint, facts=settings),
        ],
    )
    started = time.perf_counter()
    history = trainer.fit(
        batches, validation=to_validate, epochs=settings["epochs"], resume=checkpoint if args.resume else None
    )
    seconds = time.perf_counter() - started

    facts = {
        "recipe": "translation",
        "width": settings["width"],
        "english": english.state(),
        "chinese": chinese.state(),
        "settings": settings,
    }
    pydl.save(model.state_dict(), folder / "model.safetensors", metadata=facts)
    translations = interpreter.translate(test.sources, BEAM)
    write_table(folder / "test.tsv", test, translations)
    results = evaluate(learn, test, {"beam": translations, "greedy": interpreter.translate(test.sources, 1)})
    results |= {
        "training_pairs": len(learn),
        "test_pairs": len(test),
        "best_epoch": best.best_epoch,
        "training_seconds": round(seconds, 1),
    }
    draw(folder, history.epochs, best.best_epoch, interpreter, test)
    report(folder, results, settings)
    example = next((each for each in test.sources if len(each.split()) >= LONG), test.sources[0])
    suggest("translate", folder, text=example)
    return results


def defaults() -> dict[str, Any]:
    """The settings, where nobody asked for others. The pure-Python reference gets a network that it can train."""
    settings = {"data": "libreoffice-zh", "epochs": 30, "width": 256, "joins": 4000, "sampling": 0.0, "seed": 0}
    return settings if pydl.get_backend() == "native" else {**settings, "epochs": 1, "width": 2}


def check(settings: dict[str, Any]) -> None:
    if settings["width"] < 2 or settings["width"] % 2:
        raise ValueError(f"--width: must be an even number of at least 2, not {settings['width']}")
    check_option("--joins", settings["joins"], 0)
    check_option("--sampling", settings["sampling"], 0, 1)


class MoreSampling(Callback):
    """Scheduled sampling: from none in the first epoch in equal steps to `share` in the last."""

    def __init__(self, share: float) -> None:
        self.share = share

    def on_epoch_begin(self, trainer: Trainer) -> None:
        trainer.model.sampling = self.share * (trainer.epoch - 1) / max(1, trainer.epochs - 1)


def evaluate(learn: SentencePairs, test: SentencePairs, said: dict[str, list[str]]) -> dict[str, Any]:
    """Scores of translations of the test's sources, and of the baselines', for all and for those of some words."""
    said = {**said, "baseline_nearest": NearestSource(learn).translate(test.sources)}
    try:
        said["baseline_dictionary"] = WordByWord().translate(test.sources)
    except ImportError as error:
        print(error)
    long = np.array([len(each.split()) >= LONG for each in test.sources])
    results: dict[str, Any] = {}
    for part, chosen in (("", np.ones(len(test), bool)), (f"_{LONG}_words", long)):
        places = np.flatnonzero(chosen)
        if not len(places):
            continue
        for name, texts in said.items():
            figures = scores([texts[i] for i in places], [test.targets[i] for i in places])
            results |= {f"{name}{part}_{figure}": value for figure, value in figures.items()}
    results[f"test_pairs_of_{LONG}_words"] = int(long.sum())
    return results


def write_table(path: Path, test: SentencePairs, translations: list[str]) -> None:
    """Every text of the test with its translation and what the network made of it, to read through."""
    rows = zip(test.sources, test.targets, translations, strict=True)
    write_text(path, "".join(f"{source}\t{target}\t{said}\n" for source, target, said in rows))


def draw(
    folder: Path, epochs: list[dict[str, float]], best_epoch: int, interpreter: Interpreter, test: SentencePairs
) -> None:
    """The learning curve and one picture of the attention; without matplotlib one sentence instead."""
    from .. import plot

    # A sentence that fits into a picture.
    example = min(test.sources, key=lambda source: abs(len(source.split()) - 8))
    try:
        plot.learning_curve(epochs, folder / "learning-curve.png", best_epoch, "cross-entropy, smoothed")
        interpreter.draw(example, folder / "attention.png", BEAM)
    except ImportError as error:
        print(error)


def predict(path: str, files: list[str]) -> int:
    """Prints the translation of every line of text files; returns how many files could not be read."""
    interpreter = load_interpreter(path)

    def tell(file: str, lines: list[str]) -> None:
        for line in interpreter.translate(lines, BEAM):
            print(line)

    return each_file(files, lambda file: Path(file).read_text(encoding="utf-8").splitlines(), tell)
