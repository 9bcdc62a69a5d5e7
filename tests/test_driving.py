"""The recipe driving: its simulator, its grid, the classical rule, and a short training that learns."""

from __future__ import annotations

import json

import numpy as np
import pytest

from pydl.cli import main
from pydl.data.road_scenes import FOCAL, HORIZON, WIDTH, draw_car, make_drive, make_scenes
from pydl.recipes import driving
from pydl.recipes.radar_clustering import cluster_radar
from pydl.recipes.road_grid import DIRECTIONS, DISTANCES, find_cars, place, position, radar_grid, target_grid


def test_scenes_are_made_alike_from_one_seed():
    first, again = make_scenes(20, 3), make_scenes(20, 3)
    np.testing.assert_array_equal(first.images, again.images)
    np.testing.assert_array_equal(first.radar, again.radar)
    assert first.images.shape == (20, 1, 48, 96)
    assert first.images.dtype == first.radar.dtype == np.float32
    assert 0 <= first.images.min() < first.images.max() <= 1
    assert not np.array_equal(first.images, make_scenes(20, 4).images)
    assert 1 < np.mean([len(cars) for cars in first.cars]) < 4


def test_a_car_is_drawn_where_a_pinhole_camera_shows_it():
    image = np.full((48, 96), 0.7)
    draw_car(image, x=-3.0, z=20.0, paint=0.0, veil=1.0)
    rows, columns = np.nonzero(np.abs(image - 0.7) > 0.05)
    assert columns.mean() == pytest.approx(WIDTH / 2 - FOCAL * 3 / 20 - 0.5, abs=0.5)
    assert columns.max() - columns.min() + 1 == pytest.approx(FOCAL * 1.8 / 20, abs=2)
    assert rows.max() == pytest.approx(HORIZON + FOCAL * 1.4 / 20 - 0.5, abs=1)


def test_cars_of_a_drive_keep_their_speeds():
    drive = make_drive(5, seed=8)
    first, second = drive.cars[0], drive.cars[1]
    assert len(first) == len(second) > 0
    np.testing.assert_allclose(second[:, 1] - first[:, 1], 0.2 * first[:, 2])


def test_the_grid_and_back():
    x, z = np.array([0.0, -3.5, 4.0]), np.array([10.0, 30.0, 75.0])
    for mine, back in zip((x, z), position(*place(x, z)), strict=True):
        np.testing.assert_allclose(mine, back, atol=1e-12)
    cars = [np.array([[0.2, 12.0, -4.0], [3.3, 50.0, 7.0]]), np.empty((0, 3))]
    grid = target_grid(cars)
    assert grid.shape == (2, 4, DISTANCES, DIRECTIONS)
    assert grid[:, 0].sum() == 2
    outputs = grid.copy()
    outputs[:, 0] = np.where(grid[:, 0] > 0, 9, -9)
    found = find_cars(outputs, 0.5)
    np.testing.assert_allclose(found[0][:, :3], cars[0], atol=1e-4)
    assert len(found[1]) == 0


def test_radar_returns_are_written_into_their_cells():
    radar = np.full((1, 4, 3), np.nan, np.float32)
    radar[0, 0], radar[0, 1], radar[0, 2] = (20, 0.01, 3), (20.1, 0.01, 5), (40, -0.1, -25)
    grid = radar_grid(radar).reshape(2, 4, DISTANCES, DIRECTIONS)
    row, column = (int(each) for each in place(np.array(0.2), np.array(20.0)))
    assert grid[0, 0, row, column] == pytest.approx(2 / 3)
    assert grid[0, 3, row, column] == pytest.approx(0.4)  # 4 m/s, in tens
    assert grid[0, 0].sum() == pytest.approx(2 / 3)
    assert grid[1, 0].sum() == pytest.approx(1 / 3)
    assert not radar_grid(np.full((2, 4, 3), np.nan)).any()


def test_clustering():
    scene = np.full((1, 6, 3), np.nan)
    scene[0, :3] = (20, 0.17, 3), (20.5, 0.18, 3.2), (50, 0, 1)
    scene[0, 3] = (30, 0, -25)  # a sign
    (cars,) = cluster_radar(scene, least=1, lanes=True)
    assert cars[:, 0].tolist() == [3.5, 0]
    np.testing.assert_allclose(cars[:, 2], [3.1, 1])
    assert len(cluster_radar(scene, least=2, lanes=False)[0]) == 1
    assert cluster_radar(np.full((1, 6, 3), np.nan), 1, False)[0].shape == (0, 4)


def test_figures():
    cars = [np.array([[0.0, 10, 0], [0.0, 30, 2]]), np.array([[3.5, 20, 0]])]
    found = [np.array([[0.0, 11, 1, 1], [0.0, 33, 2, 1]]), np.empty((0, 4))]
    figures = driving.judge(found, cars)
    assert figures == {
        "f1": 0.4, "precision": 0.5, "recall": 0.3333,
        "position_error_metres": 1.0, "speed_error_metres_per_second": 1.0,
    }  # fmt: skip


def test_mirrored_scenes(monkeypatch):
    scenes = make_scenes(3, 1)
    mirrored = [cars * [-1, 1, 1] for cars in scenes.cars]
    radar = scenes.radar * np.array([1, -1, 1], np.float32)
    data = driving.MirroredScenes(scenes.images, radar_grid(scenes.radar), target_grid(scenes.cars))

    class Always:
        def random(self, count):
            return np.zeros(count)

    monkeypatch.setattr(driving, "generator", Always)
    images, grids, targets = data.gather(np.arange(3))
    np.testing.assert_array_equal(images, scenes.images[..., ::-1])
    np.testing.assert_allclose(grids, radar_grid(radar), atol=1e-5)
    np.testing.assert_allclose(targets, target_grid(mirrored), atol=1e-5)


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    folder = tmp_path_factory.mktemp("driving")
    assert main(["train", "driving", "--scenes", "300", "--epochs", "10", "--out", str(folder)]) == 0
    return folder


def test_a_short_training_learns_and_leaves_what_it_promises(trained):
    figures = json.loads((trained / "metrics.json").read_text())
    assert figures["test_f1"] > 0.3
    assert figures["baseline_clustering_f1"] > 0.6
    assert {"baseline_camera_only_f1", "baseline_radar_only_f1"} <= figures.keys()
    pytest.importorskip("matplotlib")
    pytest.importorskip("PIL")
    for name in ("learning-curve.png", "scenes.png", "drive.gif"):
        assert (trained / name).stat().st_size > 10_000


def test_prediction(trained, capsys):
    model, scenes = str(trained / "model.safetensors"), sorted(map(str, (trained / "examples").iterdir()))
    assert main(["predict", model, *scenes]) == 0
    assert capsys.readouterr().out.count(" car") == 3
    (trained / "bad.npz").write_bytes(b"no scene")
    np.savez(trained / "small.npz", image=np.zeros((1, 4, 4)), radar=np.zeros((2, 3)))
    assert main(["predict", model, str(trained / "bad.npz"), str(trained / "small.npz")]) == 1
    said = capsys.readouterr().out
    assert "is no scene" in said
    assert "has (1, 4, 4)" in said


def test_too_few_scenes(capsys, tmp_path):
    assert main(["train", "driving", "--scenes", "3", "--out", str(tmp_path)]) == 2
    assert "--scenes: must be at least 10, not 3" in capsys.readouterr().err
