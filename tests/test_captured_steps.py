"""Trainer(capture=...): to the same bits as the steps by hand, whatever changes between them."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest
from checks import same_bits
from hypothesis import given, settings
from hypothesis import strategies as st

import pydl
from pydl import nn
from pydl.data import DataLoader, TensorDataset
from pydl.nn.functional import cross_entropy, mse_loss
from pydl.optim import EMA, SGD, Adam, AdamW, RMSprop, clip_grad_norm_
from pydl.optim.lr_scheduler import CosineAnnealingLR
from pydl.training import Callback, EarlyStopping, LRSchedule, NaNGuard, WeightAveraging, captured_steps
from pydl.training.checkpoint import Checkpoint


class Words(nn.Module):
    """The last step of an LSTM over words, whose numbers stand behind one another in a batch."""

    def __init__(self):
        super().__init__()
        self.words, self.lstm, self.fc = nn.Embedding(11, 5), nn.LSTM(5, 6, num_layers=2, dropout=0.3), nn.Linear(6, 3)

    def forward(self, words):
        return self.fc(self.lstm(self.words(words).transpose(0, 1))[0][-1])


class WithLengths(Words):
    def forward(self, words, lengths):
        return self.fc(self.lstm(self.words(words).transpose(0, 1), lengths=lengths)[1][0][-1])


def floats(*shape):
    return lambda g, n: (g.standard_normal((n, *shape)).astype(np.float32),)


MODELS = {
    "mlp": (lambda: nn.Sequential(nn.Linear(6, 7), nn.ReLU(), nn.Linear(7, 3)), floats(6)),
    "convolutions": (
        lambda: nn.Sequential(
            *(nn.Conv2d(1, 3, 3), nn.BatchNorm2d(3), nn.ReLU(), nn.MaxPool2d(2), nn.Dropout2d(0.2), nn.Flatten()),
            *(nn.Dropout(0.5), nn.Linear(27, 3)),
        ),
        floats(1, 8, 8),
    ),
    "residual": (
        lambda: nn.Sequential(nn.Residual(nn.Sequential(nn.Linear(4, 4), nn.LayerNorm(4), nn.GELU())), nn.Linear(4, 3)),
        floats(4),
    ),
    "words": (Words, lambda g, n: (g.integers(0, 11, (n, 5)),)),
    "lengths": (WithLengths, lambda g, n: (g.integers(0, 11, (n, 5)), g.integers(1, 6, n))),
}
OPTIMIZERS = {
    "sgd": lambda params: SGD(params, lr=0.1, momentum=0.9, weight_decay=0.01),
    "adam": lambda params: Adam(params, lr=0.01),
    "adamw": lambda params: AdamW(params, lr=0.01, weight_decay=0.1, amsgrad=True),
    "rmsprop": lambda params: RMSprop(params, lr=0.01),
}


class Clip(Callback):
    """Keeps the gradients, too, as no callback is forbidden to."""

    def __init__(self):
        self.seen = []

    def on_before_step(self, trainer):
        clip_grad_norm_(trainer.model.parameters(), 0.1)
        self.seen.append([each.grad for each in trainer.model.parameters()])


class Decaying(Callback):
    """Less dropout in every epoch."""

    def on_epoch_begin(self, trainer):
        for each in trainer.model.modules():
            if isinstance(each, nn.Dropout):
                each.p /= 2


def fit(capture, model="mlp", optimizer="adam", rows=43, epochs=4, callbacks=(), loss=cross_entropy, **options):
    pydl.manual_seed(5)
    g = np.random.default_rng(1)
    build, draw = MODELS[model]
    network = build()
    rule = OPTIMIZERS[optimizer](network.parameters())
    resume = options.pop("resume", None)
    made = [each(rule) if isinstance(each, partial) else each() for each in callbacks]
    trainer = pydl.Trainer(network, loss, rule, callbacks=made, progress=False, capture=capture, **options)
    data = DataLoader(TensorDataset(*draw(g, rows), g.integers(0, 3, rows)), batch_size=8, shuffle=True)
    trainer.fit(data, (*draw(g, 9), g.integers(0, 3, 9)), epochs=epochs, resume=resume)
    return trainer


def assert_same(one, other):
    assert one.history.epochs == other.history.epochs
    for a, b in zip(one.model.state_dict().values(), other.model.state_dict().values(), strict=True):
        assert same_bits(a, b)
    for a, b in zip(one.callbacks, other.callbacks, strict=True):
        for mine, theirs in zip(getattr(a, "seen", []), getattr(b, "seen", []), strict=True):
            assert all(same_bits(x, y) for x, y in zip(mine, theirs, strict=True))


@pytest.fixture(autouse=True, scope="module")
def short_trainings_count():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(captured_steps, "WORTH", 20)
        yield


@pytest.fixture
def recorded(monkeypatch):
    """How many recordings were made and how many steps replayed."""
    counts = {"recorded": 0, "replayed": 0}
    init, run = captured_steps.Recording.__init__, captured_steps.Recording.run

    def counting_init(self, *arguments):
        counts["recorded"] += 1
        init(self, *arguments)

    def counting_run(self, *arguments):
        counts["replayed"] += 1
        return run(self, *arguments)

    monkeypatch.setattr(captured_steps.Recording, "__init__", counting_init)
    monkeypatch.setattr(captured_steps.Recording, "run", counting_run)
    return counts


CALLBACKS = {
    "schedule": partial(lambda rule: LRSchedule(CosineAnnealingLR(rule, 24), every="batch")),
    "clip": Clip,
    "decaying": Decaying,
    "guard": NaNGuard,
    "stopping": lambda: EarlyStopping(patience=2),
}


@settings(max_examples=12, deadline=None)
@given(
    st.sampled_from(sorted(MODELS)),
    st.sampled_from(sorted(OPTIMIZERS)),
    st.sets(st.sampled_from(sorted(CALLBACKS)), max_size=3),
    st.fixed_dictionaries(
        {
            "l1": st.sampled_from([0.0, 0.01]),
            "max_norm": st.sampled_from([None, 0.5]),
            "accumulate_grad_batches": st.sampled_from([1, 1, 2]),
            "rows": st.sampled_from([40, 43]),
        }
    ),
)
def test_same_bits_as_by_hand(model, optimizer, callbacks, options):
    captured, by_hand = (
        fit(capture, model, optimizer, callbacks=[CALLBACKS[each] for each in sorted(callbacks)], **options)
        for capture in (True, False)
    )
    assert_same(captured, by_hand)


def test_auto_replays_networks_of_layers(recorded):
    for loss in (cross_entropy, nn.CrossEntropyLoss(), partial(cross_entropy, label_smoothing=0.1)):
        recorded.update(recorded=0, replayed=0)
        captured = fit("auto", "convolutions", rows=44, loss=loss)
        # In each of four epochs five batches of eight rows and one of four, twice by hand; a recording checks itself.
        assert recorded == {"recorded": 2, "replayed": 18 + 2 + 2}
        assert_same(captured, fit(False, "convolutions", rows=44, loss=loss))


@pytest.mark.parametrize(
    "options",
    [
        {"model": "words"},
        {"loss": lambda y, t: cross_entropy(y, t)},
        {"loss": nn.Linear(3, 1)},
        {"epochs": 1},
        {"accumulate_grad_batches": 2},
        {"capture": False},
    ],
)
def test_auto_leaves_what_it_does_not_know(recorded, options):
    options = {"capture": "auto", **options}
    if isinstance(options.get("loss"), nn.Linear):
        layer = options["loss"]
        options["loss"] = lambda y, t: layer(y).mean()
    fit(**options)
    assert recorded["recorded"] == 0


def test_auto_saves_the_memory_of_large_steps(recorded, monkeypatch):
    monkeypatch.setattr(captured_steps, "LARGE", -1)
    assert_same(fit("auto", "convolutions", rows=40), fit(False, "convolutions", rows=40))
    assert recorded["recorded"] == 0
    fit(True, "convolutions", rows=40)
    assert recorded["recorded"] == 1


def test_hooks_end_the_replays(recorded):
    class Watch(Callback):
        def __init__(self):
            self.outputs = 0

        def on_epoch_begin(self, trainer):
            if trainer.epoch == 3:
                trainer.model[0].register_forward_hook(lambda *given: setattr(self, "outputs", self.outputs + 1))

    captured = fit("auto", callbacks=[Watch])
    assert_same(captured, fit(False, callbacks=[Watch]))
    assert captured.callbacks[-1].outputs == 2 * (6 + 1)  # training and validation batches of two epochs
    assert recorded["recorded"] == 1


def test_settings_that_change_are_noticed(recorded):
    assert_same(
        fit("auto", "convolutions", rows=40, callbacks=[Decaying], epochs=6),
        fit(False, "convolutions", rows=40, callbacks=[Decaying], epochs=6),
    )
    assert recorded["recorded"] > 1


class CutShort(Words):
    """Python reads the lengths."""

    def forward(self, words, lengths):
        return super().forward(words[:, : int(np.asarray(lengths).max())])


def test_branches_on_numbers_are_refused_also_where_they_are_alike():
    module = CutShort()
    step = pydl.capture_step(module, cross_entropy, SGD(module.parameters()), inputs=2)
    with pytest.raises(RuntimeError, match="capture_step: replayed on other numbers"):
        step(np.zeros((4, 5), np.int64), np.full(4, 5), np.zeros(4, np.int64))


def test_resumed_and_averaged(tmp_path, recorded):
    paths = [tmp_path / name for name in ("captured", "by hand")]
    runs = []
    for capture, path in zip(("auto", False), paths, strict=True):
        keep = lambda path=path: Checkpoint(path)  # noqa: E731
        average = partial(
            lambda rule: WeightAveraging(EMA([p for group in rule.param_groups for p in group["params"]]))
        )
        fit(capture, epochs=4, callbacks=[average, keep])
        runs.append(fit(capture, epochs=8, callbacks=[average, keep], resume=path))
    assert_same(*runs)
    assert paths[0].read_bytes() == paths[1].read_bytes()
    assert recorded["recorded"] == 2 + 2


def test_errors_are_those_of_the_step_by_hand():
    def failing(bad, capture):
        pydl.manual_seed(0)
        model = nn.Sequential(nn.Linear(3, 2))
        trainer = pydl.Trainer(model, mse_loss, SGD(model.parameters(), 0.1), progress=False, capture=capture)
        x, y = np.ones((40, 3), np.float32), np.ones((40, 2), np.float32)
        x[39] = bad
        with pytest.raises(FloatingPointError) as caught:
            trainer.fit(DataLoader(TensorDataset(x, y), batch_size=8), epochs=4)
        return str(caught.value), [each.data for each in model.parameters()]

    (said, weights), (expected, others) = failing(np.nan, "auto"), failing(np.nan, False)
    assert said == expected
    assert all(map(same_bits, weights, others))
    with pytest.raises(ValueError, match='Trainer: capture must be True, False or "auto", not 3'):
        fit(3)
    with pytest.raises(TypeError, match="fit: the loss must return a Tensor"):
        fit(True, loss=lambda y, t: 1.0)


def test_memory_is_given_back_after_training():
    trainer = fit("auto")
    assert trainer._captured is None
