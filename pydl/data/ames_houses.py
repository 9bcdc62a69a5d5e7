"""The sales of houses in Ames, Iowa, 2006 to 2010, as the R package modeldata holds them.

Source: De Cock, "Ames, Iowa: alternative to the Boston housing data", Journal of Statistics Education 19 (2011).
"""

from __future__ import annotations

import bz2
import lzma
import os
import struct
import warnings
import zlib
from collections.abc import Sequence
from typing import Any

import numpy as np

from .table import Table, read_csv

DEBIAN_FOLDER = "/usr/lib/R/site-library/modeldata/data"
ROWS, COLUMNS = 2930, 74


def find_ames_houses(folders: Sequence[str]) -> Table:
    """All sales, from the first folder that has ames.csv or R's Rdata.rdx and Rdata.rdb."""
    for folder in [*folders, DEBIAN_FOLDER]:
        path = os.path.join(folder, "ames.csv")
        if os.path.isfile(path):
            return _checked(read_csv(path), path)
        path = os.path.join(folder, "Rdata")
        if os.path.isfile(path + ".rdx") and os.path.isfile(path + ".rdb"):
            return _checked(read_lazy_data(path, "ames"), path + ".rdb")
    raise FileNotFoundError(
        f"load: ames-houses is not in {', '.join([*folders, DEBIAN_FOLDER])}; needs Debian's package r-cran-modeldata "
        "(apt install --no-install-recommends), or a folder with ames.csv (in R: write.csv(modeldata::ames, "
        '"ames.csv", row.names = FALSE)), named by root= or PYDL_DATA'
    )


def _checked(table: Table, path: str) -> Table:
    if len(table) != ROWS or "Sale_Price" not in table.columns or len(table.columns) < COLUMNS:
        raise ValueError(
            f"load: {path} is not the table ames of modeldata: it has {len(table)} rows and {len(table.columns)} "
            f"columns, needs {ROWS} and {COLUMNS}, Sale_Price among them"
        )
    return table


def read_lazy_data(path: str, name: str) -> Table:
    """One data frame of an R package's data base: `path`.rdx says where in `path`.rdb it is. Needs rdata."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about R classes that it takes for their parents
            import rdata

            with open(path + ".rdx", "rb") as file:
                index = rdata.conversion.convert(rdata.parser.parse_data(file.read()))
            offset, count = map(int, index["variables"][name])
            with open(path + ".rdb", "rb") as file:
                file.seek(offset)
                block = file.read(count)
            frame = rdata.conversion.convert(rdata.parser.parse_data(_unpack(block)))
    except ImportError:
        raise ImportError(f"load: to read {path}.rdb needs rdata: pip install 'pydl-cpu[tables]'") from None
    except (KeyError, ValueError, struct.error, lzma.LZMAError, zlib.error, OSError, NotImplementedError) as error:
        raise ValueError(f"load: {path}.rdb is no data base of R that holds {name}, or is damaged ({error})") from None
    return Table({str(column): _values(frame[column]) for column in frame})


def _unpack(block: bytes) -> bytes:
    """A block of the data base: four bytes of size, a letter for the method (none for zlib), compressed data."""
    (size,) = struct.unpack(">I", block[:4])
    if block[4:5] == b"Z":
        filters = [{"id": lzma.FILTER_LZMA2, "dict_size": 1 << 26}]
        content = lzma.decompress(block[5:], lzma.FORMAT_RAW, filters=filters)
    elif block[4:5] == b"2":
        content = bz2.decompress(block[5:])
    else:
        content = zlib.decompress(block[4:])
    if len(content) != size:
        raise ValueError(f"a block has {len(content)} bytes, not {size}")
    return content


def _values(column: Any) -> np.ndarray:
    """A column of a data frame: words of a factor, or numbers."""
    if column.dtype.name == "category":
        return np.asarray(column.astype(str), dtype=str)
    return np.asarray(column, dtype=np.float64)
