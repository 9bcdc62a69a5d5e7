"""Makes the pictures of the documentation again: the lab's experiments, the code of the tutorial's pages, diagrams.

    python docs/make_pictures.py            all (about ten minutes on one core; `pip install ".[demo]"`)
    python docs/make_pictures.py band 03-gradient-descent

The experiments are those of `pydl lab`, with their own settings. A tutorial's page is run as its test runs it, block by
block; what it writes into the folder is its pictures. Each picture gets a palette, which makes it a third as large.
"""

from __future__ import annotations

import contextlib
import os
import re
import sys
import tempfile
from pathlib import Path

from diagrams import DIAGRAMS, draw
from PIL import Image

import pydl
from pydl.cli import main
from pydl.lab.experiments import EXPERIMENTS

DOCS = Path(__file__).resolve().parent
PAGES = {path.stem: path for path in sorted(DOCS.glob("tutorial/*.md"))}
# recurrent is three of the others one after another; step makes a page, whose picture is a browser's.
LAB = [name for name in EXPERIMENTS if name not in ("recurrent", "step")]
NAMES = [*LAB, *PAGES, *DIAGRAMS]
COLOURS = 96


def keep(folder: Path, into: Path) -> None:
    """Copies the pictures of a folder, with a palette."""
    into.mkdir(parents=True, exist_ok=True)
    for path in sorted(folder.glob("*.png")):
        with Image.open(path) as image:
            flat = Image.new("RGB", image.size, "white")
            flat.paste(image, mask=image.getchannel("A") if image.mode == "RGBA" else None)
        palette = flat.quantize(COLOURS, Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)
        palette.save(into / path.name, optimize=True)
        print(f"{into / path.name}: {(into / path.name).stat().st_size:,} bytes")


def blocks(page: Path) -> list[str]:
    """The Python code of a page that is run."""
    return re.findall(r"^```python\n(.*?)^```", page.read_text(encoding="utf-8"), re.M | re.S)


def make(name: str) -> None:
    """The pictures of an experiment or a page."""
    with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
        if name in LAB:
            main(["lab", name, "--out", folder])
            keep(Path(folder), DOCS / "pictures" / "lab")
        elif name in PAGES:
            os.environ["MPLBACKEND"] = "Agg"
            names: dict[str, object] = {}
            pydl.manual_seed(0)
            for block in blocks(PAGES[name]):
                exec(compile(block, str(PAGES[name]), "exec"), names)
            keep(Path(folder), DOCS / "pictures" / "tutorial")
        elif name in DIAGRAMS:
            draw(name, Path(folder))
            keep(Path(folder), DOCS / "pictures" / "notes")
        else:
            raise SystemExit(f"{name}: there is {', '.join(NAMES)}")


if __name__ == "__main__":
    for each in sys.argv[1:] or NAMES:
        make(each)
