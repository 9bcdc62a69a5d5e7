"""house-prices: the facts of a home to its price, with a standard network.

Numbers are standardised (those that lean far to one side after a logarithm), each word of a category has a vector of
its own that is learnt, and two hidden layers with dropout see them all; a straight line beside them does what a line
can. The network learns the logarithm of the price, so an error of 10 % counts alike for a cottage and a villa.

Sources: De Cock, "Ames, Iowa: alternative to the Boston housing data", Journal of Statistics Education 19 (2011); Guo,
Berkhahn, "Entity embeddings of categorical variables", 2016; Srivastava et al., "Dropout", JMLR 15 (2014); Loshchilov,
Hutter, "Decoupled weight decay regularization", ICLR 2019.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from typing import Any, cast

import numpy as np

import pydl
from pydl import nn
from pydl.data import Table, TableEncoder, TensorDataset, read_csv, write_csv
from pydl.nn.functional import mse_loss, silu
from pydl.optim import AdamW
from pydl.optim.lr_scheduler import OneCycleLR
from pydl.training import Callback, Checkpoint, LRSchedule, Trainer, r2_score, read_checkpoint

from .report import each_file, prepare_folder, report, suggest, tell_data, whole
from .settings import choose_settings

DATA = {"ames": "ames-houses", "sample": "sample-houses"}
PRICE = "Sale_Price"
FOLDS = 5
BATCH = 64
PEAK_LEARNING_RATE = 5e-3
WEIGHT_DECAY = 0.3
VECTOR, HIDDEN, DROPOUT = 4, 128, 0.3


class Network(nn.Module):
    """numbers (N, A) and codes (N, B) -> standardised log price (N)."""

    def __init__(self, numbers: int, categories: int, codes: int) -> None:
        super().__init__()
        width = numbers + VECTOR * categories
        self.words = nn.Embedding(max(codes, 1), VECTOR)
        with pydl.no_grad():
            self.words.weight.mul_(0.3)  # at first, all words together should say no more than the numbers
        self.first = nn.Linear(width, HIDDEN)
        self.second = nn.Linear(HIDDEN, HIDDEN)
        self.last = nn.Linear(HIDDEN, 1)
        self.line = nn.Linear(width, 1)
        self.drop = nn.Dropout(DROPOUT)

    def forward(self, numbers: Any, codes: Any) -> Any:
        facts = pydl.cat([pydl.from_numpy(numbers), self.words(codes).flatten(1)], 1)
        hidden = self.drop(silu(self.first(facts)))
        hidden = self.drop(silu(self.second(hidden)))
        return (self.last(hidden) + self.line(facts)).squeeze(1)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `pydl train house-prices`. None means: the default, or with --resume what the checkpoint says."""
    parser.add_argument("--data", choices=DATA, help="real sales, or a sample made by a formula (default: ames)")
    parser.add_argument("--root", help="folder that holds the data set's files")
    parser.add_argument("--epochs", type=int, help="passes over the training rows (default: 40)")


def train(args: argparse.Namespace) -> dict[str, Any]:
    """Trains, evaluates and leaves the results in the folder args.out; returns the figures."""
    folder = prepare_folder(args.out, args.resume, args.overwrite)
    checkpoint = folder / "checkpoint.safetensors"
    resumed = read_checkpoint(checkpoint)["facts"] if args.resume else None
    settings = choose_settings(args, {"data": "ames", "epochs": 40, "seed": 0}, resumed)
    data = pydl.data.load(DATA[settings["data"]], root=args.root)
    learn, test = cast(Table, data.train), cast(Table, data.test)
    tell_data(data, f"{len(learn)} sales to learn from, {len(test)} for the test; {len(learn.columns) - 1} facts each")

    started = time.perf_counter()
    model, encoder, history = fit(
        learn, test, settings, [Checkpoint(checkpoint, facts=settings)], checkpoint if args.resume else None, True
    )
    seconds = time.perf_counter() - started
    errors = {"network": (apply(model, encoder, learn, test), test[PRICE])}
    rules = baselines()
    errors |= {name: (rule(learn, test), test[PRICE]) for name, rule in rules.items()}
    figures = {
        "test_rmse_log": rmse(*errors["network"]),
        "test_median_error_percent": median_error(*errors["network"]),
        **{f"baseline_{name}_rmse_log": rmse(*errors[name]) for name in list(errors)[1:]},
        "training_sales": len(learn),
        "test_sales": len(test),
        "training_seconds": round(seconds, 1),
    }
    print(f"\nOne test of {len(test)} sales says little; now each fifth of all sales in turn, for all rules alike.")
    figures |= cross_validate(learn, test, settings, rules)

    metadata = {
        "recipe": "house-prices",
        "encoder": encoder.to_dict(),
        "scale": scale_of(learn),
        "typical_error": figures["test_median_error_percent"],
        "settings": settings,
    }
    pydl.save(model.state_dict(), folder / "model.safetensors", metadata=metadata)
    write_csv(test[: min(8, len(test))], folder / "examples.csv")
    draw(folder, history, errors["network"], importance(model, encoder, learn, test))
    report(folder, figures, settings)
    suggest("predict", folder, "examples.csv")
    return figures


