"""What all update rules share: groups, gradients, states and what they refuse."""

import json

import numpy as np
import pytest
from optimizers import gradient, parameters

import pydl
from pydl import nn
from pydl.optim import SGD, Adam, RMSprop


def test_each_group_has_its_own_options():
    a, b = (pydl.tensor([1.0], requires_grad=True) for _ in range(2))
    optimizer = SGD([{"params": [a], "lr": 0.5}, {"params": b}], lr=0.25)
    a.grad, b.grad = pydl.tensor([1.0]), pydl.tensor([1.0])
    optimizer.step()
    assert (a.tolist(), b.tolist()) == ([0.5], [0.75])
    assert [group["lr"] for group in optimizer.param_groups] == [0.5, 0.25]


def test_parameters_without_gradient_do_not_move():
    params = parameters()
    before = [each.tolist() for each in params]
    Adam(params, lr=0.1).step()
    assert [each.tolist() for each in params] == before


def test_both_dtypes_in_one_optimizer():
    a = pydl.tensor([1.0], dtype=np.float32, requires_grad=True)
    b = pydl.tensor([1.0], dtype=np.float64, requires_grad=True)
    a.grad, b.grad = pydl.tensor([1.0], dtype=np.float32), pydl.tensor([1.0], dtype=np.float64)
    SGD([a, b], lr=0.5).step()
    assert (a.tolist(), b.tolist(), a.dtype, b.dtype) == ([0.5], [0.5], np.float32, np.float64)


@pytest.mark.parametrize("rule", [Adam, RMSprop])
def test_a_changed_dtype_is_named(rule):
    layer = nn.Linear(2, 1)
    optimizer = rule(layer.parameters())
    layer(np.ones((1, 2), np.float32)).sum().backward()
    optimizer.step()
    layer.double()
    with pytest.raises(TypeError, match=f"^{rule.__name__}: parameters are float64 now; make a new optimizer$"):
        optimizer.step()


def test_memory_that_is_not_contiguous():
    memory = np.zeros((4, 6))
    w = pydl.from_numpy(memory[::2, ::-2]).requires_grad_()
    w.grad = pydl.from_numpy(np.arange(6.0).reshape(3, 2).T)
    SGD([w], lr=1.0).step()
    np.testing.assert_array_equal(w.detach().numpy(), -np.arange(6.0).reshape(3, 2).T)
    assert np.shares_memory(w.data, memory)


def test_a_step_is_an_in_place_change():
    w = pydl.tensor([1.0, 2.0], requires_grad=True)
    y = w.relu()
    optimizer = SGD([w], lr=0.1)
    w.grad = pydl.tensor([1.0, 1.0])
    before = w.version.count
    optimizer.step()
    assert w.version.count > before
    y.backward(np.ones(2, np.float32))  # relu needs its result only


def test_zero_grad():
    w = pydl.tensor([1.0], requires_grad=True)
    optimizer = SGD([w], lr=0.1)
    w.grad = pydl.tensor([3.0])
    optimizer.zero_grad(set_to_none=False)
    assert w.grad.tolist() == [0.0]
    optimizer.zero_grad()
    assert w.grad is None


def test_closure():
    w = pydl.tensor([1.0], requires_grad=True)

    def closure():
        assert pydl.is_grad_enabled()
        w.grad = pydl.tensor([1.0])
        return 7

    with pydl.no_grad():
        assert SGD([w], lr=0.5).step(closure) == 7
    assert w.tolist() == [0.5]


def test_state_survives_json():
    def make(params):
        return Adam(params, lr=0.1, betas=(0.8, 0.9))

    params = parameters()
    optimizer = make(params)
    for each in params:
        each.grad = pydl.tensor(gradient(each.shape, 0))
    optimizer.step()
    state = optimizer.state_dict()
    text = json.dumps(state, default=lambda array: array.tolist())
    loaded = json.loads(text)
    for i, entries in loaded["state"].items():
        shape = params[int(i)].shape
        loaded["state"][i] = {
            key: np.array(value).reshape(shape) if key != "step" else value for key, value in entries.items()
        }
    twins = [pydl.tensor(each.detach(), requires_grad=True) for each in params]
    other = make(twins)
    other.load_state_dict(loaded)
    for a, b in zip(params, twins, strict=True):
        a.grad = b.grad = pydl.tensor(gradient(a.shape, 1))
    optimizer.step()
    other.step()
    for a, b in zip(params, twins, strict=True):
        np.testing.assert_array_equal(a.detach().numpy(), b.detach().numpy())


