import numpy as np
import pytest
from checks import check_gradient, check_refused, check_torch, torch

import pydl
from pydl import nn
from pydl.ops.cosine_embedding_loss import cosine_embedding_loss

RNG = np.random.default_rng(0)
SIGNS = np.array([1, -1, -1, 1, -1])


def test_worked_by_hand():
    x, y = np.array([[3.0, 4.0], [1.0, 1.0], [1.0, 1.0]]), np.array([[4.0, 3.0], [1.0, 0.0], [-1.0, 0.0]])
    loss = cosine_embedding_loss(x, y, [1, -1, -1], margin=0.5, reduction="none")
    np.testing.assert_allclose(loss.numpy(), [1 - 24 / 25, np.sqrt(0.5) - 0.5, 0.0])


@pytest.mark.parametrize("reduction", ["none", "mean", "sum"])
@pytest.mark.parametrize("margin", [0.0, 0.2])
def test_torch(reduction, margin):
    options = {"margin": margin, "reduction": reduction}
    for lead in ((5,), ()):
        signs = SIGNS if lead else np.array(-1)
        check_torch(
            lambda a, b, t=signs: cosine_embedding_loss(a, b, t, **options),
            lambda a, b, t=signs: torch.nn.functional.cosine_embedding_loss(a, b, torch.tensor(t), **options),
            *RNG.standard_normal((2, *lead, 6)),
        )


def test_short_vectors_as_in_pytorch():
    """What keeps the loss of vectors without a length finite; PyTorch's 1e-12 is a float32."""
    a, b = RNG.standard_normal((2, 5, 4)) * np.array([0, 1e-12, 1e-7, 1e-6, 1e-5])[:, None]
    for other in (b, RNG.standard_normal((5, 4))):
        mine = [pydl.tensor(each, requires_grad=True) for each in (a, other)]
        theirs = [torch.tensor(each, requires_grad=True) for each in (a, other)]
        loss = cosine_embedding_loss(*mine, SIGNS, reduction="sum")
        want = torch.nn.functional.cosine_embedding_loss(*theirs, torch.tensor(SIGNS), reduction="sum")
        loss.backward()
        want.backward()
        assert loss.item() == pytest.approx(want.item(), rel=1e-7)
        for one, twin in zip(mine, theirs, strict=True):
            np.testing.assert_allclose(one.grad.numpy(), twin.grad.numpy(), rtol=1e-6)


def test_gradient():
    check_gradient(lambda a, b: cosine_embedding_loss(a, b, SIGNS, 0.1), *RNG.standard_normal((2, 5, 4)))


def test_layer():
    a, b = RNG.standard_normal((2, 5, 4))
    assert (
        nn.CosineEmbeddingLoss(0.2, reduction="sum")(a, b, SIGNS).item()
        == cosine_embedding_loss(a, b, SIGNS, 0.2, "sum").item()
    )


X = np.ones((5, 3), np.float32)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: cosine_embedding_loss(X, X[:4], SIGNS), ValueError,
         "input1 has shape (5, 3) and input2 (4, 3); they must be equal, (N, D) or (D)"),
        (lambda: cosine_embedding_loss(X, X, SIGNS[:4]), ValueError, "target has shape (4,) but must have (5,)"),
        (lambda: cosine_embedding_loss(X, X, SIGNS * 2), ValueError, "target must hold 1 and -1 and nothing else"),
        (lambda: cosine_embedding_loss(X, X, SIGNS, 2), ValueError, "margin must be from -1.0 to 1.0, not 2"),
        (lambda: cosine_embedding_loss(X, X, SIGNS, reduction="avg"), ValueError, "reduction is 'avg' but must be"),
    ],
)  # fmt: skip
def test_refuses(call, error, message):
    check_refused(call, error, f"cosine_embedding_loss: {message}")
