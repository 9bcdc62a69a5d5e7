"""The network of the recipe translation: a bidirectional LSTM reads, an LSTM with attention writes.

    keys      = two bidirectional LSTM layers over the vectors of the source's pieces
    h         = LSTM over the vectors of the target's pieces so far, from the encoder's last states
    context   = attention of h to the keys: Luong's, of the "general" kind
    g         = LSTM over (h, context)
    scores    = (tanh W (g, context)) . the vectors of all target pieces

Where attention feeds the very LSTM that asks for it (Bahdanau's decoder, and Luong's input feeding), training must walk
through the target step by step, each with many small operations. Here nothing of the first LSTM depends on the
attention. So with the right translation at hand each LSTM runs over the whole target in one native call, and attention
is two products of matrices for all steps together. The second LSTM sees where the attention was before, which is what
input feeding is for. Only those places of the padded batch that hold a piece reach the scores, the widest layer.

Scheduled sampling: with the probability `sampling` a piece of the target so far is replaced in training by what the
network would have said there, found by a pass without gradients over the whole target at once.

Source    Luong, Pham, Manning, "Effective approaches to attention-based neural machine translation", EMNLP 2015;
          Wu et al., "Google's neural machine translation system", 2016 (the first layer's context for those above);
          Bengio, Vinyals, Jaitly, Shazeer, "Scheduled sampling for sequence prediction", NeurIPS 2015; Mihaylova,
          Martins, "Scheduled sampling for transformers", ACL 2019 (in two passes);
          Press, Wolf, "Using the output embedding to improve language models", EACL 2017 (one table of target vectors)
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from .. import nn, ops
from ..arguments import Array
from ..data.byte_pairs import START
from ..decoding import take_rows
from ..nn.functional import embedding, linear, log_softmax
from ..random import generator
from ..tensor import Tensor, no_grad


class State(NamedTuple):
    """Where a decoder is: what it looks at, (B, S, ...), and the states (1, B, H) of both its LSTMs."""

    keys: Any
    padding: Array
    first: Any
    second: Any


class Translator(nn.Module):
    """Scores (N, targets) of the pieces at `places` of the padded targets; see forward()."""

    def __init__(self, sources: int, targets: int, width: int = 256, dropout: float = 0.3) -> None:
        super().__init__()
        self.sampling = 0.0
        self.source_vectors = nn.Embedding(sources, width)
        self.encoder = nn.LSTM(width, width // 2, num_layers=2, bidirectional=True, dropout=dropout)
        self.begin = nn.Linear(width, 4 * width)
        self.target_vectors = nn.Embedding(targets, width)
        self.first = nn.LSTM(width, width)
        self.attention = nn.LuongAttention(width, width, batch_first=True)
        self.second = nn.LSTM(2 * width, width)
        self.join = nn.Linear(2 * width, width)
        self.bias = nn.Parameter(np.zeros(targets, np.float32))
        self.dropout = nn.Dropout(dropout)
        for table in (self.source_vectors, self.target_vectors):
            nn.init.normal_(table.weight, std=width**-0.5)

    def forward(self, source: Array, lengths: Array, previous: Array, places: Array) -> Tensor:
        """source (S, B), each of `lengths` (B) pieces; previous (T, B): the target from its start; places (N).

        places: those in previous, flat, whose scores are wanted.
        """
        state = self.read(source, lengths)
        if self.training and self.sampling > 0:
            previous = self._sampled(state, previous, places)
        return self._scores(ops.embedding(places, self._write(previous, state)[0].reshape(previous.size, -1)))

    def read(self, source: Array, lengths: Array) -> State:
        """The state of a decoder that has said nothing yet."""
        vectors = self.dropout(self.source_vectors(source))
        keys, (h, _) = self.encoder(vectors, lengths=lengths)
        last = ops.cat([h[2], h[3]], 1)
        h1, c1, h2, c2 = ops.split(ops.tanh(self.begin(last))[None], self.first.hidden_size, 2)
        padding = np.arange(len(source)) >= np.asarray(lengths)[:, None]
        return State(self.dropout(keys).transpose(0, 1), padding, (h1, c1), (h2, c2))

    def step(self, said: Array, state: State) -> tuple[Tensor, State]:
        """Log-probabilities (B, targets) of the next piece after `said` (B), as beam_search() asks for them."""
        joined, _, state = self._write(said[None], state)
        return log_softmax(self._scores(joined[0]), 1), state

    def looks(self, previous: Array, state: State) -> Array:
        """How much each step of `previous` (T, B) looks at each piece of the source: (B, T, S)."""
        with no_grad():
            return np.asarray(self._write(previous, state)[1].data)

    def _write(self, previous: Array, state: State) -> tuple[Tensor, Tensor, State]:
        """What the scores are made of, (T, B, width), the weights of the attention, and the state afterwards."""
        h, first = self.first(self.dropout(self.target_vectors(previous)), state.first)
        h = self.dropout(h)
        context, weights = self.attention(h.transpose(0, 1), state.keys, key_padding_mask=state.padding)
        context = context.transpose(0, 1)
        g, second = self.second(ops.cat([h, context], 2), state.second)
        joined = ops.tanh(self.join(ops.cat([self.dropout(g), context], 2)))
        return self.dropout(joined), weights, State(state.keys, state.padding, first, second)

    def _scores(self, joined: Tensor) -> Tensor:
        return linear(joined, self.target_vectors.weight, self.bias)

    def _sampled(self, state: State, previous: Array, places: Array) -> Array:
        """The target so far with some of its pieces as the network would have said them."""
        with no_grad():
            joined = self._write(previous, state)[0].reshape(previous.size, -1)
            said = self._scores(embedding(places, joined)).data.argmax(1)
        guesses = previous.copy()
        # What is said at step t is what step t + 1 has before it; the last step of all says the end.
        after = places + previous.shape[1]
        inside = after < previous.size
        chosen = inside & (generator().random(len(places)) < self.sampling)
        guesses.reshape(-1)[after[chosen]] = said[chosen]
        return guesses


def select(state: State, rows: Array) -> State:
    """The state of some sequences, for beam_search()."""
    first, second = (take_rows(each, rows, 1) for each in (state.first, state.second))
    return State(take_rows(state.keys, rows), state.padding[rows], first, second)


def starts(count: int) -> Array:
    """(1, B): the first step of every target."""
    return np.full((1, count), START)
