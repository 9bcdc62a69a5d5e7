"""Tables: columns of numbers and of words, as they come from CSV files, and how a network reads them."""

from __future__ import annotations

import csv
import io
import math
import os
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ..arguments import check_path
from ..replacing import replacing
from .dataset import Dataset


class Table(Dataset):
    """Columns of equal length, each of numbers (float64) or of words (str): ``table["Lot_Area"]``, ``table[3]``.

    A name gives a column, an integer one row as a dict, a slice or an index array (integers or a mask) a Table.
    """

    def __init__(self, columns: Mapping[str, Any]) -> None:
        if not columns:
            raise ValueError("Table: columns are empty, needs at least one")
        self.columns: dict[str, np.ndarray] = {}
        for name, values in columns.items():
            array = np.asarray(values)
            array = array.astype(np.float64) if array.dtype.kind in "fiub" else array.astype(str)
            if array.ndim != 1:
                raise ValueError(f"Table: column {name!r} has shape {array.shape}, needs (N,)")
            first = next(iter(self.columns.values()), array)
            if len(array) != len(first):
                raise ValueError(f"Table: column {name!r} has {len(array)} rows but the first has {len(first)}")
            self.columns[name] = array

    def __len__(self) -> int:
        return len(next(iter(self.columns.values())))

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, str):
            if index not in self.columns:
                raise KeyError(f"Table: there is no column {index!r}; the columns are {', '.join(self.columns)}")
            return self.columns[index]
        if isinstance(index, int | np.integer):
            return {name: column[index].item() for name, column in self.columns.items()}
        return Table({name: column[index] for name, column in self.columns.items()})

    def without(self, *names: str) -> Table:
        """The table with some columns less."""
        return Table({name: column for name, column in self.columns.items() if name not in names})

    def numbers(self) -> list[str]:
        """The names of the columns of numbers."""
        return [name for name, column in self.columns.items() if column.dtype.kind == "f"]

    def words(self) -> list[str]:
        """The names of the columns of words."""
        return [name for name, column in self.columns.items() if column.dtype.kind == "U"]

    def __repr__(self) -> str:
        return f"Table({len(self)} rows; {len(self.numbers())} columns of numbers, {len(self.words())} of words)"


def read_csv(path: str | os.PathLike[str]) -> Table:
    """The table in a CSV file whose first line names the columns. A column whose cells all are numbers holds numbers.

    Raises ValueError, with the line, for a file that is no such table.
    """
    path = check_path("read_csv", "path", path)
    try:
        with open(path, encoding="utf-8-sig", newline="") as file:
            lines = list(csv.reader(file, strict=True))
    except (csv.Error, UnicodeDecodeError) as error:
        raise ValueError(f"read_csv: {path} is no CSV file in UTF-8 ({error})") from None
    lines = [line for line in lines if line]
    if len(lines) < 2:
        raise ValueError(f"read_csv: {path} has no rows; its first line must name the columns, the others be rows")
    header = lines[0]
    if len(set(header)) < len(header):
        raise ValueError(f"read_csv: {path} has two columns of one name")
    for number, line in enumerate(lines[1:], 2):
        if len(line) != len(header):
            raise ValueError(f"read_csv: {path}, row {number}: has {len(line)} cells for {len(header)} columns")
    return Table({name: _column(cells) for name, cells in zip(header, zip(*lines[1:], strict=True), strict=True)})


def _column(cells: Sequence[str]) -> np.ndarray:
    try:
        return np.array([float(cell) for cell in cells])
    except ValueError:
        return np.array(cells, dtype=str)


def write_csv(table: Table, path: str | os.PathLike[str]) -> None:
    """Writes a table as a CSV file, whole or not at all."""
    path = check_path("write_csv", "path", path)
    with replacing(path) as file:
        text = io.TextIOWrapper(file, encoding="utf-8", newline="")
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(table.columns)
        for i in range(len(table)):
            row = table[i].values()
            writer.writerow(int(v) if isinstance(v, float) and v.is_integer() else v for v in row)
        text.detach()  # what is still held back is written; the file stays open


class TableEncoder:
    """Makes of a table what a network takes: standardised numbers (N, A) float32, and codes (N, B) int64 of words.

        number   (u - mean) / deviation, at most 4 either way; u = log(1 + value) for columns that are never negative
                 and lean far to one side (skewness above 1), else the value
        code     the place of a word in one list over all columns of words, so that a single Embedding of `codes` rows
                 serves them all; each column's first code stands for words that the training rows do not have

    Everything is learnt from the table given to the constructor: the training rows alone.
    """

    LIMIT = 4.0

    def __init__(self, table: Table) -> None:
        self.rules: dict[str, dict[str, Any]] = {}
        self.words: dict[str, list[str]] = {name: sorted(set(table[name].tolist())) for name in table.words()}
        for name in table.numbers():
            values = table[name]
            if not np.isfinite(values).all():
                raise ValueError(
                    f"TableEncoder: column {name!r} has {int((~np.isfinite(values)).sum())} missing numbers"
                )
            log = bool(values.min(initial=0) >= 0 and _skewness(values) > 1)
            shown = np.log1p(values) if log else values
            self.rules[name] = {"log": log, "mean": float(shown.mean()), "deviation": float(shown.std()) or 1.0}

    @property
    def codes(self) -> int:
        """How many codes there are."""
        return sum(len(words) + 1 for words in self.words.values())

    def __call__(self, table: Table) -> tuple[np.ndarray, np.ndarray]:
        """(numbers, codes) of a table that has the columns of the training table. Others do not matter."""
        missing = [name for name in (*self.rules, *self.words) if name not in table.columns]
        if missing:
            raise ValueError(f"TableEncoder: the table lacks the columns {', '.join(missing)}")
        numbers = np.empty((len(table), len(self.rules)), np.float32)
        for place, (name, rule) in enumerate(self.rules.items()):
            values = table[name]
            if values.dtype.kind != "f" or not np.isfinite(values).all():
                raise ValueError(f"TableEncoder: column {name!r} must hold numbers, and all of them")
            shown = np.log1p(np.maximum(values, 0)) if rule["log"] else values
            numbers[:, place] = np.clip((shown - rule["mean"]) / rule["deviation"], -self.LIMIT, self.LIMIT)
        codes = np.empty((len(table), len(self.words)), np.int64)
        first = 0
        for place, (name, words) in enumerate(self.words.items()):
            number_of = {word: first + 1 + k for k, word in enumerate(words)}
            codes[:, place] = [number_of.get(word, first) for word in table[name].astype(str).tolist()]
            first += len(words) + 1
        return numbers, codes

    def to_dict(self) -> dict[str, Any]:
        """Everything it has learnt, for JSON."""
        return {"rules": self.rules, "words": self.words}

    @classmethod
    def from_dict(cls, state: Mapping[str, Any]) -> TableEncoder:
        """The encoder that to_dict() was asked of."""
        encoder = cls.__new__(cls)
        encoder.rules = {
            str(name): {"log": bool(rule["log"]), "mean": float(rule["mean"]), "deviation": float(rule["deviation"])}
            for name, rule in state["rules"].items()
        }
        encoder.words = {str(name): [str(word) for word in words] for name, words in state["words"].items()}
        return encoder


def _skewness(values: np.ndarray) -> float:
    """E[(x - mean)^3] / deviation^3."""
    deviation = float(values.std())
    return float(((values - values.mean()) ** 3).mean()) / deviation**3 if deviation > 0 else math.nan
