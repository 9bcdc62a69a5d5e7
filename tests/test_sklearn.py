"""The estimators for scikit-learn: its own checks, its tools, and what they learn."""

from __future__ import annotations

import importlib.util
import pickle
import warnings

import numpy as np
import pytest

import pydl

sklearn = pytest.importorskip("sklearn", reason="scikit-learn is not installed")

from sklearn.base import clone  # noqa: E402
from sklearn.datasets import load_diabetes, load_digits, load_iris  # noqa: E402
from sklearn.exceptions import ConvergenceWarning  # noqa: E402
from sklearn.model_selection import GridSearchCV, cross_val_score, train_test_split  # noqa: E402
from sklearn.pipeline import make_pipeline  # noqa: E402
from sklearn.preprocessing import StandardScaler  # noqa: E402
from sklearn.utils.estimator_checks import check_estimator  # noqa: E402

from pydl import nn  # noqa: E402
from pydl.sklearn import NeuralClassifier, NeuralRegressor  # noqa: E402

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


@pytest.mark.parametrize("estimator", [NeuralClassifier(), NeuralRegressor()])
def test_scikit_learns_own_checks(estimator, monkeypatch):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        results = check_estimator(estimator, on_skip=None, on_fail=None)
    assert [(each["check_name"], each["exception"]) for each in results if each["status"] == "failed"] == []
    skipped = {each["check_name"] for each in results if each["status"] != "passed"}
    if importlib.util.find_spec("pandas"):  # without it, some of the checks cannot be made
        assert skipped <= {"check_array_api_input"}  # which needs a variable in the environment
    assert len(results) > 50


def iris():
    """(training half, test half) of the flowers, with names for classes."""
    data = load_iris()
    names = data.target_names[data.target]
    x, x_test, y, y_test = train_test_split(data.data, names, test_size=0.5, stratify=names, random_state=0)
    return x, y, x_test, y_test


def test_pipeline_and_grid_search_with_classes_that_are_words():
    x, y, x_test, y_test = iris()
    pipeline = make_pipeline(StandardScaler(), NeuralClassifier(random_state=0, max_iter=60, learning_rate_init=0.01))
    grid = {"neuralclassifier__hidden_layer_sizes": [(4,), (16, 8)], "neuralclassifier__alpha": [0.0, 0.1]}
    search = GridSearchCV(pipeline, grid, cv=3).fit(x, y)
    assert search.score(x_test, y_test) > 0.9
    assert set(search.predict(x_test)) == {"setosa", "versicolor", "virginica"}
    shares = search.predict_proba(x_test)
    np.testing.assert_allclose(shares.sum(axis=1), 1, rtol=1e-12)
    np.testing.assert_allclose(np.log(shares), search.predict_log_proba(x_test))


def test_regressor_beats_the_mean_and_fits_any_unit():
    x, y = load_diabetes(return_X_y=True)
    pipeline = make_pipeline(StandardScaler(), NeuralRegressor((20,), random_state=0, max_iter=40))
    assert cross_val_score(pipeline, x, y, cv=3).mean() > 0.35
    x = StandardScaler().fit_transform(x)
    metres = NeuralRegressor(random_state=0, max_iter=5).fit(x, y).predict(x)
    millimetres = NeuralRegressor(random_state=0, max_iter=5).fit(x, 1000 * y).predict(x)
    np.testing.assert_allclose(millimetres, 1000 * metres, rtol=1e-6)


def test_several_targets():
    x = np.random.default_rng(0).normal(size=(200, 3))
    y = np.stack([x[:, 0] - x[:, 1], 100 * x[:, 2]], axis=1)
    model = NeuralRegressor(random_state=0, learning_rate_init=0.01).fit(x, y)
    assert model.predict(x).shape == (200, 2)
    assert model.score(x, y) > 0.98
    with pytest.raises(ValueError, match="y has 3 targets a row, but had 2"):
        model.partial_fit(x, np.zeros((200, 3)))


