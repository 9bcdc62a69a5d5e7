import itertools

import numpy as np
import pytest
from checks import check_refused

import pydl
from pydl import nn
from pydl.decoding import beam_search, take_rows
from pydl.ops import log_softmax

RNG = np.random.default_rng(0)
START, END, V = 0, 1, 4


def markov(table):
    """A decoder whose state is the number of labels and that looks at the last one."""

    def step(labels, state):
        return table[np.minimum(state, len(table) - 1), labels], state + 1

    return step, np.zeros(1, int)


def all_sequences(table, longest, penalty):
    """(labels, score) of all sequences that end within `longest` labels."""
    found = []
    for length in range(1, longest + 1):
        for labels in itertools.product([label for label in range(V) if label != END], repeat=length - 1):
            full = (START, *labels, END)
            log_p = sum(table[i, full[i], full[i + 1]] for i in range(length))
            found.append((labels, log_p / ((5 + length) / 6) ** penalty))
    return sorted(found, key=lambda each: -each[1])


@pytest.mark.parametrize("penalty", [0.0, 0.8])
def test_a_wide_beam_finds_the_best_of_all_sequences(penalty):
    table = log_softmax(2 * RNG.standard_normal((4, V, V)), -1).numpy()
    table[3, :, [0, 2, 3]] = -np.inf  # the fourth label is the end
    (found,) = beam_search(*markov(table), START, END, 4, 64, penalty)
    want = all_sequences(table, 4, penalty)
    assert len(found) == sum(score > -np.inf for _, score in want)
    for (labels, score), (wanted, best) in zip(found, want, strict=False):
        assert labels == wanted
        assert score == pytest.approx(best)


def test_a_beam_of_one_is_greedy():
    table = log_softmax(2 * RNG.standard_normal((9, V, V)), -1).numpy()
    (((labels, score),),) = beam_search(*markov(table), START, END, 9, 1)
    last, want, log_p = START, [], 0.0
    for t in range(9):
        log_p += table[t, last].max()
        last = int(table[t, last].argmax())
        if last == END:
            break
        want.append(last)
    assert labels == tuple(want)
    assert score == pytest.approx(log_p)


def test_a_wider_beam_is_no_worse():
    table = log_softmax(3 * RNG.standard_normal((12, V, V)), -1).numpy()
    scores = [beam_search(*markov(table), START, END, 12, width)[0][0].score for width in (1, 2, 8)]
    assert scores == sorted(scores)


class Decoder(nn.Module):
    """An LSTM that says the next word, with something to remember of each problem."""

    def __init__(self):
        super().__init__()
        self.embedding, self.lstm, self.linear = nn.Embedding(7, 5), nn.LSTM(5, 6), nn.Linear(6, 7)

    def step(self, labels, state):
        memory, (h, c) = state
        output, state = self.lstm(self.embedding(labels[None]), (h, c))
        return log_softmax(4 * self.linear(output[0]) + memory, -1), (memory, state)


def select(state, rows):
    return take_rows(state[0], rows), take_rows(state[1], rows, 1)


@pytest.mark.parametrize("width", [1, 3])
def test_a_batch_gives_what_its_problems_give_alone(width):
    pydl.manual_seed(0)
    decoder, memory = Decoder(), pydl.randn(5, 7)
    states = [(memory[n : n + 1], (pydl.zeros(1, 1, 6), pydl.zeros(1, 1, 6))) for n in range(5)]
    together = (memory, (pydl.zeros(1, 5, 6), pydl.zeros(1, 5, 6)))
    found = beam_search(decoder.step, together, START, END, 12, width, 0.6, batch_size=5, select=select)
    for n in range(5):
        (alone,) = beam_search(decoder.step, states[n], START, END, 12, width, 0.6, select=select)
        assert [each.labels for each in alone] == [each.labels for each in found[n]]
        np.testing.assert_allclose([each.score for each in alone], [each.score for each in found[n]], rtol=1e-5)
        assert len(alone) == width


def test_the_length_penalty_favours_longer_sequences():
    """An early end has 0.5; two labels more cost a third of that."""
    table = np.log([[[0.1, 0.5, 0.3, 0.1]] * 4, [[0.01, 0.01, 0.97, 0.01]] * 4, [[0.01, 0.97, 0.01, 0.01]] * 4])
    lengths = [len(beam_search(*markov(table), START, END, 3, 4, penalty)[0][0].labels) for penalty in (0.0, 4.0)]
    assert lengths == [0, 2]


def test_what_has_not_ended_is_returned_as_it_is():
    table = np.log(np.full((1, V, V), 1e-9))
    table[0, :, 2] = 0.0
    assert beam_search(*markov(table), START, END, 5, 1)[0] == [((2, 2, 2, 2, 2), 0.0)]
    assert beam_search(*markov(table), START, END, 0, 1)[0] == [((), 0.0)]
    assert beam_search(*markov(table), START, END, 5, batch_size=0) == []


def test_take_rows():
    state = (np.arange(3), [pydl.tensor([[1.0], [2.0], [3.0]]), None], {"x": np.eye(3)})
    a, (b, none), d = take_rows(state, np.array([2, 0, 2]))
    assert (a.tolist(), b.tolist(), none, d["x"].shape) == ([2, 0, 2], [[3.0], [1.0], [3.0]], None, (3, 3))


def says(result):
    return lambda: beam_search(lambda labels, state: result, None, START, END, 3, 2)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: beam_search(None, None, 0, 1, 3), TypeError, "beam_search: step must be a function, not NoneType"),
        (lambda: beam_search(print, None, 0, 1, 3, 0), ValueError, "beam_search: beam_width must be at least 1, not 0"),
        (lambda: beam_search(print, None, 0, 1, 3, 1, -1.0), ValueError, "beam_search: length_penalty must be at"),
        (says(np.zeros((2, 4))), TypeError, "beam_search: step must return (log_probs, state), not ndarray"),
        (says((np.zeros((3, 4)), None)), ValueError,
         "beam_search: step returned log_probs of shape (3, 4) for 2 sequences; they must be (2, V) with V more than"),
        (says((np.full((2, 4), np.nan), None)), ValueError, "beam_search: step returned NaN"),
        (lambda: beam_search(print, np.zeros((2, 3)), 0, 1, 3, 1, batch_size=3), ValueError,
         "take_rows: state has shape (2, 3), so no row 2 in dimension 0"),
    ],
)  # fmt: skip
def test_refuses(call, error, message):
    check_refused(call, error, message)
