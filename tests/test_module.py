"""Module: what it finds, names, saves, loads and refuses."""

import copy

import numpy as np
import pytest

import pydl
from pydl import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.hidden = nn.Linear(3, 4)
        self.rest = nn.Sequential(nn.Linear(4, 4), nn.Linear(4, 2, bias=False))
        self.scale = nn.Parameter(np.ones(2, np.float32))
        self.register_buffer("seen", pydl.zeros(1))
        self.register_buffer("scratch", pydl.zeros(1), persistent=False)

    def forward(self, x):
        return self.rest(self.hidden(x).relu())


class Shared(nn.Module):
    def __init__(self):
        super().__init__()
        self.first = nn.Linear(2, 2)
        self.second = nn.Linear(2, 2)
        self.second.weight = self.first.weight
        self.third = self.first


NAMES = ["scale", "hidden.weight", "hidden.bias", "rest.0.weight", "rest.0.bias", "rest.1.weight"]


def test_names():
    net = Net()
    assert [name for name, _ in net.named_parameters()] == NAMES
    assert [name for name, _ in net.named_parameters(recurse=False)] == ["scale"]
    assert next(name for name, _ in net.named_parameters(prefix="net")) == "net.scale"
    assert [name for name, _ in net.named_buffers()] == ["seen", "scratch"]
    assert [name for name, _ in net.named_modules()] == ["", "hidden", "rest", "rest.0", "rest.1"]
    assert [name for name, _ in net.named_children()] == ["hidden", "rest"]
    assert list(net.state_dict()) == ["scale", "seen", *NAMES[1:]]
    assert len(list(net.parameters())) == len(NAMES)
    assert len(list(net.buffers())) == 2
    assert list(net.children()) == [net.hidden, net.rest]
    assert len(list(net.modules())) == 5


def test_names_are_those_of_torch():
    torch = pytest.importorskip("torch")
    theirs = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.ModuleList([torch.nn.Linear(2, 2, bias=False)]))
    mine = nn.Sequential(nn.Linear(3, 4), nn.ModuleList([nn.Linear(2, 2, bias=False)]))
    assert {k: tuple(v.shape) for k, v in theirs.state_dict().items()} == {
        k: v.shape for k, v in mine.state_dict().items()
    }
    assert [k for k, _ in theirs.named_modules()] == [k for k, _ in mine.named_modules()]
    assert repr(mine[0]) == repr(theirs[0])


def test_what_is_shared_counts_once_but_has_both_names():
    net = Shared()
    assert [name for name, _ in net.named_parameters()] == ["first.weight", "first.bias", "second.bias"]
    assert [name for name, _ in net.named_modules()] == ["", "first", "second"]
    assert [name for name, _ in net.named_children()] == ["first", "second"]
    state = net.state_dict()
    assert list(state) == [f"{k}.{p}" for k in ("first", "second", "third") for p in ("weight", "bias")]
    assert np.shares_memory(state["first.weight"].data, state["second.weight"].data)


def test_gradients_reach_parameters():
    net = Net()
    net(np.ones((5, 3), np.float32)).backward(np.ones((5, 2), np.float32))
    assert net.hidden.weight.grad.shape == (4, 3)
    assert net.scale.grad is None
    net.zero_grad(set_to_none=False)
    assert not net.hidden.weight.grad.numpy().any()
    net.zero_grad()
    assert net.hidden.weight.grad is None


def test_attributes_change_kind():
    net = Net()
    net.scale = None
    assert "scale" not in dict(net.named_parameters())
    assert net.scale is None
    net.scale = nn.Parameter(np.zeros(3, np.float32))
    assert net.state_dict()["scale"].shape == (3,)
    net.hidden = nn.Linear(2, 2, bias=False)
    assert "hidden.bias" not in net.state_dict()
    del net.hidden
    assert [name for name, _ in net.named_children()] == ["rest"]
    net.seen = pydl.ones(2)
    assert net.state_dict()["seen"].tolist() == [1.0, 1.0]
    net.seen = None
    assert "seen" not in net.state_dict()
    net.plain = 3
    assert net.plain == 3
    net.plain = nn.Linear(1, 1)
    assert "plain.weight" in net.state_dict()


