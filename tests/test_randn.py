import numpy as np
import pytest
from checks import check_kernel

import pydl
from pydl import nn
from pydl.nn.functional import mse_loss
from pydl.ops.randn import normal_numbers, randn_forward
from pydl.optim import SGD


def test_native_equals_reference():
    check_kernel(randn_forward)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_moments_of_the_normal_distribution(dtype):
    pydl.manual_seed(0)
    x = pydl.randn(1000, 1000, dtype=dtype).numpy().astype(np.float64)
    for power, want in enumerate((0, 1, 0, 3, 0, 15), 1):
        assert abs((x**power).mean() - want) < 0.002 * 6**power / power, power
    for distance, want in ((1, 0.682689), (2, 0.954500), (3, 0.997300), (4, 0.9999367)):
        assert abs((np.abs(x) < distance).mean() - want) < 0.002, distance
    # Neighbours, and the two numbers of a pair, know nothing of each other.
    flat = x.reshape(-1)
    for lag in (1, 16, 32, 64):
        assert abs((flat[lag:] * flat[:-lag]).mean()) < 0.005, lag
        assert abs((flat[lag:] ** 2 * flat[:-lag] ** 2).mean() - 1) < 0.015, lag


def test_is_always_finite():
    pydl.manual_seed(1)
    x = normal_numbers((3_000_000,), np.float32)
    assert np.isfinite(x).all()
    assert 4.5 < np.abs(x).max() < np.sqrt(2 * 24 * np.log(2)) + 1e-4


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_depends_on_the_seed_alone(dtype):
    before, results = pydl.get_num_threads(), []
    for threads in (1, 2, 3):
        pydl.set_num_threads(threads)
        pydl.manual_seed(5)
        results.append(pydl.randn(7, 10001, dtype=dtype).numpy())
    pydl.set_num_threads(before)
    for each in results[1:]:
        np.testing.assert_array_equal(each, results[0])
    assert (pydl.randn(100).numpy() != pydl.randn(100).numpy()).all()


@pytest.mark.parametrize("shape", [(), (0,), (2, 0, 3), (1,), (31,), (33, 2)])
def test_shapes(shape):
    for dtype in (np.float32, np.float64):
        x = pydl.randn(*shape, dtype=dtype)
        assert x.shape == shape
        assert x.dtype == dtype


class Noisy(nn.Linear):
    def forward(self, x):
        return super().forward(x + pydl.randn(*x.shape))


def test_captured_steps_draw_new_numbers():
    x, y = np.ones((2, 4, 3), np.float32)
    found = []
    for captured in (False, True):
        pydl.manual_seed(3)
        model = Noisy(3, 3)
        optimizer = SGD(model.parameters(), lr=0.1)
        step = pydl.capture_step(model, mse_loss, optimizer)
        losses = []
        for _ in range(4):
            if captured:
                losses.append(step(x, y).item())
                continue
            optimizer.zero_grad()
            loss = mse_loss(model(pydl.tensor(x)), y)
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
        found.append(losses)
    assert found[0] == found[1]
    assert len(set(found[0])) == 4
