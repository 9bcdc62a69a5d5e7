"""NeuralClassifier and NeuralRegressor beside scikit-learn's MLP: held-out score and time to train, the same settings.

    python benchmarks/sklearn_estimators.py [--repeats 5]

Real data that come with scikit-learn and pydl, the same split, network, batches and number of passes for all. The fits
of a data set alternate, each with its own seed; the median time and the mean score of the repeats are shown. Run it
with OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 for one thread.
"""

from __future__ import annotations

import argparse
import time
import warnings
from typing import Any

import numpy as np
from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.preprocessing import StandardScaler

import pydl
from pydl.sklearn import NeuralClassifier, NeuralRegressor


def data_sets() -> list[tuple[str, Any, Any, bool, tuple[int, ...], int]]:
    """(name, inputs, targets, whether they are classes, hidden layers, passes)"""
    digits = pydl.data.load("mnist-5k")
    images, labels = digits.train[:]
    return [
        ("breast cancer", *load_breast_cancer(return_X_y=True), True, (100,), 50),
        ("digits 8x8", *load_digits(return_X_y=True), True, (100,), 50),
        ("mnist-5k", images.reshape(len(images), -1).astype(np.float64), labels, True, (256, 128), 20),
        ("diabetes", *load_diabetes(return_X_y=True), False, (50,), 50),
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--repeats", type=int, default=5, help="fits of each estimator (5)")
    repeats = parser.parse_args().repeats
    warnings.simplefilter("ignore", ConvergenceWarning)
    print(f"pydl {pydl.__version__}, {pydl.get_num_threads()} threads; seconds to fit, score on held-out rows\n")
    print("| data | rows | MLP of scikit-learn | pydl, float64 | pydl, float32 | time, x | float32, x |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    for name, x, y, of_classes, layers, passes in data_sets():
        x, x_test, y, y_test = train_test_split(x, y, test_size=0.3, random_state=0, stratify=y if of_classes else None)
        scaler = StandardScaler().fit(x)
        x, x_test = scaler.transform(x), scaler.transform(x_test)
        if not of_classes:
            mean, scale = y.mean(), y.std()
            y, y_test = (y - mean) / scale, (y_test - mean) / scale
        single, single_test = x.astype(np.float32), x_test.astype(np.float32)
        ours, theirs = (NeuralClassifier, MLPClassifier) if of_classes else (NeuralRegressor, MLPRegressor)
        seconds: list[list[float]] = [[], [], []]
        scores: list[list[float]] = [[], [], []]
        for seed in range(repeats + 1):
            settings = {"max_iter": passes, "tol": 0.0, "n_iter_no_change": passes, "random_state": seed}
            contestants = [(theirs, x, x_test), (ours, x, x_test), (ours, single, single_test)]
            for k, (kind, inputs, held_out) in enumerate(contestants):
                started = time.perf_counter()
                model = kind(hidden_layer_sizes=layers, **settings).fit(inputs, y)
                if seed:  # the first round is for warming up
                    seconds[k].append(time.perf_counter() - started)
                    scores[k].append(model.score(held_out, y_test))
        times = [float(np.median(each)) for each in seconds]
        cells = [f"{s:.3f} s, {np.mean(score):.4f}" for s, score in zip(times, scores, strict=True)]
        print(
            f"| {name} | {len(x)} | {' | '.join(cells)} | {times[0] / times[1]:.1f} | {times[0] / times[2]:.1f} |",
            flush=True,
        )


if __name__ == "__main__":
    main()
