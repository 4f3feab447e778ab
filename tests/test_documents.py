"""The short interface of the documents, on a list and on the durable store."""

import math

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_breast_cancer, load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import LinearSVC

from feedback_core import FeedbackLoop, Loop, open_storage
from feedback_core.errors import CannotTrain, InvalidFeedback, InvalidInput, NotFound

SNIPPET = """
from sklearn.linear_model import LogisticRegression
from feedback_core import FeedbackLoop

loop = FeedbackLoop(LogisticRegression(), [], retrain_threshold=5)
loop.process_feedback({"input": [0.5, 1.0, 2.1], "target": 1})
loop.process_feedback({"input": [0.2, 0.8, 1.5], "target": 0})
loop.retrain_model()      # says 2/5 collected, does not retrain
"""

BASE = ([[0.0, 0.0], [1.0, 1.0]] * 10, ["left", "right"] * 10)


def entry(x, y, target):
    return {"input": [x, y], "target": target}


def fed(loop, rows):
    for row in rows:
        loop.process_feedback(row)
    return loop


def line(n, start=0.0):
    """n entries on a line, the label alternating with the side of 0.5."""
    return [entry(x, start, int(x > 0.5)) for x in np.linspace(0, 1, n).round(3).tolist()]


# -- the snippet ---------------------------------------------------------------------------------------------------


def test_the_snippet_of_the_documents_runs_as_written_and_says_two_of_five(capsys):
    names = {}
    exec(compile(SNIPPET, "snippet", "exec"), names)
    assert capsys.readouterr().out == "2/5 feedback entries collected: not retraining yet.\n"
    loop = names["loop"]
    assert loop.feedback_storage == [
        {"input": [0.5, 1.0, 2.1], "target": 1},
        {"input": [0.2, 0.8, 1.5], "target": 0},
    ]
    assert not hasattr(loop.model, "classes_")


def test_the_report_says_what_it_prints():
    report = FeedbackLoop(LogisticRegression(), [], retrain_threshold=5).retrain_model()
    assert (report.trained, report.collected, report.threshold, report.version) == (False, 0, 5, None)
    assert repr(report) == report.message == "0/5 feedback entries collected: not retraining yet."


# -- entries that are refused --------------------------------------------------------------------------------------

BAD_ENTRIES = [
    ({"target": "left"}, r"^input is missing: feedback needs input and target\.$"),
    ({"input": [1.0, 2.0]}, r"^target is missing"),
    ({"input": [1.0, 2.0], "corrected_prediction": "left"}, r"^target is missing"),
    ({"input": [1.0, 2.0], "target": "left", "extra": 1}, r"^'extra' is not a field of feedback: use input, target"),
    ({"input": [1.0], "target": "left"}, r"^input has 1 values: this \w+ takes 2\.$"),
    ({"input": [1.0, 2.0, 3.0], "target": "left"}, r"^input has 3 values: this \w+ takes 2\.$"),
    ({"input": [], "target": "left"}, r"^input=\[\] is not a list of numbers"),
    ({"input": None, "target": "left"}, r"^input=None is not a list of numbers"),
    ({"input": 3.0, "target": "left"}, r"^input=3\.0 is not a list of numbers"),
    ({"input": "12", "target": "left"}, r"^input='12' is not a list of numbers"),
    ({"input": {"x": 1.0}, "target": "left"}, r"^input=\{'x': 1\.0\} is not a list of numbers"),
    ({"input": [1.0, math.nan], "target": "left"}, r"^input\[1\]=nan is not a finite number"),
    ({"input": [math.inf, 1.0], "target": "left"}, r"^input\[0\]=inf is not a finite number"),
    ({"input": [-math.inf, 1.0], "target": "left"}, r"^input\[0\]=-inf is not a finite number"),
    ({"input": [1.0, 10**400], "target": "left"}, r"^input\[1\]=10+ is not a finite number"),
    ({"input": [1.0, "2"], "target": "left"}, r"^input\[1\]='2' is not a finite number"),
    ({"input": [1.0, None], "target": "left"}, r"^input\[1\]=None is not a finite number"),
    ({"input": [True, 1.0], "target": "left"}, r"^input\[0\]=True is not a finite number"),
    ({"input": [1.0, np.bool_(True)], "target": "left"}, r"^input\[1\]=True is not a finite number"),
    ({"input": [[1.0, 2.0]], "target": "left"}, r"^input\[0\]=\[1\.0, 2\.0\] is not a finite number"),
    ({"input": np.array([[1.0, 2.0]]), "target": "left"}, r"^input\[0\]=\[1\.0, 2\.0\] is not a finite number"),
    ({"input": [1.0, 2.0], "target": None}, r"^target=None is not a label"),
    ({"input": [1.0, 2.0], "target": math.nan}, r"^target=nan is not a label"),
    ({"input": [1.0, 2.0], "target": ["left"]}, r"^target=\['left'\] is not a label"),
    (
        {"input": [1.0, 2.0], "target": "left", "corrected_prediction": [1]},
        r"^corrected_prediction=\[1\] is not a label",
    ),
    ({"input": [1.0, 2.0], "target": "up"}, r"^target='up' is not a \w+"),
    (
        {"input": [1.0, 2.0], "target": "left", "corrected_prediction": "up"},
        r"^corrected_prediction='up' is not a \w+",
    ),
    (["input", "target"], r"^feedback_data=\['input', 'target'\] is not a dict"),
    (None, r"^feedback_data=None is not a dict"),
]


