"""Callbacks: files of figures, guards against NaN, averaged weights, schedules that watch a figure."""

import csv
import json
import struct
import sys

import numpy as np
import pytest

import pydl
from pydl import nn
from pydl.nn.functional import mse_loss
from pydl.optim import EMA, SGD
from pydl.optim.lr_scheduler import ReduceLROnPlateau
from pydl.training import (
    Callback,
    Checkpoint,
    CSVLogger,
    EarlyStopping,
    JSONLogger,
    LRSchedule,
    NaNGuard,
    TensorBoard,
    Trainer,
    WeightAveraging,
)

X = np.random.default_rng(0).standard_normal((24, 3), np.float32)
Y = X[:, :1] * 2


def make(callbacks=(), model=None, lr=0.05, seed=3):
    pydl.manual_seed(seed)
    model = model() if model else nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 1))
    rule = SGD(model.parameters(), lr=lr)
    return Trainer(model, mse_loss, rule, callbacks=[each(model, rule) for each in callbacks], progress=False)


def fit(trainer, **options):
    return trainer.fit((X, Y), validation=(X, Y), batch_size=8, **{"epochs": 3, **options})


def test_csv_and_json_have_the_history_after_each_epoch(tmp_path):
    table, text = tmp_path / "figures.csv", tmp_path / "figures.json"
    seen = []

    class Look(Callback):
        def on_epoch_end(self, trainer, logs):
            seen.append(len(json.loads(text.read_text())))

    trainer = make([lambda m, o: CSVLogger(table), lambda m, o: JSONLogger(text), lambda m, o: Look()])
    epochs = fit(trainer).epochs
    assert seen == [1, 2, 3]
    assert json.loads(text.read_text()) == [{"epoch": i + 1, **each} for i, each in enumerate(epochs)]
    with open(table, newline="") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == ["epoch", "loss", "val_loss"]
    assert [float(row["val_loss"]) for row in rows] == trainer.history["val_loss"]
    assert json.loads(JSONLogger(text).text([{"epoch": 1, "loss": float("nan")}])) == [{"epoch": 1, "loss": None}]


def events(folder):
    """(step, tag, value) of all scalars in a folder's event files."""
    from tensorboardX.proto.event_pb2 import Event

    found = []
    for path in sorted(folder.glob("events*")):
        content, at = path.read_bytes(), 0
        while at < len(content):
            (size,) = struct.unpack_from("<Q", content, at)
            event = Event.FromString(content[at + 12 : at + 12 + size])
            found += [(event.step, each.tag, each.simple_value) for each in event.summary.value]
            at += 16 + size
    return found


def test_tensorboard(tmp_path):
    pytest.importorskip("tensorboardX")
    trainer = make([lambda m, o: TensorBoard(tmp_path)])
    history = fit(trainer, evaluate_train=True)
    found = {(step, tag): value for step, tag, value in events(tmp_path)}
    assert found[2, "loss/validation"] == pytest.approx(history["val_loss"][1])
    assert found[3, "loss/train"] == pytest.approx(history["loss"][2])
    assert found[3, "loss/train__evaluated"] == pytest.approx(history["train_loss"][2])
    assert found[1, "learning_rate"] == pytest.approx(0.05)


def test_tensorboard_says_what_it_needs(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "tensorboardX", None)
    with pytest.raises(ImportError, match=r"TensorBoard needs tensorboardX: pip install 'pydl-cpu\[tensorboard\]'"):
        TensorBoard(tmp_path)


class Root(nn.Module):
    def forward(self, x):
        return (x * 0).sqrt()  # 0, with an infinite slope


def test_nan_guard_names_the_layer_of_a_gradient():
    model = lambda: nn.Sequential(nn.Linear(3, 4), nn.Tanh(), Root(), nn.Linear(4, 1))  # noqa: E731
    unguarded, guarded = make(model=model), make([lambda m, o: NaNGuard()], model)
    with pytest.raises(
        FloatingPointError, match=r"fit: the loss is nan in epoch 1: the weights of layer '0' \(Linear\)"
    ):
        fit(unguarded)
    message = r"the gradient of 0\.weight is not finite in epoch 1, though the loss is: .* of the output of layer '1'"
    with pytest.raises(FloatingPointError, match=message):
        fit(guarded)
    assert all(np.isfinite(each.data).all() for each in guarded.model.parameters())
    fit(make([lambda m, o: NaNGuard()]))


class Log(nn.Module):
    def forward(self, x):
        return x.log()


