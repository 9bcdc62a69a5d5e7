"""Pairs of texts from .mo, .po and .tsv files, whole and damaged ones, and what is made of them."""

import struct

import numpy as np
import pytest

from pydl.data import SentencePairs, load, read_catalogue, read_catalogues
from pydl.data.sentence_pairs import clean_pairs, held_out, leakage_key, one_of_each

PAIRS = [
    ("", "Content-Type: text/plain; charset=UTF-8\n"),
    ("menu\x04_Open", "打开(_O)"),
    ("file\0files", "文件\0文件"),
    ("x", ""),
]
PO = r"""# a remark
msgid ""
msgstr "Content-Type: text/plain; charset=UTF-8\n"

#: menu.c:3
msgctxt "menu"
msgid "_Open"
msgstr "打开(_O)"

msgid "file"
msgid_plural "files"
msgstr[0] "文件"
msgstr[1] "多个文件"

#, fuzzy
msgid "guess"
msgstr "猜"
"测"

msgid "a \"b\"\n"
"c"
msgstr ""
"一\t二"

#~ msgid "gone"
#~ msgstr "没"
"""


def mo_file(pairs, order="<"):
    texts = [[text.encode() for text in column] for column in zip(*pairs, strict=True)]
    tables, content, place = [], b"", 28 + 16 * len(pairs)
    for column in texts:
        for text in column:
            tables.append(struct.pack(f"{order}2I", len(text), place + len(content)))
            content += text + b"\0"
    header = struct.pack(f"{order}7I", 0x950412DE, 0, len(pairs), 28, 28 + 8 * len(pairs), 0, 0)
    return header + b"".join(tables) + content


@pytest.mark.parametrize("order", ["<", ">"])
def test_mo(tmp_path, order):
    (tmp_path / "a.mo").write_bytes(mo_file(PAIRS, order))
    assert read_catalogue(tmp_path / "a.mo") == [("_Open", "打开(_O)"), ("file", "文件")]


def test_po(tmp_path):
    (tmp_path / "a.po").write_text(PO, encoding="utf-8")
    assert read_catalogue(tmp_path / "a.po") == [("_Open", "打开(_O)"), ("file", "文件"), ('a "b"\nc', "一\t二")]


def test_folder(tmp_path):
    (tmp_path / "inner").mkdir()
    (tmp_path / "inner" / "b.tsv").write_text("one\t一\n\ntwo\t二\n", encoding="utf-8")
    (tmp_path / "a.po").write_text(PO, encoding="utf-8")
    (tmp_path / "readme.txt").write_text("no catalogue")
    assert [text for text, _ in read_catalogues(tmp_path)] == ["_Open", "file", 'a "b"\nc', "one", "two"]
    data = load("libreoffice-zh", root=tmp_path)
    assert sorted(data.train.sources + data.test.sources) == ["Open", "file", "one", "two"]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.mo", b"", "begins with nothing"),
        ("a.mo", b"\x00" * 40, "not the beginning of a .mo file"),
        ("a.mo", mo_file(PAIRS)[:50], "too few for the 4 messages that it claims"),
        ("a.mo", mo_file(PAIRS)[:-5], "ends at byte"),
        ("a.mo", mo_file([("a", "b")]).replace(b"b", b"\xff"), "is not UTF-8"),
        ("a.po", b'msgid "a"\nmsgstr "b\n', "without its closing quotation mark in line 2"),
        ("a.po", b"msgid a\n", "line 1, which is no part of a .po file"),
        ("a.po", b"\xff", "is not UTF-8"),
        ("a.tsv", b"one\ttwo\nthree\n", "has in line 2 no text, tab and translation, but 'three'"),
        ("a.txt", b"one\ttwo\n", "is no .mo, .po or .tsv file"),
    ],
)
def test_damaged_files(tmp_path, name, content, message):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ValueError, match=message) as error:
        read_catalogue(tmp_path / name)
    assert str(error.value).startswith(f"read_catalogues: {tmp_path / name}")


def test_missing_files(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"there is no \.mo, \.po or \.tsv file in"):
        read_catalogues(tmp_path)
    with pytest.raises(FileNotFoundError, match="there is no file"):
        read_catalogues(tmp_path / "a.po")
    with pytest.raises(FileNotFoundError, match="libreoffice-l10n-zh-cn"):
        load("libreoffice-zh", root=tmp_path / "none")
    (tmp_path / "a.tsv").write_text("one\tone\n")
    with pytest.raises(ValueError, match="is translated from English to Chinese"):
        load("libreoffice-zh", root=tmp_path)


def test_clean_pairs():
    pairs = clean_pairs(
        [
            ("~File", "文件(~F)"),
            ("te_xt  of\n<b>&all</b>", "全部文字"),
            ("Delete %1 in $(ARG2)...", "在 $(ARG2) 中删除 %1..."),
            ("%PRODUCTNAME help", "%PRODUCTNAME 帮助"),
            ("lost %1", "丢失"),
            ("Number", "Number"),
            ("100", "一百"),
            ("black & white", "黑白"),
            ("End", "末"),
            ("End", "结束"),
            ("~End", "结束(E)"),
            ("_End", "结束"),
            ("long " * 50, "长"),
        ]
    )
    assert list(pairs) == [
        ("Delete {1} in {2}…", "在 {2} 中删除 {1}…"),
        ("End", "结束"),
        ("File", "文件"),
        ("LibreOffice help", "LibreOffice 帮助"),
        ("black & white", "黑白"),
        ("text of all", "全部文字"),
    ]


def test_no_text_is_on_both_sides_of_a_split():
    sources = ["Font name:", "font  name", "FONT-NAME", "Size 12", "size 7!", "Row", "Rows", "Save…", "save", "Save as"]
    keys = [leakage_key(source) for source in sources]
    assert len(set(keys[:3])) == len(set(keys[3:5])) == len(set(keys[7:9])) == 1
    assert len(set(keys)) == 6
    pairs = SentencePairs(sources, ["字"] * len(sources))
    parts = [held_out(pairs, part, 3) for part in range(3)]
    assert (np.sum(parts, 0) == 1).all()
    split = [{leakage_key(each) for each in pairs.select(part).sources} for part in parts]
    assert sum(map(len, split)) == 6
    assert one_of_each(pairs).sources == ["Font name:", "Size 12", "Row", "Rows", "Save…", "Save as"]
    # By a checksum: whoever adds texts moves no other.
    more = SentencePairs(["Another", *sources], ["字"] * 11)
    np.testing.assert_array_equal(held_out(more, 0, 3)[1:], parts[0])
    data = load("sample-sentences")
    assert len(data.train) + len(data.test) == 150
    assert not {leakage_key(each) for each in data.train.sources} & {leakage_key(each) for each in data.test.sources}
    assert data.train[0] == (data.train.sources[0], data.train.targets[0])
