"""Transcripts: what a trained network of the recipe speech hears in WAV files, and where in the sound."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np

import pydl
from pydl.arguments import Array
from pydl.audio import read_wav
from pydl.decoding import ctc_align, ctc_beam_search, ctc_greedy

from .hearing import HOP, RATE, at_rate, hear
from .report import each_file, whole
from .speech_network import Listener

_LONGEST = 600  # seconds of a sound


def load_listener(path: str | os.PathLike[str]) -> tuple[Listener, str]:
    """The network in a model.safetensors of the recipe speech, and its alphabet."""
    facts = pydl.load_metadata(path)
    with whole(path, "speech"):
        if facts["recipe"] != "speech":
            raise ValueError(f"its recipe is {facts['recipe']}")
        alphabet, stride = str(facts["alphabet"]), facts["stride"]
        if stride not in (2, 4):
            raise ValueError(f"its stride is {stride}")
        model = Listener(len(alphabet), stride)
        model.load_state_dict(pydl.load(path))
    model.eval()
    return model, alphabet


def read_sound(path: str | os.PathLike[str]) -> Array:
    """The samples of a WAV file at 8,000 a second, all channels together."""
    samples, rate = read_wav(path)
    if samples.shape[1] > _LONGEST * rate:
        raise ValueError(f"is longer than {_LONGEST} s")
    return at_rate(samples, rate)


def listen(model: Listener, features: Array) -> Array:
    """Log-probabilities (T, 1 + symbols) of the features (T, 40) of one sound."""
    with pydl.no_grad():
        return np.asarray(model(features[None], np.array([len(features)])).data[0])


def read_text(log_probs: Array, alphabet: str, beam: int) -> str:
    """The most probable text: with a beam of 1 that of the best path, else of all paths together."""
    best: Any = ctc_greedy(log_probs)[0] if beam == 1 else ctc_beam_search(log_probs, beam_width=beam)[0][0]
    return "".join(alphabet[label - 1] for label in best.labels)


def transcribe(path: str, files: list[str], beam: int = 1, pictures: str | None = None) -> int:
    """Prints what is said in each WAV file; returns how many could not be read.

    pictures: a folder for pictures of where it is said.
    """
    model, alphabet = load_listener(path)
    drawn: list[str] = []

    def tell(file: str, features: Array) -> None:
        log_probs = listen(model, features)
        text = read_text(log_probs, alphabet, beam)
        print(f"{file}: {text}")
        if pictures is not None:
            os.makedirs(pictures, exist_ok=True)
            drawn.append(Path(file).stem)
            number = f"-{drawn.count(drawn[-1])}" if drawn[-1] in drawn[:-1] else ""  # same name, other folder
            draw(features, log_probs, text, alphabet, model.stride, Path(pictures) / f"{drawn[-1]}{number}.png")

    return each_file(files, lambda file: hear(read_sound(file)), tell)


def draw_transcript(model: Listener, alphabet: str, file: Path, picture: Path) -> None:
    """What the network hears in a WAV file, as a picture."""
    features = hear(read_sound(file))
    log_probs = listen(model, features)
    draw(features, log_probs, read_text(log_probs, alphabet, 1), alphabet, model.stride, picture)


def draw(features: Array, log_probs: Array, text: str, alphabet: str, stride: int, picture: Path) -> None:
    """The spectrogram, with each symbol where the most probable path has it."""
    from .. import plot

    marks = []
    if text:
        (alignment,) = ctc_align(log_probs[:, None], np.array([[alphabet.index(symbol) + 1 for symbol in text]]))
        step = stride * HOP / RATE
        marks = [
            (start * step, end * step, symbol)
            for start, end, symbol in zip(alignment.starts, alignment.ends, text, strict=True)
        ]
    plot.spectrogram(features, HOP / RATE, marks, picture, f"“{text}”" if text else "nothing heard")
