"""pydl lab step: formulas against the model, its gradients, central differences, and the terminal."""

import json
import re
from xml.etree import ElementTree

import numpy as np
import pytest
from step_models import Through, numbers, read, small

from pydl import lab, nn, no_grad, ops, save
from pydl.cli import main
from pydl.lab.steps.wording import mathml
from pydl.nn import functional as F
from pydl.recipes.photo_tagging import PLANS
from pydl.tensor import Tensor


def agree(steps):
    """The formulas give what the model gave; chosen numbers unfold to themselves and are confirmed by differences."""
    assert max(steps.largest_error) < 1e-12
    random = np.random.default_rng(0)
    for number, step in enumerate(steps.steps, 1):
        for each in step.assignments:
            for index in (steps.chosen(each), tuple(int(random.integers(size)) for size in each.formula.shape)):
                node = steps.unfold(number, each.formula.target, index)
                assert node.value == pytest.approx(steps.values[each.array][index], rel=1e-12, abs=1e-12)
                checked = steps.confirmed(each, index)
                if checked is not None and not checked.at_kink:
                    assert checked.central == pytest.approx(checked.gradient, rel=1e-6, abs=1e-8), each.formula.text()
            for piece in mathml(each.formula).split(" <math>"):
                ElementTree.fromstring(piece if piece.startswith("<math>") else "<math>" + piece)
    return steps


IMAGES = [
    [nn.Conv2d(2, 4, 3, stride=2, padding=1, groups=2), nn.Tanh(), nn.AvgPool2d(2, stride=1, padding=1)],
    [nn.Conv2d(2, 3, (2, 3), dilation=2, padding="same", bias=False), nn.MaxPool2d(3, 2, padding=1, dilation=2)],
    [nn.Conv2d(2, 2, 3), nn.MaxPool2d(2, ceil_mode=True), nn.Dropout(), nn.Flatten(), nn.Linear(12, 3)],
    [nn.Conv2d(2, 3, 3), nn.BatchNorm2d(3), nn.Flatten(), nn.BatchNorm1d(60, affine=False)],
    [nn.Flatten(2), nn.Linear(42, 3), nn.LogSoftmax(2), nn.Flatten(0)],
    [nn.Flatten(), nn.Linear(84, 4, bias=False), nn.Softmax(1)],
]


@pytest.mark.parametrize("layers", IMAGES, ids=lambda layers: "-".join(type(each).__name__ for each in layers))
def test_layers(layers):
    for layer in layers:
        layer.train()
    agree(lab.step(nn.Sequential(*layers).double(), numbers(2, 2, 7, 6), loss=lambda y: (y * y).sum()))
    assert all(layer.training for layer in layers)


ACTIVATIONS = [
    *(nn.ReLU(), nn.Sigmoid(), nn.Tanh(), nn.LeakyReLU(0.2), nn.ELU(0.7), nn.Softplus(2.0), nn.SiLU()),
    *(
        lambda x: ops.abs(ops.neg(x)),
        lambda x: F.dropout(ops.exp(x), training=False),
        lambda x: x + x * x - x,
        lambda x: (x * 3.0 + 1.0).mean(),
    ),
    *(lambda x: x.reshape(4, 3)[1], lambda x: x.view(2, 3, 2)[:, 1, None], lambda x: x.unsqueeze(1).squeeze(1)),
]


@pytest.mark.parametrize("function", ACTIVATIONS, ids=lambda each: str(each) if isinstance(each, nn.Module) else None)
def test_numbers(function):
    agree(lab.step(Through(lambda _, x: function(x)), numbers(3, 4)))


@pytest.mark.parametrize("reduction", ["mean", "sum"])
@pytest.mark.parametrize(
    "loss",
    [
        nn.MSELoss,
        nn.L1Loss,
        nn.SmoothL1Loss,
        nn.HuberLoss,
        nn.BCELoss,
        nn.BCEWithLogitsLoss,
        nn.CrossEntropyLoss,
        nn.NLLLoss,
    ],
)
def test_losses(loss, reduction):
    classes = loss in (nn.CrossEntropyLoss, nn.NLLLoss)
    target = np.array([2, 0, 1]) if classes else np.random.default_rng(1).random((3, 4))
    steps = agree(lab.step(nn.Sigmoid(), 3 * numbers(3, 4), target, loss(reduction=reduction)))
    with no_grad():
        assert steps.cost == pytest.approx(
            loss(reduction=reduction)(F.sigmoid(Tensor(3 * numbers(3, 4))), target).item()
        )


