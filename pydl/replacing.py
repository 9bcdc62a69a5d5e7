"""Files that are written whole or not at all: beside their place first, then moved into it."""

from __future__ import annotations

import errno
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


@contextmanager
def replacing(path: str | os.PathLike[str]) -> Iterator[Any]:
    """A file to write to that takes the place of `path` when all went well and is gone otherwise."""
    target = os.path.realpath(path)
    if os.path.exists(target) and not os.path.isfile(target):  # a folder; or /dev/null, which others need
        is_folder = os.path.isdir(target)
        number, reason = (errno.EISDIR, "Is a directory") if is_folder else (errno.EEXIST, "Is no regular file")
        raise OSError(number, reason, os.fspath(path))
    folder, name = os.path.split(target)
    temporary = os.path.join(folder, f".{name}.{secrets.token_hex(4)}.tmp")
    try:
        with open(temporary, "xb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, target)
    except BaseException as error:
        if os.path.exists(temporary):
            os.unlink(temporary)
        if isinstance(error, OSError) and error.errno and error.filename in (None, temporary):
            error.filename = os.fspath(path)  # the file that was asked for
        raise
    _sync_folder(folder)


def _sync_folder(folder: str) -> None:
    """Makes the renaming itself last, where the system can: Windows, some network drives and folders that may not be
    listed cannot, and the file is there all the same.
    """
    try:
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
    except OSError as error:
        if error.errno in (errno.EIO, errno.ENOSPC):  # a disk that is broken or full
            raise
