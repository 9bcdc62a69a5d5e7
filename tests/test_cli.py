"""The `pydl` command as a person types it."""

import json
import os
import shlex
import subprocess
import sys

import numpy as np
import pytest

import pydl
from pydl.cli import main
from pydl.recipes import RECIPES
from pydl.recipes.images import write_image
from pydl.recipes.photo_tagging import PLANS

SMALL = ["--images", "96", "--epochs", "2"]


def run(capsys, *arguments):
    code = main([str(each) for each in arguments])
    printed = capsys.readouterr()
    return code, printed.out, printed.err


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A short training, shared by the tests that only look at what it leaves."""
    folder = tmp_path_factory.mktemp("trained")
    assert main(["train", "photo-tagging", "--out", str(folder), *SMALL]) == 0
    return folder


def test_training_says_where_the_data_come_from_and_what_to_try(capsys, tmp_path):
    folder = tmp_path / "my houses"
    code, out, _ = run(capsys, "train", "house-prices", "--data", "sample", "--epochs", "1", "--out", folder)
    assert code == 0
    assert out.splitlines()[1] == "source: pydl/data/sample_houses.py; licence: MIT, as pydl"
    command = out.splitlines()[-1].removeprefix("Try it: pydl ")
    assert main([*shlex.split(command)]) == 0


def test_training_leaves_everything(trained):
    for name in ("model.safetensors", "checkpoint.safetensors", "learning-curve.png", "confusion-matrix.png"):
        assert (trained / name).stat().st_size > 5_000, name
    figures = json.loads((trained / "metrics.json").read_text())
    assert 0 < figures["test_accuracy"] <= 1
    assert figures["settings"] == {"data": "mnist-5k", "epochs": 2, "images": 96, "seed": 0, "validation": False}
    assert len(list((trained / "examples").glob("*.png"))) == 10


def test_predict(trained, capsys, tmp_path):
    images = sorted((trained / "examples").glob("*.png"))
    code, out, _ = run(capsys, "predict", trained / "model.safetensors", *images)
    assert code == 0
    lines = out.splitlines()
    assert len(lines) == 10
    assert all(line.count("%") == 3 for line in lines)
    (tmp_path / "text.png").write_text("no image")
    code, out, _ = run(
        capsys, "predict", trained / "model.safetensors", tmp_path / "text.png", tmp_path / "none.png", images[0]
    )
    assert code == 1
    assert "text.png: is no image that can be read" in out
    assert "none.png: there is no such file" in out
    assert len(out.splitlines()) == 3


def test_predict_sees_a_scan_like_the_training_images(trained, tmp_path):
    Image = pytest.importorskip("PIL.Image")
    from pydl.recipes.images import read_image

    original = Image.open(trained / "examples" / "3.png")
    Image.eval(original, lambda value: 255 - value).resize((140, 140)).convert("RGB").save(tmp_path / "scan.png")
    difference = read_image(tmp_path / "scan.png", 28) - read_image(trained / "examples" / "3.png", 28)
    assert np.abs(difference).mean() < 0.05


def test_the_same_seed_gives_the_same_bytes_with_any_threads(trained, tmp_path):
    for threads in ("1", "3"):
        out = tmp_path / threads
        assert main(["train", "photo-tagging", "--out", str(out), "--threads", threads, *SMALL]) == 0
        for name in ("model.safetensors", "checkpoint.safetensors"):
            assert (out / name).read_bytes() == (trained / name).read_bytes(), f"{name} with {threads} threads"


def test_predict_sees_the_same_clothes_in_a_mirror(capsys, tmp_path):
    model = PLANS["fashion-mnist"].network(3)
    facts = {"recipe": "photo-tagging", "classes": ["a", "b", "c"], "brightness": [0.3, 0.4]}
    path, image = tmp_path / "model.safetensors", np.random.default_rng(0).random((28, 28), np.float32)
    pydl.save(model.state_dict(), path, metadata={**facts, "settings": {"data": "fashion-mnist"}})
    write_image(tmp_path / "left.png", image)
    write_image(tmp_path / "right.png", image[:, ::-1])
    code, out, _ = run(capsys, "predict", path, tmp_path / "left.png", tmp_path / "right.png")
    assert code == 0
    left, right = (line.split(": ")[1] for line in out.splitlines())
    assert left == right


@pytest.mark.parametrize("kind", ["16-bit.png", "integers.tif", "fractions.tif", "palette.png", "alpha.png"])
def test_predict_sees_the_same_in_every_kind_of_image(trained, tmp_path, kind):
    Image = pytest.importorskip("PIL.Image")
    from pydl.recipes.images import read_image

    original = Image.open(trained / "examples" / "3.png")
    values = np.asarray(original)
    images = {
        "16-bit.png": lambda: Image.fromarray(values.astype(np.uint16) * 257),
        "integers.tif": lambda: Image.fromarray(values.astype(np.int32)),
        "fractions.tif": lambda: Image.fromarray(values.astype(np.float32) / 255),
        "palette.png": lambda: original.convert("P"),
        "alpha.png": lambda: original.convert("LA"),
    }
    images[kind]().save(tmp_path / kind)
    np.testing.assert_allclose(read_image(tmp_path / kind, 28), values / np.float32(255), atol=2e-3)


def test_predict_from_a_file_that_only_looks_right(trained, capsys, tmp_path):
    """Right weights with wrong facts, right facts with wrong weights: one sentence, whatever is in the file."""
    right = pydl.load(trained / "model.safetensors"), pydl.load_metadata(trained / "model.safetensors")
    other = pydl.nn.Linear(3, 2).state_dict()
    for state, facts in [
        (other, right[1]),
        (other, {"recipe": "photo-tagging"}),
        (right[0], {**right[1], "recipe": ["photo-tagging"]}),
        (right[0], {**right[1], "classes": 3}),
        (right[0], {**right[1], "classes": ["a"]}),
        (right[0], {**right[1], "brightness": "x"}),
        (right[0], {**right[1], "brightness": [0.1, None]}),
    ]:
        pydl.save(state, tmp_path / "model.safetensors", metadata=facts)
        code, _, err = run(capsys, "predict", tmp_path / "model.safetensors", trained / "examples" / "3.png")
        assert code == 2
        assert err.startswith(f"pydl: {tmp_path / 'model.safetensors'}: ")
        assert len(err.splitlines()) == 1


# Ctrl-C, always at the same place: when the second checkpoint is due.
INTERRUPTED = """
import os, signal, sys
from pydl.cli import main
from pydl.recipes import RECIPES
from pydl.training import Checkpoint

