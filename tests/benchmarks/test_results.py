"""Results: percentiles, rounding, rows as they come, and the tables that are made from the JSON lines."""

import json
import math
import pathlib

import pytest
from click.testing import CliRunner

from benchmarks import __main__ as bench, figures, scale as scales, table, workloads

ROOT = pathlib.Path(__file__).parents[2]


def test_percentiles_are_measured_values_in_milliseconds() -> None:
    latency = figures.Latency.of([number / 1000 for number in range(100, -1, -1)])
    assert latency == figures.Latency(101, 50.0, 95.0, 99.0, 100.0)


def test_what_was_not_measured_is_null_in_json_and_a_dash_in_a_table() -> None:
    nothing = figures.Latency.of([])
    told = json.loads(json.dumps(figures.as_json(nothing.named("ack", "p50"))))
    assert told == {"ack_p50_ms": None}
    again = figures.Latency.read({"count": 0, "p50": None, "p95": None, "p99": None, "max": None})
    assert again.count == 0
    assert math.isnan(again.p99)


@pytest.mark.parametrize(("value", "shown"), [(0.0123456, 0.0123), (5.678, 5.68), (99.96, 100.0), (1234.5, 1234), (0.0, 0.0)])
def test_a_figure_has_three_digits(value: float, shown: float) -> None:
    assert figures.rounded(value) == shown


def test_a_workload_that_fails_keeps_its_rows_and_lets_the_next_one_run(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fails(scale: scales.Scale) -> list[scales.Result]:
        scale.row("fails", "first", per_second=1234.5)
        raise RuntimeError("the receiver is gone")

    async def works(scale: scales.Scale) -> list[scales.Result]:
        return [scale.row("works", "a", p99_ms=1.23456), scale.row("works", "b", left_out="not here")]

    monkeypatch.setattr(workloads, "TABLE", {"fails": (fails, 5.0), "works": (works, 5.0)})
    out = tmp_path / "results.jsonl"
    ran = CliRunner().invoke(bench.main, ["--out", str(out)])
    assert ran.exit_code == 1
    fails_line, works_line = [json.loads(line) for line in out.read_text().splitlines()]
    assert fails_line["error"] == "RuntimeError: the receiver is gone"
    assert fails_line["results"] == [{"workload": "fails", "variant": "first", "per_second": 1234}]
    assert works_line["error"] is None
    assert works_line["machine"]["cpus"]
    shown = table.markdown(out)
    assert "| variant | p99_ms |\n| --- | --: |\n| a | 1.23 |" in shown
    assert "| variant | left_out |\n| --- | --: |\n| b | not here |" in shown
    assert "It did not end: RuntimeError: the receiver is gone" in shown


def test_every_workload_has_a_place_in_the_table_and_in_the_page() -> None:
    modules = {path.stem for path in (ROOT / "benchmarks" / "workloads").glob("*.py")} - {"__init__"}
    assert modules == set(workloads.TABLE)
    page = (ROOT / "docs" / "benchmarks.md").read_text(encoding="utf-8")
    assert [name for name in workloads.TABLE if f"| `{name}` |" not in page] == []
