"""The recurrent cases of ONNX's conformance tests: what ONNX writes down of LSTM, GRU and RNN, done by pydl.

The cases come from Debian's package libonnx-testdata (apt-get install libonnx-testdata), or from the folder that
PYDL_ONNX_TESTDATA names; they are skipped where there is neither. An adapter here turns ONNX's conventions into pydl's:
gates in the order i o f c (GRU: z r h), both biases in one array, peepholes p_i p_o p_f, a dimension for directions,
the batch first under layout=1. Limits of the gates' inputs (clip) and GRU's reset before the product
(linear_before_reset=0) are none of pydl's, so a step is made of single operations there.
"""

import os
from pathlib import Path

import numpy as np
import pytest

import pydl
from pydl import ops

DATA = Path(os.environ.get("PYDL_ONNX_TESTDATA", "/usr/share/libonnx-testdata/data/node"))
CASES = sorted(path for kind in ("lstm", "gru", "rnn", "simple_rnn") for path in DATA.glob(f"test_{kind}_*"))


# ---- protobuf: a message is a row of fields, each a key (number * 8 + wire type) and a value ----


def varint(data, at):
    value = shift = 0
    while True:
        value |= (data[at] & 127) << shift
        shift, at = shift + 7, at + 1
        if data[at - 1] < 128:
            return value, at


def fields(data):
    """(number, value) of every field: integers, or bytes."""
    at = 0
    while at < len(data):
        key, at = varint(data, at)
        if key & 7 == 0:
            value, at = varint(data, at)
        else:
            size, at = varint(data, at) if key & 7 == 2 else ({1: 8, 5: 4}[key & 7], at)
            value, at = data[at : at + size], at + size
        yield key >> 3, value


def tensor(data):
    """A TensorProto as an array: 1 dims, 2 data_type, 9 raw_data."""
    of = list(fields(data))
    shape = [value for number, value in of if number == 1 and isinstance(value, int)]
    types = {1: np.float32, 6: np.int32, 7: np.int64}
    (kind,) = (value for number, value in of if number == 2)
    raw = b"".join(value for number, value in of if number == 9)
    return np.frombuffer(raw, types[kind]).reshape(shape)


def node(model):
    """op_type, names of inputs and outputs, and attributes of the only node of a ModelProto."""
    (graph,) = (value for number, value in fields(model) if number == 7)
    (data,) = (value for number, value in fields(graph) if number == 1)
    of = list(fields(data))
    inputs, outputs = ([value.decode() for number, value in of if number == k] for k in (1, 2))
    (kind,) = (value.decode() for number, value in of if number == 4)
    return kind, inputs, outputs, dict(attribute(value) for number, value in of if number == 5)


def attribute(data):
    """1 name, 2 f, 3 i, 4 s, 7 floats, 9 strings."""
    of = list(fields(data))
    name = next(value.decode() for number, value in of if number == 1)
    for number, value in of:
        if number == 2:
            return name, float(np.frombuffer(value, np.float32)[0])
        if number == 3:
            return name, value
        if number == 4:
            return name, value.decode()
    return name, [value.decode() for number, value in of if number == 9]


# ---- the adapter ----

ORDER = {"LSTM": (0, 2, 3, 1), "GRU": (1, 0, 2), "RNN": (0,)}  # where pydl's gates are in ONNX's arrays


def in_order(kind, array, order=None):
    """The gates of ONNX's array (gates * H, ...) in pydl's order."""
    order = ORDER[kind] if order is None else order
    parts = np.split(array, len(order))
    return np.concatenate([parts[k] for k in order])


def clipped(a, clip):
    return a if clip is None else ops.clamp(a, -clip, clip)


