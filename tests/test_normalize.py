import numpy as np
import pytest
from checks import check_gradient, check_torch, torch

from pydl.ops import normalize

RNG = np.random.default_rng(0)
X = RNG.standard_normal((2, 3, 4))


@pytest.mark.parametrize("options", [{}, {"dim": -1}, {"p": 1.0}, {"p": 3.0}, {"p": np.inf}, {"eps": 2.0}], ids=str)
def test_normalize(options):
    check_gradient(lambda x: normalize(x, **options), X)
    check_torch(lambda x: normalize(x, **options), lambda x: torch.nn.functional.normalize(x, **options), X)
    assert np.isfinite(normalize(np.zeros((2, 3)), **options).numpy()).all()


def test_refuses():
    with pytest.raises(ValueError, match="normalize: p must be above 0, not 0"):
        normalize(X, 0)
