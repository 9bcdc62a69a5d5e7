"""The Trainer and its callbacks, on a network that learns in a fraction of a second."""

import io
import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import pydl
from pydl import nn
from pydl.nn.functional import cross_entropy
from pydl.optim import SGD, Adam
from pydl.optim.lr_scheduler import OneCycleLR
from pydl.training import (
    Callback,
    Checkpoint,
    EarlyStopping,
    LRSchedule,
    ProgressBar,
    Trainer,
    accuracy,
    confusion_matrix,
    read_checkpoint,
)
from pydl.training.checkpoint import separate, unite


def spirals(count=96):
    """Two classes that a linear model cannot tell apart."""
    rng = np.random.default_rng(1)
    labels = np.arange(count) % 2
    turn = rng.uniform(0.5, 3, count)
    points = np.stack([turn * np.cos(2 * turn + np.pi * labels), turn * np.sin(2 * turn + np.pi * labels)], 1)
    return points.astype(np.float32), labels


def make(epochs=4, callbacks=(), optimizer=Adam, dropout=0.2, lr=0.02):
    pydl.manual_seed(3)
    model = nn.Sequential(nn.Linear(2, 16), nn.Tanh(), nn.Dropout(dropout), nn.Linear(16, 2))
    rule = optimizer(model.parameters(), lr=lr)
    cycle = LRSchedule(OneCycleLR(rule, max_lr=lr, total_steps=epochs * 6), every="batch")
    return Trainer(model, cross_entropy, rule, [accuracy], [cycle, *callbacks], progress=False)


def test_fit_learns_and_reports():
    x, y = spirals()
    trainer = make(epochs=30, dropout=0.0)
    history = trainer.fit((x, y), validation=(x, y), epochs=30, batch_size=16)
    assert len(history.epochs) == 30
    assert set(history.epochs[0]) == {"loss", "val_loss", "val_accuracy"}
    assert history["loss"][-1] < 0.5 * history["loss"][0]
    assert trainer.evaluate((x, y))["accuracy"] > 0.9
    scores = trainer.predict(x, batch_size=7)
    assert scores.shape == (96, 2)
    assert accuracy(scores, y) == trainer.evaluate((x, y))["accuracy"]
    with pytest.raises(KeyError, match="there is no figure 'auc'"):
        history["auc"]


def test_the_loop_by_hand_gives_the_same_bits():
    x, y = spirals()
    by_trainer = make(epochs=2)
    by_trainer.fit((x, y), epochs=2, batch_size=16)

    by_hand = make(epochs=2)
    model, optimizer, schedule = by_hand.model, by_hand.optimizer, by_hand.callbacks[1].scheduler
    model.train()
    for _ in range(2):
        for inputs, targets in pydl.data.DataLoader(pydl.data.TensorDataset(x, y), batch_size=16, shuffle=True):
            loss = cross_entropy(model(inputs), targets)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
    for ours, theirs in zip(by_trainer.model.parameters(), model.parameters(), strict=True):
        assert ours.data.tobytes() == theirs.data.tobytes()


def test_l1_and_max_norm_as_by_hand():
    x, y = spirals()
    losses, weights = [], []
    for by_hand in (False, True):
        pydl.manual_seed(3)
        model = nn.Sequential(nn.Linear(2, 16), nn.Tanh(), nn.Linear(16, 2))
        rule = SGD(model.parameters(), lr=0.1)
        if by_hand:
            for _ in range(2):
                total = 0.0
                for inputs, targets in pydl.data.DataLoader(pydl.data.TensorDataset(x, y), 32, shuffle=True):
                    loss = cross_entropy(model(inputs), targets)
                    rule.zero_grad()
                    (loss + pydl.optim.l1_penalty([model[0].weight, model[2].weight], 1e-2)).backward()
                    rule.step()
                    pydl.optim.clip_max_norm_(model.parameters(), 0.5)
                    total += loss.item() * 32
            losses.append(total / 96)
        else:
            history = Trainer(model, cross_entropy, rule, progress=False, l1=1e-2, max_norm=0.5).fit((x, y), epochs=2)
            losses.append(history["loss"][-1])
        weights.append([each.data.tobytes() for each in model.parameters()])
        assert np.linalg.norm(model[0].weight.data, axis=1).max() < 0.5001
    assert weights[0] == weights[1]
    assert losses[0] == losses[1], "the loss reported is that of the data alone"


def test_l1_needs_weights():
    x, y = spirals()
    model = nn.BatchNorm1d(2)
    trainer = Trainer(model, cross_entropy, SGD(model.parameters(), lr=0.1), progress=False, l1=0.1)
    with pytest.raises(ValueError, match="but the model has no weights of two or more dimensions"):
        trainer.fit((x, y))


