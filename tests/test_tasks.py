"""Every registered task keeps the promises that the loop relies on; the numbers of regression are exact."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from feedback_core import intake, plans, tasks
from feedback_core.errors import InvalidFeedback, InvalidSetting
from feedback_core.settings import Settings, changed
from feedback_core.tasks import TASKS, regression
from feedback_core.types import Column, Decision, Feedback, Project, Schema
from tests.conftest import TWO_NUMBERS

every_task = pytest.mark.parametrize("name", list(TASKS))


def project(task: str = "regression", **settings: object) -> Project:
    values = {"tolerance": 2.0} | settings if task == "regression" else settings
    labels = ("a", "b") if task != "regression" else ()
    return Project(1, "p", task, labels, TWO_NUMBERS, Settings(**values), 0, False, 0.0)


def entry(n: int, reviewer: str, target: str | None, **fields: object) -> Feedback:
    values = {"state": "accepted", "verdict": "correct" if target else "skip"} | fields
    return Feedback(n, 1, 1, reviewer, target=target, predicted="100", note="", seconds=None, draw_id=None,
                    undoes=None, created_at=float(n), **values)  # fmt: skip


@every_task
def test_a_task_is_named_as_it_is_filed_and_tells_a_person_what_it_is(name: str) -> None:
    task = TASKS[name]
    assert task.name == name
    assert task.title
    assert task.help.endswith(".")
    assert task.parts.issuperset(task.defaults().weights)


@every_task
def test_no_rows_make_no_targets(name: str) -> None:
    own = project(name)
    task = TASKS[name]
    nothing = np.zeros((0, len(task.columns(own))))
    assert task.targets(nothing, own) == []
    assert len(task.confidence(nothing, own)) == len(task.unsure(nothing)) == 0


@pytest.mark.parametrize(
    ("given", "stored"), [(151.0, "151"), ("151.50", "151.5"), (-0.0, "0"), (1e-7, "1e-07"), (" 12 ", "12"), (7, "7")]
)
def test_a_number_has_one_spelling(given: object, stored: str) -> None:
    assert regression.target(given, project()) == stored


@pytest.mark.parametrize("given", ["twelve", None, "", float("nan"), float("inf"), True, "1e999", [1]])
def test_what_is_no_finite_number_is_refused(given: object) -> None:
    with pytest.raises(InvalidFeedback, match="is not a number: send one"):
        regression.target(given, project())


def test_a_number_outside_the_plausible_range_is_refused_with_the_way_out() -> None:
    own = project(plausible_low=0.0, plausible_high=400.0)
    assert regression.target(400, own) == "400"
    with pytest.raises(InvalidFeedback, match="target=4000 is not plausible here, where numbers from 0 to 400"):
        regression.target(4_000, own)
    with pytest.raises(InvalidSetting, match="plausible_low=2"):
        project(plausible_low=2.0, plausible_high=1.0)


def test_a_limit_on_one_side_leaves_the_other_open() -> None:
    least, most = project(plausible_low=0.0), project(plausible_high=400.0)
    assert (regression.target(1e9, least), regression.target(-3, most)) == ("1000000000", "-3")
    with pytest.raises(InvalidFeedback, match="target=-1 is not plausible here, where numbers from 0 are"):
        regression.target(-1, least)
    with pytest.raises(InvalidFeedback, match="target=401 is not plausible here, where numbers up to 400 are"):
        regression.target(401, most)
    _values, bad, what = intake.number_reader(None, 400.0)(pd.Series([-5.0, 401.0]))
    assert (bad.tolist(), what) == ([False, True], "is not a number up to 400, the plausible range: correct it")


def test_both_limits_zero_are_no_limit_as_they_were_stored_once() -> None:
    assert project(plausible_low=0.0, plausible_high=0.0).settings == project().settings
    assert changed(Settings(plausible_high=400.0), {"plausible_high": None}).plausible_high is None
    with pytest.raises(InvalidSetting, match="plausible_low='0' is not what it takes"):
        changed(Settings(), {"plausible_low": "0"})


@pytest.mark.parametrize(("said", "verdict"), [("102", "confirm"), ("98", "confirm"), ("102.5", "correct")])
def test_a_number_within_the_tolerance_confirms_and_is_kept_as_typed(said: str, verdict: str) -> None:
    made = TASKS["regression"].checked(Decision(1, "ana", "correct", said), project(), "100")
    assert (made.verdict, made.target) == (verdict, said)


@pytest.mark.parametrize(
    ("numbers", "label", "state"),
    [
        (["10"], "10", "labelled"),
        (["10", "12"], "11", "labelled"),
        (["10", "11", "12"], "11", "labelled"),
        (["10", "13"], None, "conflict"),
        ([None], None, "open"),
    ],
)
def test_the_median_of_the_reviewers_counts_unless_they_differ(
    numbers: list[str | None], label: str | None, state: str
) -> None:
    entries = [entry(n, f"r{n}", number) for n, number in enumerate(numbers)]
    assert regression.effective(project(), entries, 0) == (label, state)


def test_a_doubted_number_waits_for_a_second_person_or_a_maintainer() -> None:
    doubted = entry(1, "ana", "1000", doubt="looks like a mistake")
    ask = regression.effective
    assert ask(project(), [doubted], 0) == (None, "conflict")
    assert ask(project(), [doubted, entry(2, "ana", "1001", doubt="too")], 0) == (None, "conflict")
    assert ask(project(), [doubted, entry(2, "ben", "1002")], 0) == ("1001", "labelled")
    assert ask(project(), [doubted, entry(2, "ben", "101")], 0) == ("101", "labelled")
    accepted = entry(1, "ana", "1000", doubt="looks like a mistake", ruling="accept")
    assert ask(project(), [accepted], 0) == ("1000", "labelled")


def test_a_number_is_doubted_when_it_is_three_times_as_far_off_as_the_model_ever_was() -> None:
    metrics = {"holdout": {"error": {"n": 50}, "q99": 20.0}, "audit": {"error": {"n": 0}, "q99": None}}
    assert regression.doubt("160", "100", metrics) == ""
    assert "much further from the prediction, 100, than" in regression.doubt("161", "100", metrics)
    assert "about 10 times the prediction, 100" in regression.doubt("1010", "100", metrics)
    assert "about a 10th of the prediction, 100" in regression.doubt("10", "100", metrics)
    assert regression.doubt("1010", "100", {"holdout": {"error": {"n": 19}, "q99": 1.0}}) == ""


@pytest.mark.parametrize(
    ("truth", "before", "after", "kind"),
    [("10", "20", "12", "fixed"), ("10", "12", "20", "broken"), ("10", "20", "19", None), ("10", "5", "15", None)],
)
def test_a_row_flips_when_it_comes_nearer_or_moves_away_by_more_than_the_tolerance(truth, before, after, kind) -> None:
    assert regression.flip(project(), truth, before, after) == kind


def test_the_queue_begins_with_the_widest_intervals() -> None:
    own, said = project(), np.asarray([[1.0, 0.5], [2.0, 4.0], [3.0, 1.0]])
    ranks = TASKS["regression"].unsure(said)[:, 1]
    assert ranks.argsort().tolist() == [0, 2, 1]
    assert tasks.scored([1, 2, 3], said, own).confidence.tolist() == pytest.approx([0.8, 1 / 3, 2 / 3])


def test_a_table_with_a_column_of_amounts_becomes_a_project_that_predicts_them() -> None:
    frame = pd.DataFrame({"x": range(40), "price": [f"{n},5" for n in range(38)] + ["", "n/a"]})
    plan = plans.new_project(frame, label="price")
    assert (plan.task, plan.labels, plan.labelled) == ("regression", (), 38)
    assert plan.rows.labels[:2] == ["0.5", "1.5"]
    assert plans.first_settings(plan, frame).tolerance == 0.3
    assert plans.new_project(frame.assign(price=["low", "high"] * 20), label="price").task == "classification"


def test_cells_that_are_no_plausible_numbers_are_listed_by_row() -> None:
    frame = pd.DataFrame({"x": range(4), "y": ["1", "2.5", "two", "900"]})
    read = intake.number_reader(0.0, 100.0)
    rows, problems = intake.check(frame, Schema((Column("x", "number"),)), label_column="y", read=read)
    assert rows.labels == ["1", "2.5"]
    assert [(p.row, p.value) for p in problems] == [(3, "two"), (4, "900")]
    assert "from 0 to 100, the plausible range" in problems[0].what
