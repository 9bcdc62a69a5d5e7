"""Wrong calls and what they say: one table, to be read from top to bottom.

Each line is a call, the type of its error, and its message. An error comes before any kernel runs, and names the
operation, the argument, what it had and what it needs.
"""

import re

import numpy as np
import pytest

import pydl
from pydl import cli, data, nn, ops, optim
from pydl.nn import functional as F


def ones(*shape, dtype=np.float32):
    return np.ones(shape, dtype)


def parameter():
    return nn.Parameter(ones(3))


def sgd():
    return optim.SGD([parameter()], lr=0.1)


def read_only(*shape):
    array = ones(*shape)
    array.flags.writeable = False
    return pydl.from_numpy(array)


def twice():
    y = F.relu(pydl.tensor([1.0, -1.0], requires_grad=True)).sum()
    y.backward()
    y.backward()


def changed_meanwhile():
    x = pydl.tensor([1.0, 2.0], requires_grad=True) * 2
    y = ops.square(x).sum()
    x += 1
    y.backward()


def weight_changed_meanwhile():
    layer = nn.Linear(3, 2)
    y = layer(pydl.tensor(ones(1, 3), requires_grad=True)).sum()
    with pydl.no_grad():
        layer.weight += 1
    y.backward()


def exhausted():
    schedule = optim.lr_scheduler.OneCycleLR(sgd(), max_lr=0.1, total_steps=2, cycle_momentum=False)
    for _ in range(5):
        schedule.step()


def trainer(model=None, loss=F.cross_entropy, optimizer=None, **settings):
    return pydl.Trainer(model or nn.Linear(3, 2), loss=loss, optimizer=optimizer or sgd(), progress=False, **settings)


DATA = data.TensorDataset(ones(4, 3), np.zeros(4, np.int64))
IMAGES = ones(2, 3, 8, 8)
FOREIGN = ones(3).astype(ones(3).dtype.newbyteorder())
PARAMETERS = "params must be a list of Tensors or of dicts"

