"""Rows that bear several labels: one text a set, a model a label, sets judged whole, and the whole loop over them."""

from __future__ import annotations

import io
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyarrow import parquet

from feedback_core import incoming, insights, intake, multilabel, outgoing, plans, tasks
from feedback_core.beliefs import beliefs
from feedback_core.errors import CannotTrain, InvalidFeedback, InvalidInput, InvalidSetting
from feedback_core.formats import FORMATS, label_studio
from feedback_core.gate.guards import Slice
from feedback_core.loop import Loop, create_project
from feedback_core.models import BUILDERS, artifacts, for_task
from feedback_core.multilabel import indicator, joined, parts, texts_of
from feedback_core.multilabel_scores import multilabel_scores
from feedback_core.settings import Settings
from feedback_core.store import Store
from feedback_core.tasks import TASKS, Evidence
from feedback_core.tasks import multilabel as task
from feedback_core.types import Column, Decision, EntryFilter, Feedback, Project, Rows, Schema
from tests.conftest import TWO_NUMBERS, Clock
from tests.test_models import QUICK, frame_of, own_schema

TOPICS = ("sport", "money", "law")
SPARSE = st.lists(st.sampled_from(TOPICS), max_size=4)


def project(labels: tuple[str, ...] = TOPICS, **settings: object) -> Project:
    return Project(1, "p", "multilabel", labels, TWO_NUMBERS, Settings(**settings), 0, False, 0.0)


def entry(n: int, reviewer: str, target: str | None, **fields: object) -> Feedback:
    values = {"state": "accepted", "verdict": "correct" if target else "skip"} | fields
    return Feedback(n, 1, 1, reviewer, target=target, predicted="law", note="", seconds=None, draw_id=None,
                    undoes=None, created_at=float(n), **values)  # fmt: skip


