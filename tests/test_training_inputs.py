"""What a Trainer takes: several inputs and outputs by place and by name, small batches for one step, both figures."""

import numpy as np
import pytest

import pydl
from pydl import nn
from pydl.data import DataLoader, NestedDataset, TensorDataset
from pydl.nn.functional import cross_entropy, mse_loss
from pydl.optim import SGD
from pydl.training import Trainer, accuracy


class TwoInputs(nn.Module):
    def __init__(self):
        super().__init__()
        self.left, self.right = nn.Linear(3, 4), nn.Linear(2, 4)

    def forward(self, image, radar):
        return self.left(image) + self.right(radar)


class TwoOutputs(nn.Module):
    def __init__(self, named):
        super().__init__()
        self.kind, self.size, self.named = nn.Linear(3, 2), nn.Linear(3, 1), named

    def forward(self, x):
        return {"kind": self.kind(x), "size": self.size(x)} if self.named else (self.kind(x), self.size(x))


def arrays(rows=20):
    rng = np.random.default_rng(0)
    image, radar = (rng.standard_normal((rows, size), np.float32) for size in (3, 2))
    return image, radar, rng.integers(4, size=rows)


def fit(trainer, data, **options):
    pydl.manual_seed(2)
    return trainer.fit(data, **options)


def trainer(model=None, loss=cross_entropy, metrics=(accuracy,), **settings):
    pydl.manual_seed(1)
    model = model() if model else TwoInputs()
    return Trainer(model, loss, SGD(model.parameters(), lr=0.1), metrics, progress=False, **settings)


IMAGE, RADAR, LABELS = arrays()
NAMED = {"radar": RADAR, "image": IMAGE}
FORMS = {
    "arrays": (IMAGE, RADAR, LABELS),
    "tuple": ((IMAGE, RADAR), LABELS),
    "dict": (NAMED, LABELS),
    "dict with targets": {**NAMED, "targets": LABELS},
    "Dataset": TensorDataset(IMAGE, RADAR, LABELS),
    "Dataset of tuples": NestedDataset(((IMAGE, RADAR), LABELS)),
    "items of dicts": [({"radar": r, "image": i}, label) for i, r, label in zip(IMAGE, RADAR, LABELS, strict=True)],
}


@pytest.mark.parametrize("form", FORMS)
def test_several_inputs(form):
    data = FORMS[form]
    if isinstance(data, list):
        data = DataLoader(data, 8, shuffle=True)
    ours, plain = trainer(), trainer()
    fit(ours, data, epochs=2, batch_size=8)
    fit(plain, (IMAGE, RADAR, LABELS), epochs=2, batch_size=8)
    for a, b in zip(ours.model.parameters(), plain.model.parameters(), strict=True):
        assert a.data.tobytes() == b.data.tobytes()
    figures = ours.evaluate(data)
    assert figures["accuracy"] == pytest.approx(plain.evaluate(FORMS["arrays"])["accuracy"])


def test_predict_takes_the_same():
    model = trainer()
    scores = model.model(IMAGE, RADAR).data
    for given in ((IMAGE, RADAR), NAMED, FORMS["Dataset"], FORMS["Dataset of tuples"], DataLoader(FORMS["Dataset"], 9)):
        np.testing.assert_allclose(model.predict(given, batch_size=7), scores, rtol=1e-5)
    alone = Trainer(model.model.left, mse_loss, SGD(model.model.left.parameters(), lr=0.1), progress=False)
    expected = model.model.left(IMAGE).data
    for given in (IMAGE, IMAGE.tolist(), TensorDataset(IMAGE), DataLoader(list(IMAGE), 6), pydl.tensor(IMAGE)):
        np.testing.assert_allclose(alone.predict(given), expected, rtol=1e-5)
    assert alone.predict(IMAGE[:0]).shape == (0, 4)


