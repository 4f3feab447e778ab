"""The training set: weights that undo the queue's preference, refusals in words, probabilities in label order."""

from collections import Counter
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import Pipeline

from feedback_core.errors import CannotTrain
from feedback_core.models import BUILDERS, for_task
from feedback_core.training import aligned_proba, fit, left_out, sample_weights
from feedback_core.types import Column, Schema, TrainingRows

relaxed = settings(deadline=None)


def training_rows(base, fed):
    """Training rows with these labels, base data first; only labels and their origin matter here."""
    n = len(base) + len(fed)
    origin = tuple([False] * len(base) + [True] * len(fed))
    return TrainingRows(tuple(range(n)), ("[]",) * n, (*base, *fed), origin, 0)


def pipeline(model):
    return Pipeline([("model", model)])


def line(n):
    """n points on a line, the right half 'b'."""
    X = np.linspace(-1, 1, n)[:, None]
    return X, ["b" if x > 0 else "a" for x in X[:, 0]]


# -- weights -------------------------------------------------------------------------------------------------------


def test_weights_bring_each_class_back_to_its_share_of_the_base_data():
    # Base: 6 a, 2 b. With 4 more b both are half of the rows, so a counts 0.75 / 0.5 and b 0.25 / 0.5.
    weights = sample_weights(training_rows("aaaaaabb", "bbbb"))
    assert weights.tolist() == [1.5] * 6 + [0.5] * 6


def test_a_class_that_only_feedback_knows_keeps_its_full_weight():
    # Base: 3 a, 1 b; with 2 c they are half and a sixth of the rows.
    assert sample_weights(training_rows("aaab", "cc")).tolist() == [1.5, 1.5, 1.5, 1.5, 1.0, 1.0]


@pytest.mark.parametrize(
    ("base", "fed", "weight_a", "weight_b"),
    [
        ("a" * 99 + "b", "b" * 100, 2.0, 1 / 3),
        ("a" * 10 + "b" * 10, "b" * 100, 3.0, 0.5 / (110 / 120)),
    ],
)
def test_weights_stop_at_a_third_and_at_three(base, fed, weight_a, weight_b):
    rows = training_rows(base, fed)
    by_label = dict(zip(rows.labels, sample_weights(rows).tolist(), strict=True))
    assert by_label == pytest.approx({"a": weight_a, "b": weight_b})


@pytest.mark.parametrize(("base", "fed"), [("", ""), ("aab", ""), ("", "aab")])
def test_without_base_data_or_without_feedback_every_row_counts_one(base, fed):
    assert sample_weights(training_rows(base, fed)).tolist() == [1.0] * len(base + fed)


@relaxed
@given(st.lists(st.sampled_from("abc"), max_size=60), st.lists(st.sampled_from("abcd"), max_size=60))
def test_weights_are_bounded_and_restore_the_base_shares_where_no_bound_is_met(base, fed):
    rows = training_rows(base, fed)
    weights = sample_weights(rows)
    assert weights.shape == (len(base) + len(fed),)
    assert ((weights >= 1 / 3) & (weights <= 3)).all()
    known = set(fed) <= set(base)
    if base and fed and known and ((weights > 1 / 3) & (weights < 3)).all():
        mass = Counter()
        for label, weight in zip(rows.labels, weights.tolist(), strict=True):
            mass[label] += weight / weights.sum()
        assert mass == pytest.approx({label: count / len(base) for label, count in Counter(base).items()})


# -- fit -----------------------------------------------------------------------------------------------------------


def test_no_labelled_row_is_refused_in_words():
    with pytest.raises(CannotTrain, match=r"^There is no labelled row to learn from: label some items"):
        fit(pipeline(LogisticRegression()), np.zeros((0, 1)), [], np.ones(0))


def test_a_single_class_is_refused_by_name():
    with pytest.raises(CannotTrain, match=r"^All 3 labelled rows say 'spam': a model needs at least two classes"):
        fit(pipeline(LogisticRegression()), np.zeros((3, 1)), ["spam"] * 3, np.ones(3))


def test_what_the_library_refuses_is_reported_as_such():
    X, labels = line(6)
    X[0] = np.nan
    with pytest.raises(CannotTrain, match=r"^The model refused the training data: Input X contains NaN"):
        fit(pipeline(LogisticRegression()), X, labels, np.ones(6))