signal.signal(signal.SIGINT, signal.default_int_handler)  # whoever started the tests may have it ignored
save = Checkpoint.on_epoch_end

def interrupt_or_save(self, *arguments):
    if os.path.exists(self.path):
        os.kill(os.getpid(), signal.SIGINT)
    save(self, *arguments)

Checkpoint.on_epoch_end = interrupt_or_save
sys.exit(main(sys.argv[1:]))
"""


def test_interrupted_and_resumed_gives_the_same_bytes(tmp_path):
    settings = ["--images", "96", "--epochs", "10"]
    whole, cut = tmp_path / "whole", tmp_path / "cut"
    assert main(["train", "photo-tagging", "--out", str(whole), *settings]) == 0

    command = [sys.executable, "-P", "-c", INTERRUPTED, "train", "photo-tagging", "--out", str(cut), *settings]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    process = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    err = process.stderr
    assert process.returncode == 130, err
    assert f"--out {cut} --resume" in err
    assert not (cut / "model.safetensors").exists()
    assert main(["train", "photo-tagging", "--out", str(cut)]) == 2, "an unfinished training is not overwritten"
    assert main(["train", "photo-tagging", "--out", str(cut), "--resume", "--epochs", "5"]) == 2
    assert main(["train", "photo-tagging", "--out", str(cut), "--resume"]) == 0
    for name in ("model.safetensors", "checkpoint.safetensors"):
        assert (cut / name).read_bytes() == (whole / name).read_bytes(), name


def test_reference_trains_to_the_same_losses(tmp_path):
    losses = {}
    for backend in ("native", "reference"):
        out = tmp_path / backend
        few = ["--images", "2", "--epochs", "1"]
        assert main(["train", "photo-tagging", "--backend", backend, "--out", str(out), *few]) == 0
        from pydl.training import read_checkpoint

        losses[backend] = read_checkpoint(out / "checkpoint.safetensors")["callbacks"][0]["epochs"][0]
    assert losses["native"].keys() == losses["reference"].keys()
    assert pydl.get_backend() == "native", "the choice ends with the command"
    for name, value in losses["native"].items():
        assert value == pytest.approx(losses["reference"][name], abs=1e-4), name


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ["train", "cat-herding"],
            f"there is no recipe 'cat-herding'; the recipes are {', '.join(RECIPES)}",
        ),
        (["train", "photo-tagging", "--epochs", "0"], "--epochs: must be at least 1, not 0"),
        (["train", "photo-tagging", "--images", "1"], "--images: must be at least 2"),
        (["train", "photo-tagging", "--threads", "0"], "set_num_threads: n must be at least 1"),
        (["train", "photo-tagging", "--seed", "-1"], "manual_seed: seed must be a non-negative integer"),
        (["train", "photo-tagging", "--resume"], "there is no checkpoint in"),
        (["predict", "missing.safetensors", "a.png"], "missing.safetensors"),
        (["check", "--only", "no such kernel"], "no kernel's name contains"),
        (["bench", "--against", "tensorflow"], "tensorflow"),
        (["bench", "--minutes", "0"], "minutes is 0"),
        (["bench", "--compile-seconds", "-1"], "compile_seconds is -1"),
        (["predict", "missing.safetensors", "a.png"], "missing.safetensors: No such file or directory"),
        (["check", "--cases", "0"], "--cases: the number of cases must be at least 1, not 0"),
        (["train", "photo-tagging", "--out", ""], "--out: needs the name of a folder"),
        (["bench", "--threads", "many"], "must be numbers like 1,2"),
    ],
)
def test_wrong_calls(capsys, tmp_path, monkeypatch, arguments, message):
    monkeypatch.chdir(tmp_path)
    code, _, err = run(capsys, *arguments)
    assert code == 2
    assert err.startswith("pydl: ")
    assert message in err
    assert len(err.splitlines()) == 1


def test_unknown_data_set(capsys):
    with pytest.raises(SystemExit) as stop:
        main(["train", "photo-tagging", "--data", "imagenet"])
    assert stop.value.code == 2
    assert "mnist-5k" in capsys.readouterr().err


def test_check_prints_a_table_and_fails_on_a_mismatch(capsys, monkeypatch):
    code, out, _ = run(capsys, "check", "--only", "relu", "--cases", "3")
    assert code == 0
    assert "relu_forward" in out
    assert "all equal" in out
    from pydl.op import KERNELS

    monkeypatch.setattr(KERNELS["relu_forward"], "native", lambda x, y: np.copyto(y, x))
    code, out, _ = run(capsys, "check", "--only", "relu", "--cases", "3")
    assert code == 1
    assert "DIFFERENT" in out


def test_info(capsys):
    code, out, _ = run(capsys, "info")
    assert code == 0
    for name in ("instruction set", "threads", "caches", "compiler", "safetensors"):
        assert name in out


def test_import_is_light():
    """What `import pydl` brings beside numpy: nothing that takes time, and no optional package."""
    code = "import sys, numpy; before = set(sys.modules); import pydl; print(*sorted(set(sys.modules) - before))"
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run(
        [sys.executable, "-P", "-c", code], capture_output=True, text=True, check=True, env=environment
    )
    loaded = set(done.stdout.split())
    heavy = {"numpy.random", "json", "argparse", "matplotlib", "tqdm", "PIL", "safetensors", "lzma", "gzip", "inspect"}
    assert not loaded & heavy
    assert not {name for name in loaded if name.startswith(("pydl.nn", "pydl.optim", "pydl.training", "pydl.bench"))}
