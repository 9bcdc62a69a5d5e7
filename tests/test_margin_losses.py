"""Losses of distances, margins and likelihoods: functions and modules against PyTorch's."""

import numpy as np
import pytest
from checks import check_gradient, check_torch, torch

import pydl
from pydl import nn
from pydl.nn import functional as F

RNG = np.random.default_rng(0)
A, B, C = (RNG.standard_normal((5, 3)) for _ in range(3))
SIGNS = RNG.choice([-1, 1], (5, 3))
LABELS = RNG.integers(0, 3, 5)
MANY = np.array([[1, -1, 2], [0, 2, -1], [-1, 0, 1], [2, 1, 0], [1, 2, -1]])
COUNTS = RNG.integers(0, 5, (5, 3)).astype(float)
YES = RNG.integers(0, 2, (5, 3)).astype(float)
VAR = RNG.uniform(0.1, 2, (5, 3))

# (function, layer, arguments with gradients, the others, options)
CASES = [
    ("triplet_margin_loss", "TripletMarginLoss", (A, B, C), (), {}),
    ("triplet_margin_loss", "TripletMarginLoss", (A, B, C), (), {"margin": 2.0, "p": 1.0, "swap": True}),
    ("triplet_margin_loss", "TripletMarginLoss", (A[0], B[0], C[0]), (), {"margin": 5.0}),
    ("triplet_margin_with_distance_loss", "TripletMarginWithDistanceLoss", (A, B, C), (), {"swap": True}),
    ("hinge_embedding_loss", "HingeEmbeddingLoss", (A,), (SIGNS,), {"margin": 0.5}),
    ("soft_margin_loss", "SoftMarginLoss", (30 * A,), (SIGNS,), {}),
    ("multilabel_soft_margin_loss", "MultiLabelSoftMarginLoss", (A,), (YES,), {}),
    ("multi_margin_loss", "MultiMarginLoss", (A,), (LABELS,), {}),
    ("multi_margin_loss", "MultiMarginLoss", (A,), (LABELS,), {"p": 2, "margin": 0.7}),
    ("multi_margin_loss", "MultiMarginLoss", (A[0],), (LABELS[:1],), {}),
    ("multilabel_margin_loss", "MultiLabelMarginLoss", (A,), (MANY,), {}),
    ("multilabel_margin_loss", "MultiLabelMarginLoss", (A[0],), (MANY[0],), {}),
    ("gaussian_nll_loss", "GaussianNLLLoss", (A, B, VAR), (), {}),
    ("gaussian_nll_loss", "GaussianNLLLoss", (A, B, VAR[:, :1]), (), {"full": True}),
    ("gaussian_nll_loss", "GaussianNLLLoss", (A, B, VAR[:, 0]), (), {"eps": 0.5}),
    ("poisson_nll_loss", "PoissonNLLLoss", (A,), (COUNTS,), {}),
    ("poisson_nll_loss", "PoissonNLLLoss", (VAR,), (COUNTS,), {"log_input": False, "full": True}),
]


@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
@pytest.mark.parametrize(("name", "layer", "inputs", "more", "options"), CASES)
def test_as_in_pytorch(name, layer, inputs, more, options, reduction):
    options = {**options, "reduction": reduction}

    def with_more(function, tensor, **options):
        def call(*x):
            dtype = np.float64 if "64" in str(x[0].dtype) else np.float32
            rest = (each.astype(dtype) if each.dtype.kind == "f" else each for each in more)
            return function(*x, *map(tensor, rest), **options)

        return call

    ours = with_more(getattr(F, name), pydl.tensor, **options)
    check_torch(ours, with_more(getattr(torch.nn.functional, name), torch.tensor, **options), *inputs)
    check_gradient(ours, *inputs)
    mine, theirs = getattr(nn, layer)(**options), getattr(torch.nn, layer)(**options)
    check_torch(with_more(mine, pydl.tensor), with_more(theirs, torch.tensor), *inputs)