def step_by_step(kind, x, h, c, w, r, b, p, clip):
    """One direction in single operations, gate for gate as ONNX writes it; x (T, B, D). Results (T, B, H), h, c."""
    H = h.shape[1]
    b_x, b_h = (pydl.tensor(each) for each in np.split(b, 2))
    w, r = pydl.tensor(w), pydl.tensor(r)
    results = []
    for x_t in x:
        a_x, a_h = ops.linear(x_t, w, b_x), ops.linear(h, r, b_h)
        if kind == "RNN":
            h = ops.tanh(clipped(a_x + a_h, clip))
        elif kind == "GRU":
            z = ops.sigmoid(clipped(a_x[:, :H] + a_h[:, :H], clip))
            reset = ops.sigmoid(clipped(a_x[:, H : 2 * H] + a_h[:, H : 2 * H], clip))
            new = ops.linear(reset * h, r[2 * H :], b_h[2 * H :])
            h = (1.0 - z) * ops.tanh(clipped(a_x[:, 2 * H :] + new, clip)) + z * h
        else:
            p_i, p_o, p_f = (pydl.tensor(each) for each in np.split(p, 3))
            i, o, f, g = (a_x[:, k * H : (k + 1) * H] + a_h[:, k * H : (k + 1) * H] for k in range(4))
            i, f = (ops.sigmoid(clipped(a + q * c, clip)) for a, q in ((i, p_i), (f, p_f)))
            c = f * c + i * ops.tanh(clipped(g, clip))
            h = ops.sigmoid(clipped(o + p_o * c, clip)) * ops.tanh(c)
        results.append(h)
    return ops.stack(results, 0), h, c


def direction(kind, settings, x, w, r, b, lengths, h, c, p, reverse):
    """One direction: Y (T, B, H), Y_h, Y_c."""
    clip, H = settings.get("clip"), r.shape[1]
    composed = clip is not None or (kind == "GRU" and not settings.get("linear_before_reset", 0))
    if composed and not reverse and (lengths is None or (lengths == len(x)).all()):
        return step_by_step(kind, pydl.tensor(x), pydl.tensor(h), pydl.tensor(c), w, r, b, p, clip)
    if composed:  # each sequence by itself, turned round where that is asked for
        y, last_h, last_c = np.zeros((*x.shape[:2], H), np.float32), h.copy(), c.copy()
        for n, length in enumerate(np.full(x.shape[1], len(x)) if lengths is None else lengths):
            s, turn = slice(n, n + 1), slice(None, None, -1 if reverse else 1)
            own = [pydl.tensor(np.ascontiguousarray(each)) for each in (x[:length, s][turn], h[s], c[s])]
            found = step_by_step(kind, *own, w, r, b, p, clip)
            y[:length, s], last_h[s], last_c[s] = found[0].data[turn], found[1].data, found[2].data
        return y, last_h, last_c
    w, r, (b_x, b_h) = in_order(kind, w), in_order(kind, r), (in_order(kind, each) for each in np.split(b, 2))
    if kind == "RNN":
        return *ops.rnn(x, h, w, r, b_x, b_h, lengths, reverse), None
    if kind == "GRU":
        return *ops.gru(x, h, w, r, b_x, b_h, lengths, reverse), None
    peephole = in_order(kind, p, (0, 2, 1))
    return ops.lstm_recurrence(
        ops.linear(x, w, b_x + b_h), (h, c), r, peephole, lengths=lengths, reverse=reverse
    )  # fmt: skip


def run(kind, settings, x, w, r, b=None, lengths=None, h=None, c=None, p=None):
    """Y (T, directions, B, H), Y_h and Y_c (directions, B, H); batch first under layout=1."""
    batch_first = settings.get("layout", 0)
    if batch_first:
        x, h, c = (None if each is None else each.swapaxes(0, 1) for each in (x, h, c))
    (N, rows, H), B = r.shape, x.shape[1]
    b = np.zeros((N, 2 * rows), np.float32) if b is None else b
    h, c = (np.zeros((N, B, H), np.float32) if each is None else each for each in (h, c))
    p = np.zeros((N, 3 * H), np.float32) if p is None else p
    where = settings.get("direction", "forward")
    results = []
    for d in range(N):
        reverse = where == "reverse" or d == 1
        one = direction(kind, settings, np.ascontiguousarray(x), w[d], r[d], b[d], lengths, h[d], c[d], p[d], reverse)
        results.append([each.data if isinstance(each, pydl.Tensor) else each for each in one])
    y, y_h, y_c = (None if each[0] is None else np.stack(each) for each in zip(*results, strict=True))
    y = y.swapaxes(0, 1)
    if batch_first:  # Y (B, T, directions, H), the states (B, directions, H)
        y, y_h, y_c = y.transpose(2, 0, 1, 3), y_h.swapaxes(0, 1), None if y_c is None else y_c.swapaxes(0, 1)
    return y, y_h, y_c


