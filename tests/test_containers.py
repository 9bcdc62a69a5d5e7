import numpy as np
import pytest

from pydl import nn


def linears(count):
    return [nn.Linear(2, 2) for _ in range(count)]


def test_sequential():
    a, b, c = linears(3)
    net = nn.Sequential(a, b, c)
    x = np.ones((1, 2), np.float32)
    np.testing.assert_array_equal(net(x).detach().numpy(), c(b(a(x))).detach().numpy())
    assert (len(net), net[0], net[-1], list(net)) == (3, a, c, [a, b, c])
    assert list(net[1:]) == [b, c]
    assert isinstance(net[1:], nn.Sequential)
    assert list(net[1:].state_dict()) == ["1.weight", "1.bias", "2.weight", "2.bias"]
    assert nn.Sequential()(5) == 5


def test_sequential_with_names():
    a, b = linears(2)
    net = nn.Sequential({"first": a, "last": b})
    assert list(net.state_dict()) == ["first.weight", "first.bias", "last.weight", "last.bias"]
    assert (net.first, net[1]) == (a, b)


def test_list():
    a, b, c, d = linears(4)
    modules = nn.ModuleList([a])
    assert modules.append(b) is modules
    modules.extend([c])
    modules.insert(0, d)
    assert list(modules) == [d, a, b, c]
    assert [name for name, _ in modules.named_children()] == ["0", "1", "2", "3"]
    modules[-1] = a
    del modules[0]
    assert list(modules) == [a, b, a]
    assert list(modules[:2]) == [a, b]
    assert isinstance(modules[:2], nn.ModuleList)
    del modules[1:]
    assert list(modules) == [a]
    with pytest.raises(NotImplementedError, match="ModuleList has no forward"):
        modules(1)


def test_refuses():
    net = nn.Sequential(*linears(2))
    with pytest.raises(IndexError, match="Sequential: index 2 is out of range, there are 2 modules"):
        net[2]
    with pytest.raises(IndexError, match="Sequential: index -3 is out of range"):
        del net[-3]
    with pytest.raises(TypeError, match="Sequential: 0 must be a Module or None, not list"):
        nn.Sequential(linears(2))
    with pytest.raises(TypeError, match="ModuleList: a list of modules is needed, not one Linear"):
        nn.ModuleList(nn.Linear(1, 1))


def test_modules_by_name():
    net = nn.ModuleDict({"a": nn.Linear(2, 3), "b": nn.ReLU()})
    net["c"] = nn.Linear(3, 1)
    del net["b"]
    assert list(net) == list(net.keys()) == ["a", "c"]
    assert len(net) == 2
    assert "a" in net
    assert [name for name, _ in net.named_parameters()] == ["a.weight", "a.bias", "c.weight", "c.bias"]
    with pytest.raises(KeyError, match="ModuleDict: there is no module 'b'; it has a, c"):
        net["b"]
    with pytest.raises(TypeError, match="ModuleDict: 'd' must be a Module, not int"):
        net["d"] = 3


def test_parameters_in_a_list():
    params = nn.ParameterList([nn.Parameter(np.ones(2)), np.ones((2, 2))])
    assert [name for name, _ in params.named_parameters()] == ["0", "1"]
    assert params[-1].shape == (2, 2)
    with pytest.raises(IndexError, match="ParameterList: index 2 is out of range, there are 2 parameters"):
        params[2]
    with pytest.raises(TypeError, match="ParameterList: a Parameter or an array is needed, not str"):
        params.append("w")
