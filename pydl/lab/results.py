"""What every experiment leaves behind: its folder, its figures in metrics.json, its finding on the screen."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from ..recipes.report import write_text


def open_folder(out: str) -> Path:
    """The folder for the results, made if need be. Asked for first, so that nobody waits for a run that is lost."""
    if not out:
        raise ValueError("--out: needs the name of a folder")
    folder = Path(out)
    if folder.exists() and not folder.is_dir():
        raise ValueError(f"--out {out}: is a file, not a folder")
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def leave(folder: Path, finding: str, figures: dict[str, Any], settings: dict[str, Any]) -> None:
    """Writes finding, figures and settings to metrics.json and says the finding and where everything is."""
    whole = {"finding": finding, **figures, "settings": settings}
    write_text(folder / "metrics.json", json.dumps(whole, indent=2, allow_nan=False) + "\n")
    print(finding)
    print(f"{folder}: " + ", ".join(sorted(path.name for path in folder.iterdir() if path.suffix in (".png", ".json"))))