def test_loaded_state_is_a_copy():
    params = parameters()
    optimizer = SGD(params, lr=0.1, momentum=0.9)
    for each in params:
        each.grad = pydl.tensor(gradient(each.shape, 0))
    optimizer.step()
    other = SGD(parameters(), lr=0.1, momentum=0.9)
    other.load_state_dict(optimizer.state_dict())
    mine = optimizer.state[params[0]]["momentum_buffer"]
    theirs = other.state[other.param_groups[0]["params"][0]]["momentum_buffer"]
    assert not np.shares_memory(mine, theirs)
    np.testing.assert_array_equal(mine, theirs)


LEAF = pydl.tensor([1.0], requires_grad=True)


@pytest.mark.parametrize(
    ("params", "error", "message"),
    [
        ([], ValueError, "SGD: params is empty; give it model.parameters()"),
        (LEAF, TypeError, "SGD: params must be a list of Tensors or of dicts, not Tensor"),
        ([LEAF, LEAF], ValueError, "SGD: parameter 1 of the group was given already"),
        ([{"params": [LEAF]}, {"params": [LEAF]}], ValueError, "SGD: parameter 0 of the group was given already"),
        ([{"params": [LEAF], "rate": 1}], ValueError, "SGD: there is no option 'rate'; it has lr, momentum, dampening"),
        ([{"params": [LEAF], "lr": -1}], ValueError, "SGD: lr must be a number of at least 0, not -1"),
        ([{"lr": 1}], TypeError, "SGD: a parameter group must be a dict with the key 'params'"),
        ([np.ones(3)], TypeError, "SGD: parameter 0 must be a Tensor, not ndarray"),
        ([pydl.tensor([1])], TypeError, "SGD: parameter 0 has dtype int64 but must be float32 or float64"),
        ([pydl.from_numpy(np.broadcast_to(np.ones(1), 3))], ValueError, "SGD: parameter 0 is read-only memory"),
        ([LEAF.relu()], ValueError, "SGD: parameter 0 was computed from others; only leaves can be optimized"),
    ],
)
def test_refuses_parameters(params, error, message):
    with pytest.raises(error, match=message):
        SGD(params, lr=0.1)


def test_refuses_gradients_that_do_not_fit():
    w = pydl.tensor([1.0, 2.0], requires_grad=True)
    optimizer = SGD([w], lr=0.1)
    w.grad = pydl.tensor([1.0, 1.0])
    w.grad.data = np.ones(1, np.float32)
    with pytest.raises(
        ValueError, match=r"gradient of a parameter is float32 \(1,\), but the parameter is float32 \(2,"
    ):
        optimizer.step()
    assert w.tolist() == [1.0, 2.0]


def test_refuses_states_of_other_parameters():
    optimizer = SGD(parameters(), lr=0.1, momentum=0.9)
    state = optimizer.state_dict()
    with pytest.raises(ValueError, match=r"the state has groups of \[4\] parameters, this optimizer of \[1\]"):
        SGD([LEAF], lr=0.1).load_state_dict(state)
    wrong = {**state, "state": {0: {"momentum_buffer": np.zeros(3)}}}
    with pytest.raises(ValueError, match=r"momentum_buffer of parameter 0 has shape \(3,\), the parameter \(3, 4\)"):
        optimizer.load_state_dict(wrong)
    with pytest.raises(ValueError, match="the state has options that do not exist here: betas"):
        optimizer.load_state_dict(Adam(parameters()).state_dict() | {"state": {}} | _betas_only(state))
    assert optimizer.state == {}


def _betas_only(state):
    return {"param_groups": [{**state["param_groups"][0], "betas": (0.9, 0.9)}]}


def test_repr():
    assert repr(SGD([LEAF], lr=0.5)).startswith("SGD (\nParameter Group 0\n    dampening: 0\n    lr: 0.5\n")
