"""ad-clicks: what is shown to whom to the probability of a click, with a standard network over learnt vectors.

Each word (a user, an item, a place on the page) has a weight of its own, as in logistic regression, and a short
vector. Of the vectors, the network sees their sum and, as a factorisation machine does, how well all pairs of them fit;
one hidden layer finds what is left. Clicks are rare, so weights and vectors are kept small: what has been seen a few
times only must not count for much.

The shop's log has 287 clicks among 60,000 impressions, and no rule here finds more in it than how rare they are: the
intervals say so. In the films, where half of all rows are clicks, the vectors are worth more than weights alone.

Sources: Rendle, "Factorization machines", ICDM 2010; Guo, Tang, Ye, Li, He, "DeepFM: a factorization-machine based
neural network for CTR prediction", IJCAI 2017; DeLong, DeLong, Clarke-Pearson, "Comparing the areas under two or more
correlated receiver operating characteristic curves", Biometrics 44 (1988), for the intervals.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from typing import Any, cast

import numpy as np

import pydl
from pydl import nn
from pydl.data import DataLoader, Table, TableEncoder, TensorDataset, read_csv, write_csv
from pydl.nn.functional import binary_cross_entropy_with_logits, relu
from pydl.optim import SGD
from pydl.optim.lr_scheduler import CosineAnnealingLR
from pydl.training import Callback, Checkpoint, LRSchedule, Trainer, log_loss, read_checkpoint, roc_auc

from .report import each_file, prepare_folder, report, suggest, tell_data, whole
from .settings import choose_settings

DATA = {"open-bandit": "open-bandit", "movielens": "movielens-100k", "sample": "sample-clicks"}
CLICK, PART = "click", "part"
BATCH = 512
# The rarer the clicks, the stronger the pull of weights towards 0.
PLANS: dict[str, dict[str, Any]] = {
    "open-bandit": {"epochs": 4, "rate": 0.1, "decay": 5e-3},
    "movielens": {"epochs": 20, "rate": 0.5, "decay": 1e-4},
    "sample": {"epochs": 40, "rate": 0.5, "decay": 1e-4},
}
VECTOR, HIDDEN, DROPOUT = 8, 32, 0.1


class Network(nn.Module):
    """numbers (N, A) and codes (N, B) -> the logarithm of the odds of a click (N)."""

    def __init__(self, numbers: int, codes: int) -> None:
        super().__init__()
        self.weights = nn.Embedding(max(codes, 1), 1)
        self.vectors = nn.Embedding(max(codes, 1), VECTOR)
        self.line = nn.Linear(numbers, 1)
        self.vector = nn.Linear(numbers, VECTOR, bias=False)
        self.hidden = nn.Linear(2 * VECTOR, HIDDEN)
        self.last = nn.Linear(HIDDEN, 1, bias=False)
        self.drop = nn.Dropout(DROPOUT)
        with pydl.no_grad():
            self.weights.weight.mul_(0.01)
            self.vectors.weight.mul_(0.1)
            self.last.weight.mul_(0.1)

    def forward(self, numbers: Any, codes: Any) -> Any:
        numbers, vectors = pydl.from_numpy(numbers), self.vectors(codes)
        extra = self.vector(numbers)
        whole = vectors.sum(1) + extra
        # (sum of v)^2 - sum of v^2 = all products of two different vectors, twice.
        pairs = whole.square() - vectors.square().sum(1) - extra.square()
        hidden = self.drop(relu(self.hidden(self.drop(pydl.cat([whole, pairs], 1)))))
        odds = self.weights(codes).sum(1) + self.line(numbers) + 0.5 * pairs.sum(1, keepdim=True) + self.last(hidden)
        return odds.squeeze(1)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `pydl train ad-clicks`. None means: the default, or with --resume what the checkpoint says."""
    parser.add_argument("--data", choices=DATA, help="a shop's log, films, or made clicks (default: open-bandit)")
    parser.add_argument("--root", help="folder that holds the data set's files")
    parser.add_argument("--epochs", type=int, help="passes over the training rows (default: 4 to 12)")


