"""The comparison with peers: statistics, worker protocol, failures of workers, report. Nothing depends on speed."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from pydl import bench
from pydl.bench import compare, disturbance, process, ratios, report, workloads
from pydl.bench.peers import PEERS, Peer, choose

ROW = workloads.find("matmul 64")

PEER = """
import os, sys, time
import numpy as np
from pydl.bench.peers import Run

def set_up(threads):
    print("libraries may print", flush=True)
    return {NAME: "1.0"}

def product(inputs, wrong=0.0):
    return Run(lambda: inputs["a"] @ inputs["b"] + np.float32(wrong), lambda y: {"y": y})

def raising(inputs):
    raise ValueError("no such thing")

def crashing_later(inputs):
    def step(count=[0]):
        count[0] += 1
        if count[0] > 1500:
            os._exit(7)
        time.sleep(1e-4)
        return inputs["a"] @ inputs["b"]
    return Run(step, lambda y: {"y": y})

MAKERS = {
    "good": product,
    "wrong": lambda inputs: product(inputs, 1.0),
    "raises": raising,
    "crashes": lambda inputs: os._exit(7),
    "killed": lambda inputs: os.kill(os.getpid(), 9),
    "crashes later": crashing_later,
    "hangs": lambda inputs: time.sleep(600),
}

def matmul(workload, inputs):
    return {variant: lambda variant=variant: MAKERS[variant](inputs) for variant in VARIANTS}