def test_l1_leaves_few_weights():
    x, y = spirals()
    sizes = []
    for l1 in (0.0, 3e-2):
        trainer = make(dropout=0.0)
        trainer.l1 = l1
        trainer.fit((x, y), epochs=4)
        sizes.append(np.abs(trainer.model[0].weight.data).mean())
    assert sizes[1] < 0.8 * sizes[0]


def test_evaluation_changes_nothing():
    x, y = spirals()
    trainer = make()
    trainer.model.train()
    before = pydl.random.get_rng_state()
    first, second = trainer.evaluate((x, y)), trainer.evaluate((x, y), batch_size=5)
    assert first["accuracy"] == second["accuracy"]
    assert first["loss"] == pytest.approx(second["loss"], rel=1e-5)
    assert trainer.model.training
    assert pydl.random.get_rng_state() == before
    assert all(p.grad is None for p in trainer.model.parameters())


@pytest.mark.parametrize("optimizer", [Adam, SGD])
def test_resume_gives_the_same_bytes(tmp_path, optimizer):
    x, y = spirals()

    class Interrupt(Callback):
        def on_batch_end(self, trainer, logs):
            if trainer.epoch == 3:
                raise KeyboardInterrupt

    def callbacks(name, *more):
        return [EarlyStopping(patience=9), *more, Checkpoint(tmp_path / name)]

    whole = make(callbacks=callbacks("whole", Callback()), optimizer=optimizer)
    whole.fit((x, y), validation=(x, y), epochs=4, batch_size=16)

    cut = make(callbacks=callbacks("cut", Interrupt()), optimizer=optimizer)
    with pytest.raises(KeyboardInterrupt):
        cut.fit((x, y), validation=(x, y), epochs=4, batch_size=16)
    assert read_checkpoint(tmp_path / "cut")["epoch"] == 2

    pydl.manual_seed(99)
    resumed = make(callbacks=callbacks("cut", Callback()), optimizer=optimizer)
    pydl.manual_seed(100)
    resumed.fit((x, y), validation=(x, y), epochs=4, batch_size=16, resume=tmp_path / "cut")
    assert (tmp_path / "cut").read_bytes() == (tmp_path / "whole").read_bytes()
    assert resumed.history.epochs == whole.history.epochs
    for ours, theirs in zip(resumed.model.parameters(), whole.model.parameters(), strict=True):
        assert ours.data.tobytes() == theirs.data.tobytes()


def test_checkpoints_do_not_depend_on_threads(tmp_path):
    x, y = spirals()
    before = pydl.get_num_threads()
    try:
        for threads in (1, 2, 3):
            pydl.set_num_threads(threads)
            make(callbacks=[Checkpoint(tmp_path / str(threads))]).fit((x, y), epochs=4, batch_size=16)
    finally:
        pydl.set_num_threads(before)
    assert (tmp_path / "1").read_bytes() == (tmp_path / "2").read_bytes() == (tmp_path / "3").read_bytes()


def test_early_stopping_keeps_the_best():
    x, y = spirals()

    class Worsen(Callback):
        """From the third epoch on, the weights are spoilt before the next validation."""

        def on_epoch_begin(self, trainer):
            if trainer.epoch >= 3:
                for parameter in trainer.model.parameters():
                    parameter.data[...] = 0

    stopping = EarlyStopping("val_accuracy", patience=2)
    trainer = make(epochs=50, callbacks=[Worsen(), stopping], dropout=0.0)
    history = trainer.fit((x, y), validation=(x, y), epochs=50, batch_size=16)
    assert len(history.epochs) < 50
    assert stopping.best_epoch == int(np.argmax(history["val_accuracy"])) + 1
    assert trainer.evaluate((x, y))["accuracy"] == stopping.best


def test_early_stopping_needs_its_figure():
    x, y = spirals()
    with pytest.raises(ValueError, match="no figure 'val_loss' to monitor; this training has loss"):
        make(callbacks=[EarlyStopping()]).fit((x, y), epochs=1)