@pytest.mark.parametrize(
    "cell", [nn.RNNCell(3, 4), nn.RNNCell(3, 4, nonlinearity="relu", bias=False), nn.LSTMCell(3, 4)]
)
def test_cells_through_time(cell):
    model = Through(read, cell=cell, out=nn.Linear(4, 2)).double()
    x = numbers(3, 2, 3)
    steps = agree(lab.step(model, x, np.array([1, 0])))
    model.zero_grad()
    F.cross_entropy(model(Tensor(x)), np.array([1, 0])).backward()
    for name, parameter in model.named_parameters():
        number = steps.labels.index(name)
        np.testing.assert_allclose(steps.values[steps.gradients[number]], parameter.grad.data, rtol=1e-10, atol=1e-14)


def test_the_notes_formulas():
    steps = agree(lab.step(small(), numbers(1, 1, 6, 6), np.array([1])))
    texts = [each.formula.text() for step in steps.steps for each in step.assignments]
    assert "delta0[n,c,j,k] = sum_{o,l,m} delta1[n,o,j-l,k-m] * w[o,c,l,m]" in texts
    assert "dC/dw[o,c,l,m] = sum_{n,j,k} delta1[n,o,j,k] * a0[n,c,j+l,k+m]" in texts
    assert "delta0[n,c,j,k] = sum_{u,v} delta1[n,c,u,v] * (winner[n,c,u,v] == j * 4 + k)" in texts
    assert "dC/dw[o,k] = sum_{n} delta1[n,o] * a0[n,k]" in texts
    routed, pooled = (steps.values[steps.steps[i].find("delta0").array] for i in (9, 8))
    assert np.count_nonzero(routed) == np.count_nonzero(pooled)
    assert routed.sum() == pytest.approx(pooled.sum())


def test_all_paths_of_the_whole_graph_add_up_to_the_gradient():
    steps = lab.step(small(), numbers(1, 1, 6, 6), np.array([1]))
    cost = steps.unfold(6, "C", (), depth=99)
    assert cost.value == pytest.approx(steps.cost)
    weight = steps.steps[0].assignments[0].scope["w"]
    gradient = steps.values[steps.gradients[weight]]
    found = np.zeros_like(gradient)
    for leaf in cost.leaves():
        if leaf.array == "w" and len(leaf.index) == 4:
            found[leaf.index] += leaf.gradient
    np.testing.assert_allclose(found, gradient, rtol=1e-9, atol=1e-12)


def test_one_gate_by_hand():
    cell = nn.LSTMCell(2, 2).double()
    x = numbers(1, 2)
    steps = lab.step(Through(lambda model, x: model.cell(x)[0], cell=cell), x)
    node = steps.unfold(1, "f", (0, 1), depth=2)
    w, b = cell.weight_ih.data[3], cell.bias_ih.data[3] + cell.bias_hh.data[3]
    assert node.value == pytest.approx(1 / (1 + np.exp(-(w @ x[0] + b))))
    (at,) = node.children
    assert at.label == "a[0,3]"
    assert at.gradient == pytest.approx(node.gradient * node.value * (1 - node.value))
    assert at.numbers().count(" + ") >= 3
    assert any(line.strip().startswith("w_ih[3,1]") for line in node.tree())


@pytest.mark.parametrize("options", [{}, {"stride": 2}, {"padding": (1, 2)}, {"dilation": (2, 1), "stride": (1, 2)}])
def test_a_convolution_is_a_sparse_fully_connected_layer(options):
    x, w = numbers(2, 3, 7, 8), numbers(4, 3, 3, 2)
    W = lab.convolution_matrix(w, 7, 8, **options)
    y = F.conv2d(Tensor(x), Tensor(w), **options).numpy()
    np.testing.assert_allclose((x.reshape(2, -1) @ W.T).reshape(y.shape), y, rtol=1e-12, atol=1e-12)
    assert len(np.unique(W)) == w.size + 1