def train(args: argparse.Namespace) -> dict[str, Any]:
    """Trains, evaluates and leaves the results in the folder args.out; returns the figures."""
    folder = prepare_folder(args.out, args.resume, args.overwrite)
    checkpoint = folder / "checkpoint.safetensors"
    resumed = read_checkpoint(checkpoint)["facts"] if args.resume else None
    name = args.data or (resumed or {}).get("data", "open-bandit")
    defaults = {"data": "open-bandit", "epochs": PLANS.get(name, PLANS["sample"])["epochs"], "seed": 0}
    settings = choose_settings(args, defaults, resumed)
    data = pydl.data.load(DATA[settings["data"]], root=args.root)
    learn, test = cast(Table, data.train), cast(Table, data.test)
    clicks = int(learn[CLICK].sum() + test[CLICK].sum())
    tell_data(data, f"{len(learn)} impressions to learn from, {len(test)} for the test; {clicks} clicks in all")

    started = time.perf_counter()
    callbacks: list[Callback] = [Checkpoint(checkpoint, facts=settings)]
    resume = checkpoint if args.resume else None
    model, encoder, history = fit(learn, test, settings, callbacks, resume, True)
    seconds = time.perf_counter() - started
    whole = Table({column: np.concatenate([learn[column], test[column]]) for column in learn.columns})
    print(
        f"\nNow each of the {len(np.unique(whole[PART]))} parts in turn, predicted from the others, by all rules alike."
    )
    found = predict_parts(whole, settings, test, apply(model, encoder, test))
    figures = {
        **compare(found, whole[CLICK], whole[PART]),
        "test_log_loss": round(log_loss(logit(found["network"][-len(test) :]), test[CLICK].astype(int)), 5),
        "impressions": len(whole),
        "clicks": clicks,
        "training_seconds": round(seconds, 1),
    }
    metadata = {"recipe": "ad-clicks", "encoder": encoder.to_dict(), "settings": settings}
    pydl.save(model.state_dict(), folder / "model.safetensors", metadata=metadata)
    write_csv(test[: min(8, len(test))], folder / "examples.csv")
    draw(folder, history, found["network"], whole[CLICK], importance(model, encoder, test))
    report(folder, figures, settings)
    suggest("predict", folder, "examples.csv")
    return figures


def fit(
    learn: Table, test: Table, settings: dict[str, Any], callbacks: list[Callback], resume: Any, progress: bool
) -> tuple[Network, TableEncoder, list[dict[str, float]]]:
    """A network for the training rows; the test rows are only watched, for the learning curve."""
    pydl.manual_seed(settings["seed"])
    plan = PLANS[settings["data"]]
    encoder = TableEncoder(learn.without(CLICK, PART))
    model = Network(len(encoder.rules), encoder.codes)
    share = float(np.clip(learn[CLICK].mean(), 1e-6, 1 - 1e-6))
    with pydl.no_grad():
        cast(nn.Parameter, model.line.bias).fill_(
            float(np.log(share / (1 - share)))
        )  # at first, everything is as likely as on average
    named = list(model.named_parameters())
    kept_small = [each for name, each in named if not name.endswith("bias")]
    free = [each for name, each in named if name.endswith("bias")]  # how frequent clicks are is known well
    groups = [{"params": kept_small, "weight_decay": plan["decay"]}, {"params": free}]
    optimizer = SGD(groups, lr=plan["rate"], momentum=0.9)
    sets = [TensorDataset(*encoder(rows), rows[CLICK].astype(np.float32)) for rows in (learn, test)]
    loader = DataLoader(sets[0], batch_size=min(BATCH, len(learn)), shuffle=True, drop_last=True)
    fall = CosineAnnealingLR(optimizer, settings["epochs"] * len(loader))
    callbacks = [LRSchedule(fall, every="batch"), *callbacks]
    trainer = Trainer(model, binary_cross_entropy_with_logits, optimizer, [ranking], callbacks, progress, capture=True)
    history = trainer.fit(loader, validation=sets[1], epochs=settings["epochs"], resume=resume)
    return model, encoder, history.epochs


def ranking(outputs: Any, targets: Any) -> float:
    """The area under the ROC curve."""
    return roc_auc(outputs, np.asarray(targets).astype(int))


