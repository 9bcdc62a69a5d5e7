"""Who liked which film: 100,000 ratings of the MovieLens service, as the Python package recbole holds them.

Source: Harper, Konstan, "The MovieLens datasets: history and context", ACM TiiS 5 (2015).
"""

from __future__ import annotations

import csv
import os
from collections.abc import Sequence

import numpy as np

from .packages import data_folder
from .table import Table

LIKED = 4  # stars out of five
PARTS = 5


def find_movielens(folders: Sequence[str]) -> Table:
    """A row for each rating: who, what, and whether it was at least four stars; in five random parts."""
    folder = data_folder(
        "movielens-100k",
        "recbole==1.2.1",
        os.path.join("recbole", "dataset_example", "ml-100k"),
        "ml-100k.inter",
        folders,
    )
    ratings, films, users = (_read(os.path.join(folder, f"ml-100k.{kind}")) for kind in ("inter", "item", "user"))
    try:
        film_of = {film: row for row, film in enumerate(films["item_id"])}
        user_of = {user: row for row, user in enumerate(users["user_id"])}
        film = np.array([film_of[each] for each in ratings["item_id"]])
        user = np.array([user_of[each] for each in ratings["user_id"]])
        return Table(
            {
                "user": np.array(ratings["user_id"]),
                "film": np.array(ratings["item_id"]),
                "age": np.array([f"{int(age) // 10 * 10}s" for age in users["age"]])[user],
                "gender": np.array(users["gender"])[user],
                "occupation": np.array(users["occupation"])[user],
                "genre": np.array([(each.split() or ["unknown"])[0] for each in films["class"]])[film],
                "decade": np.array([each[:3] + "0s" for each in films["release_year"]])[film],
                "part": (np.random.default_rng(0).permutation(len(film)) % PARTS).astype(str),
                "click": np.array([float(stars) >= LIKED for stars in ratings["rating"]]),
            }
        )
    except (KeyError, ValueError) as error:
        raise ValueError(f"load: {folder} holds no ratings of MovieLens, or damaged ones ({error})") from None


def _read(path: str) -> dict[str, list[str]]:
    """The columns of a file of tabulator-separated words, whose first line names and types them: user_id:token."""
    try:
        with open(path, encoding="utf-8", newline="") as file:
            header, *lines = csv.reader(file, delimiter="\t", quoting=csv.QUOTE_NONE)
        return {name.split(":")[0]: list(column) for name, column in zip(header, zip(*lines, strict=True), strict=True)}
    except (UnicodeDecodeError, ValueError) as error:
        raise ValueError(f"load: {path} is no table of words between tabulators ({error})") from None
