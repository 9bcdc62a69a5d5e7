"""The prompts of the Asterisk telephone system, one speaker's English sentences with what they say, as Debian has them.

The transcripts are lines "name: text". What is in brackets describes a sound and is left out; digits are spelled.
"""

from __future__ import annotations

import os
import re

from ..audio import read_wav
from .recordings import Recordings

SOUNDS = "/usr/share/asterisk/sounds/en_US_f_Allison"
TRANSCRIPTS = "/usr/share/doc/asterisk-core-sounds-en/core-sounds-en.txt.gz"
RATE = 8000
_DIGITS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
_SPELLED = {**dict(zip("0123456789", _DIGITS, strict=True)), "#": "pound", "*": "star", "&": "and"}


def spell(text: str) -> str:
    """A transcript in small letters, spaces and apostrophes; empty where it describes a sound instead."""
    said = re.sub(r"\[.*?\]|\(.*?\)|\(.*$", " ", text)
    said = "".join(f" {_SPELLED[letter]} " if letter in _SPELLED else letter for letter in said.lower())
    return " ".join(re.sub(r"[^a-z' ]", " ", said).split())


def _read_text(path: str) -> str:
    import gzip
    import zlib

    with open(path, "rb") as file:
        content = file.read()
    try:
        return (gzip.decompress(content) if path.endswith(".gz") else content).decode()
    except (EOFError, UnicodeDecodeError, gzip.BadGzipFile, zlib.error) as error:
        raise ValueError(f"load: {path} is damaged: {error}") from None


def find_asterisk_prompts(root: str | None) -> Recordings:
    """All prompts that say something, in the order of their names."""
    sounds = root or SOUNDS
    inside = [os.path.join(sounds, name) for name in ("core-sounds-en.txt.gz", "core-sounds-en.txt")]
    transcripts = next((path for path in (*inside, TRANSCRIPTS) if os.path.isfile(path)), None)
    if transcripts is None or not os.path.isdir(sounds):
        raise FileNotFoundError(
            f"load: asterisk-prompts has no recordings in {sounds} or no transcripts beside them; needs Debian's "
            "packages asterisk-core-sounds-en-wav and asterisk-core-sounds-en (apt install), or a folder with the WAV "
            "files and core-sounds-en.txt, named by root="
        )
    lines = _read_text(transcripts).splitlines()
    samples, texts = [], []
    for line in sorted(lines):
        name, colon, text = line.partition(":")
        path = os.path.join(sounds, f"{name}.wav")
        said = spell(text)
        if colon and said and not name.startswith(";") and os.path.isfile(path):
            wave, rate = read_wav(path)
            if rate != RATE:
                raise ValueError(f"load: {path} has {rate} samples a second, needs {RATE}")
            samples.append(wave.mean(0))
            texts.append(said)
    if not samples:
        raise ValueError(f"load: {transcripts} names no WAV file of {sounds}")
    return Recordings(samples, texts, ["allison"] * len(texts), [0] * len(texts), RATE)
