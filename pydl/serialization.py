"""Weights in files: the safetensors format, which is a JSON table of names, types and places and then the numbers.

    8 bytes      the size of the table, little-endian
    the table    {"__metadata__": {text: text}, name: {"dtype": "F32", "shape": [2, 3], "data_offsets": [0, 24]}, ...}
    the numbers  little-endian, row by row, without gaps

Reading such a file never runs code from it. A file is written whole or not at all: first under another name in the
same folder, then renamed, so that whatever happens in between leaves the old file as it was.

Source: https://huggingface.co/docs/safetensors
"""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np

from .arguments import Array, check_path
from .replacing import replacing
from .tensor import Tensor, tensor

Path = str | os.PathLike[str]

_DTYPES = {
    "bool": "BOOL",
    "int8": "I8",
    "int16": "I16",
    "int32": "I32",
    "int64": "I64",
    "uint8": "U8",
    "uint16": "U16",
    "uint32": "U32",
    "uint64": "U64",
    "float16": "F16",
    "float32": "F32",
    "float64": "F64",
}
# Which metadata are JSON text, because they were not text; also a name in the metadata.
_JSON = "pydl.json"


def save(obj_or_state_dict: Any, path: Path, metadata: Mapping[str, Any] | None = None) -> None:
    """Writes a Module's state_dict(), or a dict of Tensors or arrays, to a safetensors file.

    metadata: facts to go with it, text or anything JSON can hold. The same contents give the same bytes.
    Errors: TypeError for what is no array of numbers or no JSON, OSError where the file cannot be written; the file
    that was there before is then still there, whole.
    """
    path = check_path("save", "path", path)
    state = obj_or_state_dict.state_dict() if hasattr(obj_or_state_dict, "state_dict") else obj_or_state_dict
    arrays = _arrays(state)
    header = _header(arrays, _texts({} if metadata is None else metadata))
    with replacing(path) as file:
        file.write(len(header).to_bytes(8, "little"))
        file.write(header)
        for array in arrays.values():
            little = array.astype(array.dtype.newbyteorder("<"), copy=False)
            file.write(np.ascontiguousarray(little).data)


def load(path: Path) -> dict[str, Tensor]:
    """Reads a safetensors file: {name: Tensor}.

    Errors: FileNotFoundError; ValueError, naming the file and the reason, where it is truncated or malformed or has a
    dtype that numpy lacks; ImportError where the package safetensors is missing.
    """
    with _opened(path) as file:
        return {name: tensor(file.get_tensor(name)) for name in file.keys()}  # noqa: SIM118  not a dict


def load_metadata(path: Path) -> dict[str, Any]:
    """The metadata of a safetensors file, without its arrays. Errors as for load()."""
    with _opened(path) as file:
        texts: dict[str, Any] = dict(file.metadata() or {})
        for name in json.loads(texts.pop(_JSON, "[]")):
            texts[name] = json.loads(texts[name])
        return texts


def _arrays(state: Any) -> dict[str, Array]:
    """The arrays in the order of the file: the widest numbers first, so that each starts at a multiple of its size."""
    if not isinstance(state, Mapping):
        raise TypeError(f"save: a Module or a dict of arrays is needed, not {type(state).__name__}")
    arrays = {}
    for name, value in state.items():
        if not isinstance(name, str) or name == "__metadata__":
            raise TypeError(f"save: {name!r} cannot be the name of an array; it must be text, and not '__metadata__'")
        array = value.data if isinstance(value, Tensor) else value
        if not isinstance(array, np.ndarray | np.generic):
            raise TypeError(f"save: {name} must be a Tensor or an array, not {type(array).__name__}")
        array = np.asarray(array)
        if array.dtype.name not in _DTYPES:
            raise TypeError(f"save: {name} has dtype {array.dtype}, which the file format lacks")
        arrays[name] = array
    return dict(sorted(arrays.items(), key=lambda item: (-item[1].itemsize, item[0])))


def _texts(metadata: Mapping[str, Any]) -> dict[str, str]:
    """Metadata as the format has them: text only."""
    if not isinstance(metadata, Mapping):
        raise TypeError(f"save: metadata must be a dict, not {type(metadata).__name__}")
    coded = sorted(name for name, value in metadata.items() if not isinstance(value, str))
    texts = {name: value if isinstance(value, str) else json.dumps(value) for name, value in metadata.items()}
    for name in texts:
        if not isinstance(name, str) or name == _JSON:
            raise TypeError(f"save: {name!r} cannot be the name of metadata; it must be text, and not {_JSON!r}")
    return dict(sorted({**texts, **({_JSON: json.dumps(coded)} if coded else {})}.items()))


def _header(arrays: Mapping[str, Array], texts: Mapping[str, str]) -> bytes:
    # Written here and not by the safetensors package, which puts metadata in an order that changes from run to run.
    table: dict[str, Any] = {"__metadata__": texts} if texts else {}
    start = 0
    for name, array in arrays.items():
        end = start + array.nbytes
        table[name] = {"dtype": _DTYPES[array.dtype.name], "shape": list(array.shape), "data_offsets": [start, end]}
        start = end
    text = json.dumps(table, ensure_ascii=False, separators=(",", ":")).encode()
    return text + b" " * (-len(text) % 8)


@contextmanager
def _opened(path: Path) -> Iterator[Any]:
    """The file, opened by the safetensors package, whose checks of the table all end in a ValueError here."""
    name = check_path("load", "path", path)
    _check_size(name)
    try:
        from safetensors import SafetensorError, safe_open
    except ImportError:
        raise ImportError(
            f"{name}: reading it needs the package safetensors; install it with: pip install 'pydl-cpu[weights]'"
        ) from None
    try:
        with safe_open(name, framework="numpy") as file:
            yield file
    except (SafetensorError, KeyError, TypeError, AttributeError, ValueError, RecursionError) as error:
        raise ValueError(f"{name}: is not a whole safetensors file that numpy can hold ({error})") from None


def _check_size(name: str) -> None:
    """Refuses a file that cannot hold the table it announces, before memory is asked for."""
    with open(name, "rb") as file:
        status = os.fstat(file.fileno())
        if not stat.S_ISREG(status.st_mode):
            raise ValueError(f"{name}: is not a regular file")
        first = file.read(8)
    if len(first) < 8:
        raise ValueError(f"{name}: is truncated or no safetensors file: it has {status.st_size} bytes, fewer than 8")
    table = int.from_bytes(first, "little")
    if table > status.st_size - 8:
        raise ValueError(
            f"{name}: is truncated or no safetensors file: it announces a table of {table} bytes, "
            f"but has {status.st_size - 8} bytes after the first 8"
        )
