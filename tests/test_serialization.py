"""Files of weights: what goes in comes out, and what is broken is refused."""

import errno
import json
import os
import stat
import struct
import subprocess
import sys

import numpy as np
import pytest

import pydl
from pydl import nn, serialization

pytest.importorskip("safetensors")

RNG = np.random.default_rng(0)
ARRAYS = {
    "single": RNG.standard_normal((3, 4)).astype(np.float32),
    "double": RNG.standard_normal((2, 1, 3)),
    "half": RNG.standard_normal(5).astype(np.float16),
    "long": np.arange(6).reshape(2, 3),
    "byte": np.arange(5, dtype=np.uint8),
    "bool": np.array([True, False, True]),
    "scalar": np.array(2.5),
    "empty": np.zeros((0, 3), np.float32),
    "transposed": RNG.standard_normal((4, 6)).T,
    "reversed": np.arange(10.0)[::-2],
    "foreign": np.arange(4, dtype=">f8"),
    "special": np.array([np.nan, np.inf, -0.0, 1e-310]),
    "ünï": np.ones(1, np.float32),
}


def same(a, b):
    assert a.shape == b.shape
    assert a.dtype == b.dtype.newbyteorder("=")
    np.testing.assert_array_equal(a, b)


def test_round_trip(tmp_path):
    pydl.save(ARRAYS, tmp_path / "all")
    loaded = pydl.load(tmp_path / "all")
    assert set(loaded) == set(ARRAYS)
    for name, array in ARRAYS.items():
        assert isinstance(loaded[name], pydl.Tensor)
        assert loaded[name].data.flags.writeable
        same(loaded[name].data, array)


def test_the_package_reads_what_is_written(tmp_path):
    from safetensors.numpy import load_file, save_file

    pydl.save(ARRAYS, tmp_path / "mine", metadata={"a": "text"})
    for name, array in load_file(tmp_path / "mine").items():
        same(array, ARRAYS[name])
    whole = {name: np.ascontiguousarray(array) for name, array in ARRAYS.items() if name not in ("foreign", "scalar")}
    save_file(whole, tmp_path / "theirs", metadata={"format": "pt"})
    for name, tensor in pydl.load(tmp_path / "theirs").items():
        same(tensor.data, whole[name])
    assert pydl.load_metadata(tmp_path / "theirs") == {"format": "pt"}


def test_modules(tmp_path):
    net, twin = (nn.Sequential(nn.Linear(3, 4), nn.Linear(4, 2)) for _ in range(2))
    pydl.save(net, str(tmp_path / "net"))
    twin.load_state_dict(pydl.load(str(tmp_path / "net")))
    x = np.ones((1, 3), np.float32)
    same(net(x).detach().numpy(), twin(x).detach().numpy())


def test_metadata(tmp_path):
    facts = {"classes": ["a", "b"], "text": "[1]", "number": 5, "none": None, "nested": {"lr": 0.1}}
    pydl.save({}, tmp_path / "facts", metadata=facts)
    assert pydl.load_metadata(tmp_path / "facts") == facts
    assert pydl.load(tmp_path / "facts") == {}
    pydl.save({}, tmp_path / "none")
    assert pydl.load_metadata(tmp_path / "none") == {}


