"""How formulas look: as a line of text, as MathML, and with the numbers of one case put in."""

from __future__ import annotations

import html
import re
from typing import Any

BOUND = ("sum", "largest", "argmax")
# How strongly an operation binds; 9 is what needs no brackets.
RANK = {"==": 0, ">": 0, "<": 0, "+": 1, "-": 1, "*": 2, "/": 2, "//": 2, "%": 2, "neg": 2, "**": 3}
SIGNS = {"*": "&#x22C5;", ">": "&gt;", "<": "&lt;", "==": "=", "-": "&#x2212;", "%": "mod"}
NAMES = {"sigmoid": "&#x3C3;", "where": "if", "maximum": "max", "sum": "&#x2211;", "largest": "max"}

Part = tuple[str, int]  # how it looks, and how strongly it binds


def name_of(array: str) -> str:
    """What an array of a formula is called: the gradient of a0 is delta0, that of w is dC/dw."""
    if array in ("da0", "da1"):
        return "delta" + array[-1]
    return f"dC/d{array[1:]}" if len(array) > 1 and array[0] == "d" else array


def label_of(array: str, index: tuple[int, ...]) -> str:
    """delta0[0,2,1,3]."""
    return name_of(array) + (f"[{','.join(map(str, index))}]" if index else "")


def bracketed(part: Part, rank: int) -> str:
    """In brackets, where it binds less than rank."""
    return part[0] if part[1] >= rank else f"({part[0]})"


def joined(kind: str, parts: list[Part]) -> Part:
    """An operation on parts, as Python would write it."""
    if kind == "neg":
        return "-" + bracketed(parts[0], 2), 2
    if kind not in RANK:
        return f"{kind}({', '.join(text for text, _ in parts)})", 9
    rank = RANK[kind]
    left = bracketed(parts[0], rank + (kind == "**"))
    right = bracketed(parts[1], rank + (kind in ("-", "/", "//", "%")))
    return (f"{left}{kind}{right}" if kind in ("**", "//", "%") else f"{left} {kind} {right}"), rank


def text_of(tree: Any) -> Part:
    """A tree as text."""
    if not isinstance(tree, list):
        return tree if isinstance(tree, str) else f"{tree:g}", 9
    kind, *operands = tree
    if kind == "at":
        inside = ",".join(text_of(each)[0].replace(" ", "") for each in operands[1])
        return name_of(operands[0]) + (f"[{inside}]" if inside else ""), 9
    if kind in BOUND:
        over = ",".join(name for name, _ in operands[-1])
        counted = f", counted {text_of(operands[1])[0]}" if kind == "argmax" else ""
        return f"{kind}_{{{over}}} {bracketed(text_of(operands[0]), 2)}{counted}", 1
    return joined(kind, [text_of(each) for each in operands])


def mathml(formula: Any) -> str:
    """A Formula as MathML, in a piece for each term, so that a narrow page can break it."""
    tree, terms = formula.tree, list[str]()
    while isinstance(tree, list) and tree[0] == "+":
        terms.insert(0, f"<mo form='infix'>+</mo>{_math(tree[2])[0]}")
        tree = tree[1]
    first = f"{_math(['at', formula.target, formula.indices])[0]}<mo>=</mo>{_math(tree)[0]}"
    return " ".join(f"<math>{part}</math>" for part in (first, *terms))


def _tag(tag: str, *parts: str) -> str:
    return f"<{tag}>{''.join(f'<mrow>{part}</mrow>' for part in parts)}</{tag}>"


def _name(array: str, indices: str) -> str:
    """a0 is a with a raised 0, as in the notes; dw a fraction; what stands after _ is raised."""
    shown = name_of(array)
    if shown.startswith("dC/d"):
        return _tag("mfrac", "<mo>&#x2202;</mo><mi>C</mi>", f"<mo>&#x2202;</mo>{_name(shown[4:], indices)}")
    found = re.fullmatch(r"([A-Za-z]+?)_?(\d+|ih|hh)?", shown)
    name, mark = (found[1], found[2]) if found else (shown, None)
    base = f"<mi>{'&#x3B4;' if name == 'delta' else html.escape(name)}</mi>"
    marks = [indices] * bool(indices) + [f"<mn>{mark}</mn>"] * bool(mark)
    return _tag(f"m{'sub' * bool(indices)}{'sup' * bool(mark)}", base, *marks) if marks else base


def _closed(part: Part, rank: int) -> str:
    return bracketed(part, rank) if part[1] >= rank else f"<mo>(</mo>{part[0]}<mo>)</mo>"


def _math(tree: Any) -> Part:
    if not isinstance(tree, list):
        return f"<mi>{tree}</mi>" if isinstance(tree, str) else f"<mn>{tree:g}</mn>", 9
    kind, *operands = tree
    comma = "<mo>,</mo>"
    if kind == "at":
        return _name(operands[0], comma.join(_math(each)[0] for each in operands[1])), 9
    name = f"<mi>{NAMES.get(kind, kind)}</mi>"
    if kind in BOUND:
        over = comma.join(f"<mi>{letter}</mi>" for letter, _ in operands[-1])
        return f"{_tag('munder', name, over)}<mspace width='.2em'/>{_closed(_math(operands[0]), 2)}", 1
    parts = [_math(each) for each in operands]
    if kind == "/":
        return _tag("mfrac", *[text for text, _ in parts]), 9
    if kind in ("**", "exp"):
        base, power = ("<mi>e</mi>", parts[0]) if kind == "exp" else (_closed(parts[0], 9), parts[1])
        return _tag("msup", base, power[0]), 3
    if kind == "neg":
        return f"<mo>&#x2212;</mo>{_closed(parts[0], 2)}", 2
    if kind not in RANK:
        return f"{name}<mo>(</mo>{comma.join(text for text, _ in parts)}<mo>)</mo>", 9
    rank = RANK[kind]
    text = f"{_closed(parts[0], rank)}<mo>{SIGNS.get(kind, kind)}</mo>{_closed(parts[1], rank + (kind in '-//%'))}"
    return (text, rank) if rank else (f"<mo>[</mo>{text}<mo>]</mo>", 9)  # a comparison is 1 or 0
