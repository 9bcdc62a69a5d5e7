"""The free spoken digit data set: finding its 3,000 WAV files in a folder or an archive, or fetching them."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterable, Iterator

import numpy as np

from ..audio.wav import decode_wav
from .recordings import Recordings

URL = "https://github.com/Jakobovski/free-spoken-digit-dataset/archive/refs/tags/v1.0.10.tar.gz"
# Archives of GitHub are not the same bytes for ever, their contents are: the SHA-256 of the files' own SHA-256 sums in
# the order of their names.
_CONTENTS = "dbd573d7cafe79c4b49f65718115e1304e24e067fa39eff18a660dc6cb9c360f"
_NAMES = ("spoken-digits", "free-spoken-digit-dataset", "recordings")
_RECORDING = re.compile(r"(\d)_([a-z]+)_(\d+)\.wav")
_MOST_BYTES = 1 << 20  # of a recording
RATE = 8000

Files = dict[str, bytes]  # contents by name


def find_spoken_digits(places: list[str], target: str, download: bool) -> Recordings:
    """All recordings by speaker, digit and take: from a folder or an archive, or fetched into the folder `target`."""
    for place in _candidates(places):
        files = _read_folder(place) if os.path.isdir(place) else _read_archive(place)
        if files:
            return _recordings(files, place)
    if download:
        archive = _download(target)
        if archive is not None:
            return _recordings(_read_archive(archive), archive)
    raise FileNotFoundError(
        f"load: spoken-digits has no recordings in {', '.join(places)}; needs pooch for a download (pip install "
        f"pydl-cpu[data]), or the archive {URL}, packed or unpacked, named by root= or PYDL_DATA"
    )


def _candidates(places: Iterable[str]) -> Iterator[str]:
    """The folders and archives that may hold the recordings."""
    for folder in places:
        inside = [os.path.join(folder, name) for name in _NAMES]
        unpacked = [os.path.join(each, "recordings") for each in (folder, *inside)]
        for place in (*unpacked, *inside, folder):
            if os.path.isdir(place):
                yield place
        for place in (folder, *(f"{each}.tar.gz" for each in inside)):
            if os.path.isfile(place):
                yield place


def _read_folder(folder: str) -> Files:
    files = {}
    for name in sorted(os.listdir(folder)):
        if _RECORDING.fullmatch(name):
            with open(os.path.join(folder, name), "rb") as file:
                files[name] = file.read(_MOST_BYTES)
    return files


def _read_archive(path: str) -> Files:
    """The recordings in a .tar.gz; nothing is unpacked to the disk."""
    import tarfile
    import zlib

    files = {}
    try:
        with tarfile.open(path, "r:*") as archive:
            for member in archive:
                name = member.name.rsplit("/", 1)[-1]
                if member.isfile() and _RECORDING.fullmatch(name):
                    content = archive.extractfile(member)
                    files[name] = b"" if content is None else content.read(_MOST_BYTES)
    except (tarfile.TarError, EOFError, zlib.error, OSError) as error:
        raise ValueError(f"load: {path} is damaged or no archive: {error}") from None
    return files


def digest(files: Files) -> str:
    """The SHA-256 of the files' SHA-256 sums, in the order of their names."""
    whole = hashlib.sha256()
    for name in sorted(files):
        whole.update(f"{name} {hashlib.sha256(files[name]).hexdigest()}\n".encode())
    return whole.hexdigest()


def _recordings(files: Files, place: str) -> Recordings:
    found = digest(files)
    if found != _CONTENTS:
        raise ValueError(
            f"load: {place} has {len(files)} recordings with the SHA-256 {found} (of their sums), needs {_CONTENTS}"
        )
    names = [match for match in map(_RECORDING.fullmatch, files) if match]
    names.sort(key=lambda match: (match[2], match[1], int(match[3])))
    samples = [_decode(files[match[0]], place) for match in names]
    texts, speakers, takes = ([match[i] for match in names] for i in (1, 2, 3))
    return Recordings(samples, texts, speakers, list(map(int, takes)), RATE)


def _decode(content: bytes, place: str) -> np.ndarray:
    samples, rate = decode_wav(content, f"a recording in {place}")
    if rate != RATE:
        raise ValueError(f"load: {place} has recordings of {rate} samples a second, needs {RATE}")
    return np.asarray(samples.mean(0))


def _download(folder: str) -> str | None:
    """The archive, freshly downloaded; None without pooch."""
    try:
        import pooch
    except ImportError:
        return None
    try:
        # Without a checksum here, since the contents have theirs.
        return str(pooch.retrieve(URL, known_hash=None, fname="spoken-digits.tar.gz", path=folder))
    except (OSError, ValueError) as error:
        reason = "no connection" if "Connection" in type(error).__name__ else error
        raise RuntimeError(
            f"load: spoken-digits could not be fetched from {URL} into {folder} ({reason}); root= or PYDL_DATA can "
            "name the archive, packed or unpacked"
        ) from error
