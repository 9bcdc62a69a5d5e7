"""WAV files: every encoding there and back, files of the standard library's writer, and damaged ones."""

import struct
import wave

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pydl.audio import read_wav, write_wav

SMALLEST_STEP = {"pcm8": 2**-7, "pcm16": 2**-15, "pcm24": 2**-23, "pcm32": 2**-31, "float32": 0, "float64": 0}


@pytest.mark.parametrize("encoding", SMALLEST_STEP)
@pytest.mark.parametrize("channels", [1, 2, 5])
@pytest.mark.parametrize("count", [0, 1, 101])
def test_there_and_back(encoding, channels, count, tmp_path):
    samples = np.random.default_rng(0).uniform(-0.99, 0.99, (channels, count)).astype(np.float32)
    write_wav(tmp_path / "a.wav", samples, 8000, encoding)
    read, rate = read_wav(tmp_path / "a.wav")
    assert rate == 8000
    assert read.dtype == np.float32
    assert read.flags.c_contiguous
    np.testing.assert_allclose(read, samples, rtol=0, atol=SMALLEST_STEP[encoding] / 2 + 6e-8)
    write_wav(tmp_path / "b.wav", read, rate, encoding)
    assert (tmp_path / "b.wav").read_bytes() == (tmp_path / "a.wav").read_bytes()
    assert len(list(tmp_path.iterdir())) == 2, "no temporary file is left"


@pytest.mark.parametrize("size", [1, 2, 3, 4])
def test_the_standard_library_writes_and_reads_the_same(size, tmp_path):
    bits = 8 * size
    whole = np.random.default_rng(1).integers(-(2 ** (bits - 1)), 2 ** (bits - 1), (50, 2))
    stored = b"".join(int(k + (128 if size == 1 else 0)).to_bytes(size, "little", signed=size > 1) for k in whole.flat)
    with wave.open(str(tmp_path / "a.wav"), "wb") as file:
        file.setnchannels(2)
        file.setsampwidth(size)
        file.setframerate(44100)
        file.writeframes(stored)
    samples, rate = read_wav(tmp_path / "a.wav")
    assert rate == 44100
    np.testing.assert_allclose(samples, whole.T / 2 ** (bits - 1), rtol=1e-6)
    write_wav(tmp_path / "b.wav", whole.T / 2 ** (bits - 1), rate, f"pcm{bits}")
    with wave.open(str(tmp_path / "b.wav"), "rb") as file:
        assert (file.getnchannels(), file.getsampwidth(), file.getframerate()) == (2, size, 44100)
        # Python's reader takes a number of float64 for what was stored, except where float32 was in between.
        assert np.mean(np.frombuffer(file.readframes(50), np.uint8) == np.frombuffer(stored, np.uint8)) > 0.7


def test_values_worked_by_hand(tmp_path):
    write_wav(tmp_path / "a.wav", [0.5, -1.0, 1.0, 7.0, -7.0, 0.5 / 32768], 8000)
    stored = (tmp_path / "a.wav").read_bytes()
    assert len(stored) == 44 + 12
    assert struct.unpack("<6h", stored[44:]) == (16384, -32768, 32767, 32767, -32768, 0)
    np.testing.assert_array_equal(read_wav(tmp_path / "a.wav")[0][0, :2], [0.5, -1])


def chunk(label, content, size=None):
    return label + struct.pack("<I", len(content) if size is None else size) + content + b"\0" * (len(content) % 2)


def riff(*chunks):
    body = b"WAVE" + b"".join(chunks)
    return b"RIFF" + struct.pack("<I", len(body)) + body


def fmt(kind=1, channels=1, rate=8000, bits=16, frame=None, more=b""):
    frame = channels * bits // 8 if frame is None else frame
    return chunk(b"fmt ", struct.pack("<HHIIHH", kind, channels, rate, rate * frame, frame, bits) + more)


EXTENSIBLE = struct.pack("<HHIH", 22, 16, 4, 1) + b"\x00\x00\x00\x00\x10\x00\x80\x00\x00\xaa\x00\x38\x9b\x71"
DATA = chunk(b"data", struct.pack("<2h", 16384, -16384))