def test_everything_is_as_it_was():
    model = small()
    before = dict(vars(ops)), nn.Conv2d.operation, Tensor.relu
    model[0].weight.requires_grad = False
    model[4].weight.grad = Tensor(np.ones((3, 8)))
    lab.step(model, numbers(1, 1, 6, 6), np.array([0]))
    assert model.training
    assert model[0].weight.grad is None
    assert not model[0].weight.requires_grad
    assert model[4].weight.grad.numpy().sum() == 24
    assert (dict(vars(ops)), nn.Conv2d.operation, Tensor.relu) == before
    assert not model._forward_hooks


def test_a_kink_is_named():
    steps = lab.step(nn.ReLU(), np.array([[0.0, 1.0]]))
    checked = steps.difference(steps.steps[0].assignments[0].scope["a0"], (0, 0))
    assert checked.at_kink
    assert "slope is 0 below and 1 above" in checked.text()


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: lab.step(lambda x: x, numbers(2)), "step: model must be a Module, not function"),
        (
            lambda: lab.step(nn.GELU(), numbers(2)),
            "step: there is no formula for gelu; the operations with one are abs",
        ),
        (lambda: lab.step(nn.Linear(3, 2).double(), numbers(1, 3), np.ones((1, 2)), lambda a, t: a - t), "one number"),
        (
            lambda: lab.step(small()[0], numbers(1, 6, 6)),
            "step: the formulas of conv2d leave out images without a batch",
        ),
        (lambda: lab.step(nn.ReLU(), numbers(2)).unfold(0, "a1", (0,)), "unfold: step must be from 1 to 4, not 0"),
        (lambda: lab.step(nn.ReLU(), numbers(2)).unfold(1, "z", (0,)), "ReLU makes no 'z'; it makes a1"),
        (lambda: lab.step(nn.ReLU(), numbers(2)).unfold(1, "a1", (5,)), "index (5,) is not in a1 of shape (2,)"),
        (lambda: lab.convolution_matrix(np.ones((2, 2)), 3, 3), "weight must be (O, C, L, M), but has shape (2, 2)"),
        (lambda: lab.convolution_matrix(np.ones((1, 1, 5, 5)), 3, 3), "is larger than the image of 3x3"),
    ],
)
def test_wrong_calls(call, message):
    with pytest.raises((TypeError, ValueError), match=re.escape(message)):
        call()


def test_terminal(capsys):
    steps = lab.step(small(), numbers(1, 1, 6, 6), np.array([1]))
    answers = iter(["a1 0 1 2 2", "a1 9", "", "b", "12", "q"])
    steps.print(lambda question: next(answers))
    said = capsys.readouterr().out
    assert "as a fully connected layer: W is 32 x 36, 288 of its 1,152 weights are not 0 and 18 are different" in said
    assert said.count("Step 1 of 12, forward: Conv2d 0") == 2
    assert "  sum  = " in said
    assert "unfold: index (9,) is not in a1" in said
    assert "Step 12 of 12, backward: Conv2d 0" in said
    assert "Step 3 of 12" not in said


def test_command(tmp_path, capsys):
    assert main(["lab", "step", "--model", "lstm", "--out", str(tmp_path)]) == 0
    said = capsys.readouterr().out
    figures = json.loads((tmp_path / "metrics.json").read_text())
    assert figures["finding"] in said
    assert "forget gate: how much of the old stays" in said
    assert max(figures["error_forward"], figures["error_backward"]) < 1e-4
    assert main(["lab", "step", "--model", "lstm", "--checkpoint", "x", "--out", str(tmp_path)]) == 2
    plan = PLANS["mnist-5k"]
    facts = {"classes": list("0123456789"), "brightness": [0.1, 0.3], "settings": {"data": "mnist-5k"}}
    save(plan.network(10).state_dict(), tmp_path / "net.safetensors", metadata=facts)
    assert main(["lab", "step", "--checkpoint", str(tmp_path / "net.safetensors"), "--out", str(tmp_path)]) == 0
    assert "(var[c] + 1e-05)**0.5" in capsys.readouterr().out
    assert main(["lab", "step", "--digit", "-1", "--out", str(tmp_path)]) == 2
    assert main(["lab", "step", "--checkpoint", str(tmp_path / "none"), "--out", str(tmp_path)]) == 2
    assert "--digit: must be from 0 to 999" in capsys.readouterr().err