@pytest.mark.parametrize(("bad", "message"), BAD_ENTRIES)
def test_a_bad_entry_names_its_field_and_stores_nothing(bad, message):
    loop = FeedbackLoop(LogisticRegression(), [], base_data=BASE)
    with pytest.raises(ValueError, match=message):
        loop.process_feedback(bad)
    assert loop.feedback_storage == []


def test_a_bad_entry_stores_nothing_in_the_durable_store_either(url):
    loop = FeedbackLoop(LogisticRegression(), open_storage(url, project="points"), base_data=BASE)
    stored = Loop.open(url, "points")
    items = stored.store.tallies.of(stored.project.id, "items")
    for bad, message in BAD_ENTRIES:
        with pytest.raises(ValueError, match=message):
            loop.process_feedback(bad)
    assert stored.store.tallies.of(stored.project.id, "items") == items
    assert stored.store.feedback.latest(stored.project.id) == []
    assert Loop.open(url, "points").project.labels == ("left", "right")


def test_without_base_data_the_first_entry_sets_the_length():
    loop = fed(FeedbackLoop(LogisticRegression(), []), [entry(1.0, 2.0, "any")])
    with pytest.raises(InvalidFeedback, match=r"^input has 3 values: this model takes 2\.$"):
        loop.process_feedback({"input": [1.0, 2.0, 3.0], "target": "any"})
    fed(loop, [entry(1.0, 2.0, "another")])
    assert len(loop.feedback_storage) == 2


def test_a_fitted_model_sets_length_and_labels():
    loop = FeedbackLoop(LogisticRegression().fit(*BASE), [])
    with pytest.raises(InvalidFeedback, match=r"^input has 1 values: this model takes 2\.$"):
        loop.process_feedback({"input": [1.0], "target": "left"})
    with pytest.raises(InvalidFeedback, match=r"^target='up' is not a known label: use one of 'left', 'right'\.$"):
        loop.process_feedback(entry(1.0, 1.0, "up"))


@pytest.mark.parametrize("threshold", [0, -1])
def test_a_threshold_below_one_is_refused(threshold):
    with pytest.raises(ValueError, match=rf"^retrain_threshold={threshold} is below 1"):
        FeedbackLoop(LogisticRegression(), [], retrain_threshold=threshold)


@pytest.mark.parametrize("storage", [None, "feedback.db", {}, ()])
def test_a_storage_that_is_none_is_refused(storage):
    with pytest.raises(ValueError, match=r"is neither a list nor a durable storage: pass \[\] or open_storage"):
        FeedbackLoop(LogisticRegression(), storage)