@pytest.mark.parametrize(
    "content",
    [
        riff(fmt(), DATA),
        riff(chunk(b"LIST", b"odd"), fmt(), chunk(b"fact", b"1234"), DATA, chunk(b"LIST", b"after")),
        riff(fmt(kind=0xFFFE, more=EXTENSIBLE), DATA),
        riff(fmt(), chunk(b"data", DATA[8:], size=0xFFFFFFFF)),
        riff(fmt(), chunk(b"data", DATA[8:], size=0x7FFFF000)),  # by sox, into a pipe
        riff(fmt(), chunk(b"data", DATA[8:] + b"x")),  # half a frame at the end
    ],
    ids=["plain", "further chunks", "extensible", "streamed", "streamed by sox", "half a frame"],
)
def test_what_files_may_hold(content, tmp_path):
    (tmp_path / "a.wav").write_bytes(content)
    np.testing.assert_array_equal(read_wav(tmp_path / "a.wav")[0], [[0.5, -0.5]])


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is no WAV file"),
        (b"RIFF\0\0\0\0AVI LIST", "is no WAV file"),
        (riff(fmt()), "has no data chunk"),
        (riff(DATA, fmt()), "no fmt chunk says"),
        (riff(chunk(b"fmt ", b"short"), DATA), "its fmt chunk has 5 bytes"),
        (riff(fmt(), chunk(b"data", b"1234", size=100)), "it has 4 of 100 bytes"),
        (riff(fmt(kind=6, bits=8), DATA), "samples of 8 bits in format 6"),
        (riff(fmt(bits=12), DATA), "samples of 12 bits"),
        (riff(fmt(kind=3, bits=16), DATA), "samples of 16 bits in format 3"),
        (riff(fmt(channels=0), DATA), "0 channels"),
        (riff(fmt(rate=0), DATA), "0 a second"),
        (riff(fmt(frame=3), DATA), "in frames of 3 bytes"),
        (riff(fmt(kind=3, bits=32), chunk(b"data", struct.pack("<f", float("nan")))), "not finite"),
    ],
)
def test_damaged_files(content, message, tmp_path):
    (tmp_path / "a.wav").write_bytes(content)
    with pytest.raises(ValueError, match=message) as caught:
        read_wav(tmp_path / "a.wav")
    assert str(caught.value).startswith(f"read_wav: {tmp_path / 'a.wav'} ")


@settings(max_examples=80, deadline=None, database=None, derandomize=True)
@given(st.integers(0, 120), st.binary(min_size=1, max_size=6))
def test_any_damage(tmp_path_factory, place, bytes_):
    whole = riff(fmt(channels=2), chunk(b"LIST", b"text"), chunk(b"data", bytes(range(60))))
    path = tmp_path_factory.mktemp("wav") / "a.wav"
    for content in (whole[:place] + bytes_ + whole[place + len(bytes_) :], whole[:place]):
        path.write_bytes(content)
        try:
            samples, rate = read_wav(path)
        except ValueError as error:
            refusal = str(error)
        else:
            assert samples.ndim == 2
            assert rate > 0
            continue
        assert refusal.startswith("read_wav: ")


def test_wrong_calls(tmp_path):
    path = tmp_path / "a.wav"
    for wrong, message in [
        ({"samples": np.zeros((1, 2, 3))}, r"samples must be \(N\) or \(channels, N\)"),
        ({"samples": [np.inf]}, "samples must be finite"),
        ({"samples": np.zeros((0, 5))}, "samples have 0 channels"),
        ({"rate": 0}, "rate must be at least 1"),
        ({"encoding": "mp3"}, "encoding must be 'pcm8', 'pcm16', 'pcm24', 'pcm32', 'float32' or 'float64', not 'mp3'"),
    ]:
        with pytest.raises(ValueError, match=f"write_wav: {message}"):
            write_wav(**{"path": path, "samples": [0.0], "rate": 8000, **wrong})
    with pytest.raises(FileNotFoundError):
        read_wav(tmp_path / "none.wav")
    with pytest.raises(FileNotFoundError) as caught:
        write_wav(tmp_path / "none" / "a.wav", [0.0], 8000)
    assert caught.value.filename == str(tmp_path / "none" / "a.wav")
    with pytest.raises(TypeError, match="read_wav: path"):
        read_wav(3)
    assert not path.exists()
