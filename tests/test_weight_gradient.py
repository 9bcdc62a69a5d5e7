"""Recurrent cells in loops: the gradients of their weights are those of the steps, added."""

import numpy as np
import pytest

import pydl
from pydl import nn
from pydl.ops.linear import linear_backward_weight
from pydl.ops.weight_gradient import FEW_ROWS, LARGE, MANY_ROWS, SOME_ROWS, WeightGradient

rng = np.random.default_rng(0)


def drawn(*shape):
    return rng.standard_normal(shape)


def loop(cell, x, first):
    state, states = first, []
    for t in range(len(x)):
        state = cell(x[t], state)
        states.append(state[0] if isinstance(state, tuple) else state)
    return pydl.stack(states)


@pytest.mark.parametrize("B", [1, 3, FEW_ROWS, FEW_ROWS + 1, 40])
@pytest.mark.parametrize("kind", ["LSTM", "GRU", "RNN"])
def test_loop_of_cells_is_the_layer(kind, B):
    T, D, H = 2 + 60 // B, 4, 5
    cell = getattr(nn, f"{kind}Cell")(D, H, dtype=np.float64)
    layer = getattr(nn, kind)(D, H, dtype=np.float64)
    layer.load_state_dict({f"{name}_l0": value for name, value in cell.state_dict().items()})
    x, dy = drawn(T, B, D), drawn(T, B, H)
    given = [pydl.tensor(x, requires_grad=True) for _ in range(2)]
    for passes in (1, 2):  # the second is added to the first
        loop(cell, given[0], None).backward(dy)
        layer(given[1])[0].backward(dy)
        np.testing.assert_allclose(given[0].grad.data, given[1].grad.data, rtol=1e-9, atol=1e-9)
        for name, parameter in cell.named_parameters():
            want = getattr(layer, f"{name}_l0").grad.data
            np.testing.assert_allclose(parameter.grad.data, want, rtol=1e-9, atol=1e-9, err_msg=f"{name} {passes}")


def test_threads_change_no_bit():
    cell = nn.LSTMCell(33, 70)
    x = pydl.tensor(drawn(30, 7, 33).astype(np.float32))
    found = []
    threads = pydl.get_num_threads()
    for count in (1, 2, 3):
        pydl.set_num_threads(count)
        cell.zero_grad()
        loop(cell, x, None).sum().backward()
        found.append([parameter.grad.data.copy() for parameter in cell.parameters()])
    pydl.set_num_threads(threads)
    for other in found[1:]:
        for a, b in zip(found[0], other, strict=True):
            np.testing.assert_array_equal(a, b)


def test_weights_that_were_computed():
    w = pydl.tensor(drawn(20, 3), requires_grad=True)
    b, h, c = pydl.tensor(drawn(20, 5)), drawn(2, 5), drawn(2, 5)
    x = [drawn(2, 3) for _ in range(3)]
    sum(pydl.ops.lstm_cell(each, (h, c), w * 2.0, b)[0].sum() for each in x).backward()
    got, w.grad = w.grad.data, None
    doubled = pydl.tensor(w.data * 2.0, requires_grad=True)
    sum(pydl.ops.lstm_cell(each, (h, c), doubled, b)[0].sum() for each in x).backward()
    np.testing.assert_allclose(got, doubled.grad.data * 2.0, rtol=1e-9)


def test_only_few_rows_wait():
    def pair(rows, columns=2):
        return WeightGradient(drawn(rows, 4), drawn(rows, columns))

    assert pair(FEW_ROWS).join(pair(FEW_ROWS))
    assert not pair(FEW_ROWS).join(pair(FEW_ROWS + 1))
    assert not pair(FEW_ROWS + 1).join(pair(1))
    large = [WeightGradient(drawn(SOME_ROWS, 4), np.broadcast_to(0.0, (SOME_ROWS, LARGE // 4))) for _ in range(2)]
    assert large[0].join(large[1])
    all_of_it = pair(1)
    assert sum(all_of_it.join(pair(1)) for _ in range(MANY_ROWS)) == MANY_ROWS - 1


def test_rows_with_gaps():
    dy, x = drawn(3, 8), drawn(5, 3).T
    sum_of_both = WeightGradient(dy, x)
    assert sum_of_both.join(WeightGradient(dy, x))
    np.testing.assert_allclose(sum_of_both.array(), 2 * dy.T @ x)


@pytest.mark.parametrize("wrong", [((3, 4), (2, 5), (4, 5)), ((3, 4), (3, 5), (5, 5)), ((3, 4), (3, 5), (4, 4))])
def test_kernel_refuses(wrong):
    dy, x, dw = (np.zeros(shape, np.float32) for shape in wrong)
    with pytest.raises(ValueError, match=r"linear_backward_weight: dy .* do not fit"):
        linear_backward_weight.native([dy], [x], dw, False)
