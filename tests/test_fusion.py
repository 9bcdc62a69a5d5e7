"""What capture makes of the kernels it recorded: joined, in place, with batch normalisations and weights made ready."""

from __future__ import annotations

import numpy as np
import pytest
from checks import kernel_names, same_bits

import pydl
from pydl import nn
from pydl.nn.functional import linear, relu
from pydl.op import KERNELS


def test_products_and_activations_are_joined_only_where_nobody_else_reads_the_product():
    w, v = pydl.randn(5, 4), pydl.randn(3, 5)
    x = pydl.randn(2, 4)
    joined = pydl.capture(lambda x: linear(relu(linear(x, w)), v))
    assert same_bits(joined(x), linear(relu(linear(x, w)), v))
    assert kernel_names(joined) == ["linear_forward", "linear_forward"]

    def both(x):
        z = linear(x, w)
        return relu(z), z

    kept = pydl.capture(both)
    for one, other in zip(kept(x), both(x), strict=True):
        assert same_bits(one, other)
    assert kernel_names(kept) == ["linear_forward", "relu_forward"]

    def twice(x):
        z = linear(x, w)
        return relu(z) + z

    assert same_bits(pydl.capture(twice)(x), twice(x))


class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(2, 3, 3, padding=1, bias=False), nn.BatchNorm2d(3)
        self.conv2, self.bn2 = nn.Conv2d(3, 2, 3, padding=1), nn.BatchNorm2d(2)
        self.relu = nn.ReLU()

    def forward(self, x):
        y = self.relu(self.bn1(self.conv1(x)))
        return self.relu(self.bn2(self.conv2(y)) + x)


def residual():
    """With statistics that matter."""
    module = Block()
    for _ in range(3):
        module(pydl.randn(8, 2, 6, 6) * 3.0 + 1.0)
    return module.eval()


def test_kernels_work_in_place_where_nobody_else_looks():
    module = residual()
    fast = pydl.capture(module)
    for batch in (1, 3):
        x = pydl.randn(batch, 2, 6, 6)
        assert same_bits(fast(x), module(x))
    calls = [(kernel.__name__, arguments) for kernel, arguments in next(iter(fast._recordings.values())).calls]
    in_place = [name for name, arguments in calls if np.may_share_memory(arguments[0], arguments[kernel_y(name)])]
    assert in_place.count("relu_forward") == 2


def kernel_y(name):
    return KERNELS[name].arguments.index("y")


def test_a_broadcast_argument_is_not_worked_on_in_place():
    def function(x):
        return relu(x) + pydl.ones(4, 3), pydl.ones(3) + relu(x)

    fast, x = pydl.capture(function), pydl.randn(1, 3)
    for one, other in zip(fast(x), function(x), strict=True):
        assert same_bits(one, other)


def test_running_statistics_are_used_where_they_are():
    module = residual()
    fast, x = pydl.capture(module), pydl.randn(2, 2, 6, 6)
    fast(x)
    module.train()
    module(pydl.randn(8, 2, 6, 6) * 5.0)
    module.eval()
    assert same_bits(fast(x), module(x))


def test_folded_batch_normalisations():
    module = residual()
    fast, x = pydl.capture(module, fold=True), pydl.randn(2, 2, 6, 6)
    np.testing.assert_allclose(fast(x).numpy(), module(x).data, rtol=1e-4, atol=1e-5)
    assert not any("batch_norm" in name for name in kernel_names(fast))
    with pydl.no_grad():
        module.bn1.weight.mul_(2.0)
    np.testing.assert_allclose(fast(x).numpy(), module(x).data, rtol=1e-4, atol=1e-5)
    module.train()
    module(pydl.randn(8, 2, 6, 6) * 5.0)
    module.eval()
    np.testing.assert_allclose(fast(x).numpy(), module(x).data, rtol=1e-4, atol=1e-5)
    module.load_state_dict(residual().state_dict())
    np.testing.assert_allclose(fast(x).numpy(), module(x).data, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_packed_weights_follow_the_parameters(dtype):
    module = nn.Sequential(nn.Linear(20, 70), nn.ReLU(), nn.Linear(70, 50), nn.Tanh()).to(dtype).eval()
    fast, x = pydl.capture(module, fold=True), pydl.randn(30, 20, dtype=dtype)

    def check():
        np.testing.assert_allclose(fast(x).numpy(), module(x).data, rtol=1e-5, atol=1e-6)
        assert kernel_names(fast) == ["linear_packed", "linear_packed"]

    check()
    with pydl.no_grad():
        module[0].weight.mul_(2.0)
    check()
    optimizer = pydl.optim.SGD(module.parameters(), lr=0.1)
    module(x).sum().backward()
    optimizer.step()
    check()
    module.load_state_dict({name: value.data * 0.5 for name, value in module.state_dict().items()})
    check()
    with pydl.no_grad():
        module[2].bias.add_(1.0)
        module[2].weight[3] = 0.0
    check()


def test_folding_needs_a_module():
    with pytest.raises(TypeError, match="fold needs a module"):
        pydl.capture(relu, fold=True)
    with pytest.raises(TypeError, match="fold"):
        pydl.capture(residual(), fold="yes")
