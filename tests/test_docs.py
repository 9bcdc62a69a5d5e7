"""The documentation: its Python runs, its links lead somewhere, what it says of the notes is in the code.

docs/ is read as it stands, without mkdocs; .ci/run builds the site of it.
"""

import importlib
import importlib.util
import re
import sys
from pathlib import Path

import pytest

import pydl

ROOT = Path(__file__).resolve().parent.parent
DOCS = ROOT / "docs"
PAGES = sorted(DOCS.rglob("*.md"))
NOTES = [page for page in PAGES if page.parent.name == "notes" and page.name not in ("index.md", "restored.md")]
LINK = re.compile(r"\]\(([^)\s]+)\)")
FENCE = re.compile(r"^```.*?^```", re.M | re.S)

pytestmark = pytest.mark.skipif(not PAGES, reason="docs/ is not here")


def name(page):
    return str(page.relative_to(ROOT))


def python_blocks(page):
    """The blocks that are run, with the lines they begin on, and the reasons of those that are not."""
    text = page.read_text(encoding="utf-8")
    run, left_out = [], []
    for match in re.finditer(r"^(?:<!-- not run: (.*) -->\n)?```python\n(.*?)^```", text, re.M | re.S):
        if match[1] is not None:
            left_out.append(match[1])
        else:
            run.append((text.count("\n", 0, match.start(2)), match[2]))
    return run, left_out


WITH_PYTHON = [page for page in PAGES if "```python" in page.read_text(encoding="utf-8")]


@pytest.mark.parametrize("page", WITH_PYTHON, ids=name)
def test_python_runs(page, tmp_path, monkeypatch):
    blocks, reasons = python_blocks(page)
    assert all(len(reason) > 10 for reason in reasons), "a block that is not run says why"
    text = "\n".join(block for _, block in blocks)
    for module in ("matplotlib", "sklearn"):
        if module in text or (module == "matplotlib" and "pydl.plot" in text):
            pytest.importorskip(module)
    monkeypatch.chdir(tmp_path)
    names = {"__name__": "page"}
    pydl.manual_seed(0)
    for line, block in blocks:
        exec(compile("\n" * line + block, name(page), "exec"), names)
    # Every picture that the page writes is one that it shows, as docs/make_pictures.py made it.
    for picture in tmp_path.glob("*.png"):
        assert f"pictures/tutorial/{picture.name})" in page.read_text(encoding="utf-8"), f"{picture.name} is not shown"


def anchors(page):
    """The anchors of a page's headings, as mkdocs makes them."""
    headings = re.findall(r"^#+ (.*)$", FENCE.sub("", page.read_text(encoding="utf-8")), re.M)
    plain = (re.sub(r"[^\w\s-]", "", heading).strip().lower() for heading in headings)
    return {re.sub(r"[-\s]+", "-", heading) for heading in plain}


@pytest.mark.parametrize("page", [*PAGES, ROOT / "README.md", ROOT / "CONTRIBUTING.md"], ids=name)
def test_links(page):
    for link in LINK.findall(FENCE.sub("", page.read_text(encoding="utf-8"))):
        if re.match(r"[a-z]+:", link):
            continue
        path, _, fragment = link.partition("#")
        file = (page.parent / path).resolve() if path else page
        assert file.is_relative_to(ROOT), f"{link} leads out of the repository"
        assert file.is_file(), f"there is no {link}"
        if fragment and file.suffix == ".md":
            assert fragment in anchors(file), f"{link}: the page has no such heading"
        elif fragment:
            defined = rf"(def|class) {fragment}\b|PYDL_KERNEL\(\s*{fragment}\b"
            assert re.search(defined, file.read_text(encoding="utf-8")), f"{link}: the file does not define it"


def sections(page):
    """Heading and text of each second-level section."""
    return [part.split("\n", 1) for part in re.split(r"^## ", page.read_text(encoding="utf-8"), flags=re.M)[1:]]


@pytest.mark.parametrize("page", NOTES, ids=name)
def test_each_formula_of_the_notes_is_in_the_code(page):
    overview = (DOCS / "notes" / "index.md").read_text(encoding="utf-8")
    for heading, text in sections(page):
        anchor = re.sub(r"[-\s]+", "-", re.sub(r"[^\w\s-]", "", heading).strip().lower())
        row = re.search(rf"^\|.*\({page.name}#{anchor}\).*$", overview, re.M)
        assert row, f"the map has no row for {heading}"
        assert re.search(r"^\*In the (notes|lectures that the notes follow):\*", text, re.M), heading
        if heading.startswith("B.1 "):
            continue  # the table of applications, no formula
        assert "$$" in text, f"{heading}: no formula"
        places = re.search(
            r"^\*\*In the code:\*\* reference (.*?), kernel:? (.*?), test (.*?), picture (.*)$", text, re.M
        )
        assert places, f"{heading}: does not say where in the code it is"
        for place in places.groups():
            links = LINK.findall(place)
            assert links or place.startswith("none ("), f"{heading}: {place}"
            assert all(f"({link})" in row[0] for link in links), f"{heading}: the map says something else"


def test_every_page_is_in_the_navigation():
    listed = set(re.findall(r"(\S+\.md)$", (ROOT / "mkdocs.yml").read_text(encoding="utf-8"), re.M))
    assert listed == {str(page.relative_to(DOCS)) for page in PAGES}


def test_pictures_are_shown_and_small():
    shown = "".join(page.read_text(encoding="utf-8") for page in [*PAGES, ROOT / "README.md"])
    pictures = sorted(DOCS.glob("pictures/**/*.png"))
    for picture in pictures:
        assert f"{picture.relative_to(DOCS)})" in shown, f"{picture.name} is shown nowhere"
    assert sum(picture.stat().st_size for picture in pictures) < 2_000_000


def test_experiments_are_all_described():
    from pydl.lab.experiments import EXPERIMENTS

    headings = set(re.findall(r"^### (.*)$", (DOCS / "lab.md").read_text(encoding="utf-8"), re.M))
    assert headings | {"recurrent"} == set(EXPERIMENTS)


def test_recipes_are_all_described():
    from pydl.recipes import RECIPES

    assert {page.stem for page in DOCS.glob("applications/*.md")} == {*RECIPES, "index"}


@pytest.fixture(scope="module")
def api():
    spec = importlib.util.spec_from_file_location("docs_api", DOCS / "site" / "api.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("page", [page for page in PAGES if page.parent.name == "api"], ids=name)
def test_reference_has_every_public_name(page, api):
    for module_name in api.DIRECTIVE.findall(page.read_text(encoding="utf-8")):
        if module_name == "pydl.sklearn":
            pytest.importorskip("sklearn")
        module = importlib.import_module(module_name)
        text = api.reference(module_name)
        assert len(text) > 1000
        documented = set(re.findall(r"^## (\w+) ", text, re.M))
        handed_on = re.findall(r"import (\w+) as \1\b", Path(module.__file__).read_text(encoding="utf-8"))
        missing = {each for each in handed_on if callable(getattr(module, each))} - documented
        assert not missing, f"{module_name}: {missing}"


def test_conversion_of_formulas():
    pytest.importorskip("latex2mathml")
    sys.path.insert(0, str(DOCS / "site"))
    try:
        mathml = importlib.import_module("mathml")
    finally:
        sys.path.remove(str(DOCS / "site"))
    made = mathml.on_page_content('<p>x <span class="arithmatex">\\(a_j &lt; b\\)</span></p>')
    assert "<math" in made
    assert "arithmatex" not in made
