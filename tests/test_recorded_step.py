"""capture_step: to the same bits as the step itself, over many steps, and what cannot be captured is refused."""

from __future__ import annotations

import copy
import pickle
import threading

import numpy as np
import pytest
from checks import same_bits
from recorded_steps import MODELS, OPTIMIZERS, assert_same, batch, by_hand, made

import pydl
from pydl import nn
from pydl.nn.functional import cross_entropy, dropout, mse_loss
from pydl.optim import SGD, clip_grad_norm_
from pydl.optim.lr_scheduler import StepLR


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("model", MODELS)
def test_same_bits_as_by_hand(model, optimizer):
    (module, rule), (twin, twin_rule) = made(model, optimizer), made(model, optimizer)
    step = pydl.capture_step(module, cross_entropy, rule)
    losses = []
    pydl.manual_seed(0)
    for i in range(5):
        losses.append(step(*batch(model, 4 + i % 2, i)))
    state = pydl.random.get_rng_state()
    pydl.manual_seed(0)
    for i in range(5):
        assert same_bits(losses[i], by_hand(twin, cross_entropy, twin_rule, *batch(model, 4 + i % 2, i)))
    assert_same(module, twin)
    assert state == pydl.random.get_rng_state()
    assert "2 recordings" in repr(step)


def test_float64_schedule_clipping_and_loaded_state():
    (module, rule), (twin, twin_rule) = made(dtype=np.float64), made(dtype=np.float64)
    clip = lambda: clip_grad_norm_(module.parameters(), 0.1)  # noqa: E731
    step = pydl.capture_step(module, cross_entropy, rule, before_step=clip)
    schedules = StepLR(rule, 2, 0.5), StepLR(twin_rule, 2, 0.5)
    for i in range(6):
        x, y = batch(seed=i)
        x = x.astype(np.float64)
        step(x, y)
        by_hand(twin, cross_entropy, twin_rule, x, y, lambda: clip_grad_norm_(twin.parameters(), 0.1))
        for each in schedules:
            each.step()
        if i == 3:
            rule.load_state_dict(twin_rule.state_dict())
            module.load_state_dict(twin.state_dict())
    assert_same(module, twin)


def test_what_is_replaced_frozen_or_evaluated_is_recorded_again():
    (module, rule), (twin, twin_rule) = made("normalised"), made("normalised")
    step = pydl.capture_step(module, cross_entropy, rule)

    def changed(change):
        for each in (module, twin):
            change(each)
        pydl.manual_seed(1)
        step(*batch("normalised"))
        pydl.manual_seed(1)
        by_hand(twin, cross_entropy, twin_rule, *batch("normalised"))
        assert_same(module, twin)

    changed(lambda module: None)
    changed(lambda module: setattr(module[0].weight, "data", np.full((3, 2, 3, 3), 0.1, np.float32)))
    changed(lambda module: module[1].eval())
    changed(lambda module: module[0].requires_grad_(False))
    changed(lambda module: module.train())
    changed(lambda module: module[0].requires_grad_(True))
    changed(lambda module: setattr(module[0], "weight", nn.Parameter(np.full((3, 2, 3, 3), 0.2, np.float32))))
    pydl.manual_seed(5)
    new = nn.BatchNorm2d(3, eps=0.1), nn.BatchNorm2d(3, eps=0.1)
    changed(lambda module: setattr(module, "1", new[module is twin]))


def test_several_inputs_strided_and_given_as_tensors():
    class Sum(nn.Module):
        def __init__(self):
            super().__init__()
            self.layer = nn.Linear(3, 2)

        def forward(self, a, b):
            return self.layer(a + b)

    pydl.manual_seed(0)
    module, twin = Sum(), Sum()
    twin.load_state_dict(module.state_dict())
    rule, twin_rule = SGD(module.parameters(), 0.1), SGD(twin.parameters(), 0.1)
    step = pydl.capture_step(module, mse_loss, rule, inputs=2)
    for _ in range(3):
        a, b, y = (pydl.randn(3, n).transpose(0, 1) for n in (4, 4, 4))
        y = y[:, :2]
        step(a, b, y)
        value = mse_loss(twin(a.contiguous(), b.contiguous()), y.contiguous())
        twin.zero_grad()
        value.backward()
        twin_rule.step()
    assert_same(module, twin)


