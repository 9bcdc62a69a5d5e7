"""Locks that a forked child finds open, though the thread that held them in its parent is not there to let them go."""

from __future__ import annotations

import os
import threading
import weakref
from typing import Any

_OWNERS: weakref.WeakSet[Any] = weakref.WeakSet()


def give_lock(owner: Any) -> threading.Lock:
    """A lock for owner._lock, which gets another one in a forked child."""
    _OWNERS.add(owner)
    return threading.Lock()


def _open_all() -> None:
    for owner in list(_OWNERS):
        owner._lock = threading.Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_open_all)
