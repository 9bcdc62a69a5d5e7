"""Fashion-MNIST: finding its four IDX files in a folder, or fetching them."""

from __future__ import annotations

import os
from types import ModuleType

from ..arguments import Array
from .idx import read_idx

# Uncompressed contents, as Debian's package dataset-fashion-mnist 0.0~git20200523 holds them; and the MD5 sums of the
# .gz files that the authors publish, which are the same contents under another gzip header.
FILES = {
    "train-images-idx3-ubyte": (
        "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
        "8d4fb7e6c68d591d4c3dfef9ec88bf0d",
    ),
    "train-labels-idx1-ubyte": (
        "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
        "25c81989df183df01b3e8a0aad5dffbe",
    ),
    "t10k-images-idx3-ubyte": (
        "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
        "bef4ecab320f06d8554ea6380940ec79",
    ),
    "t10k-labels-idx1-ubyte": (
        "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
        "bb300cfdad3c16e7a12a480ee83cd310",
    ),
}
_URL = "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/"
DEBIAN_FOLDER = "/usr/share/datasets/fashion-mnist"


def find_fashion_mnist(places: list[str], target: str, download: bool) -> dict[str, Array]:
    """The arrays in the four files by their names: from a folder that has them all, or fetched into `target`."""
    return {name: read_idx(path, sha256=FILES[name][0]) for name, path in _find(places, target, download).items()}


def _find(places: list[str], target: str, download: bool) -> dict[str, str]:
    """The path of each of the four files: all from the first folder that has them all, else freshly downloaded."""
    for folder in places:
        for candidate in (folder, os.path.join(folder, "fashion-mnist")):
            paths = {name: _existing(os.path.join(candidate, name)) for name in FILES}
            if all(paths.values()):
                return {name: path for name, path in paths.items() if path}
    if download:
        try:
            import pooch
        except ImportError:
            pass
        else:
            return _download(pooch, os.path.join(target, "fashion-mnist"))
    raise FileNotFoundError(
        f"load: fashion-mnist has no complete set of files in {', '.join(places)}; needs Debian's package "
        "dataset-fashion-mnist (apt install), or pooch for a download (pip install pydl-cpu[data]), or a folder with "
        f"the files {', '.join(FILES)} (plain or .gz), named by root= or PYDL_DATA"
    )


def _existing(path: str) -> str | None:
    return next((file for file in (path, path + ".gz") if os.path.isfile(file)), None)


def _download(pooch: ModuleType, folder: str) -> dict[str, str]:
    paths = {}
    for name, (_, md5) in FILES.items():
        url = f"{_URL}{name}.gz"
        try:
            paths[name] = pooch.retrieve(url, known_hash=f"md5:{md5}", fname=f"{name}.gz", path=folder)
        except (OSError, ValueError) as error:  # no network, no right to write, or a file with another checksum
            reason = "no connection" if "Connection" in type(error).__name__ else error
            raise RuntimeError(
                f"load: fashion-mnist could not be fetched from {url} into {folder} ({reason}); Debian's package "
                "dataset-fashion-mnist has it too, and root= or PYDL_DATA names a folder with its files"
            ) from error
    return paths