CALLS = {
    "convolution": [
        (lambda: F.conv2d(ones(8, 1, 28, 28), ones(20, 3, 5, 5)), ValueError,
         "conv2d: weight has 3 input channels but input has 1 (input (8, 1, 28, 28), weight (20, 3, 5, 5), groups=1)"),
        (lambda: F.conv2d(IMAGES, ones(4, 3, 9, 3)), ValueError, "conv2d: "),
        (lambda: F.conv2d(IMAGES, ones(4, 3, 3, 3), stride=0), ValueError, "conv2d: stride must be at least 1, not 0"),
        (lambda: F.conv2d(IMAGES, ones(4, 3, 3, 3), dilation=0), ValueError,
         "conv2d: dilation must be at least 1, not 0"),
        (lambda: F.conv2d(IMAGES, ones(4, 3, 3, 3), padding=-1), ValueError,
         "conv2d: padding must be at least 0, not -1"),
        (lambda: F.conv2d(IMAGES, ones(4, 3, 3, 3), stride=2**40), ValueError,
         "conv2d: stride is too large (1099511627776)"),
        (lambda: F.conv2d(IMAGES, ones(4, 3, 3, 3), stride=(1, 2, 3)), ValueError,
         "conv2d: stride must be one integer or two, not (1, 2, 3)"),
        (lambda: F.conv2d(IMAGES, ones(4, 3, 3, 3), stride=1.5), TypeError,
         "conv2d: stride must be an integer, not 1.5"),
        (lambda: F.conv2d(ones(1, 1, 1, 1), ones(1, 1, 1, 1), padding=2**31 - 1), ValueError,
         "conv2d: the result would have the shape (1, 1, 4294967295, 4294967295), which is too large"),
        (lambda: F.conv2d(IMAGES, ones(4, 3, 3, 3, dtype=np.float64)), TypeError,
         "conv2d: weight is float64 but input is float32; convert one of them"),
        (lambda: F.conv2d(IMAGES.astype(int), ones(4, 3, 3, 3)), TypeError,
         "conv2d: input has dtype int64 but must be float32 or float64"),
        (lambda: F.conv2d(ones(8, 8), ones(4, 3, 3, 3)), ValueError,
         "conv2d: input must be (N, C, H, W) or (C, H, W), but has shape (8, 8)"),
        (lambda: F.conv2d(None, ones(4, 3, 3, 3)), TypeError,
         "conv2d: input must be a tensor or an array, not NoneType"),
        (lambda: F.conv2d(IMAGES, None), TypeError, "conv2d: weight must be a tensor or an array, not NoneType"),
        (lambda: nn.Conv2d(3, 4, 3, groups=2), ValueError,
         "Conv2d: in_channels is 3 but must be a multiple of groups=2"),
        (lambda: nn.Conv2d(3, 4, 0), ValueError, "Conv2d: kernel_size must be at least 1, not 0"),
    ],
    "pooling": [
        (lambda: F.max_pool2d(IMAGES, 2, padding=2), ValueError,
         "max_pool2d: padding is 2 but may be at most half the kernel size (2, 2)"),
        (lambda: F.avg_pool2d(IMAGES, (3, 2), padding=(1, 2)), ValueError,
         "avg_pool2d: padding is 2 but may be at most half the kernel size (3, 2)"),
        (lambda: F.max_pool2d(IMAGES, 9), ValueError,
         "max_pool2d: kernel size (9, 9) with dilation (1, 1) is larger than the input with its padding (input (2, 3"),
        (lambda: F.max_pool2d(IMAGES, 2, dilation=2**30), ValueError, "max_pool2d: kernel size (2, 2) with dilation"),
        (lambda: F.max_pool2d(IMAGES, 2, stride=0), ValueError, "max_pool2d: stride must be at least 1, not 0"),
        (lambda: F.avg_pool2d(IMAGES, 2, stride=-1), ValueError, "avg_pool2d: stride must be at least 1, not -1"),
        (lambda: F.avg_pool2d(IMAGES, 0), ValueError, "avg_pool2d: kernel_size must be at least 1, not 0"),
        (lambda: F.avg_pool2d(IMAGES, 2**31 - 1, padding=2**30 - 1), ValueError,
         "avg_pool2d: padding is 1073741823 but may exceed the input (2, 3, 8, 8) by at most 65536"),
        (lambda: F.max_pool2d(IMAGES, 2, ceil_mode="yes"), TypeError,
         "max_pool2d: ceil_mode must be True or False, not 'yes'"),
    ],
    "losses": [
        (lambda: F.cross_entropy(ones(2, 3), ones(2)), TypeError,
         "cross_entropy: target has dtype float32 but class labels must be integers (or probabilities of shape"),
        (lambda: F.cross_entropy(ones(2, 3), np.array([0, 3])), ValueError,
         "cross_entropy: target[1] is 3 but there are 3 classes (0 to 2)"),
        (lambda: F.nll_loss(ones(2, 3), np.array([-1, 0])), ValueError,
         "nll_loss: target[0] is -1 but there are 3 classes (0 to 2)"),
        (lambda: F.cross_entropy(ones(2, 3), np.zeros((2, 1), int)), ValueError,
         "cross_entropy: target has shape (2, 1) but must have (2,) for an input of shape (2, 3)"),
        (lambda: F.cross_entropy(ones(2, 3), np.zeros(2, int), weight=ones(2)), ValueError,
         "cross_entropy: weight has shape (2,) but must have (3,), one number a class"),
        (lambda: F.cross_entropy(ones(2, 3), np.zeros(2, int), reduction="avg"), ValueError,
         "cross_entropy: reduction is 'avg' but must be 'none', 'mean' or 'sum'"),
        (lambda: F.cross_entropy(ones(2, 3), np.zeros(2, int), label_smoothing=2), ValueError,
         "cross_entropy: label_smoothing is 2.0 but must lie between 0 and 1"),
        (lambda: F.cross_entropy(ones(2, 3), np.zeros(2, int), ignore_index=None), TypeError,
         "cross_entropy: ignore_index must be an integer, not None"),
        *((lambda loss=loss: loss(ones(4, 1), ones(4)), ValueError,
           f"{loss.name}: input has shape (4, 1) but target has (4,); they must be equal")
          for loss in (F.mse_loss, F.l1_loss, F.binary_cross_entropy, F.binary_cross_entropy_with_logits)),
        *((lambda loss=loss: loss(ones(4), None), TypeError,
           f"{loss.name}: target must be a tensor or an array, not NoneType")
          for loss in (F.mse_loss, F.l1_loss, F.binary_cross_entropy, F.binary_cross_entropy_with_logits)),
        (lambda: F.mse_loss(ones(4), np.zeros(4, int)), TypeError,
         "mse_loss: target has dtype int64 but must be float32 or float64"),
    ],
    "products": [
        (lambda: ops.matmul(ones(2, 3), ones(4, 5)), ValueError, "matmul: "),
        (lambda: ops.matmul(ones(2, 2, 3), ones(3, 3, 4)), ValueError, "matmul: "),
        (lambda: ops.matmul(ones(2, 3), ones(3, 4, dtype=np.float64)), TypeError,
         "matmul: other is float64 but input is float32; convert one of them"),
        (lambda: F.linear(ones(2, 4), ones(5, 3)), ValueError,
         "linear: input has 4 features but weight needs 3 (input (2, 4), weight (5, 3))"),
        (lambda: F.linear(ones(2, 3), ones(5, 3), ones(4)), ValueError, "linear: bias has"),
        (lambda: nn.Linear(3, 2)("text"), TypeError, "linear: input must be a tensor or an array, not str"),
        (lambda: nn.Linear(3, 2)({}), TypeError, "linear: input must be a tensor or an array, not dict"),
        (lambda: nn.Linear(3, 2)([[1, 2], [3]]), ValueError, "linear: input is not a rectangular array of numbers"),
        (lambda: nn.Linear(-1, 2), ValueError, "Linear: in_features must be at least 0, not -1"),
        (lambda: nn.Linear(2.5, 2), TypeError, "Linear: in_features must be an integer, not 2.5"),
    ],
    "recurrent": [
        (lambda: nn.LSTM(3, 4)(ones(5, 2, 4)), ValueError,
         "LSTM: input has 4 features but input_size is 3 ((5, 2, 4))"),
        (lambda: nn.LSTM(3, 4)(ones(5, 2, 3), (ones(1, 2, 5), ones(1, 2, 4))), ValueError,
         "LSTM: h_0 has shape (1, 2, 5) but must be (1, 2, 4) = (layers * directions, batch, H)"),
        (lambda: nn.LSTM(3, 4)(ones(5, 2, 3), ones(1, 2, 4)), TypeError, "LSTM: the state must be a pair (h, c), not "),
        (lambda: nn.LSTM(3, 4)(ones(5, 2, 3), lengths=[6, 1]), ValueError,
         "LSTM: lengths must be from 1 to 5, the steps of the input, but go from 1 to 6"),
        (lambda: nn.LSTM(3, 4)(ones(5, 2, 3), lengths=[1.0, 2.0]), TypeError, "LSTM: lengths has dtype float"),
        (lambda: nn.LSTM(3, 4, num_layers=0), ValueError, "LSTM: num_layers must be at least 1, not 0"),
        (lambda: nn.LSTMCell(3, 4)(ones(2, 5)), ValueError,
         "LSTMCell: input has 5 features but input_size is 3 ((2, 5))"),
        (lambda: nn.LSTMCell(3, 4)(ones(2, 3), (ones(3, 4), ones(3, 4))), ValueError,
         "LSTMCell: h has shape (3, 4) but must be (2, 4)"),
    ],
    "sizes": [
        (lambda: pydl.zeros(2**40, 2**40), ValueError,
         "zeros: the shape (1099511627776, 1099511627776) has more elements"),
        (lambda: pydl.ones(2**70), ValueError, "ones: the shape (1180591620717411303424,) has more elements than any"),
        (lambda: pydl.randn(2**31, 2**31), ValueError, "randn: the shape (2147483648, 2147483648) has more elements"),
        (lambda: pydl.zeros(3, -1), ValueError, "zeros: sizes must be at least 0, but the shape is (3, -1)"),
        (lambda: pydl.zeros(2.5), TypeError, "zeros: a shape holds integers, not 2.5"),
        (lambda: pydl.arange(0, 5, 0), ValueError, "arange: from 0 to 5 in steps of 0 is no finite range"),
        (lambda: pydl.arange(2**62), ValueError, "arange: from 0 to 4.61169e+18 in steps of 1 is no finite range"),
        (lambda: pydl.tensor(ones(4)).reshape(2**40, 2**40), ValueError, "reshape: the shape (1099511627776, 1099511"),
        (lambda: pydl.tensor(ones(4)).reshape(3, -1), ValueError, "reshape: "),
        (lambda: pydl.tensor(ones(1, 1)).expand(2**40, 2**40), ValueError,
         "expand: the shape (1099511627776, 10995116"),
        (lambda: F.pad(ones(1, 1), (2**31 - 1,) * 4), ValueError, "pad: the shape (4294967295, 4294967295) has more"),
        (lambda: pydl.tensor(ones(2, 3)) + ones(4), ValueError,
         "add: shapes (2, 3) and (4,) do not broadcast together"),
        (lambda: F.softmax(ones(2, 3), dim=2), IndexError, "softmax: dim is 2, but the input has 2 dimensions"),
        (lambda: ops.sum(ones(2, 3), keepdim="no"), TypeError, "sum: keepdim must be True or False, not 'no'"),
        (lambda: pydl.tensor(ones(3))[2**63], IndexError, "getitem: the index (9223372036854775808,) is out of range"),
        (lambda: pydl.tensor(ones(3))[::0], ValueError, "getitem: slice step cannot be zero"),
        (lambda: ops.clamp(np.zeros(3, np.uint8), min=300), ValueError,
         "clamp: min is 300, which does not fit the input's dtype uint8"),
    ],
    "memory": [
        (lambda: read_only(3).__setitem__(0, 1.0), ValueError, "setitem: the tensor's memory is read-only"),
        (lambda: read_only(3).add_(1), ValueError, "add_: the tensor's memory is read-only; change a clone() instead"),
        (lambda: optim.SGD([read_only(3)], lr=0.1), ValueError,
         "SGD: parameter 0 is read-only memory; give a copy of it"),
        *((call, TypeError, re.compile(rf"{name}: \w+ has foreign byte order \(dtype .f4\) but must be native"))
          for name, call in {
              "relu": lambda: F.relu(FOREIGN),
              "add": lambda: ops.add(ones(3), FOREIGN),
              "sum": lambda: ops.sum(FOREIGN),
              "softmax": lambda: F.softmax(FOREIGN, 0),
              "linear": lambda: F.linear(ones(2, 3), FOREIGN),
              "mse_loss": lambda: F.mse_loss(FOREIGN, ones(3)),
              "conv2d": lambda: F.conv2d(IMAGES, ones(4, 3, 3, 3), FOREIGN),
              "tensor": lambda: pydl.tensor(FOREIGN),
              "setitem": lambda: pydl.tensor(ones(3)).__setitem__(slice(None), FOREIGN),
              "load_state_dict": lambda: nn.Linear(3, 2).load_state_dict({"weight": ones(2, 3), "bias": FOREIGN}),
          }.items()),
        (lambda: F.relu(ones(3, dtype=np.float16)), TypeError,
         "relu: input has dtype float16 but must be float32 or float64"),
        (lambda: F.relu(np.array([1, None])), TypeError, "relu: input has dtype object but must hold numbers"),
        (lambda: pydl.tensor([1.0], dtype="nonsense"), TypeError, "tensor: 'nonsense' is no dtype; use a numpy one"),
        (lambda: ops.exp([pydl.tensor(1.0, requires_grad=True)]), TypeError,
         "exp: input must be one tensor, not a list"),
    ],
    "numbers": [
        (lambda: pydl.full((2,), [1, 2]), ValueError, "full: fill_value must be one number, but has shape (2,)"),
        (lambda: pydl.zeros(2, 2).fill_([1.0, 2.0]), ValueError, "fill_: value must be one number, but has shape (2,)"),
        (lambda: pydl.zeros(2, dtype=np.int64).fill_(float("nan")), ValueError,
         "fill_: value is nan, which does not fit the dtype int64"),
        (lambda: pydl.zeros(2).fill_(1e300), ValueError,
         "fill_: value is 1e+300, which does not fit the dtype float32"),
        (lambda: pydl.full((2,), 300, dtype=np.uint8), ValueError,
         "full: fill_value is 300, which does not fit the dtype uint8"),
        (lambda: pydl.zeros(2, dtype=np.int64).__setitem__(0, float("inf")), ValueError,
         "setitem: value is inf, which does not fit the dtype int64"),
        (lambda: pydl.tensor(ones(3)).to(None), TypeError, "to: None is no dtype; use a numpy one"),
        (lambda: pydl.tensor(ones(3)).size(1), IndexError, "size: dim is 1, but the input has 1 dimensions"),
        (lambda: nn.Linear(3, 2, dtype="int32"), TypeError, "Linear: dtype is int32 but must be float32 or float64"),
        (lambda: pydl.ones(2, requires_grad="no"), TypeError, "requires_grad: must be True or False, not str"),
    ],
    "gradients": [
        (twice, RuntimeError, "backward: the record of sum was freed by an earlier backward(); call that one with"),
        (changed_meanwhile, RuntimeError,
         "backward: square needs its input, but it was changed in place after it was used"),
        (weight_changed_meanwhile, RuntimeError,
         "backward: linear needs its weight, but it was changed in place after it was used"),
        (lambda: pydl.tensor(ones(3), requires_grad=True).add_(1), RuntimeError,
         "add_: a leaf that needs a gradient changes in place only under no_grad()"),
        (lambda: F.relu(pydl.tensor(ones(3), requires_grad=True)).backward(), RuntimeError,
         "backward: without a gradient argument the tensor must hold one number, it has shape (3,)"),
        (lambda: F.relu(pydl.tensor(ones(3), requires_grad=True)).backward(ones(4)), ValueError,
         "backward: gradient has shape (4,) but the tensor has (3,)"),
        (lambda: pydl.tensor(1.0).backward(), RuntimeError, "backward: this tensor needs no gradient"),
        (lambda: pydl.tensor([1, 2], requires_grad=True), TypeError,
         "requires_grad: only floating-point tensors have gradients, this one is int64"),
        (lambda: pydl.tensor(ones(3)).item(), ValueError,
         "item: only a tensor of one element is a number, this one has"),
    ],
    "modules": [
        (lambda: nn.Linear(3, 2).load_state_dict({}), RuntimeError,
         "load_state_dict: the state does not fit Linear: missing: weight, bias"),
        (lambda: nn.Linear(3, 2).load_state_dict({"weight": ones(3, 2), "bias": ones(2), "x": ones(1)}), RuntimeError,
         re.compile("the state does not fit Linear: (?=.*unexpected: x)(?=.*weight has shape .3, 2. but)")),
        (lambda: nn.Linear(3, 2).load_state_dict(None), TypeError,
         "load_state_dict: state_dict must be a dict of arrays, not NoneType"),
        (lambda: nn.Linear(3, 2).load_state_dict({"weight": None, "bias": ones(2)}), TypeError,
         "load_state_dict: weight must be a tensor or an array, not NoneType"),
        (lambda: nn.Dropout(1.5), ValueError, "Dropout: p must be from 0 to 1, not 1.5"),
        (lambda: nn.Dropout("half"), TypeError, "Dropout: p must be a number, not 'half'"),
        (lambda: nn.Sequential(nn.Linear(3, 2))(None), TypeError,
         "linear: input must be a tensor or an array, not None"),
    ],
    "optimizers": [
        (lambda: optim.SGD([], lr=0.1), ValueError, "SGD: params is empty; give it model.parameters()"),
        (lambda: optim.SGD(parameter(), lr=0.1), TypeError, f"SGD: {PARAMETERS}, not Parameter"),
        (lambda: optim.SGD(nn.Linear(3, 2), lr=0.1), TypeError, f"SGD: {PARAMETERS}, not Linear"),
        (lambda: optim.Adam(None), TypeError, f"Adam: {PARAMETERS}, not NoneType"),
        (lambda: optim.Adam([ones(3)]), TypeError, "Adam: parameter 0 must be a Tensor, not ndarray"),
        (lambda: optim.SGD([parameter()], lr=-1), ValueError, "SGD: lr must be a number of at least 0, not -1"),
        (lambda: optim.SGD([parameter()], lr="fast"), ValueError, "SGD: lr must be a number of at least 0, not 'fa"),
        (lambda: optim.Adam([parameter()], lr=10**400), ValueError, "Adam: lr must be a number of at least 0, not 100"),
        (lambda: optim.SGD([parameter()], dampening="x"), ValueError, "SGD: dampening must be a number, not 'x'"),
        (lambda: optim.Adam([parameter()], betas=(1.0, 0.9)), ValueError,
         "Adam: betas must be two numbers from 0 to below 1"),
        (lambda: optim.Adam([parameter()]).load_state_dict({}), TypeError,
         "Adam: the state must be a dict with 'state' and"),
        (lambda: optim.lr_scheduler.StepLR(None, 1), TypeError, "StepLR: optimizer must be an Optimizer, not NoneType"),
        (lambda: optim.lr_scheduler.StepLR(sgd(), 0), ValueError, "StepLR: step_size must be at least 1, not 0"),
        (lambda: optim.lr_scheduler.OneCycleLR(sgd(), max_lr=0.1), ValueError,
         "OneCycleLR: give total_steps, or both epochs and steps_per_epoch"),
        (exhausted, ValueError, "OneCycleLR: step 3 was asked for, but total_steps is 2"),
    ],
    "data": [
        (lambda: data.load("mnist-6k"), ValueError,
         "load: there is no data set 'mnist-6k', needs one of mnist-5k, fashion-m"),
        (lambda: data.DataLoader(None), TypeError, "DataLoader: dataset is a NoneType without __len__"),
        (lambda: data.DataLoader(DATA, batch_size=0), ValueError, "DataLoader: batch_size is 0, needs at least 1"),
        (lambda: data.DataLoader(DATA, batch_size=1.5), TypeError, "DataLoader: batch_size is a float, needs an int"),
        (lambda: data.TensorDataset(ones(3), ones(4)), ValueError,
         "TensorDataset: array 1 has 4 items but array 0 has 3 (shapes (4,) and (3,))"),
        (lambda: DATA[4], IndexError, "TensorDataset: index 4 does not exist in a data set of 4 items"),
        (lambda: data.random_split(DATA, [3, 3]), ValueError,
         "random_split: lengths [3, 3] add up to 6, needs 4 items"),
    ],
    "training": [
        (lambda: trainer(model="network"), TypeError, "Trainer: model must be a Module, not str"),
        (lambda: trainer(loss="mse"), TypeError, "Trainer: loss must be a function (outputs, targets), not str"),
        (lambda: trainer(optimizer="adam"), TypeError, "Trainer: optimizer must be an Optimizer, not str"),
        (lambda: trainer(metrics=["accuracy"]), TypeError, "Trainer: metrics must be a list of functions"),
        (lambda: trainer(callbacks=3), TypeError, "Trainer: callbacks must be a list of Callbacks, not int"),
        (lambda: trainer().fit(DATA, epochs=-1), ValueError, "fit: epochs must be at least 0, not -1"),
        (lambda: trainer().fit(DATA, epochs=1.5), TypeError, "fit: epochs must be an integer, not 1.5"),
        (lambda: trainer().fit(data.Subset(DATA, []), epochs=1), ValueError, "fit: train holds no data"),
        (lambda: pydl.training.EarlyStopping(patience=0), ValueError,
         "EarlyStopping: patience must be at least 1, not 0"),
    ],
    "arrays where numbers are wanted": [
        (lambda: ops.norm(ones(3, 4), np.array([1, 2])), TypeError, "norm: p must be a number, not array"),
        (lambda: F.conv1d(ones(1, 1, 5), ones(1, 1, 3), padding=np.array([1, 2])), TypeError, "conv1d: padding must"),
        (lambda: F.pad(ones(3), (1, 1), "reflect", np.array([1, 2])), TypeError, "pad: value must be a number, not ar"),
        (lambda: F.interpolate(ones(1, 1, 4), 2, None, "linear", np.array([True, False])), TypeError,
         "interpolate: align_corners must be True or False, not"),
        (lambda: F.interpolate(ones(1, 1, 4), 2, recompute_scale_factor="no"), TypeError,
         "interpolate: recompute_scale_factor must be True or False, not"),
    ],
    "dtypes that no kernel knows": [
        (lambda: pydl.tensor(ones(3, dtype=np.longdouble)), TypeError, "tensor: data has dtype float128 but must hold"),
        (lambda: ops.flip(ones(3, dtype=np.longdouble), 0), TypeError,
         "flip: input has dtype float128 but must hold numbers of at most 8 bytes"),
    ],
    "settings": [
        (lambda: pydl.use_backend("cuda"), ValueError,
         "use_backend: there is no backend 'cuda'; choose one of native, reference"),
        (lambda: pydl.set_num_threads(0), ValueError, "set_num_threads: n must be at least 1, not 0"),
        (lambda: pydl.manual_seed("today"), ValueError,
         "manual_seed: seed must be a non-negative integer, not 'today'"),
    ],
}  # fmt: skip
TABLE = [(f"{family}-{i}", *row) for family, rows in CALLS.items() for i, row in enumerate(rows)]