def test_loss_that_is_not_finite_ends_training():
    x, y = spirals()
    x[5] = np.nan
    with pytest.raises(FloatingPointError, match=r"fit: the loss is nan in epoch 1"):
        make().fit((x, y), epochs=1)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda t, x, y: t.fit((x, y[:5])), ValueError, "TensorDataset"),
        (lambda t, x, y: t.fit((x,)), ValueError, r"a batch must be \(inputs, targets\)"),
        (lambda t, x, y: t.fit((x, y), epochs=-1), ValueError, "fit: epochs must be at least 0, not -1"),
        (lambda t, x, y: t.fit((x[:0], y[:0])), ValueError, "fit: train holds no data"),
        (lambda t, x, y: t.evaluate((x[:0], y[:0])), ValueError, "evaluate: there is no data"),
        (lambda t, x, y: t.predict(x, batch_size=0), ValueError, "predict: batch_size must be at least 1"),
        (lambda t, x, y: EarlyStopping(patience=0), ValueError, "patience must be at least 1"),
        (lambda t, x, y: EarlyStopping(mode="up"), ValueError, "mode must be 'min' or 'max', not 'up'"),
        (lambda t, x, y: Checkpoint("x", every=0), ValueError, "every must be at least 1"),
        (lambda t, x, y: LRSchedule(None), TypeError, "scheduler must be one of optim.lr_scheduler, not NoneType"),
        (
            lambda t, x, y: Trainer(t.model, nn.CrossEntropyLoss, t.optimizer),
            TypeError,
            r"not the class CrossEntropyLoss; ca",
        ),
        (
            lambda t, x, y: Trainer(nn.Linear, t.loss, t.optimizer),
            TypeError,
            "model must be a Module, not the class Linear",
        ),
        (
            lambda t, x, y: make(callbacks=[EarlyStopping]),
            TypeError,
            "callbacks must be .* not the class EarlyStopping",
        ),
        (
            lambda t, x, y: Trainer(t.model, lambda *each: 3.0, t.optimizer, progress=False).fit((x, y)),
            TypeError,
            "fit: the loss must return a Tensor of one number, not float",
        ),
        (
            lambda t, x, y: Trainer(t.model, nn.CrossEntropyLoss(reduction="none"), t.optimizer).evaluate((x, y)),
            ValueError,
            r"evaluate: the loss must return one number, the mean over the batch, but gave \(96,\)",
        ),
        (lambda t, x, y: accuracy(np.zeros((3, 2)), np.zeros((3, 1))), ValueError, r"shapes \(3, 2\) and \(3, 1\)"),
        (lambda t, x, y: confusion_matrix([0, 3], [0, 1], 2), ValueError, "there are 2 classes"),
    ],
)
def test_refuses(call, error, message):
    with pytest.raises(error, match=message):
        call(make(), *spirals())


def test_confusion_matrix_worked_by_hand():
    assert confusion_matrix([0, 0, 1, 2], [0, 1, 1, 0], 3).tolist() == [[1, 1, 0], [0, 1, 0], [1, 0, 0]]


def test_progress_goes_line_by_line_where_nobody_watches():
    x, y = spirals()
    text = io.StringIO()
    trainer = make(callbacks=[ProgressBar(text)], epochs=2)
    trainer.fit((x, y), epochs=2, batch_size=16)
    lines = text.getvalue().splitlines()
    assert len(lines) == 2
    assert lines[1].startswith("epoch 2/2  loss 0.")


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_progress_bar_on_a_terminal():
    pytest.importorskip("tqdm")
    x, y = spirals()
    text = Terminal()
    make(callbacks=[ProgressBar(text)], epochs=2).fit((x, y), epochs=2, batch_size=16)
    assert "epoch 2/2" in text.getvalue()
    assert "batch" in text.getvalue()


numbers = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text()
arrays = st.integers(0, 4).map(lambda n: np.arange(n, dtype=np.float32))
nested = st.recursive(
    numbers | arrays, lambda inner: st.lists(inner) | st.dictionaries(st.text() | st.integers(), inner), max_leaves=20
)


@settings(max_examples=60, deadline=None)
@given(nested)
def test_separate_and_unite_are_inverse(state):
    kept = {}
    plain = json.loads(json.dumps(separate(state, "", kept)))

    def equal(a, b):
        if isinstance(a, np.ndarray):
            return isinstance(b, np.ndarray) and a.tobytes() == b.tobytes()
        if isinstance(a, list):
            return len(a) == len(b) and all(map(equal, a, b))
        if isinstance(a, dict):
            return list(a) == list(b) and all(equal(a[key], b[key]) for key in a)
        return a == b and type(a) is type(b)

    assert equal(state, unite(plain, "", kept))


def test_foreign_checkpoint(tmp_path):
    x, y = spirals()
    pydl.save({"w": np.ones(3, np.float32)}, tmp_path / "weights.safetensors")
    with pytest.raises(ValueError, match="not a checkpoint of a training"):
        make().fit((x, y), epochs=4, batch_size=16, resume=tmp_path / "weights.safetensors")
    with pytest.raises(FileNotFoundError):
        make().fit((x, y), epochs=4, resume=tmp_path / "missing")
    make(callbacks=[Checkpoint(tmp_path / "one")]).fit((x, y), epochs=1, batch_size=16)
    with pytest.raises(ValueError, match="with 3 callbacks, this one has 2"):
        make().fit((x, y), epochs=4, batch_size=16, resume=tmp_path / "one")
    whole = (tmp_path / "one").read_bytes()
    for size in (0, 7, 100, len(whole) // 2, len(whole) - 1):
        (tmp_path / "cut").write_bytes(whole[:size])
        with pytest.raises(ValueError, match="cut"):
            read_checkpoint(tmp_path / "cut")
