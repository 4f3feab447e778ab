"""Reliability bins, calibration error and temperature, by hand and by simulation."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from feedback_core.calibration import calibration, temperature
from feedback_core.evaluation import evaluate
from feedback_core.intervals import plain, wilson


def drawn(n, seed, power=1.0, k=3):
    """Probabilities (n, k) and the truth drawn from their powers: with 1 they are calibrated, below it too sure."""
    rng = np.random.default_rng(seed)
    proba = rng.dirichlet(np.full(k, 0.5), size=n)
    true = proba**power / (proba**power).sum(axis=1, keepdims=True)
    return proba, (true.cumsum(axis=1) < rng.random((n, 1))).sum(axis=1)


def test_bins_and_their_error_by_hand():
    # Ten rows at 0.6, four of them right, and ten at 0.9, all right: gaps of 0.2 and 0.1 with half the rows each.
    confidence = np.array([0.6] * 10 + [0.9] * 10)
    right = np.array([True] * 4 + [False] * 6 + [True] * 10)
    found = calibration(confidence, right)
    assert found["bins"] == [
        {"low": 0.6, "high": 0.6, "confidence": pytest.approx(0.6), "accuracy": plain(wilson(4, 10))},
        {"low": 0.9, "high": 0.9, "confidence": pytest.approx(0.9), "accuracy": plain(wilson(10, 10))},
    ]
    assert found["ece"] == pytest.approx(0.15)
    chance = math.sqrt(2 / math.pi) * (math.sqrt(10 * 0.6 * 0.4) + math.sqrt(10 * 0.9 * 0.1)) / 20
    assert found["ece_if_calibrated"] == pytest.approx(chance)
    assert found["n"] == 20


def test_equal_confidences_share_a_bin_and_few_rows_make_few_bins():
    sure = calibration(np.ones(95), np.ones(95, dtype=bool))
    assert [b["accuracy"]["n"] for b in sure["bins"]] == [95]
    assert (sure["ece"], sure["ece_if_calibrated"]) == (0, 0)
    few = calibration(np.linspace(0.5, 1, 19), np.ones(19, dtype=bool))
    assert len(few["bins"]) == 1
    many = calibration(np.linspace(0.5, 1, 1_000), np.ones(1_000, dtype=bool))
    assert [b["accuracy"]["n"] for b in many["bins"]] == [100] * 10


def test_without_rows_there_is_neither_bin_nor_error():
    assert calibration(np.zeros(0), np.zeros(0, dtype=bool)) == {
        "bins": [],
        "ece": None,
        "ece_if_calibrated": None,
        "n": 0,
    }
    assert temperature(np.zeros((0, 3)), np.zeros(0, dtype=int)) == 1.0


@settings(deadline=None)
@given(st.integers(1, 300), st.integers(0, 10**6), st.booleans())
def test_bins_hold_every_row_once_whatever_their_order(n, seed, coarse):
    proba, truth = drawn(n, seed)
    confidence = proba.max(axis=1).round(1 if coarse else 6)
    right = proba.argmax(axis=1) == truth
    found = calibration(confidence, right)
    order = np.random.default_rng(seed).permutation(n)
    again = calibration(confidence[order], right[order])
    assert sum(b["accuracy"]["n"] for b in found["bins"]) == n
    assert found["ece"] == pytest.approx(again["ece"])
    assert [b["accuracy"] for b in found["bins"]] == [b["accuracy"] for b in again["bins"]]
    assert all(a["high"] < b["low"] for a, b in zip(found["bins"], found["bins"][1:], strict=False))
    assert 0 <= found["ece"] <= 1


def test_the_error_of_a_calibrated_model_is_what_chance_makes_of_it():
    found = []
    for seed in range(200):
        proba, truth = drawn(400, seed)
        found.append(calibration(proba.max(axis=1), proba.argmax(axis=1) == truth))
    measured, expected = (np.mean([f[name] for f in found]) for name in ("ece", "ece_if_calibrated"))
    assert measured == pytest.approx(expected, abs=0.002)


@pytest.mark.parametrize("power", [0.5, 1.0, 1.6])
def test_the_temperature_finds_how_much_too_sure_a_model_is(power):
    proba, truth = drawn(4_000, 1, power)
    assert 1 / temperature(proba, truth) == pytest.approx(power, rel=0.06)


def test_the_temperature_of_some_rows_mends_the_calibration_of_others():
    proba, truth = drawn(4_000, 2, 0.5)
    better = proba ** (1 / temperature(*drawn(4_000, 3, 0.5)))
    better /= better.sum(axis=1, keepdims=True)
    right = proba.argmax(axis=1) == truth
    assert calibration(proba.max(axis=1), right)["ece"] > 0.1
    assert calibration(better.max(axis=1), right)["ece"] < 0.03


def test_a_few_rows_that_are_all_right_do_not_make_a_model_certain():
    assert 0.5 < temperature(np.tile([0.9, 0.1], (10, 1)), np.zeros(10, dtype=int)) < 1


def test_every_version_is_stored_with_its_calibration():
    proba, truth = drawn(200, 4)
    labels = ("a", "b", "c")
    stored = evaluate([labels[t] for t in truth], proba, labels)["calibration"]
    assert stored["n"] == sum(b["accuracy"]["n"] for b in stored["bins"]) == 200
    assert stored["temperature"] == pytest.approx(temperature(proba, truth))