# -- what is accepted ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "values",
    [
        [1, 2.5],
        (1.0, 2.5),
        np.array([1.0, 2.5]),
        np.array([1.0, 2.5], dtype=np.float32),
        [np.float32(1.0), np.float64(2.5)],
        [np.int64(1), 2.5],
        pd.Series([1.0, 2.5]),
    ],
    ids=["list", "tuple", "array", "float32 array", "NumPy floats", "NumPy integer", "series"],
)
@pytest.mark.parametrize("target", [1, np.int64(1)], ids=["int", "NumPy integer"])
def test_numpy_and_pandas_values_are_stored_as_plain_ones(values, target):
    loop = fed(FeedbackLoop(LogisticRegression(), []), [{"input": values, "target": target}])
    assert loop.feedback_storage == [{"input": [1.0, 2.5], "target": 1}]
    assert {type(value) for value in loop.feedback_storage[0]["input"]} == {float}
    assert type(loop.feedback_storage[0]["target"]) is int


@pytest.mark.parametrize("as_given", [np.asarray, pd.DataFrame, list], ids=["array", "frame", "list"])
def test_base_data_may_be_an_array_a_frame_or_a_list(as_given):
    loop = FeedbackLoop(LogisticRegression(), [], base_data=(as_given(BASE[0]), np.array(BASE[1])))
    assert loop.model.predict([[0.0, 0.0], [1.0, 1.0]]).tolist() == ["left", "right"]


def test_the_corrected_prediction_is_learned_instead_of_the_target():
    loop = FeedbackLoop(LogisticRegression(), [])
    fed(loop, [entry(0.0, 0.0, "wrong") | {"corrected_prediction": "right"}])
    fed(loop, [entry(0.0, 1.0, "kept") | {"corrected_prediction": None}])
    assert loop.feedback_storage == [entry(0.0, 0.0, "right"), entry(0.0, 1.0, "kept")]


# -- retraining on a list ------------------------------------------------------------------------------------------


def test_at_the_threshold_the_model_is_fitted_and_the_storage_cleared(capsys):
    storage = []
    loop = fed(FeedbackLoop(LogisticRegression(C=100), storage, retrain_threshold=5), line(6))
    report = loop.retrain_model()
    assert (report.trained, report.collected, report.threshold) == (True, 6, 5)
    assert (report.accuracy_before, report.accuracy_after) == (None, None)
    assert report.message == "Retrained on 6 rows: 6 new entries and 0 rows from before."
    assert capsys.readouterr().out == report.message + "\n"
    assert storage == []
    assert storage is loop.feedback_storage
    assert loop.model.predict([[0.0, 0.0], [1.0, 0.0]]).tolist() == [0, 1]


def test_one_class_only_is_reported_and_nothing_is_lost(capsys):
    loop = fed(FeedbackLoop(LogisticRegression(), [], retrain_threshold=2), [entry(0, 0, "x"), entry(1, 1, "x")])
    report = loop.retrain_model()
    assert (report.trained, report.collected) == (False, 2)
    assert "All 2 entries say 'x': a model needs at least two classes" in capsys.readouterr().out
    assert len(loop.feedback_storage) == 2
    fed(loop, [entry(2, 2, "y")])
    assert loop.retrain_model().trained
    assert sorted(loop.model.classes_) == ["x", "y"]


def test_labels_the_model_cannot_learn_are_reported_and_nothing_is_lost():
    loop = fed(FeedbackLoop(LogisticRegression(), [], retrain_threshold=2), [entry(0, 0, 0.5), entry(1, 1, 1.5)])
    report = loop.retrain_model()
    assert not report.trained
    assert report.message.startswith("Not retrained. The model refused the training data: Unknown label type")
    assert len(loop.feedback_storage) == 2
    loop.feedback_storage.clear()
    fed(loop, [entry(0, 0, 0), entry(1, 1, 1)])
    assert loop.retrain_model().message == "Retrained on 2 rows: 2 new entries and 0 rows from before."


def test_base_data_of_one_class_is_refused_in_words():
    with pytest.raises(CannotTrain, match=r"^The model refused the training data"):
        FeedbackLoop(LogisticRegression(), [], base_data=([[0.0], [1.0]], [1, 1]))


