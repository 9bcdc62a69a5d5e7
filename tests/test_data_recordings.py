"""Spoken data sets from every place they may be in, with stand-ins of a few recordings. No test uses the network."""

import gzip
import io
import sys
import tarfile
import types
from pathlib import Path

import numpy as np
import pytest

from pydl.audio import write_wav
from pydl.data import DataLoader, Recordings, load, spoken_digits
from pydl.data.asterisk_prompts import SOUNDS, spell
from pydl.data.synthetic_digits import make_digits


@pytest.fixture
def small(monkeypatch, tmp_path):
    """Spoken digits of two speakers with seven takes of one digit, and a machine that has them nowhere."""
    generator = np.random.default_rng(0)
    contents = {}
    for speaker in ("theo", "anna"):
        for take in range(7):
            write_wav(tmp_path / "a.wav", generator.uniform(-1, 1, 30 + take), 8000)
            contents[f"3_{speaker}_{take}.wav"] = (tmp_path / "a.wav").read_bytes()
    monkeypatch.setattr(spoken_digits, "_CONTENTS", spoken_digits.digest(contents))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv("PYDL_DATA", raising=False)
    monkeypatch.setitem(sys.modules, "pooch", None)
    return contents


def put(contents, folder):
    folder.mkdir(parents=True)
    for name, content in {**contents, "README.md": b"text"}.items():
        (folder / name).write_bytes(content)


def pack(contents, path):
    path.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(path, "w:gz") as archive:
        for name, content in contents.items():
            member = tarfile.TarInfo(f"free-spoken-digit-dataset-1.0.10/recordings/{name}")
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))


def check(data):
    assert data.name == "spoken-digits"
    assert "CC BY-SA 4.0" in data.licence
    assert [len(data.train), len(data.test)] == [4, 10]
    assert data.train.speakers.tolist() == ["anna"] * 2 + ["theo"] * 2
    assert data.train.takes.tolist() == [5, 6, 5, 6]
    samples, text = data.train[1]
    assert text == "3"
    assert samples.shape == (36,)
    assert samples.dtype == np.float32


@pytest.mark.parametrize("place", ["root", "root/recordings", "variable/spoken-digits/recordings", "cache/pydl-cpu"])
def test_folders(small, tmp_path, monkeypatch, place):
    put(small, tmp_path / place)
    monkeypatch.setenv("PYDL_DATA", str(tmp_path / "variable"))
    check(load("spoken-digits", root=tmp_path / "root" if place.startswith("root") else None, download=False))


@pytest.mark.parametrize("place", ["root/spoken-digits.tar.gz", "root", "cache/pydl-cpu/spoken-digits.tar.gz"])
def test_archives(small, tmp_path, place):
    pack(small, tmp_path / place)
    check(load("spoken-digits", root=tmp_path / "root", download=False))


@pytest.mark.parametrize("download", [False, True])
def test_nowhere(small, tmp_path, download):
    with pytest.raises(FileNotFoundError) as caught:
        load("spoken-digits", root=tmp_path / "root", download=download)
    for part in ("pip install pydl-cpu[data]", "PYDL_DATA", str(tmp_path / "root"), "v1.0.10.tar.gz"):
        assert part in str(caught.value)


def test_changed_recordings_are_refused(small, tmp_path):
    name = "3_theo_2.wav"
    pack({**small, name: small[name][:-1] + b"\x55"}, tmp_path / "root")
    with pytest.raises(ValueError, match=r"has 14 recordings with the SHA-256 .*, needs"):
        load("spoken-digits", root=tmp_path / "root")
    (tmp_path / "root").write_bytes((tmp_path / "root").read_bytes()[:-200])
    with pytest.raises(ValueError, match=r"root is damaged|recordings with the SHA-256"):
        load("spoken-digits", root=tmp_path / "root")
    (tmp_path / "root").write_bytes(b"no archive")
    with pytest.raises(ValueError, match="root is damaged or no archive"):
        load("spoken-digits", root=tmp_path / "root")


