"""pydl lab NAME --html: one file with explanation, finding, settings and pictures."""

import base64
import json
import re
from html.parser import HTMLParser

import pytest

from pydl.cli import main


class Reader(HTMLParser):
    """The text of a page, its images, and whether every tag is closed that must be."""

    def __init__(self):
        super().__init__()
        self.text, self.images, self.open = "", [], []

    def handle_starttag(self, tag, attributes):
        if tag == "img":
            self.images.append(dict(attributes))
        elif tag not in ("meta", "html"):
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert tag == "html" or self.open.pop() == tag

    def handle_data(self, data):
        self.text += data


@pytest.mark.parametrize(
    ("name", "options", "parts"),
    [
        ("gates", ["--steps", "2"], {"gates": "."}),
        (
            "recurrent",
            ["--lengths", "5", "--quick", "--steps", "2", "--descent-steps", "2"],
            {each: each for each in ("gradients-through-time", "adding-problem", "cliff")},
        ),
    ],
)
def test_page(tmp_path, capsys, name, options, parts):
    assert main(["lab", name, "--html", "--out", str(tmp_path), *options]) == 0
    path = tmp_path / f"{name}.html"
    assert f"Open it in a browser: {path}" in capsys.readouterr().out
    page = path.read_text(encoding="utf-8")
    reader = Reader()
    reader.feed(page)
    assert reader.open == []
    assert len(reader.images) == len(parts)
    for image, (part, folder) in zip(reader.images, parts.items(), strict=True):
        kind, _, data = image["src"].partition(",")
        assert kind == "data:image/png;base64"
        assert base64.b64decode(data) == (tmp_path / folder / f"{part}.png").read_bytes()
        assert part in image["alt"]
        metrics = json.loads((tmp_path / folder / "metrics.json").read_text())
        assert metrics["finding"] in reader.text
        for setting, value in metrics["settings"].items():
            assert f"{setting.replace('_', '-')} {json.dumps(value)}" in reader.text
    assert "Hochreiter" in reader.text
    assert "prefers-color-scheme: dark" in page
    assert "<script" not in page
    assert not re.search(r"""(src|href)=["']?(http|//|[./])""", page)
