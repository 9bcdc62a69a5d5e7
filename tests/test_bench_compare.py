"""The comparison with peers: worker protocol, failures of workers, the whole command. Nothing depends on speed."""

from __future__ import annotations

import dataclasses
import json
import signal
import subprocess
import sys

import numpy as np
import pytest

from pydl import bench
from pydl.bench import compare, process, report, workloads
from pydl.bench.library import Library
from pydl.bench.outputs import compare_outputs, read_outputs
from pydl.bench.peers import PEERS, Peer, choose
from pydl.bench.settings import Settings

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
    turns = []
    def step():
        if len(turns) > 3:  # the result was saved, the step made warm and its time estimated
            os._exit(7)
        return inputs["a"] @ inputs["b"]
    return Run(step, lambda y: {"y": y}, lambda: turns.append(1))

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
        made.append(Library(Peer(name, module, ()), 1, cores, Settings(**quick)))
        return made[-1]

    yield make
    for each in made:
        each.close()


def run(libraries, tmp_path, row=ROW):
    (result,) = compare.prepare_row(row, [libraries], tmp_path, lambda what: None)
    return compare.measure_row(row, libraries, result, tmp_path, lambda what: None)


def test_worker_protocol(library, tmp_path):
    fake = library("fake", "good", "raises")
    assert fake.ask("variants", 60, workload=ROW.name) == {"variants": ["good", "raises"]}
    assert fake.versions == {"fake": "1.0"}
    assert fake.ask("variants", 60, workload="LSTM T100 B1 64->64, forward") == {"variants": []}
    path = tmp_path / "outputs.npz"
    prepared = fake.ask("prepare", 60, workload=ROW.name, variant="good", outputs=str(path))
    assert prepared == {}
    assert fake.ask("estimate", 60, workload=ROW.name, variant="good")["nanoseconds"] > 0
    inputs = ROW.inputs()
    np.testing.assert_allclose(
        read_outputs(path)["y"][0], inputs["a"] @ inputs["b"], atol=2e-5
    )  # sums near 20, in any order
    answer = fake.ask("run", 60, workload=ROW.name, variant="good", repetitions=5)
    assert answer["nanoseconds"] >= 5 * answer["fastest"] > 0
    # A request that fails is answered, and the worker goes on.
    failed = fake.ask("prepare", 60, workload=ROW.name, variant="raises", outputs=str(path))
    assert failed == {"error": "ValueError: no such thing"}
    assert "unknown request 'dance'" in fake.ask("dance", 60)["error"]
    assert fake.process.wait_idle(30)
    assert fake.ask("variants", 60, workload="matmul 128") == {"variants": ["good", "raises"]}
    assert "KeyError" in fake.ask("run", 60, workload=ROW.name, variant="good", repetitions=1)["error"], "forgotten"


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


def test_errors_against_float64_stand_beside_the_times(library, tmp_path):
    row = dataclasses.replace(ROW, exact=True)
    result = run([library("pydl", "good"), library("other", "good", "wrong")], tmp_path, row)
    variants = result["libraries"]["other"]["variants"]
    assert 0 < variants["good"]["error"] < 1e-5
    assert "error" not in variants["wrong"], "what differs is no result"
    lines = report.error_lines([result])
    assert [line[2:4] for line in lines] == [("pydl", "good"), ("other", "good")]
    assert report.error_lines([run([library("pydl", "good")], tmp_path)]) == []


def test_of_random_numbers_only_the_shapes_are_compared():
    row = workloads.find("dropout 1000x1000, forward+backward")
    assert compare_outputs(row, {"y": np.ones(3)}, {"y": np.zeros(3)}) == ""
    assert "has shape (2,)" in compare_outputs(row, {"y": np.ones(2)}, {"y": np.zeros(3)})


def test_slow_variants_and_libraries_far_behind_are_left_out_of_later_blocks(library, tmp_path):
    source = (
        PEER
        + """
def slow(inputs):
    def step():
        time.sleep(0.02)
        return inputs["a"] @ inputs["b"]
    return Run(step, lambda y: {"y": y})

MAKERS["slow"] = slow
"""
    )
    libraries = [library("pydl", "good"), library("other", "slow", source=source, far_behind={1: 30.0})]
    result = run(libraries, tmp_path)
    other = result["libraries"]["other"]
    assert len(other["variants"]["slow"]["blocks"]) == 1
    assert len(result["libraries"]["pydl"]["variants"]["good"]["blocks"]) == 4
    assert other["ratio"] > 30.0