def test_train_and_eval():
    net = Net()
    assert net.training
    assert net.eval() is net
    assert [module.training for module in net.modules()] == [False] * 5
    net.rest.train()
    assert (net.training, net.rest[0].training) == (False, True)


def test_requires_grad():
    net = Net().requires_grad_(False)
    assert not any(each.requires_grad for each in net.parameters())
    assert not net(np.ones((1, 3), np.float32)).requires_grad


def test_apply_visits_below_first():
    visited = []
    net = Net()
    assert net.apply(visited.append) is net
    assert visited == [net.hidden, net.rest[0], net.rest[1], net.rest, net]


def test_dtypes():
    net = Net()
    weight = net.hidden.weight
    net.hidden.weight.grad = pydl.ones(4, 3)
    net.register_buffer("count", pydl.tensor([1]))
    assert net.double() is net
    assert net.hidden.weight is weight
    assert {each.dtype for each in (*net.parameters(), net.seen, weight.grad)} == {np.dtype(np.float64)}
    assert net.count.dtype == np.int64
    assert net.float().hidden.weight.dtype == np.float32
    assert net.to("float64").scale.dtype == np.float64
    with pytest.raises(TypeError, match="to: dtype is int64 but must be float32 or float64"):
        net.to(np.int64)


def test_deepcopy():
    net = Shared()
    twin = copy.deepcopy(net)
    assert twin.first is not net.first
    assert twin.third is twin.first
    assert twin.second.weight is twin.first.weight
    assert dict(twin.named_parameters())["first.weight"] is twin.first.weight
    assert isinstance(twin.first.weight, nn.Parameter)
    assert twin.first.weight.requires_grad
    assert not np.shares_memory(twin.first.weight.data, net.first.weight.data)
    np.testing.assert_array_equal(twin.first.weight.data, net.first.weight.data)


def test_hooks():
    net = nn.Linear(2, 2)
    calls = []
    before = net.register_forward_pre_hook(lambda module, inputs: calls.append(("before", len(inputs))))
    doubled = net.register_forward_pre_hook(lambda module, inputs: 2 * inputs[0])
    after = net.register_forward_hook(lambda module, inputs, output: calls.append(("after", inputs[0][0, 0])))
    replaced = net.register_forward_hook(lambda module, inputs, output: "replaced")
    assert net(np.ones((1, 2), np.float32)) == "replaced"
    assert calls == [("before", 1), ("after", 2.0)]
    for handle in (before, doubled, after, replaced):
        handle.remove()
    assert net(np.ones((1, 2), np.float32)).shape == (1, 2)
    assert len(calls) == 2


def test_repr():
    text = """Net(
  (hidden): Linear(in_features=3, out_features=4, bias=True)
  (rest): Sequential(
    (0): Linear(in_features=4, out_features=4, bias=True)
    (1): Linear(in_features=4, out_features=2, bias=False)
  )
)"""
    assert repr(Net()) == text
    assert repr(nn.Module()) == "Module()"
    assert repr(nn.Parameter(np.ones(2, np.float32))) == ("Parameter containing:\ntensor([1., 1.], requires_grad=True)")


def test_load_state_dict():
    source, target = Net(), Net()
    source.seen.data[...] = 7
    version = target.hidden.weight.version.count
    state = {name: each.numpy().astype(np.float64) for name, each in source.state_dict().items()}
    assert target.load_state_dict(state) == ([], [])
    for a, b in zip(source.state_dict().values(), target.state_dict().values(), strict=True):
        np.testing.assert_array_equal(a.numpy(), b.numpy())
    assert target.hidden.weight.dtype == np.float32
    assert target.hidden.weight.version.count > version
    assert not np.shares_memory(source.scale.data, target.scale.data)


