"""What makes recurrent networks hard to train, and what helps: three experiments one after another.

gradients-through-time, adding-problem and cliff, each of which can be run by itself; each has a folder within --out.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from . import adding_problem, cliff, gradients_through_time

PARTS = {"gradients-through-time": gradients_through_time, "adding-problem": adding_problem, "cliff": cliff}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of all three."""
    for part in PARTS.values():
        part.add_arguments(parser)


def run(args: argparse.Namespace) -> None:
    """Runs the three."""
    if not args.out:
        raise ValueError("--out: needs the name of a folder")
    for part in PARTS.values():  # nobody waits for the first to learn that the last is asked for the impossible
        part.check(args)
    for name, part in PARTS.items():
        part.run(argparse.Namespace(**{**vars(args), "out": str(Path(args.out) / name)}))