@pytest.mark.parametrize("named", [False, True])
def test_several_outputs(named):
    places = ("kind", "size") if named else (0, 1)
    kinds, sizes = LABELS % 2, IMAGE[:, :1] * 2
    targets = {"kind": kinds, "size": sizes} if named else (kinds, sizes)

    def loss(outputs, wanted):
        kind, size = (outputs[place] for place in places)
        return cross_entropy(kind, wanted[places[0]]) + mse_loss(size, wanted[places[1]])

    def right(outputs, wanted):
        return accuracy(outputs[places[0]], wanted[places[0]])

    ours = trainer(lambda: TwoOutputs(named), loss, [right])
    history = ours.fit((IMAGE, targets), validation=(IMAGE, targets), epochs=20, batch_size=8)
    assert history["loss"][-1] < history["loss"][0]
    assert 0 <= history["val_right"][-1] <= 1
    outputs = ours.predict(IMAGE, batch_size=6)
    assert outputs[places[0]].shape == (20, 2)
    assert outputs[places[1]].shape == (20, 1)


def test_small_batches_add_up_to_a_step():
    steps = []

    class Count(pydl.training.Callback):
        def on_batch_end(self, trainer, logs):
            steps.append(logs["loss"])

    whole, parts = trainer(), trainer(callbacks=[Count()], accumulate_grad_batches=2)
    fit(whole, FORMS["arrays"], epochs=2, batch_size=12)  # steps of 12 and 8 rows
    fit(parts, FORMS["arrays"], epochs=2, batch_size=6)  # of 6 + 6 and 6 + 2
    assert len(steps) == 2 * parts.batches == 4
    for a, b in zip(whole.model.parameters(), parts.model.parameters(), strict=True):
        np.testing.assert_allclose(a.data, b.data, rtol=1e-5, atol=1e-6)
    assert whole.history["loss"] == pytest.approx(parts.history["loss"], rel=1e-5)


def test_training_data_are_evaluated_like_validation_data():
    def make():
        return nn.Sequential(nn.Linear(3, 16), nn.Dropout(0.5), nn.Linear(16, 4))

    plain, both = trainer(make), trainer(make)
    loader = DataLoader(TensorDataset(IMAGE, LABELS), 8, shuffle=True)
    fit(plain, loader, epochs=3)
    history = fit(both, loader, validation=(IMAGE, LABELS), epochs=3, evaluate_train=True)
    assert history["train_loss"] == pytest.approx(history["val_loss"])
    assert history["train_accuracy"] == history["val_accuracy"]
    assert history["loss"] == plain.history["loss"], "evaluation takes no random numbers"


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: trainer(accumulate_grad_batches=0), ValueError, "accumulate_grad_batches must be at least 1, not 0"),
        (lambda: trainer().fit(NAMED), TypeError, "fit: data must be .inputs, targets., a Dataset .* not dict"),
        (lambda: trainer().fit(({"image": IMAGE}, LABELS[:3])), ValueError, r"NestedDataset: .* \(20, 3\), \(3,\)"),
        (lambda: trainer().fit((IMAGE,)), ValueError, "fit: a batch must be .inputs, targets. or a dict with"),
        (lambda: trainer().predict((IMAGE, RADAR[:3])), ValueError, r"predict: inputs have shapes \(20, 3\), \(3, 2\)"),
        (lambda: NestedDataset([IMAGE]), TypeError, "NestedDataset: arrays must be a tuple or a dict of arrays"),
        (lambda: NestedDataset(NAMED)[99], IndexError, "NestedDataset: 99 is no index into a data set of 20 items"),
    ],
)
def test_refuses(call, error, message):
    with pytest.raises(error, match=message):
        call()


def test_parameters_that_the_optimizer_does_not_have():
    model = nn.Sequential(nn.Linear(3, 3), nn.ReLU(), nn.Linear(3, 4))
    ours = Trainer(model, cross_entropy, SGD(model[2].parameters(), lr=0.1), progress=False)
    with pytest.raises(ValueError, match=r"fit: the optimizer does not have the parameters 0\.weight, 0\.bias"):
        ours.fit((IMAGE, LABELS))
    model[0].requires_grad_(False)
    ours.fit((IMAGE, LABELS))
