"""Each benchmark prints one JSON object with the documented metrics."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent

STORE = {
    "rows",
    "import_rows_per_cpu_s",
    "import_ratio_to_raw",
    "csv_parse_rows_per_cpu_s",
    "export_rows_per_cpu_s",
    "feedback_per_s_1",
    "feedback_per_s_8",
    "feedback_cpu_ms",
    "locked_errors",
}
PAGES = {
    "items",
    "page_ms_cold_max",
    "page_ms_warm_max",
    "items_page_ms_max",
    "draw_ms",
    "record_ms",
    "overview_ms",
    "overview",
    "review",
    "retrain",
    "predictions",
    "insights",
    "setup",
}
SECOND_LOOK = {"wrong_share", "ratio_to_random", "ratio_to_self_confidence", "seeds", "rows", "rank_cpu_s"}
# Its smallest size takes 20 s of CPU: here it measures fewer rows, and prints as ever.
FEW_ROWS = "from benchmarks import input_layout as b; all = b.compare; b.compare = lambda *_: all(2_000, 1); b.main()"
LAYOUT = {"rows", "numbers json_array_orjson", "mixed json_array_orjson", "wide json_array_orjson"}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "program", "metrics"),
    [
        ("input_layout", ["-c", FEW_ROWS], LAYOUT),
        ("store", ["-m", "benchmarks.store", "--rows", "5000"], STORE),
        ("pages", ["-m", "benchmarks.pages", "--rows", "2000"], PAGES),
        ("second_look", ["-m", "benchmarks.second_look"], SECOND_LOOK),
    ],
)
def test_a_benchmark_prints_one_json_object_with_its_metrics(name: str, program: list[str], metrics: set[str]) -> None:
    command = [sys.executable, *program, "--quick", "--json"]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=300)
    assert run.returncode == 0, run.stderr
    result = json.loads(run.stdout)
    assert set(result) == {"benchmark", "metrics", "baselines", "versions"}
    assert result["benchmark"] == name
    assert metrics <= set(result["metrics"])
    assert result["baselines"]
    assert "sqlite" in result["versions"]
    if name == "store":
        assert result["metrics"]["locked_errors"] == 0
        assert result["metrics"]["rows"] == 5_000
        assert result["metrics"]["import_ratio_to_raw"] > 0
    if name == "second_look":
        assert result["metrics"]["wrong_share"] > 0.9 > 0.5 > result["baselines"]["random"]
    if name == "pages":
        table = [row for row in result["metrics"].values() if isinstance(row, dict)]
        assert all(ms >= 0 for row in table for ms in row.values())
        assert 0 < result["metrics"]["page_ms_warm_max"] <= result["metrics"]["page_ms_cold_max"]
