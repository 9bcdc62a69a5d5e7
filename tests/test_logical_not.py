import numpy as np

import pydl


def test_worked_by_hand():
    assert pydl.tensor([0.0, 2.0, np.nan]).logical_not().tolist() == [True, False, False]
    assert pydl.tensor([True, False]).logical_not().tolist() == [False, True]
    assert pydl.tensor(5).logical_not().item() is False