@pytest.mark.parametrize("columns", [1, 3, 9])
@pytest.mark.parametrize("rows", [3, 5, 40])
def test_same_bits_where_results_lie_in_columns(rows, columns):
    class Mixed(nn.Module):
        """relu's result lies as its input does, and the product reads it by its columns."""

        def __init__(self):
            super().__init__()
            self.layer = nn.Linear(9, columns)

        def forward(self, x):
            return self.layer((x * 1.5).transpose(0, 1).relu())

    pydl.manual_seed(0)
    module, twin = Mixed(), Mixed()
    twin.load_state_dict(module.state_dict())
    rule, twin_rule = SGD(module.parameters(), 0.1), SGD(twin.parameters(), 0.1)
    step = pydl.capture_step(module, mse_loss, rule)
    for _ in range(2):
        x, y = pydl.randn(9, rows), pydl.randn(rows, columns)
        step(x, y)
        value = mse_loss(twin(x), y)
        twin.zero_grad()
        value.backward()
        twin_rule.step()
    assert_same(module, twin)


def test_losses_stay_and_gradients_can_be_kept():
    module, rule = made()
    step = pydl.capture_step(module, cross_entropy, rule)
    first = step(*batch())
    kept, grad = first.item(), module[0].weight.grad
    step(*batch(seed=1))
    assert first.item() == kept
    assert module[0].weight.grad is not grad
    assert not first.requires_grad
    assert rule.leftover_steps == 0


def test_nan_goes_through():
    module, rule = made()
    step = pydl.capture_step(module, cross_entropy, rule)
    x, y = batch()
    step(x, y)
    x[0, 0] = np.nan
    assert np.isnan(step(x, y).item())
    assert np.isnan(module[0].weight.data).any()


def test_labels_are_checked_in_every_step():
    module, rule = made()
    step = pydl.capture_step(module, cross_entropy, rule)
    x, y = batch()
    step(x, y)
    before = module[0].weight.data.copy()
    with pytest.raises(ValueError, match="class"):
        step(x, y + 5)
    assert same_bits(module[0].weight, before)


class Shuffled(nn.Linear):
    def forward(self, x):
        return super().forward(x) * float(pydl.random.generator().random())


class InNumpy(nn.Linear):
    def forward(self, x):
        return super().forward(pydl.tensor(np.sin(x.data)))


class ByValue(nn.Linear):
    def forward(self, x):
        return super().forward(x) * float(abs(x.data).max())


class Counting(nn.Linear):
    def forward(self, x):
        self.calls = getattr(self, "calls", 0) + 1
        return super().forward(x) * self.calls


@pytest.mark.parametrize(
    ("model", "error"),
    [
        (lambda: Shuffled(6, 3), "random numbers other"),
        (lambda: InNumpy(6, 3), "replayed on other numbers"),
        (lambda: ByValue(6, 3), "replayed on other numbers"),
        (lambda: Counting(6, 3), "replayed on other numbers"),
        (lambda: nn.Sequential(nn.Linear(6, 3), nn.BatchNorm1d(3, momentum=None)), "replayed on other numbers"),
    ],
)
def test_what_cannot_be_replayed_is_refused(model, error):
    module = model()
    before = {name: value.numpy().copy() for name, value in module.state_dict().items()}
    state = pydl.random.get_rng_state()
    with pytest.raises(RuntimeError, match=f"capture_step: .*{error}"):
        pydl.capture_step(module, cross_entropy, SGD(module.parameters()))(*batch())
    assert all(same_bits(value, before[name]) for name, value in module.state_dict().items())
    assert state == pydl.random.get_rng_state()