def test_a_second_round_keeps_what_the_first_has_taught():
    loop = fed(FeedbackLoop(LogisticRegression(C=100), [], retrain_threshold=2), line(6))
    loop.retrain_model()
    fed(loop, [entry(0.1, 5.0, 0), entry(0.2, 5.0, 0)])
    report = loop.retrain_model()
    assert report.message == "Retrained on 8 rows: 2 new entries and 6 rows from before."
    assert loop.model.predict([[1.0, 0.0]]).tolist() == [1]


def test_a_later_entry_replaces_the_label_of_the_same_input():
    loop = fed(FeedbackLoop(LogisticRegression(C=1000), [], retrain_threshold=1), line(6))
    loop.retrain_model()
    fed(loop, [entry(1.0, 0.0, 0)])
    assert loop.retrain_model().message == "Retrained on 6 rows: 1 new entries and 6 rows from before."


# -- forgetting ----------------------------------------------------------------------------------------------------


def split_digits():
    """Digits: 400 base rows, a holdout of 600, and a pool of 797."""
    X, y = load_digits(return_X_y=True)
    order = np.random.default_rng(0).permutation(len(X))
    X, y = X[order] / 16, y[order]
    return (X[:400], y[:400]), (X[400:1000], y[400:1000]), (X[1000:], y[1000:])


def test_feedback_on_a_few_classes_does_not_make_the_model_forget_the_others():
    base, holdout, (X, y) = split_digits()
    loop = FeedbackLoop(LogisticRegression(max_iter=500), [], base_data=base, holdout=holdout)
    hard = np.isin(y, [3, 5, 8, 9])
    rounds = np.array_split(np.flatnonzero(hard)[:150], 2)
    naive = LogisticRegression(max_iter=500)
    reports = []
    for chosen in rounds:
        fed(loop, [{"input": X[n], "target": y[n]} for n in chosen])
        reports.append(loop.retrain_model())
        naive.fit(X[chosen], y[chosen])
    assert [report.trained for report in reports] == [True, True]
    assert reports[0].accuracy_before > 0.9
    assert reports[1].accuracy_before == reports[0].accuracy_after
    assert reports[1].accuracy_after == loop.model.score(*holdout)
    assert reports[1].accuracy_after >= reports[0].accuracy_before - 0.01
    assert naive.score(*holdout) < 0.45


def test_the_flow_of_the_tutorial_in_five_lines(capsys):
    X, y = load_breast_cancer(return_X_y=True)
    X, model = X.round(4), make_pipeline(StandardScaler(), LogisticRegression())
    base, pool, holdout = slice(0, 40), slice(40, 350), slice(350, None)

    loop = FeedbackLoop(model, [], 3, base_data=(X[base], y[base]), holdout=(X[holdout], y[holdout]))
    reports = []
    for _ in range(2):
        for wrong in loop.find_wrong(X[pool], y[pool]):
            loop.process_feedback(wrong)
        reports.append(loop.retrain_model())

    assert [report.collected for report in reports] == [41, 15]
    assert reports[0].accuracy_before == pytest.approx(0.781, abs=0.01)
    assert reports[1].accuracy_before == reports[0].accuracy_after
    assert reports[1].accuracy_after == model.score(X[holdout], y[holdout]) >= 0.95
    assert f"-> {reports[1].accuracy_after:.3f}." in capsys.readouterr().out
    assert len(loop.find_wrong(X[pool], y[pool])) <= 10


def test_find_wrong_gives_the_entries_that_would_correct_the_model():
    loop = FeedbackLoop(LogisticRegression(), [], base_data=BASE)
    X, y = np.array([[0.0, 0.1], [1.0, 0.9], [0.1, 0.0]]), np.array(["left", "left", "right"])
    assert loop.find_wrong(X, y) == [entry(1.0, 0.9, "left"), entry(0.1, 0.0, "right")]


# -- the durable store ---------------------------------------------------------------------------------------------


