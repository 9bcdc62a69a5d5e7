"""Reading IDX files, the plain array format that MNIST and its relatives come in.

An IDX file is, all big-endian: two zero bytes, one byte for the element type, one for the number of dimensions D, D
unsigned 32-bit sizes, then the elements in C order.

Source: the description of the format by LeCun, Cortes and Burges on the page of the MNIST database.
"""

from __future__ import annotations

import math
import os
from typing import Any, BinaryIO

import numpy as np

_DTYPES = {0x08: ">u1", 0x09: ">i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}
_MAX_DIMENSIONS = 32
_CHUNK = 1 << 20


def read_idx(path: str | os.PathLike[str], sha256: str | None = None) -> np.ndarray:
    """The array in an IDX file, in the machine's byte order; names ending in .gz or .xz are decompressed on the way.

    ``sha256`` is the hexadecimal checksum that the uncompressed content must have.

    Raises ValueError for a file that is not IDX, is too short, too long or damaged, or has another checksum. Memory
    grows with what the file really holds, never with what its header claims.
    """
    (array,) = read_idx_sequence(path, 1, sha256)
    return array


def read_idx_sequence(path: str | os.PathLike[str], count: int, sha256: str | None = None) -> list[np.ndarray]:
    """``count`` IDX arrays that stand one after another in one file, otherwise as :func:`read_idx`."""
    import lzma
    import zlib

    name = os.fspath(path)
    with _open(name) as file:
        reader = _Reader(file, name, hashed=sha256 is not None)
        try:
            arrays = [_read_array(reader) for _ in range(count)]
            trailing = file.read(1)
        except (EOFError, zlib.error, lzma.LZMAError, _bad_gzip()) as error:
            raise ValueError(f"read_idx: {name} is damaged where it is compressed: {error}") from error
    if trailing:
        raise ValueError(f"read_idx: {name} has more bytes than the {reader.position} its header needs")
    if sha256 is not None and reader.digest() != sha256:
        raise ValueError(f"read_idx: {name} has the SHA-256 {reader.digest()} (uncompressed), needs {sha256}")
    return arrays


def _open(name: str) -> Any:
    if name.endswith(".gz"):
        import gzip

        return gzip.open(name, "rb")
    if name.endswith(".xz"):
        import lzma

        return lzma.open(name, "rb")
    return open(name, "rb")


def _bad_gzip() -> type[Exception]:
    from gzip import BadGzipFile

    return BadGzipFile


class _Reader:
    """Takes exact numbers of bytes from a stream and keeps their checksum."""

    def __init__(self, file: BinaryIO, name: str, hashed: bool) -> None:
        self.file, self.name, self.position, self._hash = file, name, 0, None
        if hashed:
            import hashlib

            self._hash = hashlib.sha256()

    def take(self, size: int, what: str) -> bytearray:
        """The next ``size`` bytes, read in pieces so that a claimed size alone allocates nothing."""
        taken = bytearray()
        while len(taken) < size:
            piece = self.file.read(min(_CHUNK, size - len(taken)))
            if not piece:
                raise ValueError(f"read_idx: {self.name} has {len(taken)} bytes of {what}, needs {size}")
            taken += piece
        self.position += size
        if self._hash is not None:
            self._hash.update(taken)
        return taken

    def digest(self) -> str:
        assert self._hash is not None
        return self._hash.hexdigest()


def _read_array(reader: _Reader) -> np.ndarray:
    magic = reader.take(4, "the magic number")
    code, dimensions = magic[2], magic[3]
    if magic[:2] != b"\0\0" or code not in _DTYPES or not 1 <= dimensions <= _MAX_DIMENSIONS:
        raise ValueError(
            f"read_idx: {reader.name} begins with the bytes {magic.hex(' ')}, needs 00 00, an element type of "
            f"{', '.join(f'{known:02x}' for known in _DTYPES)}, and 1 to {_MAX_DIMENSIONS} dimensions"
        )
    dtype = np.dtype(_DTYPES[code])
    shape = tuple(np.frombuffer(reader.take(4 * dimensions, "sizes"), ">u4").tolist())
    # Python integers do not overflow; numpy refuses a shape whose non-zero sizes multiply past its own integers.
    if math.prod(max(size, 1) for size in shape) * dtype.itemsize > np.iinfo(np.int64).max:
        raise ValueError(f"read_idx: {reader.name} claims the sizes {shape}, more than any file can hold")
    content = reader.take(math.prod(shape) * dtype.itemsize, f"elements for the sizes {shape}")
    return np.frombuffer(content, dtype).reshape(shape).astype(dtype.newbyteorder("="), copy=False)
