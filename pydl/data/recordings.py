"""Recordings: sounds of different lengths, with what is said in them and by whom."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..arguments import check_integer
from .dataset import Dataset


class Recordings(Dataset):
    """A data set of spoken words: ``recordings[i] = (samples, text)``, samples float32 (N_i,) from -1 to 1.

    * ``samples``, ``texts``: all of them, in lists.
    * ``speakers``: who speaks, an array of names; ``takes``: int64, the how manieth time a speaker says the same.
    * ``rate``: samples in a second.
    """

    def __init__(
        self, samples: Sequence[np.ndarray], texts: Sequence[str], speakers: Any, takes: Any, rate: int
    ) -> None:
        self.samples, self.texts = list(samples), list(texts)
        self.speakers, self.takes = np.asarray(speakers, np.str_), np.asarray(takes, np.int64)
        self.rate = check_integer("Recordings", "rate", rate, 1)
        counts = [len(self.samples), len(self.texts), len(self.speakers), len(self.takes)]
        if len(set(counts)) > 1:
            raise ValueError("Recordings: there are {} samples, {} texts, {} speakers and {} takes".format(*counts))

    def __len__(self) -> int:
        return len(self.samples)

    def __getitem__(self, index: Any) -> tuple[np.ndarray, str]:
        place = range(len(self))[index]
        return self.samples[place], self.texts[place]

    def select(self, chosen: Any) -> Recordings:
        """The recordings at these places: a mask (one boolean each) or numbers."""
        places = np.arange(len(self))[np.asarray(chosen)]
        return Recordings(
            [self.samples[i] for i in places],
            [self.texts[i] for i in places],
            self.speakers[places],
            self.takes[places],
            self.rate,
        )

    def __repr__(self) -> str:
        seconds = sum(map(len, self.samples)) / self.rate
        return (
            f"Recordings({len(self)}, {len(set(self.speakers.tolist()))} speakers, {seconds:.0f} s at {self.rate} Hz)"
        )
