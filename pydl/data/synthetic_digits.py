"""Made, not recorded: ten hums that differ as digits do, by how their resonances move, for tests and for trying things.

A hum is a sum of the harmonics of a falling pitch. Each harmonic is as loud as two resonances (formants) let it be,

    a_k(t) = sum_i exp(-((k f0(t) - F_i(t)) / 150)^2)             F_i moves from its first value to its last

A speaker has a pitch and a throat, whose length scales all F; each take varies pitch, length and loudness. Digits end
and begin with different sounds, so that they can be told apart. Nothing here sounds like speech.
"""

from __future__ import annotations

import numpy as np

from .recordings import Recordings

RATE = 8000
# F_1 and F_2 in Hz at the beginning and at the end, and the length in seconds.
_DIGITS = (
    (300, 500, 2200, 900, 0.40),
    (600, 350, 900, 2000, 0.32),
    (350, 320, 1500, 900, 0.30),
    (450, 300, 1200, 2300, 0.36),
    (500, 600, 800, 1000, 0.38),
    (700, 400, 1200, 2000, 0.40),
    (350, 400, 2000, 1800, 0.34),
    (550, 450, 1800, 1300, 0.44),
    (500, 350, 1900, 2200, 0.30),
    (750, 350, 1300, 2400, 0.42),
)
_SPEAKERS = {"ash": (95, 0.9), "birch": (110, 0.95), "cedar": (125, 1.0), "elm": (180, 1.1), "fir": (210, 1.15)}
_SPEAKERS["yew"] = (150, 1.05)


def make_digits(takes: int = 20, seed: int = 0) -> Recordings:
    """Six made speakers with `takes` takes of every digit, the same ones for the same seed."""
    generator = np.random.default_rng(seed)
    rows = [
        (_hum(digit, *voice, generator), str(digit), speaker, take)
        for speaker, voice in _SPEAKERS.items()
        for digit in range(10)
        for take in range(takes)
    ]
    samples, texts, speakers, numbers = zip(*rows, strict=True)
    return Recordings(samples, texts, speakers, numbers, RATE)


def _hum(digit: int, pitch: float, throat: float, generator: np.random.Generator) -> np.ndarray:
    *corners, seconds = _DIGITS[digit]
    varied = generator.normal(1, 0.04, 6)  # pitch, length, loudness, how steeply the pitch falls, the two formants
    count = int(RATE * seconds * varied[1] ** 2)
    way = np.linspace(0, 1, count)
    f0 = pitch * varied[0] * (1.05 - 0.15 * varied[3] * way)
    phase = 2 * np.pi * np.cumsum(f0) / RATE + generator.uniform(0, 2 * np.pi)
    k = np.arange(1, int(3000 / f0.min()))[:, None]
    loud = np.zeros((len(k), count))
    for first, last, varies in ((corners[0], corners[1], varied[4]), (corners[2], corners[3], varied[5])):
        formant = throat * varies * (first + (last - first) * way)
        loud += np.exp(-(((k * f0 - formant) / 150) ** 2))
    wave = (loud * np.sin(k * phase)).sum(0) * np.sin(np.pi * way) ** 0.5
    wave *= 0.3 * varied[2] ** 3 / np.abs(wave).max()
    return np.asarray(wave + generator.normal(0, 0.002, count), np.float32)