def fit(
    learn: Table, test: Table, settings: dict[str, Any], callbacks: list[Callback], resume: Any, progress: bool
) -> tuple[Network, TableEncoder, list[dict[str, float]]]:
    """A network for the training rows; the test rows are only watched, for the learning curve."""
    pydl.manual_seed(settings["seed"])
    encoder = TableEncoder(learn.without(PRICE))
    model = Network(len(encoder.rules), len(encoder.words), encoder.codes)
    optimizer = AdamW(model.parameters(), lr=PEAK_LEARNING_RATE, weight_decay=WEIGHT_DECAY)
    mean, deviation = scale_of(learn)
    sets = [
        TensorDataset(*encoder(rows), ((np.log(rows[PRICE]) - mean) / deviation).astype(np.float32))
        for rows in (learn, test)
    ]
    loader = pydl.data.DataLoader(sets[0], batch_size=min(BATCH, len(learn)), shuffle=True, drop_last=True)
    cycle = OneCycleLR(optimizer, max_lr=PEAK_LEARNING_RATE, total_steps=settings["epochs"] * len(loader))
    callbacks = [LRSchedule(cycle, every="batch"), *callbacks]
    trainer = Trainer(
        model, mse_loss, optimizer, metrics=[r2_score], callbacks=callbacks, progress=progress, capture=True
    )
    history = trainer.fit(loader, validation=sets[1], epochs=settings["epochs"], resume=resume)
    return model, encoder, history.epochs


def scale_of(learn: Table) -> tuple[float, float]:
    """Mean and deviation of the logarithm of the price."""
    logs = np.log(learn[PRICE])
    return float(logs.mean()), float(logs.std()) or 1.0


def apply(model: Network, encoder: TableEncoder, learn: Table, rows: Table) -> np.ndarray:
    """Prices, in the unit of the training rows."""
    return to_prices(model, *encoder(rows), *scale_of(learn))


def to_prices(model: Network, numbers: np.ndarray, codes: np.ndarray, mean: float, deviation: float) -> np.ndarray:
    with pydl.no_grad():
        logs: np.ndarray = model.eval()(numbers, codes).numpy().astype(np.float64) * deviation + mean
    return np.asarray(np.exp(logs))


def rmse(predicted: np.ndarray, prices: np.ndarray) -> float:
    """The root of the mean squared error of the logarithm: 0.12 is an error of about 12 %."""
    return round(float(np.sqrt(np.mean((np.log(predicted) - np.log(prices)) ** 2))), 4)


def median_error(predicted: np.ndarray, prices: np.ndarray) -> float:
    """Half of the predictions are off by less, in percent of the price."""
    return round(100 * float(np.median(np.abs(predicted / prices - 1))), 2)


def ridge_regression(learn: Table, rows: Table) -> np.ndarray:
    """Baseline: a line through numbers and words (a column of 0 and 1 for each), whose slopes are kept small.

    How small is chosen on a tenth of the training rows.
    """
    encoder = TableEncoder(learn.without(PRICE))

    def design(table: Table) -> np.ndarray:
        numbers, codes = encoder(table)
        words = np.zeros((len(table), encoder.codes))
        np.put_along_axis(words, codes, 1.0, axis=1)
        return np.concatenate([numbers, words], axis=1)

    def solve(x: np.ndarray, y: np.ndarray, penalty: float) -> np.ndarray:
        centred = x - x.mean(0)
        slopes = np.linalg.solve(centred.T @ centred + penalty * np.eye(x.shape[1]), centred.T @ (y - y.mean()))
        return np.append(slopes, y.mean() - x.mean(0) @ slopes)

    x, y = design(learn), np.log(learn[PRICE])
    held = np.arange(len(x)) % 10 == 0
    penalties = np.logspace(-1, 3, 12)
    trials = [solve(x[~held], y[~held], penalty) for penalty in penalties]
    best = int(np.argmin([np.mean((x[held] @ line[:-1] + line[-1] - y[held]) ** 2) for line in trials]))
    line = solve(x, y, float(penalties[best]))
    logs: np.ndarray = design(rows) @ line[:-1] + line[-1]
    return np.asarray(np.exp(logs))