def apply(model: Network, encoder: TableEncoder, rows: Table) -> np.ndarray:
    """The probability of a click in each row."""
    with pydl.no_grad():
        odds: np.ndarray = model.eval()(*encoder(rows)).numpy().astype(np.float64)
    return np.asarray(1 / (1 + np.exp(-odds)))


def logit(probabilities: np.ndarray) -> np.ndarray:
    return np.asarray(np.log(probabilities) - np.log1p(-probabilities))


def base_rate(learn: Table, rows: Table) -> np.ndarray:
    """Baseline: everything is clicked as often as anything."""
    return np.full(len(rows), learn[CLICK].mean())


def logistic_regression(learn: Table, rows: Table) -> np.ndarray:
    """Baseline: scikit-learn's, on the same words and numbers; its penalty is chosen on a held-out part."""
    from scipy.sparse import csr_matrix, hstack
    from sklearn.linear_model import LogisticRegression

    encoder = TableEncoder(learn.without(CLICK, PART))

    def design(table: Table) -> Any:
        numbers, codes = encoder(table)
        places = (np.repeat(np.arange(len(codes)), codes.shape[1]), codes.ravel())
        words = csr_matrix((np.ones(codes.size), places), (len(codes), encoder.codes))
        return hstack([words, csr_matrix(numbers)]).tocsr()

    x, y, held = design(learn), learn[CLICK].astype(int), learn[PART] == np.sort(learn[PART])[-1]
    best, strength = np.inf, 0.0
    for each in (1.0, 0.1, 0.01, 0.001):
        trial = LogisticRegression(C=each, max_iter=1000).fit(x[~held], y[~held]).predict_proba(x[held])[:, 1]
        loss = log_loss(logit(trial), y[held])
        if loss < best:
            best, strength = loss, each
    model = LogisticRegression(C=strength, max_iter=1000).fit(x, y)
    return np.asarray(model.predict_proba(design(rows))[:, 1])


def baselines() -> dict[str, Any]:
    """The rules to beat: (training rows, rows) -> probabilities."""
    try:
        import sklearn  # noqa: F401
    except ImportError:
        print("Logistic regression, the second baseline, needs scikit-learn: pip install 'pydl-cpu[sklearn]'")
        return {"base_rate": base_rate}
    return {"base_rate": base_rate, "logistic_regression": logistic_regression}


def predict_parts(whole: Table, settings: dict[str, Any], test: Table, of_test: np.ndarray) -> dict[str, np.ndarray]:
    """Each row's probability by a network and by baselines that learnt from the other parts."""
    rules = baselines()
    found = {name: np.zeros(len(whole)) for name in ("network", *rules)}
    for part in np.unique(whole[PART]):
        rows = whole[PART] == part
        learn, held = whole[~rows], whole[rows]
        if part == test[PART][0]:
            found["network"][rows] = of_test
        else:
            model, encoder, _ = fit(learn, held, settings, [], None, False)
            found["network"][rows] = apply(model, encoder, held)
        for name, rule in rules.items():
            found[name][rows] = rule(learn, held)
    return found


def compare(found: dict[str, np.ndarray], clicks: np.ndarray, parts: np.ndarray) -> dict[str, Any]:
    """Log-loss and area under the ROC curve of each rule, and the network's lead over the baselines, with intervals."""
    labels = clicks.astype(int)
    losses = {name: -np.log(np.where(labels == 1, shares, 1 - shares)) for name, shares in found.items()}
    figures: dict[str, Any] = {}
    for name, shares in found.items():
        label = name if name == "network" else f"baseline_{name}"
        figures[f"{label}_log_loss"] = interval(losses[name].mean(), losses[name].std() / len(labels) ** 0.5, 5)
        if name != "base_rate":
            figures[f"{label}_auc"] = interval(*auc_and_deviation(shares, labels, parts), 4)
    for name in list(found)[1:]:
        gain = losses[name] - losses["network"]
        figures[f"log_loss_below_{name}"] = interval(gain.mean(), gain.std() / len(labels) ** 0.5, 5)
    if "logistic_regression" in found:
        lead = auc_and_deviation(found["network"], labels, parts, found["logistic_regression"])
        figures["auc_above_logistic_regression"] = interval(*lead, 4)
    return figures