def test_the_same_calls_feed_a_project_that_the_dashboard_opens(url, capsys):
    loop = FeedbackLoop(LogisticRegression(C=0.5), open_storage(url, project="points"), retrain_threshold=5)
    fed(loop, line(4))
    assert loop.retrain_model().message == "4/5 feedback entries collected: not retraining yet."
    fed(loop, line(6, start=1.0))
    report = loop.retrain_model()
    assert (report.trained, report.collected, report.threshold, report.version) == (True, 10, 5, 1)
    assert report.message == "Version 1 trained on 10 rows (10 new entries); it is the champion now."
    assert capsys.readouterr().out.endswith(report.message + "\n")
    assert loop.retrain_model().collected == 0

    seen = Loop.open(url, "points")
    assert seen.project.labels == ("0", "1")
    assert seen.project.schema.names == ("x0", "x1")
    assert seen.project.settings.estimator == "own_estimator"
    assert seen.project.settings.params["C"] == 0.5
    (version,) = seen.store.versions.all(seen.project.id)
    assert (version.number, version.status, version.n_base, version.n_feedback) == (1, "champion", 0, 10)
    (judgement,) = seen.store.versions.reports(seen.project.id)
    assert (judgement.finding, judgement.decision) == ("first", "promote")
    assert {feedback.reviewer for feedback in seen.store.feedback.latest(seen.project.id)} == {"python"}


def test_a_second_loop_goes_on_where_the_first_has_stopped(url):
    first = FeedbackLoop(LogisticRegression(), open_storage(url, project="points"), retrain_threshold=5)
    fed(first, line(6)).retrain_model()
    fed(first, line(3, start=1.0))

    again = FeedbackLoop(LogisticRegression(), open_storage(url, project="points"), retrain_threshold=5)
    assert again.retrain_model().message == "3/5 feedback entries collected: not retraining yet."
    fed(again, line(4, start=2.0))
    report = again.retrain_model()
    assert (report.trained, report.collected, report.version) == (True, 7, 2)
    # No labelled base data, so nothing is locked: the evidence is missing and the first version goes on serving.
    assert "13 rows (7 new entries); the champion stays: Only 0 locked rows" in report.message

    seen = Loop.open(url, "points")
    versions = seen.store.versions.all(seen.project.id)
    assert [(v.number, v.status, v.n_feedback) for v in versions] == [(1, "champion", 6), (2, "candidate", 13)]
    assert [report.finding for report in seen.store.versions.reports(seen.project.id)] == [
        "not measurably different",
        "first",
    ]


def test_base_data_is_stored_once_and_part_of_it_is_locked_away(url):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(400, 2)).round(4)
    y = np.where(X.sum(axis=1) > 0, "over", "under")
    for _ in range(2):
        loop = FeedbackLoop(LogisticRegression(), open_storage(url, project="points"), 3, base_data=(X, y))
    seen = Loop.open(url, "points")
    counts = seen.store.tallies.of(seen.project.id, "items")
    assert counts["train/base"] + counts["holdout/base"] == 400
    assert 50 <= counts["holdout/base"] <= 110

    fed(loop, [entry(3.0, 3.0, "over"), entry(-3.0, -3.0, "under"), entry(2.0, 1.0, "over")])
    report = loop.retrain_model()
    assert (report.version, report.collected) == (1, 3)
    (version,) = seen.store.versions.all(seen.project.id)
    assert (version.n_base, version.n_feedback) == (counts["train/base"], 3)
    assert version.metrics["holdout"]["accuracy"]["n"] == counts["holdout/base"]
    assert version.metrics["holdout"]["accuracy"]["value"] > 0.9


def test_one_class_in_the_durable_store_is_reported_and_nothing_is_lost(url):
    loop = FeedbackLoop(LogisticRegression(), open_storage(url, project="points"), retrain_threshold=2)
    fed(loop, [entry(0, 0, "x"), entry(1, 1, "x")])
    report = loop.retrain_model()
    assert (report.trained, report.collected) == (False, 2)
    assert report.message.startswith("Not retrained. All 2 labelled rows say 'x': a model needs at least two classes")
    fed(loop, [entry(2, 2, "y")])
    assert loop.retrain_model().collected == 3