def test_load_state_dict_with_gaps():
    net = Net()
    result = net.load_state_dict({"scale": np.full(2, 5.0), "other": np.zeros(1)}, strict=False)
    assert result.unexpected_keys == ["other"]
    assert result.missing_keys == ["seen", *NAMES[1:]]
    assert net.scale.tolist() == [5.0, 5.0]


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"scale": None, "seen": None}, RuntimeError, "does not fit Net: missing: scale, seen$"),
        ({"a": np.zeros(1), "b": np.zeros(1)}, RuntimeError, "does not fit Net: unexpected: a, b$"),
        (
            {"rest.1.weight": np.zeros((4, 2)), "x": np.zeros(1)},
            RuntimeError,
            r"unexpected: x; rest.1.weight has shape \(4, 2\) but the module's has \(2, 4\)",
        ),
        ({"rest.1.weight": "text"}, TypeError, "load_state_dict: rest.1.weight must be a tensor or an array, not str"),
        ({"rest.1.weight": np.array(["a"])}, TypeError, "rest.1.weight has dtype <U1 but must hold numbers"),
    ],
)
def test_a_failed_load_changes_nothing(change, error, message):
    net = Net()
    before = {name: each.numpy().copy() for name, each in net.state_dict().items()}
    state = {name: np.full_like(each, 9) for name, each in before.items()} | change
    state = {name: each for name, each in state.items() if each is not None}
    with pytest.raises(error, match=message):
        net.load_state_dict(state)
    for name, each in net.state_dict().items():
        np.testing.assert_array_equal(each.numpy(), before[name])


def test_load_refuses_what_is_no_dict():
    with pytest.raises(TypeError, match="load_state_dict: state_dict must be a dict of arrays, not list"):
        Net().load_state_dict([])


class Forgot(nn.Module):
    def __init__(self, value):
        self.value = value


@pytest.mark.parametrize("value", [3, nn.Parameter(np.ones(1, np.float32)), nn.Linear(1, 1)])
def test_forgotten_super_init(value):
    with pytest.raises(AttributeError, match=r"Forgot: call super\(\).__init__\(\) at the start of __init__"):
        Forgot(value)


def test_forgotten_super_init_shows_on_use():
    class Silent(nn.Module):
        def __init__(self):
            pass

    with pytest.raises(AttributeError, match=r"its __init__ must call super\(\).__init__\(\)"):
        Silent()(1)


@pytest.mark.parametrize(
    ("act", "error", "message"),
    [
        (lambda net: net.missing, AttributeError, "Net has no attribute 'missing'"),
        (lambda net: setattr(net, "scale", 3.0), TypeError, "Net: scale must be a Parameter or None, not float"),
        (lambda net: setattr(net, "hidden", 3.0), TypeError, "Net: hidden must be a Module or None, not float"),
        (lambda net: setattr(net, "seen", np.ones(1)), TypeError, "Net: seen must be a Tensor or None, not ndarray"),
        (lambda net: net.register_parameter("w", pydl.ones(1)), TypeError, "w must be a Parameter or None, not Tensor"),
        (lambda net: net.register_buffer("b", 3), TypeError, "Net: b must be a Tensor or None, not int"),
        (lambda net: net.add_module("m", 3), TypeError, "Net: m must be a Module or None, not int"),
        (lambda net: net.add_module("a.b", nn.Linear(1, 1)), ValueError, "'a.b' cannot be a name"),
        (lambda net: setattr(net, "train", nn.Linear(1, 1)), ValueError, "'train' is the name of a method"),
        (lambda net: nn.Module()(1), NotImplementedError, "Module has no forward"),
    ],
)
def test_refuses(act, error, message):
    with pytest.raises(error, match=message):
        act(Net())


def test_parameter_shares_memory():
    values = np.ones(3, np.float32)
    assert np.shares_memory(nn.Parameter(values).data, values)
    assert not nn.Parameter(values, requires_grad=False).requires_grad
    with pytest.raises(TypeError, match="only floating-point tensors have gradients"):
        nn.Parameter(np.array([1, 2]))