def test_download(small, tmp_path, monkeypatch):
    asked = []

    def retrieve(url, known_hash, fname, path):
        asked.append(url)
        pack(small, Path(path) / fname)
        return str(Path(path) / fname)

    monkeypatch.setitem(sys.modules, "pooch", types.SimpleNamespace(retrieve=retrieve))
    check(load("spoken-digits"))
    check(load("spoken-digits"))
    assert asked == [spoken_digits.URL], "the second load must come from the cache"

    def fail(*args, **kwargs):
        raise OSError("no route to host")

    monkeypatch.setitem(sys.modules, "pooch", types.SimpleNamespace(retrieve=fail))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "other"))
    with pytest.raises(RuntimeError, match=r"could not be fetched from https.* into .*other.* \(no route to host\)"):
        load("spoken-digits")


def test_synthetic_digits():
    whole, again = make_digits(takes=2), make_digits(takes=2)
    assert len(whole) == 120
    assert sorted(set(whole.texts)) == list("0123456789")
    assert len(set(whole.speakers.tolist())) == 6
    for samples, same in zip(whole.samples, again.samples, strict=True):
        np.testing.assert_array_equal(samples, same)
        assert 0.03 < np.abs(samples).max() < 1
    assert not np.array_equal(make_digits(takes=2, seed=1).samples[0], whole.samples[0])


def test_spell():
    assert spell(" Press 1 to list, 26 or #...") == "press one to list two six or pound"
    assert spell("You don't  re-enter!") == "you don't re enter"
    assert spell("[sound of monkeys]") == spell("(10 seconds of silence)") == ""


def test_asterisk_prompts(tmp_path):
    text = "; head\nbeep: [a beep]\nhello: Hello, 2!\nmissing: gone\nletters/a: a\nno line\n"
    (tmp_path / "letters").mkdir()
    for name in ("beep", "hello", "letters/a"):
        write_wav(tmp_path / f"{name}.wav", np.full((2, 20), 0.25), 8000)
    with gzip.open(tmp_path / "core-sounds-en.txt.gz", "wt") as file:
        file.write(text)
    data = load("asterisk-prompts", root=tmp_path)
    assert sorted(data.train.texts + data.test.texts) == ["a", "hello two"]
    assert (data.train.samples + data.test.samples)[0].tolist() == [0.25] * 20
    write_wav(tmp_path / "hello.wav", np.zeros(20), 16000)
    with pytest.raises(ValueError, match=r"hello.wav has 16000 samples a second, needs 8000"):
        load("asterisk-prompts", root=tmp_path)
    (tmp_path / "core-sounds-en.txt.gz").write_bytes(b"text")
    with pytest.raises(ValueError, match="is damaged"):
        load("asterisk-prompts", root=tmp_path)
    with pytest.raises(FileNotFoundError, match="asterisk-core-sounds-en-wav"):
        load("asterisk-prompts", root=tmp_path / "nowhere")


@pytest.mark.skipif(not Path(SOUNDS).is_dir(), reason="asterisk-core-sounds-en-wav is not installed")
def test_the_real_prompts():
    data = load("asterisk-prompts")
    assert len(data.train) > 400
    assert len(data.test) > 40
    assert not set(data.train.texts) & set(data.test.texts)


def test_recordings():
    whole = Recordings([np.ones(n, np.float32) for n in (1, 2, 3)], ["a", "b", "c"], ["x", "y", "x"], [0, 0, 1], 8)
    assert whole[1][1] == "b"
    assert whole[-1][0].shape == (3,)
    assert whole.select(whole.speakers == "x").texts == ["a", "c"]
    assert whole.select([2, 0]).takes.tolist() == [1, 0]
    assert repr(whole) == "Recordings(3, 2 speakers, 1 s at 8 Hz)"
    with pytest.raises(IndexError):
        whole[3]
    (batch,) = DataLoader(whole, 3, collate_fn=list)
    assert [text for _, text in batch] == ["a", "b", "c"]
    with pytest.raises(ValueError, match="Recordings: there are 1 samples, 2 texts, 1 speakers and 1 takes"):
        Recordings([np.ones(1)], ["a", "b"], ["x"], [0], 8)