def test_the_corrected_prediction_is_stored_in_the_durable_store(url):
    loop = FeedbackLoop(LogisticRegression(), open_storage(url, project="points"))
    fed(loop, [entry(0.0, 0.0, "wrong") | {"corrected_prediction": "right"}])
    seen = Loop.open(url, "points")
    assert seen.project.labels == ("right",)
    assert [feedback.target for feedback in seen.store.feedback.latest(seen.project.id)] == ["right"]


def test_a_later_answer_of_the_durable_store_replaces_the_earlier_one(url):
    loop = fed(FeedbackLoop(LogisticRegression(), open_storage(url, project="points"), 2), line(4))
    fed(loop, [entry(0.0, 0.0, 1)])
    assert loop.retrain_model().collected == 4
    seen = Loop.open(url, "points")
    assert seen.store.items.training_rows(seen.project.id).labels == ("1", "0", "1", "1")


def test_agreeing_with_the_model_counts_as_an_entry_too(url):
    loop = FeedbackLoop(LogisticRegression(C=100), open_storage(url, project="points"), retrain_threshold=6)
    fed(loop, line(6)).retrain_model()
    fed(loop, line(6))
    seen = Loop.open(url, "points")
    assert seen.store.feedback.pending(seen.project.id) == {"confirm": 6}
    assert loop.retrain_model().message.startswith("Version 2 trained on 6 rows (6 new entries)")


def test_after_the_first_version_the_labels_are_fixed(url):
    loop = fed(FeedbackLoop(LogisticRegression(), open_storage(url, project="points"), 2), line(4))
    loop.retrain_model()
    with pytest.raises(InvalidFeedback, match=r"^target=5 is not a label of this project: use one of 0, 1\.$"):
        loop.process_feedback(entry(0.5, 0.5, 5))


def test_a_holdout_of_its_own_is_refused_where_the_store_locks_one(url):
    with pytest.raises(InvalidFeedback, match=r"^holdout is not used with a durable storage"):
        FeedbackLoop(LogisticRegression(), open_storage(url, project="points"), holdout=BASE)


def test_a_model_that_cannot_serve_leaves_no_project_behind(url):
    with pytest.raises(InvalidInput, match=r"^LinearSVC gives no probabilities"):
        FeedbackLoop(LinearSVC(), open_storage(url, project="points"), base_data=BASE)
    with pytest.raises(NotFound, match=r"no project 'points'"):
        Loop.open(url, "points")


def test_the_threshold_given_in_python_is_the_one_the_dashboard_shows(url):
    for threshold in (7, 3):
        fed(FeedbackLoop(LogisticRegression(), open_storage(url, project="points"), threshold), line(1))
        assert Loop.open(url, "points").due().needed == threshold


def test_find_wrong_and_predict_answer_before_and_after_the_first_version_of_a_durable_store(url):
    X = np.arange(40.0)[:, None]
    y = (X[:, 0] >= 20).astype(int)
    loop = FeedbackLoop(LogisticRegression(), open_storage(url, project="line"), 2, base_data=(X, y))
    assert loop.model.predict([[1.0], [39.0]]).tolist() == [0, 1]
    assert loop.find_wrong([[0.0], [39.0]], [1, 1]) == [{"input": [0.0], "target": 1}]
    fed(loop, [{"input": [60.0 + n], "target": 1} for n in range(3)])
    assert loop.retrain_model().version == 1
    # The version's own answers now, also in a second process that brings an unfitted model and no data.
    for asked in (loop, FeedbackLoop(LogisticRegression(), open_storage(url, project="line"), 2)):
        assert [str(label) for label in asked.model.predict([[1.0], [39.0]])] == ["0", "1"]
        assert asked.model.predict_proba([[1.0], [39.0]]).argmax(axis=1).tolist() == [0, 1]
        assert [str(label) for label in asked.model.classes_] == ["0", "1"]
        assert asked.find_wrong([[0.0], [39.0]], [1, 1]) == [{"input": [0.0], "target": 1}]


def test_a_durable_store_with_neither_data_nor_version_says_that_the_model_is_not_fitted(url):
    from sklearn.exceptions import NotFittedError

    loop = FeedbackLoop(LogisticRegression(), open_storage(url, project="points"))
    with pytest.raises(NotFittedError):
        loop.find_wrong([[1.0]], ["a"])
