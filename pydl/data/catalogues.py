"""Reading pairs of a text and its translation: message catalogues (.mo, .po) and tables of two columns (.tsv).

Programs keep the translations of their menus and messages in catalogues: the text of the source, msgid, is the key,
msgstr its translation; msgctxt says where in the program it stands. A .po file is text, a .mo file the same compiled:
a header of seven 32-bit numbers, two tables of (length, place) and the texts, in the byte order of its magic number.

Source: the GNU gettext manual, sections "The Format of PO Files" and "The Format of GNU MO Files".
"""

from __future__ import annotations

import os
import re
import struct
from collections.abc import Callable, Iterator
from pathlib import Path

Pair = tuple[str, str]

_CONTEXT = "\x04"  # stands between msgctxt and msgid in a .mo file
_PLURAL = "\0"  # stands between singular and plural there
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", '"': '"', "\\": "\\"}


def read_catalogues(root: str | os.PathLike[str]) -> list[Pair]:
    """(text, translation) of every message in a file, or in all .mo, .po and .tsv files of a folder, in order of name.

    Messages without a translation, and the header, are left out; of plural forms the first counts.
    Raises FileNotFoundError where there is no such file, ValueError for damaged ones.
    """
    root = Path(root)
    files = sorted(path for path in root.rglob("*") if path.suffix in _READERS) if root.is_dir() else [root]
    if not files:
        raise FileNotFoundError(f"read_catalogues: there is no .mo, .po or .tsv file in {root}")
    return [pair for path in files for pair in read_catalogue(path)]


def read_catalogue(path: str | os.PathLike[str]) -> list[Pair]:
    """The pairs in one file; its name ends in .mo, .po or .tsv. Errors as for read_catalogues()."""
    path = Path(path)
    if path.suffix not in _READERS:
        raise ValueError(f"read_catalogues: {path} is no .mo, .po or .tsv file")
    try:
        pairs = list(_READERS[path.suffix](path.read_bytes()))
    except FileNotFoundError:
        raise FileNotFoundError(f"read_catalogues: there is no file {path}") from None
    except UnicodeDecodeError as error:
        raise ValueError(f"read_catalogues: {path} is not UTF-8 ({error.reason} at byte {error.start})") from None
    except ValueError as error:
        raise ValueError(f"read_catalogues: {path} {error}") from None
    return [(text, translation) for text, translation in pairs if text and translation]


def _read_mo(content: bytes) -> Iterator[Pair]:
    order = {b"\xde\x12\x04\x95": "<", b"\x95\x04\x12\xde": ">"}.get(content[:4])
    if order is None or len(content) < 20:
        raise ValueError(f"begins with {content[:4].hex(' ') or 'nothing'}, which is not the beginning of a .mo file")
    count, texts, translations = struct.unpack_from(f"{order}3I", content, 8)
    if max(texts, translations) + 8 * count > len(content):
        raise ValueError(f"has {len(content)} bytes, too few for the {count} messages that it claims")

    def string(table: int, i: int) -> str:
        length, start = struct.unpack_from(f"{order}2I", content, table + 8 * i)
        if start + length > len(content):
            raise ValueError(f"has {len(content)} bytes, but message {i} ends at byte {start + length}")
        return content[start : start + length].decode("utf-8").split(_PLURAL)[0]

    for i in range(count):
        yield string(texts, i).split(_CONTEXT)[-1], string(translations, i)


_KEYWORD = re.compile(r'(msgctxt|msgid|msgid_plural|msgstr|msgstr\[(\d+)\])\s*(".*)$')


def _read_po(content: bytes) -> Iterator[Pair]:
    entry: dict[str, str] = {}
    keyword, fuzzy = "", False
    for number, line in enumerate(content.decode("utf-8-sig").splitlines(), 1):
        line = line.strip()
        if line.startswith("#"):
            # A mark before the next message: its translation is only a guess.
            fuzzy = fuzzy or (line.startswith("#,") and "fuzzy" in line)
        elif found := _KEYWORD.match(line):
            if found[1] in ("msgctxt", "msgid") and "msgstr" in entry:
                yield entry.get("msgid", ""), entry["msgstr"]
                entry = {}
            keyword = "msgstr" if found[2] == "0" else found[1]
            entry[keyword] = _unquoted(found[3], number)
            if keyword == "msgstr" and fuzzy:
                entry["msgstr"], keyword, fuzzy = "", "a guess", False
        elif line.startswith('"') and keyword:
            entry[keyword] = entry.get(keyword, "") + _unquoted(line, number)
        elif line:
            raise ValueError(f"has {line[:40]!r} in line {number}, which is no part of a .po file")
    if "msgstr" in entry:
        yield entry.get("msgid", ""), entry["msgstr"]


def _unquoted(text: str, number: int) -> str:
    if not re.fullmatch(r'"(?:[^"\\]|\\.)*"', text):
        raise ValueError(f"has a text without its closing quotation mark in line {number}")
    return re.sub(r"\\(.)", lambda escape: _ESCAPES.get(escape[1], escape[0]), text[1:-1])


def _read_tsv(content: bytes) -> Iterator[Pair]:
    for number, line in enumerate(content.decode("utf-8-sig").splitlines(), 1):
        if line:
            columns = line.split("\t")
            if len(columns) != 2:
                raise ValueError(f"has in line {number} no text, tab and translation, but {line[:40]!r}")
            yield columns[0], columns[1]


_READERS: dict[str, Callable[[bytes], Iterator[Pair]]] = {".mo": _read_mo, ".po": _read_po, ".tsv": _read_tsv}
