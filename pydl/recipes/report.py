"""What every recipe leaves behind: the folder, the figures in metrics.json, and the same figures on the screen."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from ..replacing import replacing


def prepare_folder(out: str, resume: bool, overwrite: bool) -> Path:
    """The folder for the results. An unfinished training in it is neither lost nor mixed up with a new one."""
    from ..training import read_checkpoint

    if not out:
        raise ValueError("--out: needs the name of a folder")
    folder = Path(out)
    if folder.exists() and not folder.is_dir():
        raise ValueError(f"--out {out}: is a file, not a folder")
    checkpoint = folder / "checkpoint.safetensors"
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
    folder.mkdir(parents=True, exist_ok=True)
    return folder


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
