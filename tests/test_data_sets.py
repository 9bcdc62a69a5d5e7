"""load(): the digits inside the package, and Fashion-MNIST from every place it may be in. No test uses the network."""

from __future__ import annotations

import gzip
import hashlib
import lzma
import struct
import sys
import types
from pathlib import Path

import numpy as np
import pytest

import pydl.data
from pydl.data import fashion_mnist, load

PACKAGE = Path(pydl.data.__file__).parent


def test_mnist_5k():
    data = load("mnist-5k")
    assert data.name == "mnist-5k"
    assert data.classes == tuple("0123456789")
    assert "CC BY-SA 3.0" in data.licence
    for part, count in ((data.train, 4000), (data.test, 1000)):
        images, labels = part.arrays
        assert images.shape == (count, 1, 28, 28)
        assert images.dtype == np.float32
        assert images.flags.c_contiguous
        assert (images.min(), images.max()) == (0, 1)
        assert labels.dtype == np.int64
        np.testing.assert_array_equal(labels, np.arange(count) % 10)
    pixels = np.concatenate([part.arrays[0] for part in (data.train, data.test)]).reshape(5000, -1)
    assert len(np.unique(pixels, axis=0)) == 5000


def test_mnist_5k_file_is_the_one_its_notice_describes():
    path = PACKAGE / "mnist-5k.idx.xz"
    notice = (PACKAGE / "mnist-5k.NOTICE.txt").read_text(encoding="utf-8")
    assert path.stat().st_size <= 1_200_000
    assert hashlib.sha256(lzma.decompress(path.read_bytes())).hexdigest() in notice
    assert "Attribution-ShareAlike 3.0" in notice


def test_unknown_name():
    with pytest.raises(ValueError, match="no data set 'cifar', needs one of mnist-5k, fashion-mnist, spoken-digits"):
        load("cifar")


FILES = ("train-images-idx3-ubyte", "train-labels-idx1-ubyte", "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte")