def test_weights_reach_the_model():
    X, labels = np.zeros((4, 1)), ["a", "a", "a", "b"]
    even = fit(pipeline(LogisticRegression()), X, labels, np.array([1.0, 1.0, 1.0, 3.0]))
    assert even.predict_proba(X[:1]).tolist() == [pytest.approx([0.5, 0.5], abs=1e-3)]
    plain = fit(pipeline(LogisticRegression()), X, labels, np.ones(4))
    assert plain.predict_proba(X[:1]).tolist() == [pytest.approx([0.75, 0.25], abs=1e-3)]


def test_a_model_that_takes_no_weights_is_fitted_without():
    X, labels = line(20)
    model = fit(pipeline(KNeighborsClassifier(1)), X, labels, np.full(20, 0.5))
    assert model.predict(X).tolist() == labels


def words(*texts):
    """Two numbers and one text column, as the loop hands them to a pipeline."""
    return pd.DataFrame({"x": np.linspace(-1, 1, len(texts)), "said": pd.Series(texts, dtype=object)})


TALK = Schema((Column("x", "number"), Column("said", "text")))


@pytest.mark.parametrize("name", [name for name in for_task("classification", TALK) if name != "own_estimator"])
def test_a_text_column_without_a_word_is_left_out_and_said(name):
    X, labels = words(*[""] * 20), ["a"] * 10 + ["b"] * 10
    model = fit(BUILDERS[name](TALK, 0, {}), X, labels, np.ones(20))
    assert model.predict(words(*["new words"] * 20)[-1:]).shape == (1,)
    assert left_out(model) == ("The column 'said' holds no text in any training row: this version learned without it.",)


def test_a_text_column_with_one_word_is_learned_from():
    X, labels = words(*[""] * 19, "hello"), ["a"] * 10 + ["b"] * 10
    assert left_out(fit(BUILDERS["logistic_regression"](TALK, 0, {}), X, labels, np.ones(20))) == ()


def test_a_model_with_nothing_but_an_empty_text_column_is_refused_in_words():
    schema = Schema((Column("said", "text"),))
    with pytest.raises(CannotTrain, match=r"^The training rows hold no input to learn from: every column is empty"):
        fit(BUILDERS["logistic_regression"](schema, 0, {}), words("", "")[["said"]], ["a", "b"], np.ones(2))


# -- probabilities -------------------------------------------------------------------------------------------------


def fake(classes, proba):
    return SimpleNamespace(classes_=np.array(classes, dtype=object), predict_proba=lambda _X: np.array(proba))


def test_probabilities_come_in_the_order_of_the_project():
    model = fake(["a", "b", "c"], [[0.1, 0.2, 0.7], [0.5, 0.3, 0.2]])
    assert aligned_proba(model, np.array([0, 0]), ("c", "a", "b")).tolist() == [[0.7, 0.1, 0.2], [0.2, 0.5, 0.3]]


def test_a_label_the_model_has_never_seen_gets_zero():
    model = fake(["a", "c"], [[0.4, 0.6]])
    assert aligned_proba(model, np.array([0]), ("a", "b", "c", "d")).tolist() == [[0.4, 0.0, 0.6, 0.0]]


def test_a_class_the_project_no_longer_has_is_left_out():
    assert aligned_proba(fake(["a", "old"], [[0.4, 0.6]]), np.array([0]), ("a", "b")).tolist() == [[0.4, 0.0]]


def test_labels_that_are_numbers_in_the_model_are_found_by_their_text():
    assert aligned_proba(fake([0, 1], [[0.25, 0.75]]), np.array([0]), ("1", "0")).tolist() == [[0.75, 0.25]]


def test_a_fitted_model_answers_in_label_order():
    X, labels = line(40)
    model = fit(pipeline(LogisticRegression()), X, labels, np.ones(40))
    proba = aligned_proba(model, X, ("b", "never", "a"))
    assert proba.shape == (40, 3)
    assert proba[:, 1].tolist() == [0.0] * 40
    assert ["b" if b > a else "a" for b, _, a in proba] == labels
