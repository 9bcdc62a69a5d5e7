"""The table of the comparison, as text and as Markdown."""

from __future__ import annotations

from pathlib import Path

import pytest

from pydl.bench import report


def example(ratio=0.5, **changes):
    row = {
        "name": "matmul 64", "area": "matmul", "threads": 1, "flops": 2_000_000, "bytes": 1000, "bound": "flops",
        "trusted": True, "notes": [], "spent": {"preparing": 61.0, "timing": 30.0},
        "peak": {"flops": 100e9, "bytes": 10e9},
        "libraries": {
            "pydl": {"status": "ok", "note": "", "best": "eager", "nanoseconds": 40_000.0, "fastest": 39_000,
                     "variants": {"eager": {"status": "ok", "note": ""}}},
            "torch": {"status": "ok", "note": "", "best": "fused", "nanoseconds": 40_000.0 * ratio, "fastest": 1_000,
                      "ratio": ratio, "low": ratio / 2, "high": ratio * 2,
                      "variants": {"fused": {"status": "ok", "note": "", "prepare": 12.0},
                                   "compile": {"status": "failed", "note": "worker ended with code 1"}}},
            "jax": {"status": "not supported", "note": "", "variants": {}},
        },
    } | changes  # fmt: skip
    return {
        "date": "2026-01-01", "machine": {"processor": "P", "cores": 2, "system": "S"}, "versions": {"pydl": "0"},
        "settings": {"blocks": 3}, "command": "pydl bench", "missing": ["openvino left out"], "rows": [row],
        "seconds": 93.0,
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
    spent = "took 1.6 minutes: preparing 61 s, timing 30 s; longest to prepare, side by side: torch fused 12 s"
    for said in ("50 GFLOP/s", "50 %", "0.25 .. 1.00", "openvino left out", "fused", spent):
        assert said in lost
    assert "matmul 64, 1 thread: torch compile failed: worker ended with code 1" in lost


def test_memory_bound_rows_are_held_against_the_bandwidth():
    row = example(bound="bytes", bytes=200_000)["rows"][0]
    assert report.rate(row, 40_000.0, {1: 100e9}) == ("5 GB/s", "50 %", "20.0 us")
    assert report.rate(row | {"peak": None}, 40_000.0, {}) == ("5 GB/s", "", "")


def test_a_row_that_no_peer_has_says_so():
    row = example()["rows"][0]
    del row["libraries"]["torch"]
    assert [line[8] for line in report.table_lines([row])] == ["not supported"]


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


@pytest.mark.parametrize("render", [report.text, report.markdown])
def test_memory_is_told_where_it_was_measured(render):
    measured = example(2.0)
    measured["rows"][0]["libraries"]["pydl"]["peak_bytes"] = 50_000_000
    measured["rows"][0]["libraries"]["torch"]["peak_bytes"] = 200_000_000
    assert "50 MB" in render(measured)
    assert "200 MB (4.0 x)" in render(measured)
    assert "MB" not in render(example(2.0))