@pytest.mark.skipif(not CASES, reason="no ONNX test data: apt-get install libonnx-testdata")
@pytest.mark.parametrize("case", CASES, ids=lambda path: path.name)
def test_case(case):
    kind, inputs, outputs, settings = node((case / "model.onnx").read_bytes())
    folder = case / "test_data_set_0"
    present = [k for k, name in enumerate(inputs) if name]
    given = [None] * len(inputs)
    for number, k in enumerate(present):
        given[k] = tensor((folder / f"input_{number}.pb").read_bytes())
    found = run(kind, settings, *given)
    wanted = [k for k, name in enumerate(outputs) if name]
    assert wanted
    for number, k in enumerate(wanted):
        want = tensor((folder / f"output_{number}.pb").read_bytes())
        np.testing.assert_allclose(found[k], want, rtol=1e-5, atol=1e-6)


# What ONNX has and no case shows: compared with PyTorch, or with each other.


def numbers(*shape):
    return np.random.default_rng(sum(shape)).standard_normal(shape).astype(np.float32)


T, B, D, H = 4, 3, 2, 5
GATES = {"LSTM": 4, "GRU": 3, "RNN": 1}


def arguments(kind, N):
    rows = GATES[kind] * H
    given = [numbers(T, B, D), numbers(N, rows, D), numbers(N, rows, H), numbers(N, 2 * rows), np.array([4, 2, 1])]
    given += [numbers(N, B, H), numbers(N, B, H) / 2]
    return given + [numbers(N, 3 * H)] * (kind == "LSTM")


@pytest.mark.parametrize("direction", ["forward", "reverse", "bidirectional"])
@pytest.mark.parametrize("kind", GATES)
def test_sequence_kernels_agree_with_single_operations(kind, direction):
    given = arguments(kind, 2 if direction == "bidirectional" else 1)
    settings = {"direction": direction, "linear_before_reset": int(kind != "GRU")}
    found = run(kind, settings, *given)
    if kind != "GRU":  # a limit that nothing reaches
        for a, b in zip(found, run(kind, {**settings, "clip": 1e3}, *given), strict=True):
            assert a is None or b is None or np.allclose(a, b, rtol=1e-4, atol=1e-6)
    batch_first = [given[0].swapaxes(0, 1), *given[1:5], *(each.swapaxes(0, 1) for each in given[5:7]), *given[7:]]
    turned = run(kind, {**settings, "layout": 1}, *batch_first)
    np.testing.assert_array_equal(turned[0], found[0].transpose(2, 0, 1, 3))
    np.testing.assert_array_equal(turned[1], found[1].swapaxes(0, 1))


@pytest.mark.parametrize("direction", ["forward", "reverse", "bidirectional"])
def test_gru_with_reset_after_the_product_is_pytorch(direction):
    torch = pytest.importorskip("torch")
    N = 2 if direction == "bidirectional" else 1
    x, w, r, b, _, h, *_ = arguments("GRU", N)
    y, y_h, _ = run("GRU", {"direction": direction, "linear_before_reset": 1}, x, w, r, b, None, h)
    layer = torch.nn.GRU(D, H, bidirectional=N == 2)
    for d in range(N):
        own = [in_order("GRU", each) for each in (w[d], r[d], *np.split(b[d], 2))]
        labels = ("weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0")
        for label, each in zip(labels, own, strict=True):
            getattr(layer, label + "_reverse" * d).data[...] = torch.tensor(each)
    turn = slice(None, None, -1 if direction == "reverse" else 1)
    z, z_h = layer(torch.tensor(np.ascontiguousarray(x[turn])), torch.tensor(h))
    z = z.detach().numpy()[turn].reshape(T, B, N, H).transpose(0, 2, 1, 3)
    np.testing.assert_allclose(y, z, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(y_h, z_h.detach().numpy(), rtol=1e-4, atol=1e-5)


def test_clip_limits_what_goes_into_the_gates():
    x, w, r, b, *_ = arguments("RNN", 1)
    y, *_ = run("RNN", {"clip": 0.25}, 100 * x, w, r, b)
    assert abs(y).max() <= np.tanh(0.25) * (1 + 1e-6)
    assert (abs(y) > 0.24).mean() > 0.8
