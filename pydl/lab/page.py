"""`pydl lab NAME --html`: an experiment's explanation, finding, settings and picture as a page in one file."""

from __future__ import annotations

import base64
import html
import inspect
import json
import textwrap
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType

from ..recipes.report import write_text
from .experiments import EXPERIMENTS
from .steps.page import template

STYLE = """pre { overflow-x: auto; font: .9em/1.4 ui-monospace, "DejaVu Sans Mono", Consolas, monospace; }
img { max-width: 100%; height: auto; display: block; margin: .8rem 0; background: #fff; border-radius: .4rem; }
"""


def write_page(path: Path, name: str, parts: Mapping[str, tuple[ModuleType, Path]]) -> None:
    """Writes the page of an experiment. parts: the modules it is made of, and where each left figures and picture."""
    head = template().split("</style>")[0].replace("TITLE, step by step", f"pydl lab {name}")
    body = "\n".join(_part(*each) for each in parts.items())
    what = html.escape(EXPERIMENTS[name])
    header = f'<header>\n<h1>pydl lab {name}</h1>\n<p class="soft">{what}</p>\n</header>'
    write_text(path, f"{head}{STYLE}</style>\n{header}\n<main>\n{body}\n</main>\n</html>\n")


def _part(name: str, part: tuple[ModuleType, Path]) -> str:
    module, folder = part
    metrics = json.loads((folder / "metrics.json").read_text(encoding="utf-8"))
    picture = base64.b64encode((folder / f"{name}.png").read_bytes()).decode()
    title, *paragraphs = inspect.cleandoc(module.__doc__ or "").split("\n\n")
    settings = ", ".join(f"{key.replace('_', '-')} {json.dumps(value)}" for key, value in metrics["settings"].items())
    lines = [
        f"<h2>{html.escape(title.rstrip('.'))}</h2>",
        f"<section><p>{html.escape(metrics['finding'])}</p></section>",
        f'<img src="data:image/png;base64,{picture}" alt="Picture of {name}: {html.escape(EXPERIMENTS[name])}">',
        *(_paragraph(each) for each in paragraphs),
        f'<p class="soft">Settings: {html.escape(settings) or "none"}</p>',
    ]
    return "\n".join(lines)


def _paragraph(text: str) -> str:
    """Formulas and tables, which are indented, keep their lines."""
    if text.startswith(" "):
        return f'<pre tabindex="0">{html.escape(textwrap.dedent(text))}</pre>'  # the keyboard, too, can scroll it
    return f"<p>{html.escape(text)}</p>"
