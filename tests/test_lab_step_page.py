"""The page of `pydl lab step` in a browser: a script that only the tests add to a copy of it clicks, and leaves what it
saw.
"""

import json
import re
import shutil
import subprocess

import numpy as np
import pytest
from step_models import Through, numbers, read, small

from pydl import lab, nn
from pydl.cli import main

browser = pytest.mark.skipif(shutil.which("chromium") is None, reason="chromium is not installed")


def visit(page, script, folder, width=900):
    """What the script posts, from a page of the given width."""
    folder.mkdir(exist_ok=True)
    inside = folder / "inside.html"
    text = page.read_text(encoding="utf-8")
    inside.write_text(text.replace("</html>", f"<script>{script}</script></html>"), encoding="utf-8")
    outside = folder / "outside.html"
    outside.write_text(
        "<!doctype html><pre id=said></pre><script>onmessage = event => said.textContent = event.data</script>"
        f"<iframe src=inside.html style='border:0;width:{width}px;height:900px'></iframe>"
    )
    options = [
        "--headless=new",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-dev-shm-usage",  # of which containers have little
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

            walk(steps.unfolded(each, tuple(index), 1))
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
