"""WAV files: RIFF containers of uncompressed samples.

A file is "RIFF", its size, "WAVE", then chunks: four letters, a size, as many bytes, one more where that is odd. Chunk
"fmt " says how samples are stored, chunk "data" has them, channel by channel within each frame. All numbers are little
endian. Integers k of b bits stand for k / 2^(b-1), those of 8 bits for (k - 128) / 128.

Source    Microsoft, IBM, "Multimedia programming interface and data specifications 1.0", 1991; Microsoft, "Multiple
          channel audio data and WAVE files", 2001 (the extensible format)
"""

from __future__ import annotations

import os
import struct
from typing import Any, NamedTuple

import numpy as np

from ..arguments import Array, check_choice, check_float, check_integer, check_path, check_rank
from ..replacing import replacing

_PCM, _FLOAT, _EXTENSIBLE = 1, 3, 0xFFFE
_ENCODINGS = {
    "pcm8": (_PCM, 8),
    "pcm16": (_PCM, 16),
    "pcm24": (_PCM, 24),
    "pcm32": (_PCM, 32),
    "float32": (_FLOAT, 32),
    "float64": (_FLOAT, 64),
}
_STREAMED = 0x7FFFF000  # chunks of at least this size have a writer that could not know it: up to the end of the file


class _Format(NamedTuple):
    kind: int
    channels: int
    rate: int
    bits: int


def read_wav(path: str | os.PathLike[str]) -> tuple[Array, int]:
    """(samples, rate): float32 (channels, N) from -1 to 1, and the number of frames in a second.

    Integers of 8, 16, 24 and 32 bits and floats of 32 and 64 are read, from any number of channels.

    Errors: OSError where the file cannot be read; ValueError for one that is no WAV file, is damaged, cut off or
    compressed, and for samples that are not finite.
    """
    name = check_path("read_wav", "path", path)
    with open(name, "rb") as file:
        return decode_wav(file.read(), name)


def decode_wav(content: bytes, name: str) -> tuple[Array, int]:
    """read_wav() of a file's content; `name` is for messages."""
    if content[:4] != b"RIFF" or content[8:12] != b"WAVE":
        raise ValueError(f"read_wav: {name} is no WAV file, which would begin with RIFF and WAVE")
    found: _Format | None = None
    place = 12
    while place + 8 <= len(content):
        label, size = struct.unpack_from("<4sI", content, place)
        chunk = memoryview(content)[place + 8 : place + 8 + size]
        if label == b"data":
            if found is None:
                raise ValueError(f"read_wav: {name} is damaged: no fmt chunk says what its samples are")
            if len(chunk) < size < _STREAMED:
                raise ValueError(f"read_wav: {name} is cut off: it has {len(chunk)} of {size} bytes of samples")
            return _decode(name, chunk, found), found.rate
        if label == b"fmt ":
            found = _format(name, chunk)
        place += 8 + size + size % 2
    raise ValueError(f"read_wav: {name} is damaged: it has no data chunk")


def _format(name: str, chunk: memoryview) -> _Format:
    if len(chunk) < 16:
        raise ValueError(f"read_wav: {name} is damaged: its fmt chunk has {len(chunk)} bytes, needs 16")
    kind, channels, rate, _, frame, bits = struct.unpack_from("<HHIIHH", chunk)
    if kind == _EXTENSIBLE and len(chunk) >= 26:
        (kind,) = struct.unpack_from("<H", chunk, 24)
    if (kind, bits) not in _ENCODINGS.values():
        raise ValueError(
            f"read_wav: {name} has samples of {bits} bits in format {kind}, needs integers of 8, 16, 24 or 32 bits "
            "(format 1) or floats of 32 or 64 (format 3)"
        )
    if channels < 1 or rate < 1 or frame != channels * bits // 8:
        raise ValueError(
            f"read_wav: {name} is damaged: {channels} channels of {bits} bits in frames of {frame} bytes, "
            f"{rate} a second"
        )
    return _Format(kind, channels, rate, bits)


def _decode(name: str, chunk: memoryview, found: _Format) -> Array:
    size = found.bits // 8
    values: Array
    frames = len(chunk) // (size * found.channels)
    raw = np.frombuffer(chunk, np.uint8, frames * found.channels * size)
    if found.kind == _FLOAT:
        values = raw.view(f"<f{size}").astype(np.float32)
        if not np.isfinite(values).all():
            raise ValueError(f"read_wav: {name} has samples that are not finite")
    elif found.bits == 8:
        values = (raw.astype(np.float32) - 128) / 128
    else:
        if found.bits == 24:  # as the upper three bytes of four
            raw = np.concatenate([np.zeros((len(raw) // 3, 1), np.uint8), raw.reshape(-1, 3)], axis=1).reshape(-1)
            size = 4
        values = (raw.view(f"<i{size}") / 2.0 ** (8 * size - 1)).astype(np.float32)
    return np.ascontiguousarray(values.reshape(-1, found.channels).T)


def write_wav(path: str | os.PathLike[str], samples: Any, rate: int, encoding: str = "pcm16") -> None:
    """Writes samples (N) or (channels, N) as a WAV file, whole or not at all.

    encoding: pcm8, pcm16, pcm24, pcm32, float32 or float64. Integers are rounded; what is outside of -1 to 1 becomes
    the nearest number there is.
    """
    name = check_path("write_wav", "path", path)
    values = check_float("write_wav", "samples", samples, integers=True)
    check_rank("write_wav", "samples", values, 1, 2, layout="(N) or (channels, N)")
    rate = check_integer("write_wav", "rate", rate, 1)
    kind, bits = _ENCODINGS[check_choice("write_wav", "encoding", encoding, *_ENCODINGS)]
    if not np.isfinite(values).all():
        raise ValueError("write_wav: samples must be finite")
    channels, size = (values.shape[0] if values.ndim == 2 else 1), bits // 8
    if not 1 <= channels <= 0xFFFF // size:
        raise ValueError(f"write_wav: samples have {channels} channels, a file has from 1 to {0xFFFF // size}")
    content = _encode(values.reshape(channels, -1).T, kind, bits)
    if len(content) > 0xFFFFFFFF - 64:
        raise ValueError(f"write_wav: samples take {len(content)} bytes, a WAV file has less than 4 GiB")
    header = struct.pack("<HHIIHH", kind, channels, rate, rate * channels * size, channels * size, bits)
    padding = b"\0" * (len(content) % 2)
    chunks = b"fmt " + struct.pack("<I", len(header)) + header
    chunks += b"data" + struct.pack("<I", len(content)) + content + padding
    with replacing(name) as file:
        file.write(b"RIFF" + struct.pack("<I", 4 + len(chunks)) + b"WAVE" + chunks)


def _encode(frames: Array, kind: int, bits: int) -> bytes:
    if kind == _FLOAT:
        return frames.astype(f"<f{bits // 8}").tobytes()
    half = 2.0 ** (bits - 1)
    whole = np.clip(np.rint(frames.astype(np.float64) * half), -half, half - 1).astype("<i4")
    if bits == 8:
        return (whole + 128).astype(np.uint8).tobytes()
    if bits == 24:  # without the highest of four bytes
        return np.ascontiguousarray(whole).view(np.uint8).reshape(-1, 4)[:, :3].tobytes()
    return whole.astype(f"<i{bits // 8}").tobytes()