def test_images_go_into_a_module_of_ones_own():
    digits = load_digits()
    images = digits.images[:, None].astype(np.float32) / 16
    x, x_test, y, y_test = train_test_split(images, digits.target, train_size=600, random_state=0)

    def network(inputs, outputs):
        assert inputs == 1  # the channels of (N, 1, 8, 8)
        return nn.Sequential(
            nn.Conv2d(inputs, 16, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(144, outputs)
        )

    model = NeuralClassifier(module=network, max_iter=20, batch_size=32, learning_rate_init=0.01, random_state=0)
    assert model.fit(x, y).score(x_test, y_test) > 0.95
    assert model.predict_proba(x[:2]).dtype == np.float32


def test_a_given_module_is_copied():
    x, y, _, _ = iris()
    module = nn.Linear(4, 3, dtype=np.float64)
    before = module.weight.data.copy()
    model = NeuralClassifier(module=module, max_iter=3).fit(x, y)
    np.testing.assert_array_equal(module.weight.data, before)
    assert not np.array_equal(model.module_.weight.data, before)


def test_weights_stand_for_repetitions_and_zero_for_absence():
    x, y, x_test, _ = iris()
    weights = np.random.default_rng(0).integers(0, 3, len(x))
    settings = {"random_state": 0, "max_iter": 30, "batch_size": 1000}
    weighted = NeuralClassifier(**settings).fit(x, y, sample_weight=weights)
    repeated = NeuralClassifier(**settings).fit(x.repeat(weights, axis=0), y.repeat(weights))
    np.testing.assert_allclose(weighted.predict_proba(x_test), repeated.predict_proba(x_test), rtol=1e-7)
    with pytest.raises(ValueError, match="at least one non-zero"):
        NeuralClassifier().fit(x, y, sample_weight=np.zeros(len(x)))


def test_class_weight_moves_the_border():
    rng = np.random.default_rng(0)
    x = np.concatenate([rng.normal(0, 1, (190, 2)), rng.normal(1, 1, (10, 2))])
    y = np.repeat([0, 1], [190, 10])
    found = [
        NeuralClassifier((8,), class_weight=each, random_state=0, max_iter=50, learning_rate_init=0.01)
        .fit(x, y)
        .predict(x)
        for each in (None, "balanced", {0: 1, 1: 1000})
    ]
    assert found[0].sum() < found[1].sum() < found[2].sum()


def test_partial_fit_and_warm_start_go_on():
    x, y, _, _ = iris()
    names = np.unique(y)
    once = NeuralClassifier(random_state=0, shuffle=False).partial_fit(x, y, names)
    first = once.loss_
    for _ in range(20):
        once.partial_fit(x, y)
    assert once.loss_ < first
    assert once.n_iter_ == 21
    with pytest.raises(ValueError, match="first call of partial_fit needs classes"):
        NeuralClassifier().partial_fit(x, y)
    with pytest.raises(ValueError, match="y has the classes"):
        once.partial_fit(x, np.full(len(x), "unknown"))

    warm = NeuralClassifier(random_state=0, max_iter=5, warm_start=True).fit(x, y)
    first = warm.loss_
    assert warm.fit(x, y).loss_ < first
    assert warm.n_iter_ == 10


def test_early_stopping_keeps_the_best_weights():
    x, y, _, _ = iris()
    model = NeuralClassifier(
        (50,), early_stopping=True, random_state=0, learning_rate_init=0.05, n_iter_no_change=5, max_iter=1000
    )
    model.fit(x, y)
    assert model.n_iter_ < model.max_iter
    assert model.score(x, y) > 0.9


def test_the_same_seed_gives_the_same_network_and_leaves_other_numbers_alone():
    x, y, x_test, _ = iris()
    pydl.manual_seed(5)
    expected = pydl.rand(3).numpy()
    pydl.manual_seed(5)
    first = NeuralClassifier(dropout=0.2, random_state=1, max_iter=5).fit(x, y)
    np.testing.assert_array_equal(pydl.rand(3).numpy(), expected)
    again = clone(first).fit(x, y)
    np.testing.assert_array_equal(first.predict_proba(x_test), again.predict_proba(x_test))
    kept = pickle.loads(pickle.dumps(first))
    np.testing.assert_array_equal(first.predict_proba(x_test), kept.predict_proba(x_test))


def test_a_training_that_ends_too_soon_says_so():
    x, y, _, _ = iris()
    with pytest.warns(ConvergenceWarning, match="still falling after max_iter=2 passes"):
        NeuralClassifier(max_iter=2).fit(x, y)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"activation": "swish"}, "activation must be"),
        ({"solver": "lbfgs"}, "solver must be"),
        ({"dropout": 2}, "dropout must"),
        ({"max_iter": 0}, "max_iter must"),
        ({"batch_size": 0}, "batch_size must"),
        ({"hidden_layer_sizes": (0,)}, "hidden_layer_sizes must"),
        ({"module": "linear"}, "module must be a function"),
        ({"validation_fraction": 1}, "validation_fraction must"),
    ],
)
def test_wrong_options(options, message):
    x, y, _, _ = iris()
    with pytest.raises((ValueError, TypeError), match=message):
        NeuralClassifier(**options).fit(x, y)
