"""Tables: columns, CSV files, and what a network gets to see of them."""

from __future__ import annotations

import os

import numpy as np
import pytest

import pydl
from pydl.data import Table, TableEncoder, read_csv, write_csv


def example():
    return Table({"area": [50, 70, 90], "town": ["Ames", "Boone", "Ames"], "plot": [1.0, 1.0, 400.0]})


def test_columns_and_rows():
    table = example()
    assert len(table) == 3
    assert (table.numbers(), table.words()) == (["area", "plot"], ["town"])
    assert table[1] == {"area": 70.0, "town": "Boone", "plot": 1.0}
    assert table[table["town"] == "Ames"]["area"].tolist() == [50, 90]
    assert list(table[:2].without("town").columns) == ["area", "plot"]
    assert repr(table) == "Table(3 rows; 2 columns of numbers, 1 of words)"


def test_csv_files_come_back(tmp_path):
    table = Table({"name, first": ['a "b"', "c\nd"], "x": [0.1, -3]})
    write_csv(table, tmp_path / "t.csv")
    again = read_csv(tmp_path / "t.csv")
    assert list(again.columns) == list(table.columns)
    for name in table.columns:
        assert again[name].tolist() == table[name].tolist()
    assert os.listdir(tmp_path) == ["t.csv"]


def test_what_a_network_sees():
    table = example()
    encoder = TableEncoder(table)
    numbers, codes = encoder(table)
    assert numbers.dtype == np.float32
    np.testing.assert_allclose(numbers.mean(0), 0, atol=1e-6)
    np.testing.assert_allclose(numbers.std(0), 1, rtol=1e-6)
    assert codes.tolist() == [[1], [2], [1]]
    assert encoder.codes == 3
    # Beyond the training rows: far away is cut off, an unknown word is code 0, a constant column does not divide by 0.
    other = Table({"area": [1e9], "town": ["Nevada"], "plot": [-5.0]})
    numbers, codes = encoder(other)
    assert numbers[0, 0] == 4
    assert codes.tolist() == [[0]]
    assert np.isfinite(TableEncoder(Table({"x": [2, 2]}))(Table({"x": [2, 3]}))[0]).all()
    again = TableEncoder.from_dict(encoder.to_dict())
    for mine, kept in zip(encoder(table), again(table), strict=True):
        np.testing.assert_array_equal(mine, kept)


def test_sample_houses():
    data = pydl.data.load("sample-houses")
    assert (len(data.train), len(data.test)) == (480, 120)
    again = pydl.data.load("sample-houses")
    assert data.train["Sale_Price"].tolist() == again.train["Sale_Price"].tolist()


def test_ames_houses_come_from_a_csv_file_and_are_checked(tmp_path, monkeypatch):
    monkeypatch.delenv("PYDL_DATA", raising=False)
    write_csv(example(), tmp_path / "ames.csv")
    with pytest.raises(ValueError, match=r"ames\.csv is not the table ames of modeldata: it has 3 rows"):
        pydl.data.load("ames-houses", root=tmp_path)
    for name in ("Rdata.rdx", "Rdata.rdb"):
        (tmp_path / name).write_bytes(b"no data base")
    (tmp_path / "ames.csv").unlink()
    pytest.importorskip("rdata", reason="rdata is not installed")
    with pytest.raises(ValueError, match="is no data base of R"):
        pydl.data.load("ames-houses", root=tmp_path)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"a,b\n1,2\n3\n", "row 3: has 1 cells for 2 columns"),
        (b"a,a\n1,2\n", "two columns of one name"),
        (b"a,b\n", "has no rows"),
        (b"a\n\xff\xfe\n", "no CSV file in UTF-8"),
        (b'a\n"x\n', "no CSV file"),
    ],
)
def test_damaged_csv_files(tmp_path, content, message):
    (tmp_path / "t.csv").write_bytes(content)
    with pytest.raises(ValueError, match=message):
        read_csv(tmp_path / "t.csv")


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: Table({}), ValueError, "needs at least one"),
        (lambda: Table({"a": [[1]]}), ValueError, "column 'a' has shape"),
        (lambda: Table({"a": [1], "b": [1, 2]}), ValueError, "column 'b' has 2 rows"),
        (lambda: example()["price"], KeyError, "there is no column 'price'"),
        (lambda: TableEncoder(Table({"a": [1, np.nan]})), ValueError, "column 'a' has 1 missing numbers"),
        (lambda: TableEncoder(example())(example().without("town")), ValueError, "lacks the columns town"),
        (
            lambda: TableEncoder(example())(Table(example().columns | {"area": ["x"] * 3})),
            ValueError,
            "must hold num",
        ),
    ],
)
def test_wrong_calls(call, error, message):
    with pytest.raises(error, match=message):
        call()
