"""pydl.plot: pictures of what a network has inside; they are written, and wrong calls are refused."""

import numpy as np
import pytest
from checks import check_refused

import pydl
from pydl import nn

pytest.importorskip("matplotlib")
from pydl import plot

rng = np.random.default_rng(0)
IMAGES = rng.random((20, 1, 12, 12)).astype(np.float32)


def network():
    pydl.manual_seed(0)
    return nn.Sequential(nn.Conv2d(1, 6, 3), nn.ReLU(), nn.Flatten(), nn.Linear(600, 4), nn.Sigmoid())


def test_pictures(tmp_path):
    model = network()
    labels = rng.integers(0, 4, 20)
    probabilities = rng.dirichlet(np.ones(4), 20)
    model[3].weight.grad = pydl.ones(4, 600)
    plot.filters(model[0].weight, tmp_path / "filters.png")
    plot.filters(rng.standard_normal((5, 3, 4, 4)), tmp_path / "colour.png")
    plot.feature_maps(model, "1", IMAGES[0], tmp_path / "maps.png")
    plot.most_confused(IMAGES, labels, probabilities, list("abcd"), tmp_path / "confused.png", most=5)
    plot.layer_histograms(model, IMAGES, tmp_path / "histograms.png", lambda y: y.square().mean())
    plot.layer_histograms(model, IMAGES, tmp_path / "outputs.png")
    for path in tmp_path.iterdir():
        assert path.read_bytes().startswith(b"\x89PNG")
    assert len(list(tmp_path.iterdir())) == 6
    assert model[0].weight.grad is None, "gradients are as they were"
    assert model[3].weight.grad.data.all()


def test_refuses(tmp_path):
    path = tmp_path / "no.png"
    check_refused(lambda: plot.filters(np.ones((2, 3)), path), ValueError, "filters: weight must be (O, I, K, K), but")
    check_refused(lambda: plot.feature_maps(network(), "3", IMAGES[0], path), ValueError,
                  "feature_maps: '3' is no layer of the model that makes maps (N, C, H, W)")  # fmt: skip
    check_refused(lambda: plot.most_confused(IMAGES[:1], [1], np.eye(2)[1:], "ab", path), ValueError,
                  "most_confused: every image is named right, so there is nothing to show")  # fmt: skip
    assert not path.exists()


@pytest.mark.parametrize(
    ("name", "begin"), [("a.png", b"\x89PNG"), ("a", b"\x89PNG"), ("a.SVG", b"<?xml"), ("a.pdf", b"%PDF")]
)
def test_the_name_says_what_kind_of_file_it_is(name, begin, tmp_path):
    plot.bars([("one", 1.0)], tmp_path / name, "numbers")
    assert (tmp_path / name).read_bytes().startswith(begin)
    with pytest.raises(ValueError, match=r"a.xyz: a picture's name must end in .png, .svg or .pdf"):
        plot.bars([("one", 1.0)], tmp_path / "a.xyz", "numbers")
