"""Each benchmark prints one JSON object with the documented metrics."""

from __future__ import annotations

import json
import re
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
    "insights_cold_ms",
    "insights_warm_ms",
    "insights_bytes",
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
# The same rules over fewer and smaller sets.
SMALL_SETS = """
from benchmarks import label_efficiency as b
all = b.tables
b.POOL, b.tables = 80, lambda quick: {name: all(quick)[name] for name in ("iris", "wine")}
b.main()
"""
EFFICIENCY = {"mean_rank_default", "mean_rank_best_peer", "below_random_sets", "sets", "seeds", "peers_missing", "iris"}
SHORT_QUERIES = "from benchmarks import query_speed as b; b.SIZES = (1_000, 2_000); b.main()"
QUERIES = {"margin_ratio_to_numpy", "default_ratio_to_numpy", "peers_missing", "margin", "density", "default"}
SHORT_SITTING = """
from benchmarks import eight_reviewers as b
run = b.run
b.run = lambda *_: run(2_000, 4.0)
b.main()
"""
SITTING = {"decisions", "lost", "refused", "handed_out_twice", "batch_p95_ms"}
TRIGGER = {"worst_regret_auto", "worst_regret_root", "worst_regret_best_fixed", "predictions", "seeds", "auto"}
REALTIME = {
    "lost_points",
    "lost_points_without_replay",
    "lag_s_p50",
    "lag_s_p95",
    "cpu_ms_per_entry",
    "entries",
    "lessons",
    "cpu_ms_per_entry_after_lessons",
}
FEW_REPEATS = "from benchmarks import estimates as b; b.QUICK_REPEATS, b.QUICK_SCIENCE_REPEATS = 2, 50; b.main()"
ESTIMATES = {"repeats", "accuracy", "real all items", "real sharpened", "science all items", "science gain all items"}
FORECAST = {"bias_points", "mae_points", "coverage_50", "coverage_80", "coverage_95", "forecasts", "futures"}
CREDIT = {"recovered_bad_reviewer", "recovered_good_batch", "false_distinguishable", "refits", "knn_shapley"}
FEW_FORECASTS = "from benchmarks import forecast as b; b.QUICK_FORECASTS = 5; b.main()"
FEW_WORLDS = "from benchmarks import credit as b; b.QUICK_WORLDS, b.QUICK_NULLS = 2, 5; b.main()"
GATE = {
    "false_promotion_rate",
    "false_promotion_rate_with_e_value",
    "naive_false_promotion_rate",
    "reported_optimism_points",
    "missed_gain_of_1_strict",
    "missed_gain_of_5_balanced",
    "errors_false_promotion_rate",
    "poisoned_balanced_points",
}
FEW_RUNS = "from benchmarks import gate as b; b.QUICK_RUNS, b.SIZES = 5, (200, 1_000); b.main()"
REGRESSION = {
    "coverage_diabetes",
    "false_promotions_200",
    "error_quarantined",
    "mistakes_doubted",
    "right_ones_doubted",
}
FEW_SERIES = "from benchmarks import regression as b; b.QUICK_SERIES, b.QUICK_SEEDS, b.TREES = 3, 1, 30; b.main()"
REST = {
    "corrections_per_s_1",
    "corrections_per_s_8",
    "correction_cpu_ms_1",
    "correction_cpu_ms_8",
    "pair_cpu_ms_1",
    "retrain_latency_ratio",
    "locked_errors",
    "served_twice",
}
FEW_REQUESTS = "from benchmarks import rest as b; run = b.run; b.run = lambda *_: run(1_500, 160, 2.0); b.main()"
# One warm run of a page and two of its choices: more only make the figures steadier.
FEW_PAGE_RUNS = """
from benchmarks import pages as b
b.RUNS, b.QUICK_VERSIONS, b.CHOICES = 1, 3, {name: b.CHOICES[name] for name in ("newest, one class", "common word")}
b.main()
"""
EXPLAIN = {"p95_ms", "deletion_ratio_to_random", "table, random forest", "text, random forest", "image, random forest"}
FEW_EXPLAINED = """
from benchmarks import explain as b
b.QUICK, b.BUILT_IN = (150, 4), ("random forest",)
b.MODELS = {name: b.MODELS[name] for name in ("logistic regression", "random forest")}
b.main()
"""
DURABILITY = {"kills", "acknowledged", "lost", "stuck", "half_written", "twice", "refused"}
UNSUPERVISED = {
    "anomalies_found",
    "anomalies_found_without",
    "ari",
    "ari_without",
    "cardio, forest",
    "cardio, neighbours",
    "strangers, forest",
}
FEW_QUESTIONS = "from benchmarks import unsupervised as b; b.QUESTIONS = 30; b.main()"
MULTILABEL = {"binmin", "default", "false_promotions"}
LAYOUT = {"rows", "numbers json_array_orjson", "mixed json_array_orjson", "wide json_array_orjson"}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "program", "metrics"),
    [
        ("input_layout", ["-c", FEW_ROWS], LAYOUT),
        ("store", ["-m", "benchmarks.store", "--rows", "5000"], STORE),
        ("pages", ["-c", FEW_PAGE_RUNS, "--rows", "2000"], PAGES),
        ("eight_reviewers", ["-c", SHORT_SITTING], SITTING),
        ("estimates", ["-c", FEW_REPEATS], ESTIMATES),
        ("second_look", ["-m", "benchmarks.second_look"], SECOND_LOOK),
        ("label_efficiency", ["-c", SMALL_SETS], EFFICIENCY),
        ("query_speed", ["-c", SHORT_QUERIES], QUERIES),
        ("trigger", ["-m", "benchmarks.trigger"], TRIGGER),
        ("realtime", ["-m", "benchmarks.realtime"], REALTIME),
        ("forecast", ["-c", FEW_FORECASTS], FORECAST),
        ("credit", ["-c", FEW_WORLDS], CREDIT),
        ("gate", ["-c", FEW_RUNS], GATE),
        ("regression", ["-c", FEW_SERIES], REGRESSION),
        ("rest", ["-c", FEW_REQUESTS], REST),
        ("explain", ["-c", FEW_EXPLAINED], EXPLAIN),
        ("durability", ["-m", "benchmarks.durability"], DURABILITY),
        ("unsupervised", ["-c", FEW_QUESTIONS], UNSUPERVISED),
        ("multilabel", ["-m", "benchmarks.multilabel"], MULTILABEL),
    ],
)
def test_a_benchmark_prints_one_json_object_with_its_metrics(name: str, program: list[str], metrics: set[str]) -> None:
    command = [sys.executable, *program, "--quick", "--json"]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=900)
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
    if name == "durability":
        found = result["metrics"]
        assert (found["kills"], found["acknowledged"] > 50, found["retrains_done"] > 0) == (2, True, True)
        assert all(found[what] == 0 for what in DURABILITY - {"kills", "acknowledged"})
    if name == "eight_reviewers":
        assert result["metrics"]["decisions"] > 0
        assert (result["metrics"]["lost"], result["metrics"]["handed_out_twice"]) == (0, 0)
    if name == "estimates":
        columns = {"bias_points", "coverage", "rmse_points", "width_points"}
        assert columns < set(result["metrics"]["real all items"])
        assert result["baselines"]["real naive queue"]["bias_points"] < -5
    if name == "second_look":
        assert result["metrics"]["wrong_share"] > 0.9 > 0.5 > result["baselines"]["random"]
    if name == "label_efficiency":
        assert result["metrics"]["sets"] == 2
        assert all(0 < row["mean_rank"] <= 10 for row in result["baselines"].values())
        assert 0.3 < result["metrics"]["iris"]["default"] <= 1
    if name == "query_speed":
        assert result["baselines"]["plain NumPy margin"]["ms_2000"] > 0
        assert result["metrics"]["margin"]["ratio_2000"] == result["metrics"]["margin_ratio_to_numpy"]
    if name == "trigger":
        # Two seeds: the mean of twenty is in the benchmark, here auto must only be far from the fixed rules' blame.
        assert 0 <= result["metrics"]["worst_regret_auto"] < 0.08
        assert result["metrics"]["worst_regret_auto"] < result["metrics"]["worst_regret_best_fixed"]
        assert result["baselines"]["every 10 entries"]["worst regret at 60"] > 3
    if name == "realtime":
        found = result["metrics"]
        assert found["lost_points"] < 5 < 20 < found["lost_points_without_replay"]
        assert found["entries"] == 10
    if name == "forecast":
        assert result["metrics"]["coverage_50"] <= result["metrics"]["coverage_80"] <= result["metrics"]["coverage_95"]
        assert abs(result["metrics"]["bias_points"]) < 5
    if name == "credit":
        assert result["metrics"]["recovered_good_batch"] == 1
        assert result["metrics"]["false_distinguishable"] <= 0.4
    if name == "gate":
        metrics = result["metrics"]
        assert metrics["naive_false_promotion_rate"] == {"200_rows": 1.0, "1000_rows": 1.0}
        assert all(rate <= 0.2 for rate in metrics["false_promotion_rate"].values())
        assert metrics["missed_gain_of_5_balanced"]["1000_rows"] < metrics["missed_gain_of_1_strict"]["1000_rows"]
    if name == "unsupervised":
        found = result["metrics"]
        assert (found["cardio, forest"]["rows"], found["cardio, forest"]["anomalies"]) == (1_831, 176)
        assert found["anomalies_found"] >= found["anomalies_found_without"] + 4
        assert found["ari"] > found["ari_without"]
    if name == "rest":
        metrics = result["metrics"]
        assert (metrics["locked_errors"], metrics["served_twice"], metrics["other_errors"]) == (0, 0, 0)
        assert metrics["stored"] > 500
        assert metrics["correction_cpu_ms_1"] > 0
    if name == "explain":
        assert result["metrics"]["deletion_ratio_to_random"] > 1
        assert result["metrics"]["p95_ms"] > 0
    if name == "pages":
        table = [row for row in result["metrics"].values() if isinstance(row, dict)]
        assert all(ms >= 0 for row in table for ms in row.values())
        assert 10_000 < result["metrics"]["insights_bytes"] < 1_500_000
        assert 0 < result["metrics"]["page_ms_warm_max"] <= result["metrics"]["page_ms_cold_max"]


def test_make_bench_runs_every_benchmark() -> None:
    (listed,) = re.findall(r"for name in ([\w\s\\]+); do", (ROOT / "Makefile").read_text(encoding="utf-8"))
    made = {path.stem for path in (ROOT / "benchmarks").glob("[!_]*.py")}
    assert sorted(listed.replace("\\", " ").split()) == sorted(made)
