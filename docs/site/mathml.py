"""Formulas as MathML, made from their LaTeX when the pages are built: a browser shows them without any script."""

import html
import re

from latex2mathml.converter import convert

FORMULA = re.compile(r'<(span|div) class="arithmatex">(.*?)</\1>', re.S)

# What convert() has under another name; a bar by itself would get the space of an operator.
KNOWN = {"{aligned}": "{align*}", r"\\operatorname": r"\\text", r"(?<!\\)\|": r"\\vert "}


def on_page_content(content, **_):
    """What arithmatex marked, \\(...\\) in a line or \\[...\\] on its own."""

    def replace(match):
        latex = html.unescape(match[2]).strip()[2:-2]
        for name, known in KNOWN.items():
            latex = re.sub(name, known, latex)
        block = match[1] == "div"
        math = convert(latex, display="block" if block else "inline")
        return f'<div class="formula">{math}</div>' if block else math

    return FORMULA.sub(replace, content)