KINDS = {"matmul": matmul}
"""


@pytest.fixture
def library(tmp_path, monkeypatch):
    """library(name, variants): a library whose worker runs the peer above."""
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    made = []

    def make(name, *variants, source=PEER, **settings):
        module = f"peer_{len(made)}"
        (tmp_path / f"{module}.py").write_text(f"NAME, VARIANTS = {name!r}, {variants!r}\n{source}")
        quick = {"blocks": 4, "visit_seconds": 1e-4, "run_timeout": 30.0} | settings
        cores = bench.available_cores()[:1]
        made.append(compare.Library(Peer(name, module, ()), 1, cores, compare.Settings(**quick)))
        return made[-1]

    yield make
    for each in made:
        each.close()


def run(libraries, tmp_path, row=ROW):
    return compare.run_row(row, libraries, tmp_path, lambda what: None)


# --- statistics


def test_paired_ratio_is_the_median_of_the_ratios_within_blocks():
    # Ratios 2, 3, 4; the second block was slow for both, which must not matter.
    ratio, low, high = ratios.paired_ratio([2.0, 300.0, 4.0], [1.0, 100.0, 1.0])
    assert (ratio, low, high) == (3.0, 2.0, 4.0)


def test_interval_covers_the_true_ratio_and_is_the_same_for_the_same_seed():
    generator = np.random.default_rng(1)
    covered = 0
    for _ in range(100):
        ours = generator.lognormal(0.0, 0.5, 21)
        peer = 1.5 * ours * generator.lognormal(0.0, 0.1, 21)
        ratio, low, high = ratios.paired_ratio(peer, ours)
        assert low <= ratio <= high
        covered += low <= 1.5 <= high
    assert 88 <= covered <= 100
    assert ratios.paired_ratio(peer, ours, seed=3) == ratios.paired_ratio(peer, ours, seed=3)


def test_paired_ratio_needs_pairs():
    with pytest.raises(ValueError, match="peer has 2 blocks and ours has 1"):
        ratios.paired_ratio([1.0, 2.0], [1.0])
    with pytest.raises(ValueError, match="at least one"):
        ratios.paired_ratio([], [])


def test_geometric_mean():
    assert ratios.geometric_mean([2.0, 0.5]) == pytest.approx(1.0)
    assert ratios.geometric_mean([1.0, 8.0, 1.0]) == pytest.approx(2.0)


@pytest.mark.parametrize(
    ("after", "disturbed"),
    [
        (disturbance.Snapshot(stolen=0, busy=90, all=100, own=85), False),
        (disturbance.Snapshot(stolen=0, busy=90, all=100, own=50), True),  # somebody else used 40 %
        (disturbance.Snapshot(stolen=5, busy=90, all=100, own=90), True),  # the hypervisor took 5 %
        (disturbance.Snapshot(), False),  # a system that does not tell
    ],
)
def test_disturbance(after, disturbed):
    assert disturbance.disturbed(disturbance.Snapshot(), after) is disturbed


def test_disturbed_blocks_are_left_out_unless_they_are_the_most():
    assert disturbance.quiet([False, True, False]) == [0, 2]
    assert "1 of 3 blocks left out" in disturbance.note([False, True, False])
    assert disturbance.quiet([True, True, False]) == [0, 1, 2]
    assert "cannot be trusted" in disturbance.note([True, True, False])
    assert disturbance.note([False]) == ""


def test_snapshots_grow():
    first = disturbance.snapshot(bench.available_cores(), [])
    sum(range(10**6))
    second = disturbance.snapshot(bench.available_cores(), [])
    assert second.all >= first.all
    assert second.own >= first.own


# --- rows


def test_every_row_has_inputs_costs_and_a_name_of_its_own():
    assert len({row.name for row in workloads.WORKLOADS}) == len(workloads.WORKLOADS)
    for row in workloads.WORKLOADS:
        assert row.flops > 0
        assert row.bytes > 0
        assert row.bound in ("flops", "bytes")
        first, second = row.inputs(), row.inputs()
        for name, array in first.items():
            assert array.dtype in (np.float32, np.int64)
            np.testing.assert_array_equal(array, second[name])


def test_costs_worked_by_hand():
    assert workloads.find("matmul 64").flops == 2 * 64**3
    # 64 images, 20 maps of 24x24, 25 products and 25 sums each
    lenet = workloads.find("conv2d LeNet 1, 64x1x28x28, 20 of 5x5")
    assert lenet.flops == 64 * 20 * 24 * 24 * 50
    assert workloads.find("conv2d LeNet 1, forward+backward").flops == 3 * lenet.flops
    assert workloads.find("inference MLP 784-256-10, batch 1").flops == 2 * (784 * 256 + 256 * 10)


def test_rows_are_chosen_by_name_or_area():
    assert [row.name for row in workloads.select("MATMUL 25")] == ["matmul 256"]
    assert {row.area for row in workloads.select("pooling")} == {"pooling"}
    with pytest.raises(ValueError, match="no row contains 'transformer'; the areas are matmul,"):
        workloads.select("transformer")


# --- workers


def test_worker_protocol(library, tmp_path):
    fake = library("fake", "good", "raises")
    assert fake.ask("variants", 60, workload=ROW.name) == {"variants": ["good", "raises"]}
    assert fake.versions == {"fake": "1.0"}
    assert fake.ask("variants", 60, workload="LSTM T100 B1 64->64, forward") == {"variants": []}
    path = tmp_path / "outputs.npz"
    prepared = fake.ask("prepare", 60, workload=ROW.name, variant="good", outputs=str(path))
    assert prepared["nanoseconds"] > 0
    inputs = ROW.inputs()
    np.testing.assert_allclose(compare.read_outputs(path)["y"][0], inputs["a"] @ inputs["b"], rtol=1e-6)
    answer = fake.ask("run", 60, workload=ROW.name, variant="good", repetitions=5)
    assert answer["nanoseconds"] >= 5 * answer["fastest"] > 0
    # A request that fails is answered, and the worker goes on.
    failed = fake.ask("prepare", 60, workload=ROW.name, variant="raises", outputs=str(path))
    assert failed == {"error": "ValueError: no such thing"}
    assert "unknown request 'dance'" in fake.ask("dance", 60)["error"]
    assert fake.process.wait_idle(30)
    assert fake.ask("drop", 60) == {}


def test_a_row_gets_ratio_interval_and_best_variant(library, tmp_path):
    result = run([library("pydl", "good"), library("other", "good", "crashes", "raises")], tmp_path)
    ours, other = result["libraries"]["pydl"], result["libraries"]["other"]
    assert ours["status"] == other["status"] == "ok"
    assert ours["best"] == other["best"] == "good"
    assert other["low"] <= other["ratio"] <= other["high"]
    assert len(ours["variants"]["good"]["blocks"]) == len(other["variants"]["good"]["blocks"]) == 4
    assert 0 < ours["fastest"] <= ours["nanoseconds"]
    # The variant that ended the worker cost only itself.
    assert other["variants"]["crashes"]["status"] == "failed"
    assert other["variants"]["raises"] == {"status": "error", "note": "ValueError: no such thing"}


def test_numbers_that_differ_are_not_timed(library, tmp_path):
    result = run([library("pydl", "good"), library("other", "wrong")], tmp_path)
    other = result["libraries"]["other"]
    assert other["status"] == "differs"
    assert "y differs from pydl's by 1" in other["note"]
    assert "ratio" not in other
    assert bench.suspicious(result)


def test_nan_differs():
    expected = {"y": np.ones(3)}
    assert "differs" in compare.compare_outputs(ROW, {"y": np.full(3, np.nan)}, expected)
    assert "has shape (2,)" in compare.compare_outputs(ROW, {"y": np.ones(2)}, expected)
    assert "gives x where pydl gives y" in compare.compare_outputs(ROW, {"x": np.ones(3)}, expected)
    assert compare.compare_outputs(ROW, {"y": np.ones(3) + 1e-6}, expected) == ""


@pytest.mark.parametrize(("variant", "said"), [("crashes", "ended with code 7"), ("killed", "ended by signal 9")])
def test_a_crash_is_reported_and_the_others_go_on(library, tmp_path, variant, said):
    libraries = [library("pydl", "good"), library("unlucky", variant), library("other", "good")]
    result = run(libraries, tmp_path)
    unlucky = result["libraries"]["unlucky"]
    assert unlucky["status"] == "failed"
    assert said in unlucky["note"]
    assert "ratio" in result["libraries"]["other"]
    assert not bench.suspicious(result)
    # In the next row its worker is a new one.
    assert libraries[1].ask("variants", 60, workload=ROW.name) == {"variants": [variant]}


def test_a_crash_while_being_timed_is_reported(library, tmp_path):
    libraries = [library("pydl", "good"), library("unlucky", "crashes later", visit_seconds=0.2)]
    result = run(libraries, tmp_path)
    assert result["libraries"]["unlucky"]["status"] == "failed"
    assert result["libraries"]["pydl"]["status"] == "ok"


def test_a_worker_that_hangs_is_ended(library, tmp_path):
    stuck = library("stuck", "hangs", prepare_timeout=5.0)
    ours = library("pydl", "good")
    result = run([ours, stuck], tmp_path)
    assert "did not answer 'prepare' within 5 s" in result["libraries"]["stuck"]["note"]
    assert stuck.process is None


def test_slow_variants_have_a_budget(library, tmp_path):
    source = PEER + "\nSLOW = ('good',)\n"
    result = run([library("pydl", "good"), library("other", "good", source=source, slow_budget=0.0)], tmp_path)
    assert result["libraries"]["other"]["status"] == "skipped"


def test_a_library_that_cannot_be_imported_is_reported(library, tmp_path):
    broken = library("broken", source="raise ImportError('libfast.so is missing')")
    result = run([library("pydl", "good"), broken], tmp_path)
    assert result["libraries"]["broken"]["note"] == "ImportError: libfast.so is missing"
    assert broken.broken


def test_without_pydl_there_is_nothing_to_compare(library, tmp_path):
    result = run([library("pydl", "raises"), library("other", "good")], tmp_path)
    assert result["libraries"].keys() == {"pydl"}
    assert bench.suspicious(result)


def test_closing_ends_the_process(library):
    fake = library("fake", "good")
    fake.ask("variants", 60, workload=ROW.name)
    child = fake.process.child
    fake.close()
    assert child.poll() == 0


def test_ctrl_c_ends_all_workers(library, monkeypatch, tmp_path, capsys):
    names = {"pydl": library("pydl", "good").peer, "torch": library("torch", "good").peer}
    monkeypatch.setattr("pydl.bench.peers.PEERS", names)
    children = []
    monkeypatch.setattr(process.Process, "wait_idle", lambda self: children.append(self.child) or interrupt(children))

    def interrupt(seen):
        if len(set(seen)) == 2:
            raise KeyboardInterrupt
        return True

    out = tmp_path / "out"
    assert bench.main(["torch"], [1], "matmul 64", 4, str(out)) == 130
    assert all(child.poll() is not None for child in children)
    assert not out.exists()
    assert "stopped" in capsys.readouterr().err


# --- the whole command


def test_main_writes_table_and_json(library, monkeypatch, tmp_path, capsys):
    names = {"pydl": library("pydl", "good").peer, "torch": library("torch", "good").peer}
    names["jax"] = Peer("jax", "nowhere", ("no_such_module_anywhere",))
    monkeypatch.setattr("pydl.bench.peers.PEERS", names)
    out = tmp_path / "new" / "out"
    assert bench.main(["torch", "jax"], [1], "matmul 64", 3, str(out)) == 0
    printed = capsys.readouterr()
    assert "jax left out: no_such_module_anywhere is not installed; pip install pydl-cpu[bench]" in printed.err
    assert "matmul 64" in printed.out
    result = json.loads((out / "bench.json").read_text())
    assert result["versions"] == {"pydl": "1.0", "torch": "1.0"}
    assert len(result["rows"][0]["libraries"]["torch"]["variants"]["good"]["blocks"]) == 3
    assert "| matmul 64 | 1 |" in (out / "bench.md").read_text()
    assert sorted(path.name for path in out.iterdir()) == ["bench.json", "bench.md"]


def test_names_and_numbers_that_make_no_sense():
    with pytest.raises(ValueError, match="unknown peer 'tensorflow'; the known ones are torch, jax, onnxruntime"):
        bench.main(["torch", "tensorflow"], [1])
    with pytest.raises(ValueError, match="unknown peer 'pydl'"):
        choose(["pydl"])
    with pytest.raises(ValueError, match="no peer to compare with"):
        choose([])
    with pytest.raises(ValueError, match="4096 threads need as many cores"):
        bench.main(["torch"], [4096])
    with pytest.raises(ValueError, match="blocks is 0"):
        bench.main(["torch"], [1], blocks=0)
    assert [peer.name for peer in choose(["jax", "torch", "jax"])] == ["jax", "torch"]
    assert list(PEERS) == ["pydl", "torch", "jax", "onnxruntime", "openvino"]


# --- report


def example(ratio=0.5, **changes):
    row = {
        "name": "matmul 64", "area": "matmul", "threads": 1, "flops": 2_000_000, "bytes": 1000, "bound": "flops",
        "trusted": True, "notes": [], "peak": {"flops": 100e9, "bytes": 10e9},
        "libraries": {
            "pydl": {"status": "ok", "note": "", "best": "eager", "nanoseconds": 40_000.0, "fastest": 39_000,
                     "variants": {"eager": {"status": "ok", "note": ""}}},
            "torch": {"status": "ok", "note": "", "best": "fused", "nanoseconds": 40_000.0 * ratio, "fastest": 1_000,
                      "ratio": ratio, "low": ratio / 2, "high": ratio * 2,
                      "variants": {"compile": {"status": "failed", "note": "worker ended with code 1"}}},
            "jax": {"status": "not supported", "note": "", "variants": {}},
        },
    } | changes  # fmt: skip
    return {
        "date": "2026-01-01", "machine": {"processor": "P", "cores": 2, "system": "S"}, "versions": {"pydl": "0"},
        "settings": {"blocks": 3}, "command": "pydl bench", "missing": ["openvino left out"], "rows": [row],
    }  # fmt: skip


@pytest.mark.parametrize(
    ("nanoseconds", "said"),
    [(1.23e9, "1.23 s"), (45.6e6, "45.6 ms"), (789e6, "789 ms"), (2500.0, "2.50 us"), (321.0, "321 ns")],
)
def test_durations(nanoseconds, said):
    assert report.duration(nanoseconds) == said


@pytest.mark.parametrize("render", [report.text, report.markdown])
def test_losses_are_marked_and_everything_is_told(render):
    lost, won = render(example(0.5)), render(example(2.0))
    assert "0.50 <" in lost
    assert "2.00 <" not in won
    assert "2.00" in won
    for said in ("50 GFLOP/s", "50 %", "0.25 .. 1.00", "not supported", "openvino left out", "fused"):
        assert said in lost
    assert "matmul 64, 1 thread: torch compile failed: worker ended with code 1" in lost


def test_memory_bound_rows_are_held_against_the_bandwidth():
    row = example(bound="bytes", bytes=200_000)["rows"][0]
    assert report.rate(row, 40_000.0, {1: 100e9}) == ("5 GB/s", "50 %")
    assert report.rate(row | {"peak": None}, 40_000.0, {}) == ("5 GB/s", "")


def test_rows_in_doubt_are_marked_and_do_not_count_in_the_means():
    doubtful = example(2.0, trusted=False)
    assert "2.00 ?" in report.text(doubtful)
    assert report.area_means(doubtful["rows"]) == []
    assert "geometric mean" not in report.text(doubtful)


def test_means_per_area_and_against_the_fastest_peer():
    first, second = example(0.5)["rows"][0], example(8.0)["rows"][0]
    second["libraries"]["jax"] = first["libraries"]["torch"] | {"ratio": 2.0}
    means = {mean["peer"]: mean for mean in report.area_means([first, second])}
    assert means["torch"]["ratio"] == pytest.approx(2.0)
    assert means["torch"]["rows"] == 2
    assert means["fastest"]["ratio"] == pytest.approx(1.0)


def test_report_appears_whole_or_not_at_all(tmp_path, monkeypatch):
    report.write(example(), tmp_path)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    write_text = Path.write_text

    def full_disk(self, content, **options):
        write_text(self, content[:10], **options)
        raise OSError("No space left on device")

    monkeypatch.setattr(Path, "write_text", full_disk)
    with pytest.raises(OSError, match="No space"):
        report.write(example(2.0), tmp_path)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_importing_the_package_loads_nothing_heavy():
    code = "import sys, pydl.bench; print(sorted({'torch', 'jax', 'onnx', 'pydl.bench.compare'} & set(sys.modules)))"
    environment = process.environment(1)
    done = subprocess.run(
        [sys.executable, "-P", "-c", code], capture_output=True, text=True, env=environment, check=True
    )
    assert done.stdout.strip() == "[]"
