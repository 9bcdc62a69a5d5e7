import numpy as np
import pytest

import pydl
from pydl.nn.functional import one_hot


def test_worked_by_hand():
    y = one_hot(pydl.tensor([0, 2]))
    assert y.tolist() == [[1, 0, 0], [0, 0, 1]]
    assert y.dtype == np.int64
    for dtype in (np.int64, np.int32):
        assert one_hot(np.array(1, dtype), 3).tolist() == [0, 1, 0]
    assert one_hot(np.zeros((0, 2), np.uint8), num_classes=4).shape == (0, 2, 4)


def test_torch():
    torch = pytest.importorskip("torch")
    x = np.random.default_rng(0).integers(0, 5, (3, 4, 2))[::-1, ::2]
    expected = torch.nn.functional.one_hot(torch.tensor(x.copy()), 7).numpy()
    np.testing.assert_array_equal(one_hot(x, 7).numpy(), expected)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ((np.array([0.0]),), TypeError, "one_hot: tensor has dtype float64 but must hold integers"),
        ((np.array([True]),), TypeError, "one_hot: tensor has dtype bool but must hold integers"),
        ((np.array([0, 3]), 3), ValueError, "one_hot: tensor has values from 0 to 3 but classes are from 0 to 2"),
        ((np.array([-1, 1]),), ValueError, "one_hot: tensor has values from -1 to 1"),
        ((np.array([], int),), ValueError, "one_hot: tensor is empty, so num_classes must be given"),
        ((np.array([0]), 0), ValueError, "one_hot: num_classes must be at least 1, not 0"),
    ],
)
def test_refuses(arguments, error, message):
    with pytest.raises(error, match=message):
        one_hot(*arguments)
