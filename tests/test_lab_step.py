"""pydl lab step: formulas against the model, its gradients, central differences, and the page in a browser."""

import json
import re
import shutil
import subprocess
from xml.etree import ElementTree

import numpy as np
import pytest

from pydl import lab, nn, no_grad, ops, save
from pydl.cli import main
from pydl.lab.steps.wording import mathml
from pydl.nn import functional as F
from pydl.recipes.photo_tagging import PLANS
from pydl.tensor import Tensor


def numbers(*shape):
    return np.random.default_rng(7).standard_normal(shape)


class Through(nn.Module):
    """A function as a model."""

    def __init__(self, function, **modules):
        super().__init__()
        self.function = function
        for name, module in modules.items():
            setattr(self, name, module)

    def forward(self, *inputs):
        return self.function(self, *inputs)


def read(model, x):
    state = None
    for t in range(len(x)):
        state = model.cell(x[t], state)
    return model.out(state[0] if isinstance(state, tuple) else state)


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


def small():
    layers = [nn.Conv2d(1, 2, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(8, 3)]
    return nn.Sequential(*layers).double()


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


# The page, in a browser. A script that only the tests add to a copy of it clicks, and leaves what it saw.

browser = pytest.mark.skipif(shutil.which("chromium") is None, reason="chromium is not installed")


def visit(page, script, folder, width=900):
    """What the script posts, from a page of the given width."""
    folder.mkdir(exist_ok=True)
    inside = folder / "inside.html"
    inside.write_text(page.read_text().replace("</html>", f"<script>{script}</script></html>"))
    outside = folder / "outside.html"
    outside.write_text(
        "<!doctype html><pre id=said></pre><script>onmessage = event => said.textContent = event.data</script>"
        f"<iframe src=inside.html style='border:0;width:{width}px;height:900px'></iframe>"
    )
    options = [
        "--headless=new",
        "--no-sandbox",
        "--disable-gpu",
        f"--user-data-dir={folder}",
        "--virtual-time-budget=20000",
    ]
    command = ["chromium", *options, "--dump-dom", outside.as_uri()]
    found = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True).stdout
    said = re.search(r"<pre id=\"said\">(.*?)</pre>", found, re.S)
    assert said is not None, found[:2000]
    return json.loads(said[1].replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&"))


ALL = """
const differences = {};
for (const [a, g] of Object.entries(D.gradients)) differences[a] = [0, V[a].length - 1].map(i => difference(+a, i));
const unfolded = D.steps.map((step, i) => step.as.map(as => {
  const flow = []; const walk = n => { flow.push(n.v, n.g ?? null); n.kids.forEach(walk); };
  walk(unfold(as, chosen(as))); return [chosen(as), flow];
}));
parent.postMessage(JSON.stringify({values: V.map(v => Array.from(v)), differences, unfolded}), "*");
"""


@browser
@pytest.mark.parametrize("kind", ["images", "sequence"])
def test_the_page_computes_the_same(tmp_path, kind):
    if kind == "images":
        layers = [nn.Conv2d(1, 2, 3, stride=2, padding=1), nn.Sigmoid(), nn.MaxPool2d(2, 1, padding=1), nn.AvgPool2d(2)]
        model = nn.Sequential(*layers, nn.Flatten(), nn.Linear(8, 3)).double()
        steps = lab.step(model, numbers(1, 1, 6, 6), np.array([1]))
    else:
        steps = lab.step(
            Through(read, cell=nn.LSTMCell(3, 4), out=nn.Linear(4, 2)), numbers(3, 2, 3).astype(np.float32)
        )
    steps.html(tmp_path / "page.html")
    seen = visit(tmp_path / "page.html", ALL, tmp_path / "browser")
    assert len(seen["values"]) == len(steps.values)
    for theirs, ours in zip(seen["values"], steps.values, strict=True):
        np.testing.assert_allclose(theirs, ours.ravel(), rtol=1e-11, atol=1e-13)
    for number, found in seen["differences"].items():
        array = steps.values[int(number)]
        for place, each in zip((0, array.size - 1), found, strict=True):
            ours = steps.difference(int(number), np.unravel_index(place, array.shape))
            assert each["gradient"] == pytest.approx(ours.gradient, rel=1e-11, abs=1e-13)
            assert each["central"] == pytest.approx(ours.central, rel=1e-5, abs=1e-8)
    kept = [step for step in steps.steps if step.assignments]
    for step, rows in zip(kept, seen["unfolded"], strict=True):
        for each, (index, flow) in zip(step.assignments, rows, strict=True):
            found = []

            def walk(node, found=found):
                found.extend([node.value, node.gradient])
                for child in node.children:
                    walk(child)

            walk(steps._unfold(each, tuple(index), 1))
            assert [each is None for each in flow] == [each is None for each in found]
            np.testing.assert_allclose(
                [each or 0.0 for each in flow], [each or 0.0 for each in found], rtol=1e-10, atol=1e-13
            )


CLICKS = """
const seen = [], note = () => seen.push([$("way").textContent, $("title").textContent, $("value").textContent]);
const key = (name, at = document.body) => at.dispatchEvent(new KeyboardEvent("keydown", {key: name, bubbles: true}));
note();
$("next").click(); note();
key("ArrowRight"); note();
key("ArrowDown"); note();
key("ArrowLeft"); key("Home"); note();
const box = $("result").getBoundingClientRect();
$("result").dispatchEvent(new MouseEvent("click", {clientX: box.left + 3, clientY: box.top + 3})); note();
key("ArrowRight", $("result")); key("ArrowDown", $("result")); note();
const input = $("index").querySelectorAll("input")[3];
input.value = 3; input.dispatchEvent(new Event("change")); note();
$("next").click();
const button = [...$("tree").querySelectorAll("button")].find(b => !b.disabled);
const before = $("tree").querySelectorAll("li").length;
button.click();
const opened = [button.getAttribute("aria-expanded"), $("tree").querySelectorAll("li").length > before];
button.click();
opened.push($("tree").querySelectorAll("li").length === before);
const past = () => document.documentElement.scrollWidth - innerWidth;
const wide = D.steps.map((step, i) => step.as.map((_, f) => { go(i, f); return past(); }));
go(0);
const named = e => e.textContent.trim() || e.ariaLabel || e.labels?.length || e.closest("[hidden]");
const unnamed = [...document.querySelectorAll("button,select,input,canvas")].filter(e => !named(e)).length;
parent.postMessage(JSON.stringify({seen, opened, wide: Math.max(...wide.flat()), unnamed, width: innerWidth,
  matrix: $("sparse").textContent, put: $("put").textContent, check: $("check").textContent}), "*");
"""


@browser
@pytest.mark.parametrize("width", [360, 1100])
def test_clicks_and_keys(tmp_path, width):
    steps = lab.step(small(), numbers(1, 1, 6, 6), np.array([1]))
    steps.html(tmp_path / "page.html")
    found = visit(tmp_path / "page.html", CLICKS, tmp_path / "browser", width)
    seen = found["seen"]
    assert [each[:2] for each in seen[:5]] == [
        ["Forward, step 1 of 12", "Conv2d 0"],
        ["Forward, step 2 of 12", "ReLU 1"],
        ["Forward, step 3 of 12", "MaxPool2d 2"],
        ["Forward, step 3 of 12", "MaxPool2d 2"],
        ["Forward, step 1 of 12", "Conv2d 0"],
    ]
    assert seen[3][2].startswith("winner[")
    value = steps.values[steps.steps[0].find("a1").array]
    for (_, _, text), index in zip(seen[5:], [(0, 0, 0, 0), (0, 0, 1, 1), (0, 0, 1, 3)], strict=True):
        name, number = text.split(" = ")
        assert name == f"a1[{','.join(map(str, index))}]"
        assert float(number) == pytest.approx(value[index], rel=1e-7)
    assert found["opened"] == ["true", True, True]
    assert found["width"] == width
    assert found["wide"] <= 0
    assert found["unnamed"] == 0
    assert "32 rows" in found["matrix"]
    assert "288 are not 0, and only 18 are different" in found["matrix"]
    assert found["put"].startswith("= ")
    assert "central difference" in found["check"]


@browser
def test_lenet_on_a_digit(tmp_path):
    page = tmp_path / "lenet.html"
    assert main(["lab", "step", "--epochs", "0", "--html", str(page), "--out", str(tmp_path)]) == 0
    assert page.stat().st_size < 5_000_000
    text = page.read_text()
    assert not re.search(r"(src|href)=|https?://|@import|url\(", text)
    cost = json.loads((tmp_path / "metrics.json").read_text())["cost"]
    script = "parent.postMessage(JSON.stringify([V[D.cost][0], D.steps.length, difference(D.leaves[0].n, 300)]), '*')"
    theirs, count, checked = visit(page, script, tmp_path / "browser")
    assert theirs == pytest.approx(cost, rel=1e-9)
    assert count == 22
    assert checked["central"] == pytest.approx(checked["gradient"], rel=1e-4, abs=1e-8)