@pytest.mark.parametrize(("call", "error", "message"), [row[1:] for row in TABLE], ids=[row[0] for row in TABLE])
def test_call(call, error, message):
    with pytest.raises(error, match=message if isinstance(message, re.Pattern) else "^" + re.escape(message)) as raised:
        call()
    assert type(raised.value) is error
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        (lambda whole: None, FileNotFoundError, "No such file or directory"),
        (lambda whole: b"", ValueError, "is truncated or no safetensors file: it has 0 bytes, fewer than 8"),
        (lambda whole: whole[:-1], ValueError, "is "),
        (lambda whole: whole + b"more", ValueError, "is "),
        (lambda whole: whole[:20], ValueError, "is "),
        (lambda whole: (10**18).to_bytes(8, "little") + whole[8:], ValueError, "is "),
        (lambda whole: b"\x80\x04\x95" + b"a pickle, say" * 9, ValueError, "is "),
    ],
    ids=["missing", "empty", "truncated", "too long", "header only", "header of no size", "foreign"],
)
def test_checkpoint(change, error, message, tmp_path):
    path = tmp_path / "model.safetensors"
    pydl.save(nn.Linear(30, 20), path)
    contents = change(path.read_bytes())
    path.unlink()
    if contents is not None:
        path.write_bytes(contents)
    with pytest.raises(error, match=message) as raised:
        pydl.load(path)
    assert str(path) in str(raised.value)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("train photo-taging", "photo-tagging"),
        ("train photo-tagging --data mnist-6k", "mnist-5k"),
        ("train photo-tagging --epochs many", "epochs"),
        ("predict missing.safetensors missing.png", "missing.safetensors"),
        ("check --only no_such_kernel", "no_such_kernel"),
    ],
)
def test_command_line(line, message, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    try:
        code = cli.main(line.split())
    except SystemExit as stop:
        code = stop.code
    assert code not in (0, None)
    out, err = capsys.readouterr()
    assert message in out + err
    assert "Traceback" not in out + err
    assert not list(tmp_path.iterdir()), "nothing is left behind"
