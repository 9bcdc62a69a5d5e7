"""Links from a page to a file of the repository lead to a page that shows the file; a name behind # to its line.

    [`conv2d_forward`](../../pydl/ops/conv2d.py#conv2d_forward)

works so on the site, and as a link to the file where the Markdown is read by itself. Below a line that begins with
**In the code:** the source of the first Python function it links to is shown.
"""

import ast
import os
import posixpath
import re
import textwrap
from pathlib import Path

from mkdocs.structure.files import File

ROOT = Path(__file__).resolve().parents[2]
LINK = re.compile(r"(\]\()([^)\s#:]+)(?:#([\w.-]+))?\)")
LANGUAGES = {".py": "python", ".pyi": "python", ".pyx": "python", ".cpp": "cpp", ".h": "cpp", ".toml": "toml"}


def target(page, link):
    """The file of the repository that a link on a page (docs/...) means, or None where it is one of the site's own."""
    path = posixpath.normpath(posixpath.join("docs", posixpath.dirname(page), link))
    own = path.startswith("docs/") and not path.endswith(".py")
    return None if own or path.startswith("..") or not (ROOT / path).is_file() else path


def line_of(path, name):
    """The number of the line of a file that defines a name: a function, a class, a kernel or a heading."""
    lines = (ROOT / path).read_text(encoding="utf-8").splitlines()
    word = re.escape(name)
    for pattern in (rf"\s*(def|class|cdef|cpdef) {word}\b", rf"PYDL_KERNEL\(\s*{word}\b", rf".*\b{word}\b"):
        for number, line in enumerate(lines, 1):
            if re.match(pattern, line):
                return number
    return 1


def function(path, name):
    """The source of a function, without its docstring's file around it."""
    text = (ROOT / path).read_text(encoding="utf-8")
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef) and node.name == name:
            return textwrap.dedent("\n".join(text.splitlines()[node.lineno - 1 : node.end_lineno]))
    return None


def source_page(path):
    """A page that shows a file: Markdown as it reads, anything else line by line."""
    text = (ROOT / path).read_text(encoding="utf-8")
    head = "---\nsearch:\n  exclude: true\nhide:\n  - toc\n---\n"
    if path.endswith(".md"):
        return head + text
    language = LANGUAGES.get(Path(path).suffix, "text")
    return f'{head}# {path}\n\n~~~~~~ {{ .{language} linenums="1" }}\n{text}\n~~~~~~\n'


def on_files(files, config, **_):
    """Adds a page for each file that some page links to."""
    wanted = set()
    for file in files.documentation_pages():
        for _, link, _ in LINK.findall(Path(file.abs_src_path).read_text(encoding="utf-8")):
            wanted.add(target(file.src_uri, link))
    for path in sorted(wanted - {None}):
        name = f"source/{path}" if path.endswith(".md") else f"source/{path}.md"
        files.append(File.generated(config, name, content=source_page(path)))
    return files


def on_page_markdown(markdown, page, **_):
    """Points links at these pages and shows what **In the code:** names."""
    here = page.file.src_uri
    if here.startswith("source/"):
        return markdown

    def shown(line):
        if not line.startswith("**In the code:**"):
            return line
        for _, link, name in LINK.findall(line):
            path = target(here, link)
            if path and path.startswith("pydl/") and name and (source := function(path, name)):
                block = f'```python title="{path}"\n{source}\n```'
                if source.count("\n") > 40:  # folded
                    block = f'??? quote "{name}"\n\n' + textwrap.indent(block, "    ", lambda _: True)
                return f"{line}\n\n{block}\n"
        return line

    def replace(match):
        path = target(here, match[2])
        if path is None:
            return match[0]
        name = f"source/{path}" if path.endswith(".md") else f"source/{path}.md"
        anchor = f"#line-0-{line_of(path, match[3])}" if match[3] else ""
        return "](" + os.path.relpath(name, posixpath.dirname(here) or ".") + f"{anchor})"

    markdown = "\n".join(shown(line) for line in markdown.split("\n"))
    return LINK.sub(replace, markdown)
