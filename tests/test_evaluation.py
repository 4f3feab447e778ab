"""Scores of a version: each with its interval and its n, checked against hand counts, scikit-learn and simulation."""

import math

import numpy as np
import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binomtest
from sklearn import metrics

from feedback_core.evaluation import balanced_accuracy, confusion, evaluate, log_loss, macro_f1
from feedback_core.intervals import plain, wilson
from feedback_core.types import Interval

relaxed = settings(deadline=None)
ABC = ("a", "b", "c")


def random_rows(n, k, seed, skill=1.0):
    """Labels, truth and probabilities (n, k) that lean towards the truth."""
    rng = np.random.default_rng(seed)
    labels = tuple("abcdefghij"[:k])
    truth = rng.integers(k, size=n)
    scores = rng.normal(size=(n, k)) + skill * np.eye(k)[truth]
    proba = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
    return labels, [labels[t] for t in truth], proba


# -- wilson --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("successes", "n", "low", "high"),
    [
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0, 0.1611),
        (1, 29, 0.0061, 0.1718),
        (20, 20, 0.8389, 1.0),
    ],
)
def test_wilson_gives_the_published_limits(successes, n, low, high):
    interval = wilson(successes, n)
    assert (round(interval.low, 4), round(interval.high, 4), interval.n) == (low, high, n)
    assert interval.value == successes / n


def test_wilson_limits_are_the_shares_that_lie_z_standard_errors_away():
    interval = wilson(30, 200)
    for limit in (interval.low, interval.high):
        assert abs(0.15 - limit) / math.sqrt(limit * (1 - limit) / 200) == pytest.approx(1.959964, abs=1e-6)


def test_wilson_without_rows_excludes_nothing():
    interval = wilson(0, 0)
    assert math.isnan(interval.value)
    assert (interval.low, interval.high, interval.n) == (0.0, 1.0, 0)


@st.composite
def share(draw):
    n = draw(st.integers(1, 10**7))
    return draw(st.one_of(st.integers(0, n), st.sampled_from([0, n]))), n


@relaxed
@given(share())
def test_wilson_contains_its_share_and_stays_within_zero_and_one(successes_of_n):
    successes, n = successes_of_n
    interval = wilson(successes, n)
    assert 0 <= interval.low <= interval.value <= interval.high <= 1
    expected = binomtest(successes, n).proportion_ci(method="wilson")
    assert (interval.low, interval.high) == pytest.approx((expected.low, expected.high), abs=1e-9)


@relaxed
@given(share())
def test_wilson_mirrors_when_successes_and_failures_swap(successes_of_n):
    successes, n = successes_of_n
    there, back = wilson(successes, n), wilson(n - successes, n)
    assert (there.low, there.high) == pytest.approx((1 - back.high, 1 - back.low), abs=1e-12)


@pytest.mark.parametrize("accuracy", [0.6, 0.85, 0.95])
def test_wilson_covers_the_truth_in_95_of_100_samples(accuracy):
    samples = np.random.default_rng(0).binomial(200, accuracy, size=4000).tolist()
    covered = [wilson(k, 200).low <= accuracy <= wilson(k, 200).high for k in samples]
    assert np.mean(covered) == pytest.approx(0.95, abs=0.02)


def test_plain_is_json_with_null_for_what_is_not_known():
    nothing = Interval(float("nan"), 0.0, float("inf"), 0)
    assert plain(nothing) == {"value": None, "low": 0.0, "high": None, "n": 0}
    assert plain(Interval(0.5, 0.25, 0.75, 12)) == {"value": 0.5, "low": 0.25, "high": 0.75, "n": 12}


# -- confusion and what follows from it ----------------------------------------------------------------------------

# Truth a a a a b b b c c c, predicted a a a b b b a c c a.
BY_HAND = np.array([[3, 1, 0], [1, 2, 0], [1, 0, 2]])


def test_confusion_counts_truth_by_row_and_prediction_by_column():
    assert confusion("aaaabbbccc", "aaabbbacca", ABC).tolist() == BY_HAND.tolist()


def test_confusion_keeps_the_order_of_the_labels_and_those_that_never_occur():
    assert confusion("ab", "bb", ("c", "b", "a")).tolist() == [[0, 0, 0], [0, 1, 0], [0, 1, 0]]
    assert confusion("", "", ABC).tolist() == [[0, 0, 0]] * 3


def test_balanced_accuracy_is_the_mean_recall():
    assert balanced_accuracy(BY_HAND) == pytest.approx((3 / 4 + 2 / 3 + 2 / 3) / 3)


def test_balanced_accuracy_leaves_out_classes_without_a_row():
    assert balanced_accuracy(np.array([[3, 1, 0], [0, 0, 0], [0, 0, 2]])) == pytest.approx((3 / 4 + 1) / 2)
    assert balanced_accuracy(np.zeros((3, 3))) == 0


def test_macro_f1_by_hand():
    assert macro_f1(BY_HAND) == pytest.approx((2 * 3 / (4 + 5) + 2 * 2 / (3 + 3) + 2 * 2 / (3 + 2)) / 3)


def test_macro_f1_counts_a_class_that_is_only_predicted_as_zero():
    assert macro_f1(np.array([[3, 1], [0, 0]])) == pytest.approx((2 * 3 / 7 + 0) / 2)


