"""The settings of a training: what was asked for, completed by defaults; a resumed training keeps its own."""

from __future__ import annotations

import argparse
from typing import Any

from .report import check_option


def choose_settings(
    args: argparse.Namespace, defaults: dict[str, Any], resumed: dict[str, Any] | None
) -> dict[str, Any]:
    """A value for each name in `defaults`: that in args, or where it is None the checkpoint's or the default.

    resumed: the settings in the checkpoint that is to be continued, if any. Errors: ValueError where it was made by
    another recipe, and for an option that would change one of its settings.
    """
    if resumed is not None and resumed.keys() != defaults.keys():
        raise ValueError(
            f"--resume: the checkpoint is of another recipe; its settings are {', '.join(map(str, resumed))}"
        )
    settings = dict(resumed or defaults)
    for name in defaults:
        asked = getattr(args, name)
        if asked is None:
            continue
        if resumed and asked != resumed[name]:
            raise ValueError(
                f"--resume: the checkpoint was made with --{name} {resumed[name]}, not {asked}; leave it out"
            )
        settings[name] = asked
    check_option("--epochs", settings["epochs"], 1)
    return settings
