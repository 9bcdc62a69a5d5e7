"""capture_step where the lengths of sequences and of texts differ from step to step."""

import numpy as np
import pytest
from checks import same_bits

import pydl
from pydl import nn
from pydl.nn.functional import ctc_loss
from pydl.optim import SGD

T, N, C = 9, 3, 5


class Listener(nn.Module):
    def __init__(self, **options):
        super().__init__()
        self.lstm = nn.LSTM(4, 6, bidirectional=True, **options)
        self.fc = nn.Linear(12, C)

    def forward(self, x, lengths):
        return self.fc(self.lstm(x, lengths=lengths)[0]).log_softmax(2)


def rows(g):
    """Texts of up to 3 labels as padded rows, sounds of 6 to 9 steps."""
    return g.integers(1, C, (N, 3)) * (np.arange(3) < (counts := g.integers(1, 4, N))[:, None]), counts


def joined(g):
    """Texts of 6 labels in all, one behind another."""
    counts = g.permutation([1, 2, 3])
    return g.integers(1, C, 6), counts


@pytest.mark.parametrize("texts", [rows, joined])
@pytest.mark.parametrize("options", [{}, {"num_layers": 2}, {"peepholes": True, "layer_norm": True}], ids=str)
def test_same_bits_as_by_hand(texts, options):
    models = []
    for _ in range(2):
        pydl.manual_seed(0)
        models.append(Listener(**options))
    by_hand, captured = models
    optimizers = [SGD(each.parameters(), lr=0.1) for each in models]
    step = pydl.capture_step(captured, ctc_loss_of, optimizers[1], inputs=2)
    g = np.random.default_rng(1)
    for i in range(4):
        x, lengths = g.standard_normal((T, N, 4)).astype(np.float32), g.integers(6, T + 1, N)
        if i == 0:  # nothing that is recorded may depend on these
            lengths[...] = T
        for n, length in enumerate(lengths):
            x[length:, n] = np.nan
        labels, counts = texts(g)
        loss = ctc_loss_of(by_hand(pydl.tensor(x), lengths), labels, lengths, counts)
        optimizers[0].zero_grad()
        loss.backward()
        optimizers[0].step()
        assert same_bits(step(x, lengths, labels, lengths, counts), loss.detach())
    for one, other in zip(by_hand.parameters(), captured.parameters(), strict=True):
        assert same_bits(other, one)


def ctc_loss_of(log_probs, labels, lengths, counts):
    return ctc_loss(log_probs, labels, lengths, counts)


def test_labels_and_lengths_are_checked_in_every_step():
    model = Listener()
    step = pydl.capture_step(model, ctc_loss_of, SGD(model.parameters(), lr=0.1), inputs=2)
    x, labels, counts = np.zeros((T, N, 4), np.float32), np.ones((N, 2), np.int64), np.array([2, 1, 2])
    lengths = np.array([T, T - 1, 7])
    step(x, lengths, labels, lengths, counts)
    for wrong, words in ((0, "0, the blank"), (C, f"{C}, no class"), (-1, "-1, no class")):
        with pytest.raises(ValueError, match=rf"ctc_loss: targets\[\d, \d\] is {words}"):
            step(x, lengths, np.where(labels == 1, wrong, 1), lengths, counts)
    with pytest.raises(ValueError, match="ctc_loss: target_lengths must be from 0 to 2"):
        step(x, lengths, labels, lengths, counts + 1)
    with pytest.raises(ValueError, match="lengths must be"):
        step(x, lengths + 1, labels, lengths, counts)
    step(x, lengths, labels, lengths, counts)