@pytest.mark.filterwarnings("ignore:invalid value")
def test_a_loss_that_is_not_finite_names_the_layer():
    trainer = make(model=lambda: nn.Sequential(nn.Linear(3, 4), Log(), nn.Linear(4, 1)))
    with pytest.raises(FloatingPointError, match=r"the first layer with an output that is not finite is '1' \(Log\)"):
        fit(trainer)
    with pytest.raises(FloatingPointError, match="the inputs of this batch are not finite"):
        make().fit((X * np.float32("nan"), Y))
    with pytest.raises(FloatingPointError, match="the outputs of all layers are finite, so it comes from the loss"):
        make().fit((X, Y * np.float32("nan")))


def test_averaged_weights_as_by_hand():
    trainer = make([lambda m, o: WeightAveraging(EMA(m.parameters(), 0.8))])
    fit(trainer)
    by_hand = make()
    ema = EMA(by_hand.model.parameters(), 0.8)

    class Update(Callback):
        def on_batch_end(self, trainer, logs):
            ema.update()

    by_hand.callbacks.append(Update())
    fit(by_hand)
    with ema:
        assert by_hand.evaluate((X, Y))["loss"] == trainer.history["val_loss"][-1]
        for ours, theirs in zip(trainer.model.parameters(), by_hand.model.parameters(), strict=True):
            assert ours.data.tobytes() == theirs.data.tobytes()
    assert trainer.history["loss"] == by_hand.history["loss"], "training goes on with the weights themselves"


def test_averaged_weights_resume_to_the_same_bytes(tmp_path):
    def callbacks(name, *more):
        return [
            lambda m, o: WeightAveraging(EMA(m.parameters(), 0.8)),
            lambda m, o: EarlyStopping(patience=9),
            *more,
            lambda m, o: Checkpoint(tmp_path / name),
        ]

    class Stop(Callback):
        def on_batch_end(self, trainer, logs):
            if trainer.epoch == 3:
                raise KeyboardInterrupt

    whole = make(callbacks("whole", lambda m, o: Callback()))
    fit(whole, epochs=4)
    cut = make(callbacks("cut", lambda m, o: Stop()))
    with pytest.raises(KeyboardInterrupt):
        fit(cut, epochs=4)
    resumed = make(callbacks("cut", lambda m, o: Callback()), seed=9)
    fit(resumed, epochs=4, resume=tmp_path / "cut")
    assert (tmp_path / "cut").read_bytes() == (tmp_path / "whole").read_bytes()
    assert resumed.evaluate((X, Y))["loss"] == resumed.callbacks[2].best == min(resumed.history["val_loss"])


def test_a_schedule_that_watches_a_figure():
    trainer = make([lambda m, o: LRSchedule(ReduceLROnPlateau(o, patience=0, threshold=10.0, mode="max"))])
    fit(trainer)  # the first figure is the best, no later one is ten times as large
    assert trainer.optimizer.param_groups[0]["lr"] == pytest.approx(0.05 * 0.1**2)
    trainer = make([lambda m, o: LRSchedule(ReduceLROnPlateau(o), monitor="val_auc")])
    with pytest.raises(ValueError, match="LRSchedule: there is no figure 'val_auc' to monitor; this training has loss"):
        fit(trainer)


def test_best_weights_come_back_without_a_stop_and_it_says_which(capsys):
    class Spoil(Callback):
        def on_epoch_begin(self, trainer):
            if trainer.epoch == 3:
                for each in trainer.model.parameters():
                    each.data[...] = 9

    pydl.manual_seed(0)
    model = nn.Linear(3, 1)
    trainer = Trainer(model, mse_loss, SGD(model.parameters(), lr=1e-4), callbacks=[Spoil(), EarlyStopping(patience=5)])
    fit(trainer)
    assert trainer.evaluate((X, Y))["loss"] == trainer.history["val_loss"][1]
    assert "Weights of epoch 2 restored: val_loss" in capsys.readouterr().out


def test_progress_in_a_notebook(monkeypatch):
    auto = pytest.importorskip("tqdm.auto")
    made = []

    class Bar:
        def __init__(self, **settings):
            made.append(settings)

        def __getattr__(self, name):
            return lambda *each, **options: None

    monkeypatch.setitem(sys.modules, "ipykernel", object())
    monkeypatch.setattr(auto, "tqdm", Bar)
    model = nn.Linear(3, 1)
    Trainer(model, mse_loss, SGD(model.parameters(), lr=0.1)).fit((X, Y), epochs=2, batch_size=8)
    assert made[0]["total"] == 6
