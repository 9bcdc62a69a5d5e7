"""The rows of the comparison: their inputs, what they cost, and that pydl can do them."""

from __future__ import annotations

import numpy as np
import pytest

from pydl.bench import workloads


def test_every_row_has_inputs_costs_and_a_name_of_its_own():
    assert len({row.name for row in workloads.WORKLOADS}) == len(workloads.WORKLOADS)
    for row in workloads.WORKLOADS:
        assert row.flops >= 0
        assert row.bytes > 0
        assert row.bound in ("flops", "bytes")
        first, second = row.inputs(), row.inputs()
        for name, array in first.items():
            assert array.dtype in (np.float32, np.float64, np.int64)
            np.testing.assert_array_equal(array, second[name])


def test_costs_worked_by_hand():
    assert workloads.find("matmul 64").flops == 2 * 64**3
    # 64 images, 20 maps of 24x24, 25 products and 25 sums each
    lenet = workloads.find("LeNet 1, 64x1x28x28, 20 of 5x5")
    assert lenet.flops == 64 * 20 * 24 * 24 * 50
    assert workloads.find("LeNet 1, 64x1x28x28, 20 of 5x5, forward+backward").flops == 3 * lenet.flops
    # Each of 14x14 pixels of 64 channels meets 16 weights of 32 filters.
    assert workloads.find("transposed, 8x64x14x14, 32 of 4x4/2").flops == 2 * 8 * 14**2 * 64 * 16 * 32
    assert workloads.find("LSTM T28 B64 28->128, forward").flops == 2 * 28 * 64 * 512 * (28 + 128)
    assert workloads.find("inference MLP 784-256-10, batch 1").flops == 2 * (784 * 256 + 256 * 10)
    adam = workloads.find("Adam, 200 tensors of 33x31")
    assert adam.bytes == 4 * 7 * 200 * 33 * 31
    parameters = sum(int(np.prod(shape)) for shape in workloads.optimizer.SETS["ResNet-18, 11.7 million"])
    assert parameters == 11_689_512  # as torchvision counts them


def test_rows_are_chosen_by_name_or_area():
    assert workloads.select(None, everything=True) == list(workloads.WORKLOADS)
    assert {row.area for row in workloads.select(None)} == {row.area for row in workloads.WORKLOADS}
    assert not any(row.extra for row in workloads.select(None))
    assert [row.name for row in workloads.select("MATMUL 25")] == ["matmul 256", "matmul 256x64x784, A transposed"]
    assert {row.area for row in workloads.select("pooling")} == {"pooling"}
    with pytest.raises(ValueError, match="no row contains 'transformer'; the areas are matrix product,"):
        workloads.select("transformer")


@pytest.mark.parametrize("kind", workloads.KINDS)
def test_pydl_does_a_row_of_every_kind(kind):
    from pydl.bench.peers import pydl as ours

    row = min((row for row in workloads.WORKLOADS if row.kind == kind), key=lambda row: row.flops)
    for make in ours.KINDS[kind](row, row.inputs()).values():
        run = make()
        run.reset()
        assert all(np.isfinite(array).all() for array in run.read(run.step()).values())


@pytest.mark.parametrize("network", workloads.whole_step.NETWORKS)
def test_every_network_learns_its_batch(network):
    from pydl.bench.peers import pydl as ours

    kind = "train_ctc" if workloads.whole_step.NETWORKS[network].ctc else "train"
    row = workloads.Workload(f"learn {network}", "", kind, {"network": network, "batch": 4})
    run = ours.KINDS[kind](row, row.inputs())["eager"]()
    run.reset()
    losses = [float(run.read(run.step())["loss"]) for _ in range(12)]
    assert losses[-1] < losses[0]