def test_wrong_labels_are_refused_in_the_words_of_the_loss():
    (module, rule), (twin, twin_rule) = made(), made()
    step = pydl.capture_step(module, cross_entropy, rule)
    x, y = batch()
    for labels in (y, y + 100, y):
        if labels is y:
            assert same_bits(step(x, labels), by_hand(twin, cross_entropy, twin_rule, x, labels))
        else:
            with pytest.raises(ValueError, match=r"cross_entropy: target\[0\] is \d+ but there are"):
                step(x, labels)
    assert_same(module, twin)


def test_hooks_and_sparse_gradients_are_refused():
    module, rule = made()
    step = pydl.capture_step(module, cross_entropy, rule)
    step(*batch())
    handle = module[0].weight.register_hook(lambda gradient: None)
    with pytest.raises(RuntimeError, match="capture_step: a parameter has a hook"):
        step(*batch())
    handle.remove()
    step(*batch())
    handle = module.register_forward_hook(lambda *given: None)
    with pytest.raises(RuntimeError, match="capture_step: Sequential has hooks"):
        pydl.capture_step(module, cross_entropy, rule)(*batch())
    table = nn.Embedding(5, 3, sparse=True)
    with pytest.raises(RuntimeError, match="capture_step: a parameter has a sparse gradient"):
        pydl.capture_step(table, cross_entropy, SGD(table.parameters()))(np.arange(3), np.arange(3))


def test_wrong_arguments():
    module, rule = made()
    for arguments, message in (
        ((print, cross_entropy, rule), "model must be Module, not builtin_function_or_method"),
        ((module, cross_entropy, None), "optimizer must be Optimizer, not NoneType"),
        ((module, 3, rule), "loss must be"),
        ((module, cross_entropy, rule, 3), "before_step must be"),
        ((module, lambda *given: 1.0, rule), "the loss must be a tensor, not float"),
    ):
        with pytest.raises(TypeError, match=f"capture_step: {message}"):
            pydl.capture_step(*arguments)(*batch())
    with pytest.raises(TypeError, match="capture_step: inputs must be tensors or arrays, not list"):
        pydl.capture_step(module, cross_entropy, rule)([1.0], [0])


def test_an_error_of_the_step_leaves_kernels_as_they_were():
    module, rule = made()
    step = pydl.capture_step(module, cross_entropy, rule)
    with pytest.raises(ValueError, match="linear"):
        step(np.zeros((2, 5), np.float32), np.zeros(2, np.int64))
    step(*batch())
    assert "1 recordings" in repr(step)


def test_reference_backend():
    (module, rule), (twin, twin_rule) = made(), made()
    with pydl.use_backend("reference"):
        pydl.capture_step(module, cross_entropy, rule)(*batch())
        by_hand(twin, cross_entropy, twin_rule, *batch())
    assert_same(module, twin)


def test_dropout_differs_from_step_to_step():
    module = nn.Linear(50, 50)
    step = pydl.capture_step(module, lambda y, t: mse_loss(dropout(y, 0.5), t), SGD(module.parameters(), 0.0))
    x = np.ones((1, 50), np.float32)
    assert len({step(x, x).item() for _ in range(5)}) == 5


def test_copies_train_models_of_their_own():
    model, rule = made(optimizer="adam")
    step = pydl.capture_step(model, cross_entropy, rule)
    step(*batch())
    twins = [pickle.loads(pickle.dumps(step)), copy.deepcopy(step)]
    wanted = [step(*batch()).item() for _ in range(3)]
    for twin in twins:
        assert [twin(*batch()).item() for _ in range(3)] == wanted


def test_threads_take_turns():
    module, rule = made(optimizer="sgd")
    step = pydl.capture_step(module, cross_entropy, rule)
    losses: list[float] = []
    threads = [threading.Thread(target=lambda: losses.append(step(*batch()).item())) for _ in range(4)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    twin, twin_rule = made(optimizer="sgd")
    wanted = [by_hand(twin, cross_entropy, twin_rule, *batch()).item() for _ in range(4)]
    assert sorted(losses) == sorted(wanted)
    assert_same(module, twin)
