"""The network of the recipe speech: two convolutions, two bidirectional LSTM layers, scores of symbols in every step.

Source    Graves, Fernandez, Gomez, Schmidhuber, "Connectionist temporal classification", ICML 2006; Amodei et al.,
          "Deep Speech 2", ICML 2016 (convolutions in front)
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import nn, ops
from ..nn.functional import log_softmax, relu
from ..tensor import Tensor
from .hearing import BANDS

CHANNELS = 24


class Listener(nn.Module):
    """(N, T, 40) features and their lengths -> (N, ceil(T / stride), 1 + symbols) log-probabilities; class 0 is the
    blank.

    The convolutions halve the bands twice and the time once, or twice with stride 4.
    """

    def __init__(self, symbols: int, stride: int, hidden: int = 128, dropout: float = 0.3) -> None:
        super().__init__()
        self.stride = stride
        self.conv1 = nn.Conv2d(1, CHANNELS, 3, stride=2, padding=1)
        self.conv2 = nn.Conv2d(CHANNELS, CHANNELS, 3, stride=(stride // 2, 2), padding=1)
        self.norm = nn.LayerNorm(CHANNELS * BANDS // 4)
        self.lstm1 = nn.LSTM(CHANNELS * BANDS // 4, hidden, bidirectional=True)
        self.norm1 = nn.LayerNorm(2 * hidden)
        self.lstm2 = nn.LSTM(2 * hidden, hidden, bidirectional=True)
        self.norm2 = nn.LayerNorm(2 * hidden)
        self.dropout = nn.Dropout(dropout)
        self.scores = nn.Linear(2 * hidden, 1 + symbols)

    def forward(self, features: Any, frames: Any) -> Tensor:
        # Frames behind the end of a shorter sound stay 0 in every layer, so what is heard does not depend on the batch.
        x = relu(self.conv1(ops.getitem(features, (slice(None), None))))
        frames = -(-frames // 2)
        x = relu(self.conv2(x * inside(frames, x)))
        frames = -(-frames // (self.stride // 2))
        N, C, T, F = x.shape
        x = x.permute(2, 0, 1, 3).reshape(T, N, C * F)
        y, _ = self.lstm1(self.dropout(self.norm(x)), lengths=frames)
        z, _ = self.lstm2(self.dropout(self.norm1(y)), lengths=frames)
        return log_softmax(self.scores(self.dropout(self.norm2(z))), 2).transpose(0, 1)


def inside(frames: Any, x: Tensor) -> Any:
    """(N, 1, T, 1) of 1 where a sound is and 0 behind its end, for x (N, C, T, F)."""
    return (np.arange(x.shape[2]) < np.asarray(frames)[:, None]).astype(x.dtype)[:, None, :, None]
