"""The messages of LibreOffice in English and simplified Chinese, from the catalogues that Debian installs."""

from __future__ import annotations

import os
from pathlib import Path

from .catalogues import read_catalogues
from .sentence_pairs import SentencePairs, clean_pairs

FOLDER = Path("/usr/lib/libreoffice/program/resource/zh_CN/LC_MESSAGES")


def read_libreoffice(root: str | os.PathLike[str] | None) -> SentencePairs:
    """The cleaned pairs of the catalogues in a folder, or of Debian's package. Error: FileNotFoundError."""
    folder = FOLDER if root is None else Path(root)
    if not folder.exists():
        raise FileNotFoundError(
            f"load: libreoffice-zh has no catalogues in {folder}; needs Debian's package libreoffice-l10n-zh-cn (apt "
            "install), or a folder of .mo, .po or .tsv files, named by root="
        )
    pairs = clean_pairs(read_catalogues(folder))
    if not len(pairs):
        raise ValueError(f"load: no message in {folder} is translated from English to Chinese")
    return pairs
