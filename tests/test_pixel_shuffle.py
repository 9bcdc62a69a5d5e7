import numpy as np
import pytest
from checks import check_torch, torch

from pydl.ops import pixel_shuffle, pixel_unshuffle


@pytest.mark.parametrize("lead", [(), (2,), (2, 3)])
def test_torch(lead):
    x = np.random.default_rng(0).standard_normal((*lead, 8, 3, 5))
    check_torch(lambda x: pixel_shuffle(x, 2), lambda x: torch.nn.functional.pixel_shuffle(x, 2), x)
    y = pixel_shuffle(x, 2).numpy()
    check_torch(lambda x: pixel_unshuffle(x, 2), lambda x: torch.nn.functional.pixel_unshuffle(x, 2), y)
    np.testing.assert_array_equal(pixel_unshuffle(y, 2).numpy(), x)


def test_refuses():
    with pytest.raises(ValueError, match=r"pixel_shuffle: channels must be a multiple of 2\^2, but input has shape"):
        pixel_shuffle(np.ones((1, 6, 2, 2)), 2)
    with pytest.raises(ValueError, match="pixel_unshuffle: height and width must be multiples of 2"):
        pixel_unshuffle(np.ones((1, 3, 2)), 2)