def test_a_variant_whose_first_step_is_slow_is_no_slow_variant(library, tmp_path):
    source = (
        PEER
        + """
def recording(inputs):
    state = {}
    def step():
        if not state:
            state["recorded"] = time.sleep(0.1)
        return inputs["a"] @ inputs["b"]
    return Run(step, lambda y: {"y": y}, state.clear)

MAKERS["recording"] = recording
"""
    )
    result = run([library("pydl", "good", "recording", source=source)], tmp_path)
    assert result["libraries"]["pydl"]["variants"]["recording"]["estimate"] < 50e6


def test_a_row_ends_where_its_intervals_are_narrow(library, tmp_path):
    for narrow, blocks in ((1e9, 2), (-1.0, 4)):
        libraries = [library(name, "good", blocks=4, enough_blocks=2, narrow=narrow) for name in ("pydl", "other")]
        assert run(libraries, tmp_path)["blocks"] == blocks


def test_all_thread_counts_prepare_at_once(library, tmp_path):
    teams = [[library("pydl", "good"), library("other", "good", "wrong")] for _ in range(2)]
    for threads, team in enumerate(teams):
        for each in team:
            each.threads = threads
    records = compare.prepare_row(ROW, teams, tmp_path, lambda what: None)
    assert [record["threads"] for record in records] == [0, 1]
    for record in records:
        statuses = {name: outcome["status"] for name, outcome in record["libraries"]["other"]["variants"].items()}
        assert statuses == {"good": "ok", "wrong": "differs"}
        assert record["spent"]["preparing"] > 0


def test_peak_memory_is_that_of_a_process_of_its_own(library, tmp_path):
    source = (
        PEER
        + """
def large(inputs):
    block = np.ones(50_000_000 // 8)
    return product(inputs)

MAKERS["large"] = large
"""
    )
    fake = library("fake", "good", "large", source=source)
    small = fake.peak_bytes(ROW, "good", tmp_path)
    assert 10e6 < small < fake.peak_bytes(ROW, "large", tmp_path) - 45e6
    assert library("fake", "crashes").peak_bytes(ROW, "crashes", tmp_path) is None


def test_nan_differs():
    expected = {"y": np.ones(3)}
    assert "differs" in compare_outputs(ROW, {"y": np.full(3, np.nan)}, expected)
    assert "has shape (2,)" in compare_outputs(ROW, {"y": np.ones(2)}, expected)
    assert "gives x where pydl gives y" in compare_outputs(ROW, {"x": np.ones(3)}, expected)
    assert compare_outputs(ROW, {"y": np.ones(3) + 1e-6}, expected) == ""


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
    libraries = [library("pydl", "good"), library("unlucky", "crashes later")]
    result = run(libraries, tmp_path)
    assert result["libraries"]["unlucky"]["variants"]["crashes later"]["estimate"] > 0
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
    assert child.poll() in (0, -signal.SIGKILL), "ended in good order, or the hard way where the machine is busy"


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
    assert bench.main(["torch"], [1], "matmul 33x", 4, str(out)) == 130
    assert all(child.poll() is not None for child in children)
    assert not out.exists()
    assert "stopped" in capsys.readouterr().err


def test_main_writes_table_and_json(library, monkeypatch, tmp_path, capsys):
    names = {"pydl": library("pydl", "good").peer, "torch": library("torch", "good").peer}
    names["jax"] = Peer("jax", "nowhere", ("no_such_module_anywhere",))
    monkeypatch.setattr("pydl.bench.peers.PEERS", names)
    out = tmp_path / "new" / "out"
    assert bench.main(["torch", "jax"], [1], "matmul 33x", 3, str(out)) == 0
    printed = capsys.readouterr()
    assert "jax left out: no_such_module_anywhere is not installed; pip install pydl-cpu[bench]" in printed.err
    assert "matmul 33x129x257" in printed.out
    result = json.loads((out / "bench.json").read_text())
    assert result["versions"] == {"pydl": "1.0", "torch": "1.0"}
    assert len(result["rows"][0]["libraries"]["torch"]["variants"]["good"]["blocks"]) == 3
    assert "| matmul 33x129x257 | 1 |" in (out / "bench.md").read_text()
    assert sorted(path.name for path in out.iterdir()) == ["bench.json", "bench.md"]


def test_names_and_numbers_that_make_no_sense():
    with pytest.raises(ValueError, match="unknown peer 'tensorflow'; the known ones are torch, numpy, jax"):
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
    assert list(PEERS) == ["pydl", "torch", "numpy", "jax", "onnxruntime", "openvino"]


def test_importing_the_package_loads_nothing_heavy():
    code = "import sys, pydl.bench; print(sorted({'torch', 'jax', 'onnx', 'pydl.bench.compare'} & set(sys.modules)))"
    environment = process.environment(1)
    done = subprocess.run(
        [sys.executable, "-P", "-c", code], capture_output=True, text=True, env=environment, check=True
    )
    assert done.stdout.strip() == "[]"
