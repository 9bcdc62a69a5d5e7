import numpy as np

import pydl


def test_worked_by_hand():
    x = pydl.tensor([np.nan, np.inf, -np.inf, 0.0], requires_grad=True)
    assert x.isnan().tolist() == [True, False, False, False]
    assert x.isinf().tolist() == [False, True, True, False]
    assert x.isfinite().tolist() == [False, False, False, True]
    assert x.isnan().dtype == np.bool_


def test_integers_and_no_elements():
    assert pydl.tensor([1, 2]).isfinite().tolist() == [True, True]
    assert pydl.zeros(0, 3).isnan().shape == (0, 3)
