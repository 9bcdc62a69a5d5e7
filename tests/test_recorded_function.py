"""capture: the same bits as the function, less of Python; what cannot be captured is refused."""

from __future__ import annotations

import copy
import pickle
import re
import threading

import numpy as np
import pytest
from checks import kernel_names, same_bits

import pydl
from pydl import nn
from pydl.nn.functional import cross_entropy, embedding, relu, softmax
from pydl.op import isa, native_isa

MODELS = {
    "mlp": (lambda: nn.Sequential(nn.Linear(12, 7), nn.ReLU(), nn.Linear(7, 3), nn.Sigmoid()), (12,)),
    "convolutional": (
        lambda: nn.Sequential(nn.Conv2d(1, 3, 3), nn.Tanh(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(27, 4)),
        (1, 8, 8),
    ),
}


@pytest.fixture(params=MODELS)
def model(request):
    build, shape = MODELS[request.param]
    pydl.manual_seed(0)
    return build().eval(), shape


@pytest.mark.parametrize("batch", [0, 1, 5])
def test_captured_module_gives_the_same_bits(model, batch):
    module, shape = model
    fast = pydl.capture(module)
    for _ in range(3):
        x = pydl.randn(batch, *shape)
        assert same_bits(fast(x), module(x))


def test_each_shape_and_dtype_is_recorded_once(model):
    module, shape = model
    fast = pydl.capture(module)
    for batch in (2, 3, 2, 3):
        x = pydl.randn(batch, *shape)
        assert same_bits(fast(x), module(x))
    assert len(fast._recordings) == 2
    assert "2 recordings" in repr(fast)


def test_strided_inputs_and_arrays():
    module = nn.Linear(4, 2)
    x = np.asfortranarray(np.random.default_rng(0).standard_normal((6, 8)).astype(np.float32))[::-2, ::2]
    fast = pydl.capture(module.eval())
    assert same_bits(fast(x), module(pydl.tensor(x)))


def test_results_are_not_overwritten_by_the_next_call(model):
    module, shape = model
    fast = pydl.capture(module)
    x = pydl.randn(2, *shape)
    first = fast(x)
    kept = first.numpy().copy()
    fast(pydl.randn(2, *shape))
    np.testing.assert_array_equal(first.numpy(), kept)


def test_inputs_are_not_changed_and_nan_goes_through():
    module = nn.Linear(3, 2).eval()
    fast = pydl.capture(module)
    fast(pydl.zeros(1, 3))
    x = pydl.tensor([[1.0, float("nan"), 2.0]])
    assert np.isnan(fast(x).numpy()).all()
    assert np.isnan(x.numpy()).sum() == 1


def test_updates_of_parameters_are_seen():
    module = nn.Linear(3, 2).eval()
    fast = pydl.capture(module)
    x = pydl.randn(4, 3)
    fast(x)
    with pydl.no_grad():
        module.weight.mul_(2.0)
    assert same_bits(fast(x), module(x))
    module.load_state_dict({"weight": np.ones((2, 3), np.float32), "bias": np.zeros(2, np.float32)})
    assert same_bits(fast(x), module(x))
    module.weight.data = np.full((2, 3), 3.0, np.float32)
    assert same_bits(fast(x), module(x))
    module.weight = nn.Parameter(np.full((2, 3), 4.0, np.float32))
    assert same_bits(fast(x), module(x))
    module.bias = None
    assert same_bits(fast(x), module(x))


def test_nested_results_keep_their_structure():
    def function(x):
        return {"a": relu(x), "b": [softmax(x, dim=1), (relu(x + 1.0),)]}

    x = pydl.randn(2, 3)
    captured, expected = pydl.capture(function)(x), function(x)
    assert captured.keys() == expected.keys()
    assert same_bits(captured["b"][1][0], expected["b"][1][0])


def test_several_inputs_and_whole_numbers():
    def function(x, y):
        return relu(x) + y

    fast = pydl.capture(function)
    x, y = pydl.randn(2, 3), pydl.randn(3)
    assert same_bits(fast(x, y), function(x, y))


def test_copies_and_look_ups_are_recorded():
    embedding = nn.Embedding(20, 4)

    def function(words, x):
        y = pydl.cat([embedding(words), x.permute(1, 0, 2).reshape(2, 3, 4)], dim=2)
        return pydl.nn.functional.pad(y, (1, 2)), pydl.stack([x, relu(x)], dim=1)

    fast = pydl.capture(function)
    generator = np.random.default_rng(0)
    for dtype in (np.int64, np.int32):
        words, x = generator.integers(0, 20, (2, 3)).astype(dtype), pydl.randn(3, 2, 4)
        for one, other in zip(fast(words, x), function(words, x), strict=True):
            assert same_bits(one, other)
    with pytest.raises((IndexError, ValueError), match="embedding: input has numbers from 20 to 20"):
        fast(np.full((2, 3), 20), x)


def test_recurrent_layers_are_recorded():
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.lstm = nn.LSTM(4, 5, num_layers=2, bidirectional=True)
            self.fc = nn.Linear(10, 3)

        def forward(self, x):
            h, (h_n, _) = self.lstm(x)
            return self.fc(h), h_n

    module = Net().eval()
    fast = pydl.capture(module)
    for _ in range(2):
        x = pydl.randn(6, 2, 4)
        for one, other in zip(fast(x), module(x), strict=True):
            assert same_bits(one, other)


def test_the_result_needs_no_gradient():
    module = nn.Linear(3, 2).eval()
    assert not pydl.capture(module)(pydl.randn(1, 3)).requires_grad


@pytest.mark.parametrize(
    ("function", "good", "bad"),
    [
        (lambda x, i: embedding(i, x), [0, 4, 2], [0, 5, 2]),
        (lambda x, i: x[i], [0, 4, 2], [0, 5, 2]),
        (cross_entropy, [0, 1, 2, 0, 1], [0, 1, 7, 0, 1]),
    ],
)
def test_wrong_numbers_are_refused_in_the_words_of_the_operation(function, good, bad):
    """Kernels, which are all that is replayed, do not know whose arguments they have."""
    x, fast = pydl.randn(5, 3), pydl.capture(function)
    good, bad = np.array(good), np.array(bad)
    expected = fast(x, good)
    with pytest.raises((IndexError, ValueError)) as wanted:
        function(x, bad)
    with pytest.raises(wanted.type, match=re.escape(str(wanted.value))):
        fast(x, bad)
    assert same_bits(fast(x, good), expected)


def test_training_mode_is_refused():
    module = nn.Sequential(nn.Linear(3, 2), nn.Dropout(0.5))
    fast = pydl.capture(module)
    with pytest.raises(RuntimeError, match="the module is in training mode; call its eval"):
        fast(pydl.randn(1, 3))
    module.eval()
    fast(pydl.randn(1, 3))
    module.train()
    with pytest.raises(RuntimeError, match="training mode"):
        fast(pydl.randn(1, 3))


@pytest.mark.parametrize(
    "function",
    [
        lambda x: relu(pydl.tensor(np.cumsum(x.numpy(), axis=1))),  # numpy between the kernels
        lambda x: pydl.tensor(x.numpy() + 1.0),  # no kernel at all
        lambda x: relu(x) if x.numpy()[0, 0] > 0.9 else relu(-x),  # depends on a value
        lambda x: x + pydl.randn(2, 3),  # random numbers
    ],
)
def test_work_outside_the_kernels_is_refused(function):
    fast = pydl.capture(function)
    with pytest.raises(RuntimeError, match="gives another result than the function"):
        fast(pydl.ones(2, 3))
    assert not fast._recordings


@pytest.mark.parametrize("limit", [-2.0, 0.0, 0.5, 2.0, 10.0])
def test_one_number_hides_no_mask(limit):
    for x in (-5.0, -0.2, 0.1, 1.0, 20.0):
        fast = pydl.capture(lambda x: pydl.where(x.numpy() > limit, x, x * 0.5))
        with pytest.raises(RuntimeError, match="gives another result than the function"):
            fast(pydl.tensor([x]))


def test_wrong_arguments():
    with pytest.raises(TypeError, match="function must be a module or a function, not int"):
        pydl.capture(3)
    with pytest.raises(TypeError, match="inputs must be tensors or arrays, not list"):
        pydl.capture(relu)([1.0])
    with pytest.raises(TypeError, match="must return tensors, not float"):
        pydl.capture(lambda x: 1.0)(pydl.ones(2))
    # The function's own refusals come through, and leave the kernels as they were.
    fast = pydl.capture(nn.Linear(3, 2).eval())
    with pytest.raises(ValueError, match="input has 4 features but weight needs 3"):
        fast(pydl.ones(1, 4))
    assert same_bits(relu(pydl.ones(2)), pydl.ones(2))


def test_the_reference_runs_as_it_is(model):
    module, shape = model
    fast = pydl.capture(module)
    x = pydl.randn(1, *shape)
    native = fast(x)
    with pydl.use_backend("reference"):
        np.testing.assert_allclose(fast(x).numpy(), native.numpy(), rtol=1e-4, atol=1e-5)


def test_another_instruction_set_is_recorded_anew(model):
    from pydl import _native

    module, shape = model
    fast = pydl.capture(module)
    x = pydl.randn(2, *shape)
    fast(x)
    for other in _native.isas:
        with native_isa(other):
            assert same_bits(fast(x), module(x))
    assert len(fast._recordings) == len({isa, *_native.isas})


def test_threads_share_a_captured_module(model):
    module, shape = model
    fast = pydl.capture(module)
    inputs = [pydl.randn(2, *shape) for _ in range(8)]
    expected = [module(x) for x in inputs]
    wrong = []

    def work(x, right):
        wrong.extend(1 for _ in range(50) if not same_bits(fast(x), right))

    threads = [threading.Thread(target=work, args=pair) for pair in zip(inputs, expected, strict=True)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def test_copies_record_for_themselves(model):
    module, shape = model
    x, fast = pydl.randn(2, *shape), pydl.capture(module)
    y = fast(x)
    for twin in (pickle.loads(pickle.dumps(fast)), copy.deepcopy(fast)):
        assert same_bits(twin(x), y)
        assert twin._function is not module


def test_other_threads_calls_are_not_recorded():
    """While one thread records, another one may compute something else."""
    stop = threading.Event()

    def busy():
        while not stop.is_set():
            relu(pydl.ones(3))

    thread = threading.Thread(target=busy)
    thread.start()
    try:
        for _ in range(20):
            fast = pydl.capture(lambda x: softmax(x, dim=1))
            fast(pydl.ones(2, 3))
            assert kernel_names(fast) == ["softmax_forward"]
    finally:
        stop.set()
        thread.join()


def test_a_recording_takes_kernels_and_their_arguments_only():
    from pydl._native import Recording
    from pydl.ops.relu import relu_forward

    x = np.ones(3, np.float32)
    right = (relu_forward.native, (x, np.ones(3, np.float32)))
    for calls, error, message in [
        ([(print, (x, x))], TypeError, "list of"),
        ([(relu_forward.native, (x,))], TypeError, "wrong number of arguments for relu_forward"),
        ([(relu_forward.native, (x, np.ones(3)))], TypeError, "y is of dtype float64"),
    ]:
        with pytest.raises(error, match=message):
            Recording([(1, [calls])], [], [])
    assert len(Recording([(1, [[]])], [], [])) == 0
    with pytest.raises(ValueError, match="a group without calls"):
        Recording([(1, [])], [], [])
    with pytest.raises(ValueError, match="C-contiguous"):
        Recording([(1, [[right]])], [np.ones(6, np.float32)[::2]], [])
    # group, slot, call, argument, array, step
    for count, move in [(1, (0, 0, 0, 1, 0, 0)), (2, (0, 0, 0, 0, 0, 4)), (1, (0, 0, 0, 0, 0, -4)), (0, (0,) * 6)]:
        with pytest.raises(ValueError, match="does not lie in the array"):
            Recording([(count, [[right]])], [x], [move])
    for move in [(1, 0, 0, 0, 0, 0), (0, 1, 0, 0, 0, 0), (0, 0, 1, 0, 0, 0), (0, 0, 0, 2, 0, 0), (0, 0, 0, 0, 1, 0)]:
        with pytest.raises((IndexError, ValueError)):
            Recording([(1, [[right]])], [x], [move])
    with pytest.raises(ValueError, match="six integers"):
        Recording([(1, [[right]])], [x], [(0, 0)])


def test_a_recording_takes_arrays_like_its_own_only():
    from pydl._native import Recording
    from pydl.ops.relu import relu_forward

    x, y = np.ones(3, np.float32), np.zeros(3, np.float32)
    recording = Recording([(1, [[(relu_forward.native, (x, y))]])], [x, y], [(0, 0, 0, 0, 0, 0), (0, 0, 0, 1, 1, 0)])
    given, made = np.float32([1, -2, 3]), np.empty(3, np.float32)
    assert recording.replay((given, made)) == -1
    assert made.tolist() == [1, 0, 3]
    for unlike in [np.ones(4, np.float32), np.ones(3), np.ones(6, np.float32)[::2], [1, 2, 3]]:
        assert recording.replay((given, unlike)) == 1
        assert recording.replay((unlike, made)) == 0
    with pytest.raises(ValueError, match="too many arrays"):
        recording.replay((x, y, x))
