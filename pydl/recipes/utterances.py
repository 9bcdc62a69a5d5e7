"""Utterances for training and test: recordings of one speaker joined with pauses, louder or softer, over noise.

In training every utterance is new, and sounds as if another throat had said it in another room: it is played faster or
slower, which moves its pitch, its filters are warped (vocal-tract-length perturbation), one end of the spectrum is
louder, and stretches of time and frequency are hidden (SpecAugment).

Source    Ko, Peddinti, Povey, Khudanpur, "Audio augmentation for speech recognition", Interspeech 2015 (speed)
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.random import Generator

from ..arguments import Array
from ..audio import SpecAugment, resample
from ..data import Recordings
from ..random import generator as global_generator
from .hearing import BANDS, RATE, hear

SPEEDS = (18, 19, 20, 21, 22)  # twentieths
WARPS = tuple(round(0.9 + 0.025 * i, 3) for i in range(9))
HIDE = SpecAugment(time_masks=2, time_width=12, band_masks=2, band_width=6, time_share=0.1)


class Batch(NamedTuple):
    """features (N, T, 40), padded with 0; frames (N): how long each is; targets (N, 2 + S): of how many steps of the
    network each has the labels, how many symbols those are, and their numbers, padded with 0."""

    features: Array
    frames: Array
    targets: Array


class Plan(NamedTuple):
    """How utterances are made: from how many recordings at least and at most, what stands between their texts, which
    symbols the texts are of, how many frames become one step of the network, and whether it will hear strangers."""

    fewest: int
    most: int
    space: str
    alphabet: str
    stride: int
    strangers: bool


def pack(heard: Sequence[Array], texts: Sequence[str], plan: Plan) -> Batch:
    """One batch of features (T_i, 40). Symbol k of the alphabet has the number k + 1; 0 is the blank."""
    frames = np.array([len(each) for each in heard])
    features = np.zeros((len(heard), frames.max(), BANDS), np.float32)
    targets = np.zeros((len(heard), 2 + max(map(len, texts))), np.int64)
    for n, (each, text) in enumerate(zip(heard, texts, strict=True)):
        features[n, : len(each)] = each
        targets[n, :2] = -(-len(each) // plan.stride), len(text)
        targets[n, 2 : 2 + len(text)] = [plan.alphabet.index(symbol) + 1 for symbol in text]
    return Batch(features, frames, targets)


def join(parts: Sequence[Array], generator: Generator) -> Array:
    """One sound with random pauses around the parts, at random loudness, over noise 15 to 40 dB below it."""
    pauses = (generator.uniform(0.05, 0.35, len(parts) + 1) * RATE).astype(int)
    pieces = [np.zeros(pauses[0], np.float32)]
    for part, pause in zip(parts, pauses[1:], strict=True):
        pieces += [part, np.zeros(pause, np.float32)]
    whole = np.concatenate(pieces)
    loudness = np.sqrt((whole**2).mean()) + 1e-6
    noise = generator.standard_normal(len(whole), np.float32) * (loudness * 10 ** (-generator.uniform(15, 40) / 20))
    gain = 10 ** (generator.uniform(-30, -15) / 20) / loudness
    return np.asarray((whole + noise) * gain, np.float32)


def vary(samples: Array, strangers: bool, generator: Generator) -> Array:
    """Features of a sound as it would be in another room, and from another throat if strangers are to be understood."""
    samples = resample(samples, int(generator.choice(SPEEDS)), 20)
    tilted = samples.copy()
    tilted[1:] += np.float32(generator.uniform(-0.7, 0.7)) * samples[:-1]
    return hear(tilted, float(generator.choice(WARPS)) if strangers else 1.0)


def chains(recordings: Recordings, count: int, plan: Plan, generator: Generator) -> Iterator[Array]:
    """Which recordings make up each of `count` utterances, of one speaker each; all are used before any is again."""
    groups = [np.flatnonzero(recordings.speakers == each) for each in np.unique(recordings.speakers)]
    left: list[Any] = [np.empty(0, np.int64) for _ in groups]
    for k in range(count):
        size, g = int(generator.integers(plan.fewest, plan.most + 1)), k % len(groups)
        while len(left[g]) < size:
            left[g] = np.concatenate([left[g], generator.permutation(groups[g])])
        yield left[g][:size]
        left[g] = left[g][size:]


def say(recordings: Recordings, chain: Array, plan: Plan, generator: Generator) -> tuple[Array, str]:
    """The sound and the text of an utterance."""
    sound = join([recordings.samples[i] for i in chain], generator)
    return sound, plan.space.join(recordings.texts[i] for i in chain)


def fixed_utterances(recordings: Recordings, plan: Plan, count: int, seed: int) -> tuple[list[Array], list[str]]:
    """Sounds and texts of `count` utterances, the same ones at every call, without the variations of training."""
    generator = np.random.default_rng(seed)
    pairs = [say(recordings, chain, plan, generator) for chain in chains(recordings, count, plan, generator)]
    return [sound for sound, _ in pairs], [text for _, text in pairs]


class Utterances:
    """Batches of new utterances, every time it is walked over; all randomness is from the library's own generator.

    longest: no utterance has more symbols for now, which may be made of fewer recordings than planned.
    """

    def __init__(self, recordings: Recordings, plan: Plan, count: int, batch_size: int) -> None:
        self.recordings, self.plan, self.count, self.batch_size = recordings, plan, count, batch_size
        self.longest: int | None = None
        self._symbols = np.array([len(text) for text in recordings.texts])

    def __len__(self) -> int:
        return -(-self.count // self.batch_size)

    def __iter__(self) -> Iterator[Batch]:
        generator, recordings, plan = global_generator(), self.recordings, self.plan
        if self.longest is not None:
            short = max(self.longest, self._symbols.min())
            recordings = recordings.select(self._symbols <= short)
            plan = plan._replace(fewest=1, most=min(plan.most, max(1, short // max(map(len, recordings.texts)))))
        chosen = list(chains(recordings, self.count, plan, generator))
        # Utterances of like length share a batch, so that little of it is padding.
        order = np.argsort([sum(len(recordings.samples[i]) for i in chain) for chain in chosen], kind="stable")
        for start in self.batch_size * generator.permutation(len(self)):
            said = [say(recordings, chosen[k], plan, generator) for k in order[start : start + self.batch_size]]
            batch = pack(
                [vary(sound, plan.strangers, generator) for sound, _ in said], [text for _, text in said], plan
            )
            yield batch._replace(features=HIDE(batch.features, generator))