def gradient_boosting(learn: Table, rows: Table) -> np.ndarray:
    """Baseline: scikit-learn's boosted trees, with as many trees as a tenth of the training rows says."""
    from sklearn.ensemble import HistGradientBoostingRegressor

    encoder = TableEncoder(learn.without(PRICE))
    numbers, codes = encoder(learn)
    of_words = np.arange(numbers.shape[1] + codes.shape[1]) >= numbers.shape[1]
    first = codes.min(axis=0, initial=encoder.codes)
    trees = HistGradientBoostingRegressor(
        learning_rate=0.05, max_iter=1000, categorical_features=of_words, early_stopping=True, random_state=0
    )
    trees.fit(np.concatenate([numbers, codes - first], axis=1), np.log(learn[PRICE]))
    numbers, codes = encoder(rows)
    codes = np.where(codes < first, np.nan, codes - first)  # words that the training rows lack are missing values
    logs: np.ndarray = trees.predict(np.concatenate([numbers, codes], axis=1))
    return np.asarray(np.exp(logs))


def baselines() -> dict[str, Any]:
    """The rules to beat: (training rows, rows) -> prices."""
    try:
        import sklearn  # noqa: F401
    except ImportError:
        print("Boosted trees, the second baseline, need scikit-learn: pip install 'pydl-cpu[sklearn]'")
        return {"ridge": ridge_regression}
    return {"ridge": ridge_regression, "gradient_boosting": gradient_boosting}


def cross_validate(learn: Table, test: Table, settings: dict[str, Any], rules: dict[str, Any]) -> dict[str, float]:
    """The error over all sales, each predicted by a network and by baselines that learnt from the other four fifths."""
    whole = Table({name: np.concatenate([learn[name], test[name]]) for name in learn.columns})
    fold = np.random.default_rng(1).permutation(len(whole)) % FOLDS
    found = {name: np.zeros(len(whole)) for name in ("network", *rules)}
    for k in range(FOLDS):
        others, rows = whole[fold != k], whole[fold == k]
        model, encoder, _ = fit(others, rows, settings, [], None, False)
        found["network"][fold == k] = apply(model, encoder, others, rows)
        for name, rule in rules.items():
            found[name][fold == k] = rule(others, rows)
    errors = {name: rmse(predicted, whole[PRICE]) for name, predicted in found.items()}
    return {
        "folds_rmse_log": errors.pop("network"),
        **{f"baseline_{name}_folds_rmse_log": error for name, error in errors.items()},
    }


def importance(model: Network, encoder: TableEncoder, learn: Table, test: Table) -> list[tuple[str, float]]:
    """(fact, by how much the test's error grows if that fact is another house's), the largest first."""
    random, prices = np.random.default_rng(0), test[PRICE]
    before = rmse(apply(model, encoder, learn, test), prices)
    found = []
    for name in (*encoder.rules, *encoder.words):
        worse = [
            rmse(apply(model, encoder, learn, Table({**test.columns, name: random.permutation(test[name])})), prices)
            for _ in range(5)
        ]
        found.append((name, float(np.mean(worse)) - before))
    return sorted(found, key=lambda each: -each[1])


def draw(
    folder: Path, history: list[dict[str, float]], prices: tuple[Any, Any], facts: list[tuple[str, float]]
) -> None:
    """Learning curve, predicted and paid prices, what matters; without matplotlib one sentence instead."""
    from .. import plot

    try:
        plot.learning_curve(
            history, folder / "learning-curve.png", loss="squared error", metric="r2_score", held_out="test"
        )
        plot.predictions(
            *prices, folder / "prices.png", "price in dollars", f"{len(prices[0])} sales that were not learnt"
        )
        plot.bars(facts[:15], folder / "what-matters.png", "increase of the error if the fact is shuffled")
    except ImportError as error:
        print(error)


def predict(path: str, files: list[str]) -> int:
    """Prints the price of each row of CSV files with the training's columns; returns how many could not be read."""
    facts = pydl.load_metadata(path)
    with whole(path, "house-prices"):
        encoder = TableEncoder.from_dict(facts["encoder"])
        model = Network(len(encoder.rules), len(encoder.words), encoder.codes)
        model.load_state_dict(pydl.load(path))
        mean, deviation = map(float, facts["scale"])
        typical = float(facts["typical_error"])

    def read(file: str) -> tuple[Table, np.ndarray]:
        rows = read_csv(file)
        return rows, to_prices(model, *encoder(rows), mean, deviation)

    def tell(file: str, priced: tuple[Table, np.ndarray]) -> None:
        rows, prices = priced
        for i, price in enumerate(prices):
            paid = f"; paid: {rows[PRICE][i]:,.0f}" if PRICE in rows.columns else ""
            print(
                f"{file}, row {i + 2}: {price:,.0f} (half of such guesses are off by less than {typical:.0f} %{paid})"
            )

    return each_file(files, read, tell)