def table(n: int, seed: int = 0) -> pd.DataFrame:
    """x0 > 0 is sport, x1 > 0 money, both far out law as well."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, 2)).round(4)
    bears = np.column_stack([X[:, 0] > 0, X[:, 1] > 0, X.sum(axis=1) > 1.5])
    return pd.DataFrame({"x0": X[:, 0], "x1": X[:, 1], "topics": texts_of(bears, TOPICS)})


# -- one text a set --------------------------------------------------------------------------------------------------


@given(SPARSE)
def test_a_set_of_labels_is_one_text_whatever_the_order_and_comes_back(held: list[str]) -> None:
    text = joined(held, TOPICS)
    assert text == joined(reversed(held), TOPICS)
    assert parts(text) == tuple(label for label in TOPICS if label in held)
    assert texts_of(indicator([text], TOPICS), TOPICS) == [text]


def test_labels_stand_in_the_order_of_the_project_and_none_is_said_in_words() -> None:
    assert joined(["law", "sport", "law"], TOPICS) == "sport; law"
    assert joined([], TOPICS) == "(none)"
    assert parts("(none)") == ()
    with pytest.raises(InvalidInput, match="'art' is not a label of this project: choose among sport, money, law"):
        joined(["art"], TOPICS)


@pytest.mark.parametrize(
    ("cell", "text"),
    [
        ("money; sport", "sport; money"),
        ("law|sport", "sport; law"),
        ("law, sport", "sport; law"),
        (["law", "sport"], "sport; law"),
        (np.array(["law"], dtype=object), "law"),
        ('["law", "sport"]', "sport; law"),
        ("[]", "(none)"),
        ([], "(none)"),
        (" (none) ", "(none)"),
        ("law;", "law"),
        ("", None),
        (None, None),
    ],
)
def test_a_cell_is_read_in_the_ways_that_files_are_written(cell: object, text: str | None) -> None:
    assert intake.label_set(cell, TOPICS) == text


@pytest.mark.parametrize(
    "cell", ["art", "sport; art", ["sport", 7], [None], '["art"]', {"sport": 1}, "sport,money,art"]
)
def test_a_cell_with_another_label_is_refused(cell: object) -> None:
    with pytest.raises(ValueError, match=r"."):
        intake.label_set(cell, TOPICS)


def test_commas_part_labels_only_where_none_holds_one() -> None:
    assert intake.label_set("a, b", ("a, b", "c")) == "a, b"
    assert intake.label_set("c; a, b", ("a, b", "c")) == "a, b; c"
    with pytest.raises(ValueError, match="c, a"):
        intake.label_set("c, a", ("a, b", "c"))
    assert intake.labels_held(pd.DataFrame({"y": ["a, b", "c"]}), "y") == ("a", "b", "c")
    assert intake.labels_held(pd.DataFrame({"y": ["a, b", "c; a, b", None]}), "y") == ("a, b", "c")
    assert intake.labels_held(pd.DataFrame({"y": [["10", "9"], ["(none)"], []]}), "y") == ("9", "10", "(none)")


@pytest.mark.parametrize("name", ["a;b", "a|b", "(none)"])
def test_a_label_that_would_part_in_two_is_refused_at_once(store: Store, name: str) -> None:
    with pytest.raises(InvalidSetting, match="label"):
        create_project(store, "p", TWO_NUMBERS, ("x", name), actor="ana", task="multilabel")
    assert store.projects.all() == []
    own = create_project(store, "p", TWO_NUMBERS, ("x", "y"), actor="ana", task="multilabel")
    with pytest.raises(InvalidSetting, match="label"):
        Loop(store, own).change(own.settings, "ana", labels=(name,))


@pytest.mark.parametrize(
    "settings", [{"metric": "cost"}, {"metric": "balanced accuracy"}, {"costs": {"x": {"y": 2.0}}}]
)
def test_costs_of_one_class_for_another_are_refused(store: Store, settings: dict[str, object]) -> None:
    with pytest.raises(
        InvalidSetting, match=r"weighs one class against another.*use the metric accuracy without costs"
    ):
        create_project(store, "p", TWO_NUMBERS, ("x", "y"), Settings(**settings), actor="ana", task="multilabel")


# -- rows of a table -------------------------------------------------------------------------------------------------


def test_learning_entry_by_entry_is_refused(store: Store) -> None:
    with pytest.raises(InvalidSetting, match="realtime=True is for one class a row"):
        create_project(store, "p", TWO_NUMBERS, TOPICS, Settings(realtime=True), actor="ana", task="multilabel")


def test_a_table_of_several_labels_a_row_becomes_a_project() -> None:
    frame = pd.DataFrame(
        {"x0": [1, 2, 3, 4, 5], "x1": range(5), "topics": ["law; sport", "(none)", "money|law", "", "law; art"]}
    )
    plan = plans.new_project(frame, label="topics", task="multilabel")
    assert plan.labels == ("art", "law", "money", "sport")
    assert plan.rows.labels == ["law; sport", "(none)", "law; money", None, "art; law"]
    more = plans.more_rows(frame, project(), label="topics")
    assert [(problem.row, problem.value) for problem in more.blocking] == [(5, "law; art")]
    assert "names labels that this project has not (sport, money, law)" in more.blocking[0].what


def test_a_column_of_lists_is_proposed_as_several_labels() -> None:
    frame = pd.DataFrame({"x": range(6), "tags": [["a"], ["a", "b"], [], None, ["b"], ["a"]]})
    proposal = intake.propose(frame)
    assert (proposal.label_column, proposal.task) == ("tags", "multilabel")
    plan = plans.new_project(frame)
    assert (plan.task, plan.labels) == ("multilabel", ("a", "b"))
    assert plan.rows.labels == ["a", "a; b", "(none)", None, "b", "a"]
    assert "choose the task of several labels" in intake.unfit_label(frame, "tags")
    assert plans.more_rows(frame, project(("a", "b", "c"))).label_column == "tags"


def test_more_rows_find_their_column_of_labels() -> None:
    frame = pd.DataFrame({"x0": [1, 2], "x1": [3, 4], "note": ["good", "bad"], "what": ["law, sport", ""]})
    assert plans.more_rows(frame, project()).label_column == "what"


# -- what reviewers say ----------------------------------------------------------------------------------------------


def test_a_decision_takes_a_list_or_a_text_and_confirms_the_same_set() -> None:
    own = project()
    assert task.target(["law", "sport"], own) == task.target("law|sport", own) == "sport; law"
    for wrong in ("art", "", None, 3.5):
        with pytest.raises(InvalidFeedback, match=r"names no labels of this project: .*or '\(none\)' for none"):
            task.target(wrong, own)
    said = TASKS["multilabel"].checked(Decision(1, "ana", "correct", "law; sport"), own, "sport; law")
    assert (said.verdict, said.target) == ("confirm", "sport; law")
    said = TASKS["multilabel"].checked(Decision(1, "ana", "correct", "(none)"), own, "sport; law")
    assert (said.verdict, said.target) == ("correct", "(none)")


@pytest.mark.parametrize(
    ("said", "label", "state"),
    [
        (["sport; law"], "sport; law", "labelled"),
        (["sport; law", "law"], None, "conflict"),
        (["sport; law", "law", "(none)"], "law", "labelled"),
        # Nobody gave this set: each label has its own majority.
        (["sport; money", "money; law", "sport; law"], "sport; money; law", "labelled"),
        (["sport", "money", "law"], "(none)", "labelled"),
        ([None], None, "open"),
    ],
)
def test_each_label_goes_by_its_majority(said: list[str | None], label: str | None, state: str) -> None:
    entries = [entry(n, f"r{n}", text) for n, text in enumerate(said)]
    assert task.effective(project(), entries, 0) == (label, state)


def test_an_accepted_set_alone_is_heard_and_a_flag_sets_aside() -> None:
    entries = [entry(1, "ana", "law", ruling="accept"), entry(2, "ben", "sport"), entry(3, "eve", "sport")]
    assert task.effective(project(), entries, 0) == ("law", "labelled")
    assert task.effective(project(), [entry(1, "ana", None, verdict="flag")], 0) == (None, "flagged")


# -- what a model says -----------------------------------------------------------------------------------------------


def test_the_least_certain_label_decides_how_unsure_a_row_is() -> None:
    said = np.array([[0.9, 0.5, 0.1], [0.8, 0.99, 0.0], [1.0, 0.0, 1.0]])
    own = TASKS["multilabel"]
    assert own.targets(said, project()) == ["sport; money", "sport; money", "sport; law"]
    assert own.confidence(said, project()) == pytest.approx([0.9 * 0.5 * 0.9, 0.8 * 0.99, 1.0])
    assert own.unsure(said) == pytest.approx(np.array([[0.5, 0.5], [0.8, 0.2], [1.0, 0.0]]))


def test_a_label_that_every_row_bears_or_none_has_one_probability() -> None:
    own = project((*TOPICS, "art"))
    X = pd.DataFrame({"x0": np.arange(8.0), "x1": np.zeros(8)})
    model = BUILDERS["logistic_regression"](TWO_NUMBERS, 0, {}, "multilabel")
    task.fit(model, X, ["law"] * 4 + ["sport; law"] * 4, np.ones(8))
    said = task.numbers(model, X, own)
    assert (said[:4, 0] < 0.5).all()
    assert (said[4:, 0] > 0.5).all()
    assert said[:, 1:] == pytest.approx(np.tile([0.1, 0.9, 0.1], (8, 1)))


def test_one_row_with_a_new_label_stops_no_training() -> None:
    X = pd.DataFrame({"x0": np.arange(40.0), "x1": np.zeros(40)})
    sets = ["law", "sport"] * 19 + ["law", "law; art"]
    model = BUILDERS["hist_gradient_boosting"](TWO_NUMBERS, 0, {"early_stopping": True, "max_iter": 3}, "multilabel")
    said = task.numbers(task.fit(model, X, sets, np.ones(40)), X, project((*TOPICS, "art")))
    assert said.shape == (40, 4)


def test_weights_reach_every_label() -> None:
    X = pd.DataFrame({"x0": [0.0, 0.0, 1.0, 1.0], "x1": np.zeros(4)})
    sets, weights = ["law", "sport", "law", "sport; law"], np.array([9.0, 1.0, 1.0, 1.0])
    model = BUILDERS["own_estimator"](TWO_NUMBERS, 0, {"path": "sklearn.dummy.DummyClassifier"}, "multilabel")
    said = task.numbers(task.fit(model, X, sets, weights), X, project())
    assert said[0] == pytest.approx([2 / 12, 1 / 6, 11 / 12])


@pytest.mark.parametrize(("sets", "why"), [([], "no labelled row"), (["law"] * 3, "All 3 labelled rows say 'law'")])
def test_what_cannot_be_learned_is_said(sets: list[str], why: str) -> None:
    with pytest.raises(CannotTrain, match=why):
        task.fit(BUILDERS["sgd"](TWO_NUMBERS, 0, {}, "multilabel"), pd.DataFrame(), sets, np.ones(len(sets)))


@pytest.mark.parametrize("name", for_task("multilabel"))
def test_every_classifier_learns_several_labels_and_is_saved(name: str, tmp_path: Path) -> None:
    own, schema = project(TOPICS[:2]), own_schema(name)
    frame = frame_of(schema, 40, seed=0)
    sets = [joined(set(parts(text)) - {"law"}, TOPICS) for text in table(40)["topics"]]
    model = BUILDERS[name](schema, 3, QUICK.get(name, {}), "multilabel")
    said = task.numbers(task.fit(model, frame, sets, np.ones(40)), frame, own)
    assert said.shape == (40, 2)
    assert ((said >= 0) & (said <= 1)).all()
    assert (np.abs(said.sum(axis=1) - 1) > 0.01).any()
    saved = artifacts.save(model, tmp_path, "p")
    loaded = artifacts.load(tmp_path, saved.name, saved.sha256)
    assert task.numbers(loaded, frame, own) == pytest.approx(said)


# -- scores and the gate ---------------------------------------------------------------------------------------------


def test_scores_are_those_of_the_definitions() -> None:
    truth = indicator(["sport; money", "law", "(none)", "sport"], TOPICS)
    proba = np.array([[0.9, 0.8, 0.1], [0.2, 0.7, 0.6], [0.1, 0.2, 0.3], [0.4, 0.1, 0.2]])
    found = multilabel_scores(truth, proba, TOPICS)
    assert found["accuracy"]["value"] == 0.5
    assert found["hamming_loss"]["value"] == pytest.approx(2 / 12)
    assert found["recall"]["value"] == pytest.approx(3 / 4)
    assert found["micro_f1"]["value"] == pytest.approx(2 * 3 / (2 * 3 + 1 + 1))
    assert found["macro_f1"]["value"] == pytest.approx((2 / 3 + 2 / 3 + 1) / 3)
    assert found["per_label"]["sport"]["recall"]["value"] == 0.5
    assert found["per_label"]["money"]["precision"]["value"] == 0.5
    assert {label: scores["n"] for label, scores in found["per_label"].items()} == {"sport": 2, "money": 1, "law": 1}
    assert found["per_class"]["sport"] == found["per_label"]["sport"]["recall"]


def test_scores_of_no_rows_and_of_a_perfect_model_are_honest() -> None:
    empty = multilabel_scores(np.zeros((0, 3), bool), np.zeros((0, 3)), TOPICS)
    assert (empty["accuracy"]["value"], empty["micro_f1"]["value"], empty["hamming_loss"]["value"]) == (None,) * 3
    truth = indicator(["sport", "law"] * 10, TOPICS)
    perfect = multilabel_scores(truth, truth.astype(float), TOPICS)["micro_f1"]
    assert perfect["value"] == 1.0
    assert 0.8 < perfect["low"] < 0.95


def test_the_interval_of_micro_f1_covers_the_truth_19_times_in_20() -> None:
    rng = np.random.default_rng(5)
    bears = rng.random((200_000, 3)) < [0.5, 0.2, 0.05]
    said = np.where(rng.random(bears.shape) < 0.85, bears, ~bears).astype(float)
    true = multilabel_scores(bears, said, TOPICS)
    for score in ("micro_f1", "macro_f1", "hamming_loss"):
        within = 0
        for start in range(0, 40_000, 200):
            part = multilabel_scores(bears[start : start + 200], said[start : start + 200], TOPICS)[score]
            within += part["low"] <= true[score]["value"] <= part["high"]
        assert 0.92 <= within / 200 <= 0.985, score


def evidence(truth: list[str], new: list[str], old: list[str]) -> Evidence:
    n = len(truth)
    return Evidence(truth, new, old, old, [0.9] * n, [False] * n, [False] * n, {}, 1, None, None, None)


def test_the_gate_compares_whole_sets_and_tells_the_labels_beside() -> None:
    truth = ["sport; law"] * 60 + ["money"] * 60
    old = ["sport"] * 30 + truth[30:]
    verdict = TASKS["multilabel"].judge(evidence(truth, truth, old), project())
    assert (verdict.finding, verdict.action) == ("better", "promote")
    assert (verdict.numbers["gained"], verdict.numbers["lost"]) == (30, 0)
    assert verdict.numbers["hamming_difference"]["value"] == pytest.approx(30 / 120 / 3)
    assert verdict.numbers["test"] == "exact McNemar test"
    worse = TASKS["multilabel"].judge(evidence(truth, old, truth), project())
    assert (worse.finding, worse.action) == ("worse", "refuse")
    assert "It is worse on label 'law': 30 rows broken, 0 fixed of 60." in worse.reasons


def test_slices_are_the_labels_and_overlap() -> None:
    found: list[Slice] = task.label_slices(["sport; law", "law", "(none)"], TOPICS)
    assert [(one.title, one.rows.tolist()) for one in found] == [
        ("label 'sport'", [True, False, False]),
        ("label 'law'", [True, True, False]),
        ("rows without a label", [False, False, True]),
    ]


def test_an_entry_is_doubted_by_the_probability_of_its_whole_set() -> None:
    told = beliefs(project())
    proba = np.array([0.9, 0.5, 0.2])
    assert told.number(None) == -1
    assert told.of(proba, told.number("sport; money")) == pytest.approx((0.9 * 0.5 * 0.8, (0.01 + 0.25 + 0.04) ** 0.5))
    assert told.of(proba, told.number("(none)")) == pytest.approx((0.1 * 0.5 * 0.8, (0.81 + 0.25 + 0.04) ** 0.5))
    # A label that the version did not know yet was impossible to it.
    assert told.of(proba[:2], told.number("sport; law")) == pytest.approx((0.0, (0.01 + 0.25 + 1) ** 0.5))
    rows = told.of_rows(np.stack([proba, proba]), np.array([0, 1]))
    assert rows[0] == pytest.approx([0.36, 0.04])


# -- files -----------------------------------------------------------------------------------------------------------

NOTES = Schema((Column("note", "text"),))
SAID = {"first note": "sport; law", "second note": "(none)", "third note": "money"}


def of_notes(store: Store, clock: Clock, name: str, base: dict[str, str | None], labels: tuple[str, ...]) -> Loop:
    settings = Settings(audit_share=0.0, blind_share=0.0)
    own = create_project(store, name, NOTES, labels, settings, actor="ana", task="multilabel", salt=1)
    loop = Loop(store, own, clock=clock, rng=np.random.default_rng(0))
    bodies = [intake.encode_one([text], NOTES) for text in base]
    loop.add_items(Rows(bodies, [None] * len(bodies), list(base.values())), "ana")
    return loop


def answers_of(loop: Loop) -> dict[str, tuple[str | None, list[str | None]]]:
    items = next(loop.store.items.export(loop.project.id))
    entries = loop.store.feedback.of_items([item.id for item in items])
    return {item.values[0]: (item.label, sorted(str(e.target) for e in entries[item.id])) for item in items}


@pytest.mark.parametrize("name", [each for each in FORMATS if FORMATS[each].read and FORMATS[each].write])
def test_sets_of_labels_go_out_and_come_back(store: Store, clock: Clock, name: str) -> None:
    here = of_notes(store, clock, "here", dict.fromkeys(SAID), TOPICS)
    for item in next(store.items.export(here.project.id)):
        here.record(Decision(item.id, "ben", "correct", SAID[item.values[0]]))
        here.record(Decision(item.id, "eve", "correct", SAID[item.values[0]]))
    data = b"".join(outgoing.pieces(store, here.project, "items", name))
    there = of_notes(store, clock, f"there {name}", {}, TOPICS[:2])
    look = incoming.look(store, there.project, io.BytesIO(data), incoming.Choices(name))
    assert "law" in look.report.unknown or name == "huggingface"
    given = incoming.Choices(name, new_labels=("law",))
    incoming.take(there, io.BytesIO(data), given, "ana", len(data), lambda _share, _what: None)
    assert answers_of(there) == {text: (said, [said, said]) for text, said in SAID.items()}


def test_files_of_others_say_several_labels_in_their_own_way(store: Store, clock: Clock) -> None:
    loop = of_notes(store, clock, "here", {}, TOPICS)
    assert 'choice="multiple"' in label_studio.config(loop.project)
    chosen = {"type": "choices", "from_name": "label", "to_name": "note", "value": {"choices": ["law", "sport"]}}
    tasks_of = [
        {"data": {"note": "a"}, "annotations": [{"id": 1, "completed_by": 7, "result": [chosen]}]},
        {"data": {"note": "b"}, "annotations": [{"id": 2, "completed_by": 7, "result": []}]},
        {"data": {"note": "c"}, "annotations": [{"id": 3, "completed_by": 7, "was_cancelled": True, "result": []}]},
    ]
    lines = [
        {"text": "d", "accept": ["money", "law"], "answer": "accept", "_annotator_id": "eve"},
        {"text": "e", "cats": {"sport": 1.0, "money": 0.0, "law": 1.0}},
        {"text": "f", "accept": [], "answer": "accept", "_annotator_id": "eve"},
        {"text": "g", "label": "law", "answer": "accept", "_annotator_id": "eve"},
    ]
    files = {
        "label-studio": json.dumps(tasks_of).encode(),
        "prodigy": b"\n".join(json.dumps(line).encode() for line in lines),
    }
    for name, data in files.items():
        incoming.take(loop, io.BytesIO(data), incoming.Choices(name), "ana", len(data), lambda _share, _what: None)
    found = {item.values[0]: item.label or item.base_label for item in next(store.items.export(loop.project.id))}
    assert found == {
        "a": "sport; law", "b": "(none)", "c": None, "d": "money; law", "e": "sport; law", "f": "(none)", "g": None,
    }  # fmt: skip


def test_a_data_set_whose_lists_of_classes_hold_what_is_none_says_so_by_row(store: Store, clock: Clock) -> None:
    loop, file, given = of_notes(store, clock, "here", {}, TOPICS), io.BytesIO(), incoming.Choices("huggingface")
    features = {"note": {"_type": "Value"}, "label": {"feature": {"names": list(TOPICS), "_type": "ClassLabel"}}}
    rows = pa.table({"note": ["a", "b", "c"], "label": [[0, 2], [0, None], [3]]})
    told = {"huggingface": json.dumps({"info": {"features": features}})}
    parquet.write_table(rows.replace_schema_metadata(told), file)
    data = file.getvalue()
    report = incoming.look(store, loop.project, io.BytesIO(data), given).report
    assert [problem.what for problem in report.problems] == [
        "label=None is none of its 3 classes",
        "label=3 is none of its 3 classes",
    ]
    incoming.take(loop, io.BytesIO(data), given, "ana", len(data), lambda _share, _what: None)
    found = {item.values[0]: item.base_label for item in next(store.items.export(loop.project.id))}
    assert found == {"a": "sport; law", "b": None, "c": None}


def test_a_table_goes_out_with_the_set_and_a_column_a_label(store: Store, clock: Clock) -> None:
    loop = of_notes(store, clock, "here", {"a": "sport; law", "b": "(none)", "c": None}, TOPICS)
    rows = {row["note"]: row for row in insights.export_rows(store, loop.project, "items")}
    wanted = ("label", "label: sport", "label: money", "label: law")
    assert [[rows[note][name] for name in wanted] for note in "abc"] == [
        ["sport; law", 1, 0, 1],
        ["(none)", 0, 0, 0],
        [None, None, None, None],
    ]


# -- the loop --------------------------------------------------------------------------------------------------------


def made(store: Store, clock: Clock, n: int = 260, base: int = 160) -> tuple[Loop, dict[str, str]]:
    frame = table(n)
    truth = dict(zip(range(n), frame["topics"], strict=True))
    frame["id"] = [f"r{key}" for key in truth]
    frame.loc[base:, "topics"] = None
    plan = plans.new_project(frame, label="topics", key="id", task="multilabel", labels=TOPICS)
    settings = replace(task.defaults(), estimator="logistic_regression")
    own = create_project(store, "topics", plan.schema, TOPICS, settings, actor="ana", task="multilabel", salt=3)
    loop = Loop(store, own, clock=clock, rng=np.random.default_rng(0))
    loop.add_items(plan.rows, "ana")
    return loop, {f"r{key}": label for key, label in truth.items()}


def test_a_project_of_several_labels_goes_round_the_loop(store: Store, clock: Clock) -> None:
    loop, truth = made(store, clock)
    first = loop.retrain("ana")
    loop.judge(first)
    loop.promote(first, "ana")
    assert loop.predict() == 100
    for _ in range(30):
        item = store.items.get(loop.draw("ana").item_id)
        stored = store.predictions.shown([item.id])[item.id]
        assert len(stored.proba) == 3
        assert item.predicted == texts_of(np.array([stored.proba]) >= 0.5, loop.project.labels)[0]
        loop.record(Decision(item.id, "ana", "correct", truth[item.key], item.version_id))
        clock.now += 1
    second = loop.retrain("ana")
    assert second.n_feedback > 0
    report = loop.judge(second)
    scores = store.versions.get(second.id).metrics["holdout"]
    assert scores["accuracy"]["n"] == scores["hamming_loss"]["n"] > 20
    assert report.numbers["n"] >= scores["accuracy"]["n"]
    assert {flip.kind for flip in store.flips.page(report.id)} <= {"fixed", "broken", "moved"}
    pages = loop.card_html(), loop.report_html(report)
    assert "It says any number, or none, of 3 labels: sport, money, law" in pages[0]
    assert "Hamming loss (lower is better)" in pages[0]
    assert "Wrong labels, of all labels of all rows (Hamming loss)" in pages[1]
    assert loop.rank_feedback() == 30
    assert all(ranked.parts["suspicious"] is not None for ranked in store.ranks.page(loop.project.id, EntryFilter())[0])
    assert multilabel.NONE not in loop.project.labels
    assert tasks.weights(loop.project) == {"margin": 0.9, "diversity": 0.1}
