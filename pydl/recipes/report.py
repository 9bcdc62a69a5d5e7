"""What recipes share: options, the folder they leave behind with figures in metrics.json, and reading files again."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ..replacing import replacing


def check_option(option: str, value: float, low: float, high: float | None = None) -> None:
    """Refuses what is out of its range."""
    if not low <= value or (high is not None and value > high):
        needs = f"at least {low}" if high is None else f"from {low} to {high}"
        raise ValueError(f"{option}: must be {needs}, not {value}")


def open_folder(out: str) -> Path:
    """The folder for the results, made if need be. Asked for first, so that nobody waits for a run that is lost."""
    if not out:
        raise ValueError("--out: needs the name of a folder")
    folder = Path(out)
    if folder.exists() and not folder.is_dir():
        raise ValueError(f"--out {out}: is a file, not a folder")
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def prepare_folder(out: str, resume: bool, overwrite: bool) -> Path:
    """The folder for the results. An unfinished training in it is neither lost nor mixed up with a new one."""
    from ..training import read_checkpoint

    checkpoint = Path(out) / "checkpoint.safetensors"
    if resume and not checkpoint.exists():
        raise FileNotFoundError(f"--resume: there is no checkpoint in {out} ({checkpoint} is missing)")
    if checkpoint.exists() and not resume and not overwrite:
        state = read_checkpoint(checkpoint)
        epochs = state["facts"].get("epochs", 0)
        if state["epoch"] < epochs and not state["stop"]:
            raise ValueError(
                f"--out {out}: holds an unfinished training (epoch {state['epoch']} of {epochs}); continue it with "
                "--resume, or start again with --overwrite"
            )
    return open_folder(out)


def tell_data(data: Any, parts: str) -> None:
    """Prints what is learnt from, where it comes from and under which licence."""
    print(f"{data.name}: {parts}\nsource: {data.source}; licence: {data.licence}")


def write_text(path: Path, text: str) -> None:
    """Writes a file whole or not at all."""
    with replacing(path) as file:
        file.write(text.encode())


def report(folder: Path, figures: dict[str, Any], settings: dict[str, Any]) -> None:
    """Writes metrics.json and prints the figures, one `name: value` a line."""
    write_text(folder / "metrics.json", json.dumps({**figures, "settings": settings}, indent=2) + "\n")
    print()
    for name, value in figures.items():
        print(f"{name}: {value}")


def suggest(command: str, folder: Path, files: str = "", text: str = "") -> None:
    """Prints how to try the network, as a shell reads it: on files of the folder or on a text."""
    what = f"{shlex.quote(str(folder))}/{files}" if files else shlex.quote(text)
    print(f"\nTry it: pydl {command} {shlex.quote(str(folder / 'model.safetensors'))} {what}")


@contextmanager
def whole(path: Any, recipe: str) -> Iterator[None]:
    """Makes one sentence of whatever is wrong with the network that is read within."""
    try:
        yield
    except (KeyError, TypeError, ValueError, RuntimeError, AttributeError) as error:
        raise ValueError(f"{path}: is not whole as a network of {recipe} ({error})") from None


def each_file(files: list[str], read: Callable[[str], Any], tell: Callable[[str, Any], None]) -> int:
    """tell(file, read(file)) for each file; prints which could not be read and why, and returns how many."""
    failed = 0
    for file in files:
        try:
            content = read(file)
        except (OSError, ValueError) as error:
            if isinstance(error, FileNotFoundError):
                reason = "there is no such file"
            elif isinstance(error, UnicodeDecodeError):
                reason = "is no text in UTF-8"
            else:
                reason = getattr(error, "strerror", None) or re.sub(rf"^read_\w+: {re.escape(file)},? ", "", str(error))
            print(f"{file}: {reason}")
            failed += 1
        else:
            tell(file, content)
    return failed
