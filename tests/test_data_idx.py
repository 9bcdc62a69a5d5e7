"""IDX files: every element type, compression, and files made to break the reader."""

from __future__ import annotations

import gzip
import hashlib
import lzma
import struct
import tracemalloc

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pydl.data import read_idx

CODES = {"u1": 0x08, "i1": 0x09, "i2": 0x0B, "i4": 0x0C, "f4": 0x0D, "f8": 0x0E}


def idx_bytes(array: np.ndarray) -> bytes:
    code = CODES[array.dtype.str[1:]]
    header = struct.pack(f">4B{array.ndim}I", 0, 0, code, array.ndim, *array.shape)
    return header + array.astype(array.dtype.newbyteorder(">")).tobytes()


def header(code: int, *sizes: int) -> bytes:
    return struct.pack(f">4B{len(sizes)}I", 0, 0, code, len(sizes), *sizes)


@pytest.fixture
def write(tmp_path):
    def write(content: bytes, name: str = "file-idx"):
        path = tmp_path / name
        path.write_bytes(content)
        return path

    return write


@pytest.mark.parametrize("compress", [("", bytes), (".gz", gzip.compress), (".xz", lzma.compress)])
@pytest.mark.parametrize("dtype", CODES)
@pytest.mark.parametrize("shape", [(3, 4, 5), (7,), (0,), (2, 0, 3)])
def test_round_trip(write, dtype, shape, compress):
    array = (np.random.default_rng(0).normal(size=shape) * 50).astype(dtype[0] + dtype[1])
    path = write(compress[1](idx_bytes(array)), "file-idx" + compress[0])
    result = read_idx(str(path), sha256=hashlib.sha256(idx_bytes(array)).hexdigest())
    assert result.dtype == np.dtype(dtype)
    assert result.dtype.isnative
    assert result.flags.writeable
    np.testing.assert_array_equal(result, array)


HOSTILE = {
    "empty": (b"", "has 0 bytes of the magic number, needs 4"),
    "short magic": (b"\0\0\x08", "has 3 bytes of the magic number, needs 4"),
    "foreign": (b"\x89PNG\r\n\x1a\n", "begins with the bytes 89 50 4e 47"),
    "unknown type": (header(0x0A, 1) + b"a", "begins with the bytes 00 00 0a 01"),
    "no dimensions": (b"\0\0\x08\0" + b"a", "1 to 32 dimensions"),
    "too many dimensions": (b"\0\0\x08\xff" + bytes(1020), "1 to 32 dimensions"),
    "short sizes": (b"\0\0\x08\x03" + bytes(11), "has 11 bytes of sizes, needs 12"),
    "short content": (header(0x08, 2, 3) + b"12345", r"has 5 bytes of elements for the sizes \(2, 3\), needs 6"),
    "no content": (header(0x0E, 2**32 - 1), "has 0 bytes of elements"),
    "long content": (header(0x08, 2) + b"123", "has more bytes than the 10 its header needs"),
    "large claim": (header(0x08, 2**31, 2**31) + b"abc", "has 3 bytes of elements"),
    "product wraps to 0 in 64 bits": (header(0x08, 2**31, 2**31, 4) + b"abc", "more than any file can hold"),
    "product wraps to 8 in 64 bits": (header(0x0E, 2**31 + 1, 2**31, 2**31, 8), "more than any file can hold"),
    "zero hides a wrap": (header(0x08, 0, 2**32 - 1, 2**32 - 1), "more than any file can hold"),
}


@pytest.mark.parametrize("suffix", ["", ".gz"])
@pytest.mark.parametrize("case", HOSTILE)
def test_hostile(write, case, suffix):
    content, message = HOSTILE[case]
    path = write(gzip.compress(content) if suffix else content, "file-idx" + suffix)
    tracemalloc.start()
    try:
        with pytest.raises(ValueError, match=message) as caught:
            read_idx(path)
        assert tracemalloc.get_traced_memory()[1] < 4 << 20
    finally:
        tracemalloc.stop()
    assert str(path) in str(caught.value)


def test_a_decompression_bomb_is_read_no_further_than_its_header(write):
    path = write(gzip.compress(header(0x08, 10) + bytes(64 << 20), 1), "bomb.gz")
    tracemalloc.start()
    try:
        with pytest.raises(ValueError, match="has more bytes than the 18"):
            read_idx(path)
        assert tracemalloc.get_traced_memory()[1] < 4 << 20
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(("compress", "suffix"), [(gzip.compress, ".gz"), (lzma.compress, ".xz")])
def test_damaged_compression(write, compress, suffix):
    whole = compress(idx_bytes(np.random.default_rng(0).integers(0, 255, 5000).astype("u1")))
    for content in (b"not compressed", whole[: len(whole) // 2], whole[:-9] + b"wrong sum"):
        with pytest.raises(ValueError, match=r"read_idx: .* is damaged"):
            read_idx(write(content, "damaged" + suffix))


def test_checksum_mismatch(write):
    with pytest.raises(ValueError, match=f"has the SHA-256 .*, needs {'0' * 64}"):
        read_idx(write(idx_bytes(np.arange(3, dtype="u1"))), sha256="0" * 64)


def test_missing_file(tmp_path):
    with pytest.raises(FileNotFoundError):
        read_idx(tmp_path / "nothing")


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_any_changed_byte_gives_an_array_or_a_value_error(write, data):
    content = bytearray(idx_bytes(np.arange(24, dtype="i2").reshape(2, 3, 4)))
    for _ in range(data.draw(st.integers(1, 3))):
        content[data.draw(st.integers(0, 15))] = data.draw(st.integers(0, 255))
    content = content[: data.draw(st.integers(0, len(content)))]
    path = write(bytes(content))
    try:
        array = read_idx(path)
    except ValueError as error:
        message = str(error)
    else:
        assert array.nbytes < len(content)
        return
    assert message.startswith(f"read_idx: {path} ")