def test_weights_as_in_pytorch():
    w = np.array([0.5, 2.0, 1.0], np.float32)
    x = A.astype(np.float32)
    for name, layer, target in [
        ("multi_margin_loss", "MultiMarginLoss", LABELS),
        ("multilabel_soft_margin_loss", "MultiLabelSoftMarginLoss", YES.astype(np.float32)),
    ]:
        want = getattr(torch.nn.functional, name)(torch.tensor(x), torch.tensor(target), weight=torch.tensor(w)).item()
        assert getattr(F, name)(x, target, weight=w).item() == pytest.approx(want, rel=1e-5)
        assert getattr(nn, layer)(weight=w)(x, target).item() == pytest.approx(want, rel=1e-5)


def test_no_gradient_where_a_score_exceeds_another_by_just_the_margin():
    x, several = np.array([[2.0, 1.0, 0.0], [0.0, 0.0, 3.0]]), np.array([[0, -1, 0], [2, 1, -1]])
    for name, target in [("multi_margin_loss", np.array([0, 2])), ("multilabel_margin_loss", several)]:
        check_torch(
            lambda x, name=name, target=target: getattr(F, name)(x, target),
            lambda x, name=name, target=target: getattr(torch.nn.functional, name)(x, torch.tensor(target)),
            x,
        )


def test_any_distance():
    def far(a, b):
        return 1 - F.cosine_similarity(a, b)

    loss = nn.TripletMarginWithDistanceLoss(distance_function=far, margin=0.2)(A, B, C)
    want = torch.nn.TripletMarginWithDistanceLoss(
        distance_function=lambda a, b: 1 - torch.nn.functional.cosine_similarity(a, b), margin=0.2
    )(*map(torch.tensor, (A, B, C)))
    assert loss.item() == pytest.approx(want.item(), rel=1e-6)


def test_pairwise_distance_layer():
    mine, theirs = nn.PairwiseDistance(1.0, keepdim=True), torch.nn.PairwiseDistance(1.0, keepdim=True)
    check_torch(mine, theirs, A, B)


def test_empty_batches():
    none = np.zeros((0, 3), np.float32)
    assert F.triplet_margin_loss(none, none, none, reduction="sum").item() == 0
    assert F.multi_margin_loss(none, np.zeros(0, np.int64), reduction="none").shape == (0,)
    assert np.isnan(F.poisson_nll_loss(none, none).item())


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: F.triplet_margin_loss(A, B, C[:, :1]), ValueError, r"triplet_margin_loss: anchor \(5, 3\), positive"),
        (
            lambda: F.hinge_embedding_loss(A, SIGNS[:, :1]),
            ValueError,
            r"hinge_embedding_loss: target has shape \(5, 1\) bu",
        ),
        (
            lambda: F.soft_margin_loss(A, YES),
            ValueError,
            "soft_margin_loss: target must hold 1 and -1 and nothing else",
        ),
        (
            lambda: F.multi_margin_loss(A, LABELS + 3),
            ValueError,
            r"multi_margin_loss: target.0. is . but there are 3 class",
        ),
        (lambda: F.multi_margin_loss(A, LABELS, p=3), ValueError, "multi_margin_loss: p must be 1 or 2, not 3"),
        (
            lambda: F.multilabel_margin_loss(A, MANY + 2),
            ValueError,
            "multilabel_margin_loss: target must hold classes fro",
        ),
        (
            lambda: F.gaussian_nll_loss(A, B[:, :1], VAR),
            ValueError,
            r"gaussian_nll_loss: input has shape \(5, 3\) but tar",
        ),
        (
            lambda: F.gaussian_nll_loss(A, B, -VAR),
            ValueError,
            "gaussian_nll_loss: var holds -.*, but a variance is not n",
        ),
        (
            lambda: F.gaussian_nll_loss(A, B, VAR[:2]),
            ValueError,
            r"gaussian_nll_loss: var has shape \(2, 3\) but must hav",
        ),
        (
            lambda: F.poisson_nll_loss(A, pydl.tensor(A, requires_grad=True)),
            RuntimeError,
            "poisson_nll_loss: target has n",
        ),
        (lambda: nn.MultiMarginLoss(p=3), ValueError, "MultiMarginLoss: p must be 1 or 2, not 3"),
        (lambda: nn.TripletMarginLoss(margin=-1), ValueError, "TripletMarginLoss: margin must be at least 0, not -1"),
    ],
)
def test_refuses(call, error, message):
    with pytest.raises(error, match=message):
        call()
