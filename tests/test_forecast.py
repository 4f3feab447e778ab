"""The learning curve: by hand where a line can be drawn by hand, in simulations where the claim is statistical."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks import forecast as benchmark
from feedback_core import forecast
from feedback_core.intervals import paired


def runs_of(sizes: list[int], wrong: list[int], n: int, repeats: int = 3) -> forecast.Runs:
    """Every repeat gets the first `wrong` of n rows wrong at each size: no luck anywhere."""
    one = np.stack([np.arange(n) < count for count in wrong])
    return forecast.Runs(np.asarray(sizes), np.stack([one] * repeats))


def test_a_power_law_without_noise_is_drawn_on_exactly() -> None:
    # Error 0.8 at 100 rows, halved by every fourfold: slope -1/2. 100 more than 1,600 rows: 0.2 (1 - sqrt(16 / 17)).
    runs = runs_of([100, 400, 1_600], [8_000, 4_000, 2_000], 10_000)
    found = forecast.forecast(runs, np.random.default_rng(0))
    assert found.slope == pytest.approx(-0.5, abs=1e-3)
    assert found.gain(100).value == pytest.approx(0.2 * (1 - (16 / 17) ** 0.5), abs=1e-4)
    assert found.rising
    assert not found.stop
    assert forecast.sentence(found).startswith("The next 100 labels: +0.6 points (0.")
    assert forecast.advice(found).startswith("Go on labelling")


def test_a_flat_curve_on_enough_rows_is_the_only_reason_to_stop() -> None:
    rng = np.random.default_rng(1)
    sizes = np.asarray([200, 300, 450, 670, 1_000])
    one = rng.random(4_000) < 0.2
    # Each refit turns a hundredth of the answers over, whatever it learned from.
    wrong = np.asarray([[one ^ (rng.random(4_000) < 0.01) for _ in sizes] for _ in range(8)])
    flat = forecast.forecast(forecast.Runs(sizes, wrong), rng)
    assert not flat.rising
    assert flat.stop
    assert forecast.advice(flat).startswith("You can stop labelling for now")
    assert forecast.sentence(flat).startswith("What the next 100 labels are worth is not measurable yet")


def test_a_curve_nobody_can_tell_from_a_flat_one_is_no_reason_to_stop_on_few_rows() -> None:
    rng = np.random.default_rng(2)
    sizes = np.asarray([8, 12, 18, 27, 40])
    wrong = rng.random((8, 5, 40)) < 0.3
    found = forecast.forecast(forecast.Runs(sizes, wrong), rng)
    assert not found.rising
    assert not found.stop
    assert "More than the 40 locked rows" in forecast.advice(found)


def test_the_gain_is_never_more_than_the_present_error() -> None:
    runs = runs_of([10, 20, 40], [400, 100, 10], 1_000)
    found = forecast.forecast(runs, np.random.default_rng(0))
    assert found.gain(1_000).value <= 10.5 / 1_001
    assert found.gain(1_000).value == pytest.approx(10.5 / 1_001, rel=0.1)


def test_an_error_that_grows_with_the_rows_forecasts_no_gain() -> None:
    found = forecast.forecast(runs_of([100, 200, 400], [100, 150, 220], 1_000), np.random.default_rng(0))
    assert [gain.value for gain in found.gains] == [0.0] * len(forecast.STEPS)
    assert not found.rising


@given(
    labels=st.lists(st.sampled_from("abc"), min_size=6, max_size=80),
    seed=st.integers(0, 2**16),
)
def test_every_beginning_of_the_nested_order_has_every_class_once_there_is_room(labels: list[str], seed: int) -> None:
    order = forecast.nested_order(labels, np.random.default_rng(seed))
    assert sorted(order.tolist()) == list(range(len(labels)))
    classes = len(set(labels))
    assert len({labels[row] for row in order[:classes]}) == classes
    steps = forecast.sizes(len(labels), classes)
    assert steps[-1] == len(labels)
    assert steps == sorted(set(steps))
    assert steps[0] >= min(2 * classes, len(labels))


def test_a_class_keeps_its_share_in_the_smaller_subsets() -> None:
    labels = ["a"] * 900 + ["b"] * 100
    order = forecast.nested_order(labels, np.random.default_rng(0))
    assert sum(labels[row] == "b" for row in order[:200]) == pytest.approx(20, abs=1)


def test_refits_are_nested_and_share_the_fit_on_everything_unless_the_estimator_is_random() -> None:
    asked: list[set[int]] = []

    def judge(rows: np.ndarray, _seed: int) -> np.ndarray:
        asked.append(set(rows.tolist()))
        return np.zeros(4, dtype=bool)

    labels = ["a", "b"] * 50
    runs = forecast.refit(labels, judge, np.random.default_rng(0), repeats=2)
    assert runs.sizes.tolist() == [20, 30, 45, 67, 100]
    assert runs.wrong.shape == (2, 5, 4)
    assert len(asked) == forecast.fits(100, 2, 2, is_random=False) == 9
    assert asked[0] < asked[1] < asked[2] < asked[3] < asked[4]
    asked.clear()
    forecast.refit(labels, judge, np.random.default_rng(0), repeats=2, is_random=True)
    assert len(asked) == forecast.fits(100, 2, 2, is_random=True) == 10


def test_a_forecast_held_when_the_measured_gain_lies_in_its_interval() -> None:
    ahead = {"gains": [{"more": 100, "value": 0.02, "low80": 0.01, "high80": 0.03}]}
    sure = (0.0299, 0.0299, 0.0299)
    assert forecast.held(ahead, 100, sure)["held"]
    assert not forecast.held(ahead, 100, (0.031, 0.031, 0.031))["held"]
    # Measured to +-1.96 points, of which 80 % lie within 1.28: sqrt(1^2 + 1.28^2) = 1.63 points of room.
    assert forecast.held(ahead, 100, (0.036, 0.0164, 0.0556))["held"]
    assert not forecast.held(ahead, 100, (0.037, 0.0174, 0.0566))["held"]
    # Half the rows, half the way along the forecast.
    assert forecast.held(ahead, 50, sure)["forecast"] == pytest.approx(0.01)


def test_forecasts_of_simulated_curves_are_unbiased_and_their_intervals_hold() -> None:
    # 60 forecasts: bias 0.1, error 1.5, coverage 0.60 / 0.86 / 0.94 (python -m benchmarks.forecast).
    metrics, baselines = benchmark.measured(15)
    assert abs(metrics["bias_points"]) < 1.2
    assert metrics["mae_points"] < baselines["mae_points always 0"]
    assert 0.4 <= metrics["coverage_50"] <= 0.8
    assert 0.7 <= metrics["coverage_80"] <= 0.97
    assert metrics["coverage_95"] >= 0.88


def test_a_paired_interval_by_hand() -> None:
    # 6 won, 2 lost of 100: mean 0.04; (8 + 1 - 16 / 102) / 102^2 is the variance.
    differences = np.asarray([1.0] * 6 + [-1.0] * 2 + [0.0] * 92)
    found = paired(differences)
    se = ((9 - 16 / 102) ** 0.5) / 102
    assert (found.value, found.n) == (pytest.approx(0.04), 100)
    assert found.low == pytest.approx(0.04 - 1.959964 * se)
    assert found.high == pytest.approx(0.04 + 1.959964 * se)


def test_two_models_that_never_differ_are_not_known_to_be_equal() -> None:
    found = paired(np.zeros(50))
    assert found.value == 0
    assert found.low < 0 < found.high
    assert paired(np.zeros(0)).n == 0
    assert paired(np.zeros(50), noise=0.01).high > found.high


def test_paired_intervals_cover_the_true_difference() -> None:
    rng = np.random.default_rng(0)
    hits = 0
    for _ in range(2_000):
        sample = rng.choice([1.0, -1.0, 0.0], p=[0.08, 0.05, 0.87], size=300)
        interval = paired(sample)
        hits += interval.low <= 0.03 <= interval.high
    assert 0.935 <= hits / 2_000 <= 0.975
