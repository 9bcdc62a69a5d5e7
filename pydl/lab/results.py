"""What every experiment leaves behind: its folder, its figures in metrics.json, its finding on the screen."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from ..recipes.report import check_option as check_option
from ..recipes.report import open_folder as open_folder
from ..recipes.report import write_text


def leave(folder: Path, finding: str, figures: dict[str, Any], settings: dict[str, Any]) -> None:
    """Writes finding, figures and settings to metrics.json and says the finding and where everything is."""
    whole = {"finding": finding, **figures, "settings": settings}
    write_text(folder / "metrics.json", json.dumps(whole, indent=2, allow_nan=False) + "\n")
    print(finding)
    print(f"{folder}: " + ", ".join(sorted(path.name for path in folder.iterdir() if path.suffix in (".png", ".json"))))
