import numpy as np
import pytest

import pydl
from pydl import nn, optim


def test_as_in_torch():
    torch = pytest.importorskip("torch")
    layer, twin = nn.Linear(3, 2), torch.nn.Linear(3, 2)
    ema = optim.EMA(layer.parameters(), decay=0.9)
    oracle = torch.optim.swa_utils.AveragedModel(twin, multi_avg_fn=torch.optim.swa_utils.get_ema_multi_avg_fn(0.9))
    rng = np.random.default_rng(0)
    for _ in range(6):
        for mine, other in zip(layer.parameters(), twin.parameters(), strict=True):
            mine.data[...] = rng.standard_normal(mine.shape)
            other.data[...] = torch.tensor(mine.data)
        ema.update()
        oracle.update_parameters(twin)
    for mine, other in zip(ema.averages, oracle.module.parameters(), strict=True):
        np.testing.assert_allclose(mine, other.detach().numpy(), rtol=1e-5, atol=1e-6)


def test_inside_a_block_the_model_has_the_averages():
    w = nn.Parameter(np.zeros(2))
    ema = optim.EMA([w], decay=0.5)
    for value in (0.0, 4.0):
        w.data[...] = value
        ema.update()
    with ema:
        assert w.tolist() == [2.0, 2.0]
        with pytest.raises(RuntimeError, match="EMA: the averages are in the model already"), ema:
            pass
    assert w.tolist() == [4.0, 4.0]


def test_resumes_and_refuses():
    w = nn.Parameter(np.zeros(2))
    ema, again = optim.EMA([w]), optim.EMA([w])
    w.data[...] = 3.0
    ema.update()
    again.load_state_dict(ema.state_dict())
    assert again.averages[0].tolist() == [3.0, 3.0]
    assert again.n_averaged == 1
    with pytest.raises(ValueError, match="EMA: the state is of parameters of other shapes"):
        optim.EMA([pydl.zeros(3)]).load_state_dict(ema.state_dict())
    with pytest.raises(TypeError, match="EMA: parameters must be Tensors, not int"):
        optim.EMA([1])