@pytest.fixture
def small(monkeypatch, tmp_path):
    """A stand-in for Fashion-MNIST of 6 + 4 images with its own checksums, and a machine that has it nowhere."""
    generator = np.random.default_rng(0)
    contents = {}
    for name in FILES:
        count = 6 if name.startswith("train") else 4
        shape = (count, 28, 28) if "images" in name else (count,)
        values = generator.integers(0, 256 if "images" in name else 10, shape, dtype=np.uint8)
        contents[name] = struct.pack(f">4B{len(shape)}I", 0, 0, 8, len(shape), *shape) + values.tobytes()
    sums = {name: (hashlib.sha256(c).hexdigest(), hashlib.md5(c).hexdigest()) for name, c in contents.items()}
    monkeypatch.setattr(fashion_mnist, "FILES", sums)
    monkeypatch.setattr(fashion_mnist, "DEBIAN_FOLDER", str(tmp_path / "debian"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv("PYDL_DATA", raising=False)
    monkeypatch.setitem(sys.modules, "pooch", None)
    return contents


def put(contents, folder, compressed=False):
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in contents.items():
        (folder / (name + ".gz" if compressed else name)).write_bytes(gzip.compress(content) if compressed else content)


@pytest.mark.parametrize("compressed", [False, True])
@pytest.mark.parametrize("place", ["root", "root/fashion-mnist", "variable", "debian", "cache/pydl-cpu/fashion-mnist"])
def test_fashion_mnist_places(small, tmp_path, monkeypatch, place, compressed):
    put(small, tmp_path / place, compressed)
    monkeypatch.setenv("PYDL_DATA", str(tmp_path / "variable"))
    data = load("fashion-mnist", root=tmp_path / "root" if place.startswith("root") else None, download=False)
    assert data.train.arrays[0].shape == (6, 1, 28, 28)
    assert data.test.arrays[1].shape == (4,)
    assert data.classes[9] == "Ankle boot"
    assert data.test.arrays[0].dtype == np.float32
    expected = np.frombuffer(small["t10k-images-idx3-ubyte"][16:], np.uint8) / 255
    np.testing.assert_allclose(data.test.arrays[0].reshape(-1), expected, rtol=1e-6)


def test_an_incomplete_folder_is_passed_over(small, tmp_path):
    put({FILES[0]: b"whatever"}, tmp_path / "root")
    put(small, tmp_path / "debian", compressed=True)
    assert len(load("fashion-mnist", root=tmp_path / "root").train) == 6


@pytest.mark.parametrize("download", [False, True])
def test_nowhere_names_the_three_ways(small, tmp_path, download):
    with pytest.raises(FileNotFoundError) as caught:
        load("fashion-mnist", root=tmp_path / "root", download=download)
    message = str(caught.value)
    for part in ("dataset-fashion-mnist", "pip install pydl-cpu[data]", "PYDL_DATA", str(tmp_path / "root"), FILES[3]):
        assert part in message


def test_changed_file_is_refused(small, tmp_path):
    changed = dict(small)
    changed[FILES[1]] = small[FILES[1]][:-1] + b"\x0b"
    put(changed, tmp_path / "root", compressed=True)
    with pytest.raises(ValueError, match=f"{FILES[1]}.gz has the SHA-256 .*, needs {fashion_mnist.FILES[FILES[1]][0]}"):
        load("fashion-mnist", root=tmp_path / "root")


def test_download(small, tmp_path, monkeypatch):
    asked = []

    def retrieve(url, known_hash, fname, path):
        asked.append((url, known_hash))
        put({fname.removesuffix(".gz"): small[fname.removesuffix(".gz")]}, Path(path), compressed=True)
        return str(Path(path) / fname)

    monkeypatch.setitem(sys.modules, "pooch", types.SimpleNamespace(retrieve=retrieve))
    assert len(load("fashion-mnist").test) == 4
    assert [url.rsplit("/", 1)[1] for url, _ in asked] == [f"{name}.gz" for name in FILES]
    assert [known for _, known in asked] == [f"md5:{fashion_mnist.FILES[name][1]}" for name in FILES]
    load("fashion-mnist")
    assert len(asked) == 4, "the second load must come from the cache"
    load("fashion-mnist", root=tmp_path / "cache" / "pydl-cpu", download=False)


@pytest.mark.parametrize("error", [OSError("no route to host"), ValueError("MD5 hash does not match")])
def test_failed_download(small, monkeypatch, error):
    def retrieve(*args, **kwargs):
        raise error

    monkeypatch.setitem(sys.modules, "pooch", types.SimpleNamespace(retrieve=retrieve))
    with pytest.raises(
        RuntimeError, match=f"could not be fetched from http.*train-images-idx3-ubyte.gz into .*{error}"
    ):
        load("fashion-mnist")


def test_pooch_refuses_a_file_with_another_checksum(small, tmp_path, monkeypatch):
    """With the real pooch, and a file:// address in place of the network."""
    monkeypatch.delitem(sys.modules, "pooch")
    pooch = pytest.importorskip("pooch")
    put(small, tmp_path / "server", compressed=True)

    def copy(url, output_file, downloader):
        Path(output_file).write_bytes((tmp_path / "server" / url.rsplit("/", 1)[1]).read_bytes())

    monkeypatch.setattr(pooch.core, "choose_downloader", lambda *args, **kwargs: copy)
    with pytest.raises(RuntimeError, match="could not be fetched"):  # the sums here are those of the plain content
        load("fashion-mnist")
    assert not list((tmp_path / "cache" / "pydl-cpu" / "fashion-mnist").glob("*.gz"))
    sums = {
        name: (sha, hashlib.md5((tmp_path / "server" / f"{name}.gz").read_bytes()).hexdigest())
        for name, (sha, _) in fashion_mnist.FILES.items()
    }
    monkeypatch.setattr(fashion_mnist, "FILES", sums)
    assert len(load("fashion-mnist").train) == 6


@pytest.mark.skipif(not Path(fashion_mnist.DEBIAN_FOLDER).is_dir(), reason="dataset-fashion-mnist is not installed")
def test_the_real_fashion_mnist():
    data = load("fashion-mnist", download=False)
    assert data.train.arrays[0].shape == (60000, 1, 28, 28)
    assert np.bincount(data.test.arrays[1]).tolist() == [1000] * 10


def test_importing_data_imports_only_numpy_and_little_else():
    import subprocess

    code = "import sys, numpy, numpy.random; before = set(sys.modules); import pydl.data.sets, pydl.data.loader\n"
    code += "print(*sorted({'gzip', 'urllib.request', 'json', 'pooch', 'lzma'} & (set(sys.modules) - before)))"
    result = subprocess.run([sys.executable, "-P", "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == ""
