"""The libraries of the comparison: what each is called, what it needs, which file drives it.

A file of this folder drives one library:

- `set_up(threads)` settles the thread count and the library's best global settings; it returns the versions to report;
- `KINDS` maps a workload's kind to a function `(workload, inputs) -> {variant: make}`, where `make()` returns a `Run`.
  Kinds that are not in it are not supported;
- `SLOW` (optional) names variants that take long to prepare, such as those that call a compiler.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Run:
    """One variant of one workload, ready to be repeated.

    `step()` does the work once and returns when it is done; `read(result)` gives the numbers of that step's result;
    `reset()` goes back to the initial state, for work that changes one (it is never timed).
    """

    step: Callable[[], Any]
    read: Callable[[Any], Mapping[str, np.ndarray]]
    reset: Callable[[], None] = lambda: None


Variants = dict[str, Callable[[], Run]]


@dataclass(frozen=True)
class Peer:
    name: str
    module: str
    needs: tuple[str, ...]  # importable names

    def missing(self) -> list[str]:
        return [need for need in self.needs if find_spec(need) is None]


_PEERS = (
    Peer("pydl", "pydl.bench.peers.pydl", ("pydl",)),
    Peer("torch", "pydl.bench.peers.torch", ("torch",)),
    Peer("numpy", "pydl.bench.peers.numpy", ("numpy",)),
    Peer("jax", "pydl.bench.peers.jax", ("jax",)),
    Peer("onnxruntime", "pydl.bench.peers.onnxruntime", ("onnxruntime", "onnx")),
    Peer("openvino", "pydl.bench.peers.openvino", ("openvino", "onnx")),
)
PEERS = {peer.name: peer for peer in _PEERS}


def choose(names: list[str]) -> list[Peer]:
    """The peers of these names, without repeats; `pydl` itself always takes part and is not one of them."""
    known = [name for name in PEERS if name != "pydl"]
    for name in names:
        if name not in known:
            raise ValueError(f"bench: unknown peer {name!r}; the known ones are {', '.join(known)}")
    if not names:
        raise ValueError(f"bench: no peer to compare with; name some of {', '.join(known)}")
    return [PEERS[name] for name in dict.fromkeys(names)]
