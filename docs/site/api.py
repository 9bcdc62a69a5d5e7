"""The reference of a module from its docstrings: a line `::: pydl.nn` on a page becomes all that pydl.nn offers.

Docstrings are shown as they are written: prose as prose; formulas, shapes and tables, which are set out with spaces,
in type of one width. What says "See the top of this file" gets the top of that file.
"""

import html
import importlib
import inspect
import re

DIRECTIVE = re.compile(r"^::: ([\w.]+)$", re.M)


def public_names(module):
    """Names of what a module hands on, in its own order: all but modules and what begins with an underscore."""
    lazy = getattr(module, "_LAZY", {})
    names = dict.fromkeys([*vars(module), *(name for name, (_, attribute) in lazy.items() if attribute)])
    return [name for name in names if belongs(module, name, lazy)]


def belongs(module, name, lazy):
    value = getattr(module, name)
    if name.startswith("_") or not callable(value) or not (getattr(value, "__module__", "") or "").startswith("pydl"):
        return False
    if name in lazy or hasattr(module, "__path__") or module.__name__ == "pydl.nn.functional":
        return True
    return value.__module__ == module.__name__


def signature(name, value):
    """name(arguments), cut into lines where it is long; the name alone where Python does not know them."""
    try:
        parameters = list(inspect.signature(value).parameters.values())
    except (ValueError, TypeError):
        return name
    shown, starred = [], False
    for each in parameters:
        if each.kind is each.KEYWORD_ONLY and not starred:
            shown.append("*")
        starred = starred or each.kind in (each.KEYWORD_ONLY, each.VAR_POSITIONAL)
        stars = {each.VAR_POSITIONAL: "*", each.VAR_KEYWORD: "**"}.get(each.kind, "")
        default = "" if each.default is each.empty else f"={plain(each.default)}"
        shown.append(f"{stars}{each.name}{default}")
    line = f"{name}({', '.join(shown)})"
    return line if len(line) <= 72 else f"{name}(\n    " + ",\n    ".join(shown) + ",\n)"


def plain(value):
    return value.__name__ if isinstance(value, type) else repr(value)


def paragraph(text):
    """A paragraph of a docstring: as text, or as it stands where spaces matter."""
    if re.search(r"^ |\S {2,}\S", text, re.M):
        return f"```text\n{text}\n```"
    words = html.escape(text, quote=False)
    words = re.sub(r"``?([^`\n]+)``?", r"<code>\1</code>", words)
    return f"<p>{words}</p>"


def paragraphs(text):
    """Neighbouring paragraphs of one width stay together."""
    shown = []
    for each in re.split(r"\n\s*\n", inspect.cleandoc(text)):
        made = paragraph(each)
        if shown and made.startswith("```") and shown[-1].startswith("```"):
            shown[-1] = shown[-1][:-4] + "\n\n" + made[8:]
        else:
            shown.append(made)
    return "\n\n".join(shown)


def document(value):
    """The docstring of a function or class, and that of its file where it says so."""
    text = inspect.getdoc(value) or ""
    if re.search(r"[Ss]ee the top of this file\.?", text):
        top = importlib.import_module(inspect.unwrap(value).__module__).__doc__ or ""
        text = re.sub(r"\s*[Ss]ee the top of this file\.?", "", text) + "\n\n" + top
    return paragraphs(text)


def entry(name, value):
    lines = [f"## {name} {{ data-toc-label='{name}' }}", f"```python\n{signature(name, value)}\n```", document(value)]
    if isinstance(value, type):
        for method, function in vars(value).items():
            if not method.startswith("_") and inspect.isfunction(function) and function.__doc__ and method != "forward":
                lines += [f"### {name}.{method} {{ data-toc-label='{method}' }}"]
                lines += [f"```python\n{signature(method, function)}\n```", document(function)]
    return "\n\n".join(lines)


def reference(module_name):
    """All of a module, as Markdown."""
    module = importlib.import_module(module_name)
    names = public_names(module)
    return "\n\n".join([document(module), *(entry(name, getattr(module, name)) for name in names)])


def on_page_markdown(markdown, **_):
    return DIRECTIVE.sub(lambda match: reference(match[1]), markdown)
