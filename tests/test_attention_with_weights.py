import numpy as np
from checks import check_gradient, close
from test_scaled_dot_product_attention import RNG, inputs

import pydl
from pydl.ops.attention_with_weights import attention_with_weights


def test_worked_by_hand():
    """One query that fits the first key as well as the third, and the second by log 2 more."""
    q, k, v = (
        np.array([[1.0, 0.0]]),
        np.array([[0.0, 1.0], [np.log(2), 9.0], [0.0, 0.0]]),
        np.array([[4.0], [8.0], [0.0]]),
    )
    y, weights = attention_with_weights(q, k, v, scale=1.0)
    np.testing.assert_allclose(weights.numpy(), [[0.25, 0.5, 0.25]])
    np.testing.assert_allclose(y.numpy(), [[5.0]])


def test_gradient_through_the_weights():
    arrays = (*inputs((2,), 2, 3, 2, 2), RNG.standard_normal((2, 1, 3)))
    check_gradient(lambda *a: attention_with_weights(*a)[1], *arrays)
    check_gradient(lambda *a: sum(y.sum() for y in attention_with_weights(*a)), *arrays)


def test_dropout():
    pydl.manual_seed(0)
    q, k, v = (pydl.tensor(x, requires_grad=True) for x in inputs((4,), 30, 40))
    _, whole = attention_with_weights(q, k, v)
    y, weights = attention_with_weights(q, k, v, dropout_p=0.25)
    kept = weights.detach().numpy() > 0
    assert 0.72 < kept.mean() < 0.78
    np.testing.assert_allclose(weights.detach().numpy(), whole.detach().numpy() * kept / 0.75)
    (y * y).sum().backward()
    # The same weights, kept by a product.
    Q, K, V = (pydl.tensor(x.numpy(), requires_grad=True) for x in (q.detach(), k.detach(), v.detach()))
    z = pydl.ops.matmul(attention_with_weights(Q, K, V)[1] * pydl.tensor(kept / 0.75), V)
    (z * z).sum().backward()
    for mine, other in ((q, Q), (k, K), (v, V)):
        close(mine.grad.numpy(), other.grad.numpy(), 1e-12, "gradient")