def interval(value: float, deviation: float, digits: int) -> list[float]:
    """[value, lower end, upper end] of 95 %."""
    return [round(float(each), digits) for each in (value, value - 1.96 * deviation, value + 1.96 * deviation)]


def auc_and_deviation(
    shares: np.ndarray, labels: np.ndarray, parts: np.ndarray, other: np.ndarray | None = None
) -> tuple[float, float]:
    """The area under the ROC curve and its standard deviation; with `other`, of the difference of the two areas.

    A click's part of the area is the share of non-clicks below it, a non-click's the share of clicks above it; the area
    is the mean of either, and its variance follows from theirs (DeLong et al.). Rows are compared within their part
    only: different parts were predicted by different networks, which know a little less of a part the more it clicked.
    """

    def placements(scores: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        of_clicks, of_others = [], []
        for part in np.unique(parts):
            clicked, others = (scores[(labels == label) & (parts == part)] for label in (1, 0))
            if len(clicked) and len(others):
                of_clicks.append(below(clicked, np.sort(others)))
                of_others.append(1 - below(others, np.sort(clicked)))
        return np.concatenate(of_clicks), np.concatenate(of_others)

    of_clicks, of_others = placements(shares)
    if other is not None:
        second = placements(other)
        of_clicks, of_others = of_clicks - second[0], of_others - second[1]
    return float(of_clicks.mean()), float(np.sqrt(of_clicks.var() / len(of_clicks) + of_others.var() / len(of_others)))


def below(scores: np.ndarray, others: np.ndarray) -> np.ndarray:
    """For each score, the share of the sorted others that are lower; half of those that are equal count."""
    left, right = (np.searchsorted(others, scores, side) for side in ("left", "right"))
    return np.asarray((left + right) / (2 * len(others)))


def importance(model: Network, encoder: TableEncoder, test: Table) -> list[tuple[str, float]]:
    """(fact, by how much the test's area under the ROC curve falls if that fact is another row's), largest first."""
    random, labels = np.random.default_rng(0), test[CLICK].astype(int)
    before = roc_auc(apply(model, encoder, test), labels)
    found = []
    for name in (*encoder.rules, *encoder.words):
        shuffled = [Table(test.columns | {name: random.permutation(test[name])}) for _ in range(5)]
        found.append(
            (name, before - float(np.mean([roc_auc(apply(model, encoder, each), labels) for each in shuffled])))
        )
    return sorted(found, key=lambda each: -each[1])


def draw(folder: Path, history: list[dict[str, float]], shares: np.ndarray, clicks: np.ndarray, facts: Any) -> None:
    """Learning curve, reliability, what matters; without matplotlib one sentence instead."""
    from .. import plot

    try:
        plot.learning_curve(history, folder / "learning-curve.png", metric="ranking", held_out="test")
        title = f"{len(shares)} impressions, each predicted from other parts"
        plot.reliability(shares, clicks, folder / "reliability.png", title)
        plot.bars(
            facts[:15], folder / "what-matters.png", "fall of the area under the ROC curve if the fact is shuffled"
        )
    except ImportError as error:
        print(error)


def predict(path: str, files: list[str]) -> int:
    """Prints the probability of a click for each row of CSV files; returns how many could not be read."""
    facts = pydl.load_metadata(path)
    with whole(path, "ad-clicks"):
        encoder = TableEncoder.from_dict(facts["encoder"])
        model = Network(len(encoder.rules), encoder.codes)
        model.load_state_dict(pydl.load(path))

    def tell(file: str, shares: np.ndarray) -> None:
        for i, share in enumerate(shares):
            print(f"{file}, row {i + 2}: {100 * share:.2f} %")

    return each_file(files, lambda file: apply(model, encoder, as_words(read_csv(file), encoder)), tell)


def as_words(rows: Table, encoder: TableEncoder) -> Table:
    """The table as the encoder knows it: words that look like numbers in a file (a user's, say) are words again."""
    columns = {
        name: np.array([f"{each:g}" for each in column])
        if name in encoder.words and column.dtype.kind == "f"
        else column
        for name, column in rows.columns.items()
    }
    return Table(columns)