def test_many_confusions_are_scored_at_once():
    stack = np.stack([BY_HAND, np.eye(3, dtype=int), 5 * BY_HAND])
    assert balanced_accuracy(stack).tolist() == pytest.approx([0.694444, 1.0, 0.694444], abs=1e-6)
    assert macro_f1(stack).shape == (3,)


# -- every score at once -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("n", "k", "seed"), [(30, 2, 0), (200, 3, 1), (500, 10, 2)])
def test_every_score_equals_scikit_learns(n, k, seed):
    labels, truth, proba = random_rows(n, k, seed)
    predicted = [labels[column] for column in proba.argmax(axis=1)]
    scores = evaluate(truth, proba, labels)
    assert scores["accuracy"]["value"] == pytest.approx(metrics.accuracy_score(truth, predicted))
    assert scores["balanced_accuracy"]["value"] == pytest.approx(metrics.balanced_accuracy_score(truth, predicted))
    assert scores["macro_f1"]["value"] == pytest.approx(metrics.f1_score(truth, predicted, average="macro"))
    assert scores["log_loss"]["value"] == pytest.approx(metrics.log_loss(truth, proba, labels=labels))
    assert scores["confusion"] == metrics.confusion_matrix(truth, predicted, labels=labels).tolist()
    recall = metrics.recall_score(truth, predicted, labels=labels, average=None)
    assert [scores["per_class"][label]["value"] for label in labels] == pytest.approx(recall.tolist())


@settings(relaxed, max_examples=60)
@given(st.integers(1, 60), st.integers(2, 10), st.integers(0, 10**6), st.floats(-1, 4))
def test_every_interval_contains_its_value_and_fits_into_json(n, k, seed, skill):
    labels, truth, proba = random_rows(n, k, seed, skill)
    scores = evaluate(truth, proba, labels)
    assert orjson.loads(orjson.dumps(scores)) == scores
    for name in ("accuracy", "balanced_accuracy", "macro_f1"):
        assert scores[name]["n"] == n
        assert 0 <= scores[name]["low"] <= scores[name]["value"] + 1e-12
        assert scores[name]["value"] - 1e-12 <= scores[name]["high"] <= 1
    loss = scores["log_loss"]
    assert 0 <= loss["low"] <= loss["value"]
    assert loss["high"] is None if n == 1 else loss["value"] <= loss["high"]
    per_class = scores["per_class"].values()
    assert sum(recall["n"] for recall in per_class) == n
    assert all(recall["value"] is None for recall in per_class if not recall["n"])


def test_without_rows_every_score_is_null():
    unknown = {"value": None, "low": 0.0, "high": 1.0, "n": 0}
    assert evaluate([], np.zeros((0, 2)), ("a", "b")) == {
        "accuracy": unknown,
        "balanced_accuracy": unknown,
        "macro_f1": unknown,
        "log_loss": {"value": None, "low": 0.0, "high": None, "n": 0},
        "per_class": {"a": unknown, "b": unknown},
        "confusion": [[0, 0], [0, 0]],
        "calibration": {"bins": [], "ece": None, "ece_if_calibrated": None, "n": 0, "temperature": 1.0},
    }


def test_equal_probabilities_count_as_the_first_label():
    assert evaluate(["b"], np.array([[0.5, 0.5]]), ("a", "b"))["confusion"] == [[0, 0], [1, 0]]


def test_the_same_seed_gives_the_same_intervals():
    labels, truth, proba = random_rows(100, 3, 0)
    assert evaluate(truth, proba, labels, seed=4) == evaluate(truth, proba, labels, seed=4)
    assert evaluate(truth, proba, labels, seed=4) != evaluate(truth, proba, labels, seed=5)


def test_log_loss_by_hand():
    loss = log_loss("ab", np.array([[0.5, 0.5], [0.75, 0.25]]), ("a", "b"))
    assert loss.value == pytest.approx(1.5 * math.log(2))
    assert loss.high - loss.value == pytest.approx(1.959964 * 0.5 * math.log(2), abs=1e-6)
    assert loss.low == pytest.approx(loss.value - 1.959964 * 0.5 * math.log(2), abs=1e-6)


def test_log_loss_of_a_wrong_certainty_is_large_but_finite():
    assert log_loss("a", np.array([[0.0, 1.0]]), ("a", "b")).value == pytest.approx(15 * math.log(10))


def test_the_interval_of_log_loss_never_goes_below_zero():
    assert log_loss("aa", np.array([[1.0, 0.0], [0.01, 0.99]]), ("a", "b")).low == 0.0


def test_the_bootstrap_covers_the_true_balanced_accuracy_in_95_of_100_samples():
    cells = np.array([[0.45, 0.03, 0.02], [0.05, 0.22, 0.03], [0.04, 0.02, 0.14]])
    true_value = float(balanced_accuracy(cells))
    rng = np.random.default_rng(0)
    covered = []
    for _ in range(400):
        truth, said = np.divmod(rng.choice(9, size=400, p=cells.ravel()), 3)
        interval = evaluate([ABC[t] for t in truth], np.eye(3)[said], ABC, seed=1)["balanced_accuracy"]
        covered.append(interval["low"] <= true_value <= interval["high"])
    # 400 samples: the standard error of the coverage is 1.1 points.
    assert np.mean(covered) == pytest.approx(0.95, abs=0.03)
