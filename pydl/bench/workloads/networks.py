"""The networks of the whole-step rows, written once for every library that has PyTorch's names.

`build(nn)` gives the network; its forward takes the inputs named in `inputs` and returns logits whose last axis is
the classes. Multiply-adds are counted by hand: for the products, per batch of `batch`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from .workload import Arrays, normal

IGNORED = -100  # a target that is none


@dataclass(frozen=True)
class Network:
    """multiply_adds: of one example. first: of these, the first layer's, whose input needs no gradient.

    lengths: the last of the inputs says how long each sequence of the batch is for the recurrent layers; multiply_adds
    are those of the mean length.
    ctc: it is trained by connectionist temporal classification: its outputs are log-probabilities (T, N, C) and the
    targets (N, S) labels without the blank, 0.
    """

    title: str
    build: Callable[[Any], Any]
    draw: Callable[[np.random.Generator, int], Arrays]  # inputs and "target" of a batch
    multiply_adds: int
    first: int = 0
    inputs: tuple[str, ...] = ("input",)
    images: bool = False  # convolutions on images, which some libraries prefer with the channels last
    ctc: bool = False
    lengths: bool = False


def _images(*shape: int) -> Callable[[np.random.Generator, int], Arrays]:
    def draw(g: np.random.Generator, batch: int) -> Arrays:
        return {"input": normal(g, np.dtype(np.float32), batch, *shape), "target": g.integers(0, 10, batch)}

    return draw


def _mlp(nn: Any) -> Any:
    return nn.Sequential(nn.Linear(784, 256), nn.ReLU(), nn.Linear(256, 10))


def _lenet(nn: Any) -> Any:
    return nn.Sequential(
        nn.Conv2d(1, 20, 5), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(20, 40, 5), nn.ReLU(), nn.MaxPool2d(2),
        nn.Flatten(), nn.Linear(640, 10),
    )  # fmt: skip


def _resnet(nn: Any) -> Any:
    """He et al., "Deep residual learning" (2016), section 4.2, with one block a stage: 8 layers for 32x32 images."""

    class Block(nn.Module):  # type: ignore[misc]
        def __init__(self, narrow: int, wide: int, stride: int) -> None:
            super().__init__()
            self.conv1 = nn.Conv2d(narrow, wide, 3, stride, 1, bias=False)
            self.bn1 = nn.BatchNorm2d(wide)
            self.conv2 = nn.Conv2d(wide, wide, 3, 1, 1, bias=False)
            self.bn2 = nn.BatchNorm2d(wide)
            self.relu = nn.ReLU()
            self.shortcut = nn.Sequential()
            if narrow != wide:
                self.shortcut = nn.Sequential(nn.Conv2d(narrow, wide, 1, stride, bias=False), nn.BatchNorm2d(wide))

        def forward(self, x: Any) -> Any:
            y = self.relu(self.bn1(self.conv1(x)))
            return self.relu(self.bn2(self.conv2(y)) + self.shortcut(x))

    class ResNet(nn.Module):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.conv1 = nn.Conv2d(3, 16, 3, 1, 1, bias=False)
            self.bn1 = nn.BatchNorm2d(16)
            self.relu = nn.ReLU()
            self.blocks = nn.Sequential(Block(16, 16, 1), Block(16, 32, 2), Block(32, 64, 2))
            self.fc = nn.Linear(64, 10)

        def forward(self, x: Any) -> Any:
            y = self.blocks(self.relu(self.bn1(self.conv1(x))))
            return self.fc(y.mean((2, 3)))

    return ResNet()


def _lstm(nn: Any) -> Any:
    class Classifier(nn.Module):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.lstm = nn.LSTM(28, 128)
            self.fc = nn.Linear(128, 10)

        def forward(self, x: Any) -> Any:
            return self.fc(self.lstm(x)[0][-1])

    return Classifier()


def _over(nn: Any, layer: Any, x: Any, lengths: Any) -> Any:
    """What a recurrent layer makes of x (T, N, features), each sequence having its own length."""
    if lengths is None:
        return layer(x)[0]
    if nn.__name__ == "torch.nn":
        packed = nn.utils.rnn.pack_padded_sequence(x, lengths, enforce_sorted=False)
        return nn.utils.rnn.pad_packed_sequence(layer(packed)[0], total_length=x.shape[0])[0]
    return layer(x, lengths=lengths)[0]


def _tagger(nn: Any) -> Any:
    class Tagger(nn.Module):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.embedding = nn.Embedding(5000, 64)
            self.lstm = nn.LSTM(64, 128, bidirectional=True)
            self.fc = nn.Linear(256, 20)

        def forward(self, x: Any, lengths: Any = None) -> Any:
            return self.fc(_over(nn, self.lstm, self.embedding(x), lengths))

    return Tagger()


def _seq2seq(nn: Any) -> Any:
    """Sutskever, Vinyals, Le, "Sequence to sequence learning" (2014), one layer each, with teacher forcing."""

    class Translator(nn.Module):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.source = nn.Embedding(2000, 64)
            self.encoder = nn.LSTM(64, 128)
            self.words = nn.Embedding(2000, 64)
            self.decoder = nn.LSTM(64, 128)
            self.fc = nn.Linear(128, 2000)

        def forward(self, x: Any, previous: Any) -> Any:
            state = self.encoder(self.source(x))[1]
            return self.fc(self.decoder(self.words(previous), state)[0])

    return Translator()


def _listener(nn: Any) -> Any:
    """The network of the recipe speech, without dropout."""

    class Listener(nn.Module):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.conv1, self.conv2 = nn.Conv2d(1, 24, 3, 2, 1), nn.Conv2d(24, 24, 3, 2, 1)
            self.norm, self.norm1, self.norm2 = nn.LayerNorm(240), nn.LayerNorm(256), nn.LayerNorm(256)
            self.lstm1, self.lstm2 = nn.LSTM(240, 128, bidirectional=True), nn.LSTM(256, 128, bidirectional=True)
            self.fc = nn.Linear(256, 11)
            self.relu, self.log_softmax = nn.ReLU(), nn.LogSoftmax(2)

        def forward(self, x: Any, lengths: Any = None) -> Any:
            x = self.relu(self.conv2(self.relu(self.conv1(x)))).permute(2, 0, 1, 3).reshape(75, -1, 240)
            y = self.norm1(_over(nn, self.lstm1, self.norm(x), lengths))
            return self.log_softmax(self.fc(self.norm2(_over(nn, self.lstm2, y, lengths))))

    return Listener()


def _sounds(g: np.random.Generator, batch: int) -> Arrays:
    return {"input": normal(g, np.dtype(np.float32), batch, 1, 300, 40), "target": g.integers(1, 11, (batch, 5))}


def _rows_of_images(g: np.random.Generator, batch: int) -> Arrays:
    return {"input": normal(g, np.dtype(np.float32), 28, batch, 28), "target": g.integers(0, 10, batch)}


def _sentences(g: np.random.Generator, batch: int) -> Arrays:
    return {"input": g.integers(0, 5000, (40, batch)), "target": g.integers(0, 20, (40, batch))}


def _lengths(g: np.random.Generator, shortest: int, longest: int, batch: int) -> np.ndarray:
    """As many short sequences as long ones, in any order."""
    return g.permutation(np.linspace(shortest, longest, batch).round().astype(np.int64))


def _sounds_of_lengths(g: np.random.Generator, batch: int) -> Arrays:
    """Silence behind the end of each sound; the lengths are those that two convolutions of stride 2 make of it."""
    drawn, lengths = _sounds(g, batch), _lengths(g, 25, 75, batch)
    silent = np.arange(300) >= 4 * lengths[:, None]
    return {**drawn, "input": np.where(silent[:, None, :, None], np.float32(0), drawn["input"]), "lengths": lengths}


def _sentences_of_lengths(g: np.random.Generator, batch: int) -> Arrays:
    """Word 0 and no target behind the end of each sentence."""
    drawn, lengths = _sentences(g, batch), _lengths(g, 10, 40, batch)
    padding = np.arange(40)[:, None] >= lengths
    return {
        "input": np.where(padding, 0, drawn["input"]),
        "target": np.where(padding, IGNORED, drawn["target"]),
        "lengths": lengths,
    }


def _pairs(g: np.random.Generator, batch: int) -> Arrays:
    return {name: g.integers(0, 2000, (20, batch)) for name in ("input", "previous", "target")}


def _resnet_multiply_adds() -> int:
    total, side = 9 * 3 * 16 * 32**2 + 64 * 10, 32
    for narrow, wide in ((16, 16), (16, 32), (32, 64)):
        side //= 1 if narrow == wide else 2
        total += side**2 * wide * (9 * narrow + 9 * wide + (narrow if narrow != wide else 0))
    return total


_LISTENER_MAPS = 150 * 20 * 24 * 9 + 75 * 10 * 24 * 9 * 24
_LISTENER_STEP = 2 * 512 * (240 + 128) + 2 * 512 * (256 + 128) + 256 * 11

NETWORKS = {
    "mlp": Network("MLP 784-256-10", _mlp, _images(784), 784 * 256 + 256 * 10, 784 * 256),
    "lenet": Network(
        "LeNet 20-40", _lenet, _images(1, 28, 28), 24**2 * 20 * 25 + 8**2 * 40 * 20 * 25 + 640 * 10, 24**2 * 20 * 25,
        images=True,
    ),
    "resnet": Network(
        "ResNet-8, 3x32x32", _resnet, _images(3, 32, 32), _resnet_multiply_adds(), 9 * 3 * 16 * 32**2, images=True
    ),
    "lstm": Network(
        "LSTM classifier, T28", _lstm, _rows_of_images, 28 * 512 * (28 + 128) + 1280, 28 * 512 * 28
    ),
    "tagger": Network("BiLSTM tagger, T40", _tagger, _sentences, 40 * (2 * 512 * (64 + 128) + 256 * 20)),
    "seq2seq": Network(
        "seq2seq, T20", _seq2seq, _pairs, 20 * (2 * 512 * (64 + 128) + 128 * 2000), inputs=("input", "previous")
    ),
    "tagger_of_lengths": Network(
        "BiLSTM tagger, T10 to 40", _tagger, _sentences_of_lengths, 25 * 2 * 512 * (64 + 128) + 40 * 256 * 20,
        inputs=("input", "lengths"), lengths=True,
    ),
    "listener": Network(
        "speech, CTC, T300", _listener, _sounds, _LISTENER_MAPS + 75 * _LISTENER_STEP, 150 * 20 * 24 * 9, ctc=True
    ),
    "listener_of_lengths": Network(
        "speech, CTC, T100 to 300", _listener, _sounds_of_lengths, _LISTENER_MAPS + 50 * _LISTENER_STEP,
        150 * 20 * 24 * 9, ("input", "lengths"), ctc=True, lengths=True,
    ),
}  # fmt: skip