def test_same_contents_same_bytes(tmp_path):
    # Whatever the order of the dicts and the seed of Python's hashes.
    program = """
import sys, numpy as np, pydl
names = sys.argv[2].split(",")
arrays = {name: np.full(3, ord(name[0]), np.float32 if name < "c" else np.float64) for name in names}
pydl.save(arrays, sys.argv[1], metadata={name: name for name in names})
"""
    contents = set()
    for seed, names in [("1", "a,b,c,d,e"), ("2", "e,d,c,b,a")]:
        environment = {**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": os.pathsep.join(sys.path)}
        path = tmp_path / seed
        subprocess.run([sys.executable, "-P", "-c", program, str(path), names], check=True, env=environment)
        contents.add(path.read_bytes())
    assert len(contents) == 1


def test_numbers_are_aligned(tmp_path):
    pydl.save(ARRAYS, tmp_path / "all")
    raw = (tmp_path / "all").read_bytes()
    size = struct.unpack("<Q", raw[:8])[0]
    for name, entry in json.loads(raw[8 : 8 + size]).items():
        assert (8 + size + entry["data_offsets"][0]) % ARRAYS[name].itemsize == 0


def test_every_truncation_is_refused(tmp_path):
    pydl.save({"w": np.ones((2, 3), np.float32), "n": np.arange(3)}, tmp_path / "whole", metadata={"a": "b"})
    whole = (tmp_path / "whole").read_bytes()
    path = tmp_path / "cut"
    for size in range(len(whole)):
        path.write_bytes(whole[:size])
        for read in (pydl.load, pydl.load_metadata):
            with pytest.raises(ValueError, match=f"{path}: is (truncated|not a whole)"):
                read(path)
    path.write_bytes(whole + b"x")
    with pytest.raises(ValueError, match="is not a whole safetensors file"):
        pydl.load(path)


def entry(dtype="F32", shape=(2,), start=0, end=8):
    return {"dtype": dtype, "shape": list(shape), "data_offsets": [start, end]}


HOSTILE = {
    "garbage": b"\xff" * 200,
    "text": b"this is not a file of weights at all, but a text of some length",
    "pickle": b"\x80\x04\x95\x1c\x00\x00\x00\x00\x00\x00\x00\x8c\x05posix\x94\x8c\x06system\x94\x93\x94.",
    "huge table": struct.pack("<Q", 2**63) + b"x" * 50,
    "largest table": struct.pack("<Q", 2**64 - 1) + b"x" * 50,
    "no json": (b"{" * 40, b""),
    "nested json": (b"[" * 100_000, b""),
    "a list": ([1, 2], b""),
    "a number for a tensor": ({"a": 5}, b""),
    "unknown dtype": ({"a": entry("F99")}, b"\0" * 8),
    "bfloat16": ({"a": entry("BF16", end=4)}, b"\0" * 4),
    "float8": ({"a": entry("F8_E4M3", end=2)}, b"\0" * 2),
    "complex": ({"a": entry("C64", end=16)}, b"\0" * 16),
    "overlap": ({"a": entry(), "b": entry(start=4, end=12)}, b"\0" * 12),
    "gap": ({"a": entry(), "b": entry(start=12, end=20)}, b"\0" * 20),
    "outside": ({"a": entry(start=0, end=8)}, b"\0" * 4),
    "backwards": ({"a": entry(start=8, end=0)}, b"\0" * 8),
    "negative size": ({"a": entry(shape=[-2])}, b"\0" * 8),
    "size that overflows": ({"a": entry(shape=[2**40, 2**40])}, b"\0" * 8),
    "size that wraps to 8 bytes": ({"a": entry(shape=[2**62 + 2])}, b"\0" * 8),
    "wrong size": ({"a": entry(shape=[3])}, b"\0" * 8),
    "too many dimensions": ({"a": entry(shape=[1] * 70, end=4)}, b"\0" * 4),
    "metadata not text": ({"__metadata__": {"a": 5}}, b""),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_files_are_refused(tmp_path, name):
    content = HOSTILE[name]
    if isinstance(content, tuple):
        header = content[0] if isinstance(content[0], bytes) else json.dumps(content[0]).encode()
        content = struct.pack("<Q", len(header)) + header + content[1]
    (tmp_path / "bad").write_bytes(content)
    with pytest.raises(ValueError, match=str(tmp_path / "bad")):
        pydl.load(tmp_path / "bad")


@pytest.mark.parametrize("coded", ['["a"]', '["missing"]', "5", "[", "[5]", '[["a"]]'])
def test_hostile_metadata_is_refused(tmp_path, coded):
    from safetensors.numpy import save_file

    save_file({}, tmp_path / "bad", metadata={"a": "[" * 100_000, "pydl.json": coded})
    with pytest.raises(ValueError, match=str(tmp_path / "bad")):
        pydl.load_metadata(tmp_path / "bad")


def test_no_such_file(tmp_path):
    with pytest.raises(FileNotFoundError, match="missing"):
        pydl.load(tmp_path / "missing")
    with pytest.raises(FileNotFoundError, match="missing"):
        pydl.save({}, tmp_path / "missing" / "file")
    with pytest.raises(OSError, match=str(tmp_path)):
        pydl.load(tmp_path)


@pytest.mark.parametrize("place", ["os.fsync", "os.replace", "pydl.serialization._header"])
@pytest.mark.parametrize("error", [OSError("disk full"), KeyboardInterrupt()])
def test_an_interrupted_write_leaves_the_old_file(tmp_path, monkeypatch, place, error):
    pydl.save({"w": np.ones(2)}, tmp_path / "file")

    def fail(*arguments):
        raise error

    monkeypatch.setattr(place, fail)
    with pytest.raises(type(error)):
        pydl.save({"w": np.zeros(2)}, tmp_path / "file")
    monkeypatch.undo()
    assert os.listdir(tmp_path) == ["file"]
    assert pydl.load(tmp_path / "file")["w"].tolist() == [1.0, 1.0]


def test_a_refused_state_leaves_the_old_file(tmp_path):
    pydl.save({"w": np.ones(2)}, tmp_path / "file")
    with pytest.raises(TypeError):
        pydl.save({"w": np.zeros(2), "x": np.array(["text"])}, tmp_path / "file")
    assert pydl.load(tmp_path / "file")["w"].tolist() == [1.0, 1.0]


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write everywhere")
def test_read_only_folder(tmp_path):
    tmp_path.chmod(0o500)
    try:
        with pytest.raises(PermissionError):
            pydl.save({}, tmp_path / "file")
    finally:
        tmp_path.chmod(0o700)


def test_folder_that_takes_no_file(tmp_path, monkeypatch):
    def refuse(*arguments, **options):
        raise PermissionError("read-only")

    monkeypatch.setattr("builtins.open", refuse)
    with pytest.raises(PermissionError, match="read-only"):
        pydl.save({}, tmp_path / "file")
    monkeypatch.undo()
    assert os.listdir(tmp_path) == []


def test_errors_name_the_file_that_was_asked_for(tmp_path, monkeypatch):
    """Also where the disk is full, which the system says of no file, and where a folder is in the way."""

    def full(descriptor):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OSError, match=rf"No space left on device: '{tmp_path / 'file'}'$"):
        pydl.save({}, tmp_path / "file")
    monkeypatch.undo()
    (tmp_path / "folder").mkdir()
    with pytest.raises(IsADirectoryError, match=rf"'{tmp_path / 'folder'}'$"):
        pydl.save({}, tmp_path / "folder")
    assert os.listdir(tmp_path) == ["folder"]


def test_a_drive_that_cannot_make_a_renaming_last_keeps_the_file(tmp_path, monkeypatch):
    sync, number = os.fsync, errno.EINVAL

    def sync_files_alone(descriptor):
        if stat.S_ISDIR(os.fstat(descriptor).st_mode):
            raise OSError(number, os.strerror(number))
        sync(descriptor)

    monkeypatch.setattr("os.fsync", sync_files_alone)
    pydl.save({"w": np.ones(2)}, tmp_path / "file")
    assert pydl.load(tmp_path / "file")["w"].tolist() == [1.0, 1.0]
    number = errno.EIO
    with pytest.raises(OSError, match="Input/output error"):
        pydl.save({"w": np.ones(2)}, tmp_path / "file")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs files that are none")
def test_what_is_no_file_is_not_replaced(tmp_path):
    """Such as /dev/null, which the administrator could replace by weights."""
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(FileExistsError, match=rf"Is no regular file: '{tmp_path / 'pipe'}'$"):
        pydl.save({}, tmp_path / "pipe")
    assert stat.S_ISFIFO((tmp_path / "pipe").stat().st_mode)


@pytest.mark.skipif(sys.platform == "win32", reason="needs the rights of POSIX and symbolic links")
def test_rights_and_links(tmp_path):
    before = os.umask(0o027)
    try:
        pydl.save({}, tmp_path / "file")
    finally:
        os.umask(before)
    assert (tmp_path / "file").stat().st_mode & 0o777 == 0o640
    (tmp_path / "link").symlink_to(tmp_path / "file")
    pydl.save({"w": np.ones(2)}, tmp_path / "link")
    assert (tmp_path / "link").is_symlink()
    assert list(pydl.load(tmp_path / "file")) == ["w"]


@pytest.mark.parametrize(
    ("state", "message"),
    [
        ([1], "save: a Module or a dict of arrays is needed, not list"),
        ({1: np.ones(1)}, "save: 1 cannot be the name of an array"),
        ({"__metadata__": np.ones(1)}, "save: '__metadata__' cannot be the name of an array"),
        ({"a": [1.0]}, "save: a must be a Tensor or an array, not list"),
        ({"a": {"b": np.ones(1)}}, "save: a must be a Tensor or an array, not dict"),
        ({"a": np.ones(1, complex)}, "save: a has dtype complex128, which the file format lacks"),
        ({"a": np.array([None])}, "save: a has dtype object, which the file format lacks"),
    ],
)
def test_refuses_to_save(tmp_path, state, message):
    with pytest.raises(TypeError, match=message):
        pydl.save(state, tmp_path / "file")
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("metadata", [{1: "a"}, {"pydl.json": "[]"}, {"a": object()}])
def test_refuses_metadata(tmp_path, metadata):
    with pytest.raises(TypeError):
        pydl.save({}, tmp_path / "file", metadata=metadata)
    assert os.listdir(tmp_path) == []


def test_without_the_package(tmp_path, monkeypatch):
    pydl.save({"w": np.ones(2)}, tmp_path / "file")
    monkeypatch.setitem(sys.modules, "safetensors", None)
    with pytest.raises(ImportError, match=r"needs the package safetensors; install it with: pip install 'pydl-cpu\["):
        pydl.load(tmp_path / "file")


def test_import_stays_quick():
    program = (
        "import sys, pydl; print([name for name in ('safetensors', 'pydl.nn', 'pydl.optim') if name in sys.modules])"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run(
        [sys.executable, "-P", "-c", program], check=True, capture_output=True, text=True, env=environment
    )
    assert done.stdout.strip() == "[]"


def test_names_of_the_top_level():
    assert pydl.save is serialization.save
    assert pydl.load is serialization.load
