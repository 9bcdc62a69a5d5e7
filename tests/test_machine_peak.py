"""The two probes of the machine's limits: they compute what they say, and give believable numbers."""

import numpy as np
import pytest
from checks import check_kernel

from pydl.bench import machine


@pytest.mark.parametrize("kernel", [machine.machine_peak_multiply_add, machine.machine_peak_triad])
def test_native_equals_reference(kernel):
    check_kernel(kernel)


def test_by_hand():
    y = np.array([1.0, 2.0])
    machine.machine_peak_multiply_add(y, 0.5, 1.0, 2)
    np.testing.assert_array_equal(y, [1.75, 2.0])
    machine.machine_peak_triad(np.ones(2), np.array([2.0, 4.0]), y, 0.5, 1)
    np.testing.assert_array_equal(y, [2.0, 3.0])


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_probes_are_believable(dtype):
    # Bounds that any processor keeps, however busy: they catch a loop that was optimised away, nothing finer.
    assert 1e6 < machine.fma_peak(dtype) < 1e15
    assert 1e6 < machine.bandwidth(100_000, dtype) < 1e14


def test_wrong_arrays():
    ones = np.ones(8, np.float32)
    with pytest.raises(ValueError, match="must have the length of y"):
        machine.machine_peak_triad(ones[:4], ones, np.ones(8, np.float32), 1.0, 1)
    with pytest.raises(ValueError, match="must be contiguous"):
        machine.machine_peak_multiply_add(ones[::2], 1.0, 1.0, 1)


def test_description():
    assert machine.describe()["cores"] >= 1
