"""What README.md and CONTRIBUTING.md promise is there: their code runs, their commands, options and files exist.

The two shell commands of the README are run by .ci/run.
"""

import re
import tomllib
from pathlib import Path

import numpy as np
import pytest

import pydl
from pydl.cli import main

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
CONTRIBUTING = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
COMMANDS = re.findall(r"^\| `pydl (.*?)` \|", README, re.M)


def test_python_code(capsys):
    blocks = re.findall(r"```python\n(.*?)```", README, re.S)
    assert len(blocks) == 3
    names = {}
    pydl.manual_seed(0)
    for block in blocks:  # the later ones go on with the network of the first
        exec(compile(block, "README.md", "exec"), names)
    printed = eval(capsys.readouterr().out.splitlines()[-1])
    assert printed.keys() == {"loss", "accuracy"}
    assert printed["accuracy"] > 0.9
    assert np.array_equal(names["logits"].data, names["model"](names["x"]).data)
    images, labels = names["digits"].test[:]
    assert np.mean(names["trainer"].predict(images).argmax(1) == labels) > 0.9


@pytest.mark.parametrize("command", COMMANDS, ids=[command.split()[0] for command in COMMANDS])
def test_command(command, capsys):
    words = [word for word in command.split() if re.fullmatch(r"[a-z][a-z-]*", word)]
    with pytest.raises(SystemExit) as stopped:
        main([*words, "--help"])
    assert stopped.value.code == 0
    explained = capsys.readouterr().out
    row = README[README.index(f"`pydl {command}`") :].splitlines()[0]
    for option in re.findall(r"--[a-z-]+", row):
        assert option in explained, f"pydl {' '.join(words)} has no option {option}"


def test_commands_are_complete(capsys):
    with pytest.raises(SystemExit):
        main(["--help"])
    there = re.findall(r"^    ([a-z]+)", capsys.readouterr().out, re.M)
    assert {command.split()[0] for command in COMMANDS} == set(there)


@pytest.mark.parametrize("text", [README, CONTRIBUTING], ids=["README", "CONTRIBUTING"])
def test_files(text):
    files = re.findall(r"`((?:pydl|csrc|tests|benchmarks)/[\w./-]*)`", text)
    assert len(files) > 8
    for name in files:
        assert "cube" in name or (ROOT / name).exists(), f"there is no {name}"


def test_extras():
    promised = re.search(r"^Extras: (.*?)\.\n", README, re.M | re.S).group(1)
    there = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["optional-dependencies"]
    assert set(re.findall(r"`(\w+)`", promised)) == set(there)
