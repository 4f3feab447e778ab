"""Every figure a page shows, against one counted by hand from the same store."""

from __future__ import annotations

import csv
import io

import orjson
import pytest

from feedback_core import charts, exports, insights
from feedback_core.intervals import wilson
from feedback_core.loop import Loop, create_project
from feedback_core.settings import Settings
from feedback_core.store import Store
from feedback_core.types import Column, Decision, Rows, Schema


def decide(loop: Loop, reviewer: str, verdicts: list[str]) -> list[int]:
    """Draw and decide once per verdict; gives the entries' ids."""
    ids = []
    for verdict in verdicts:
        draw = loop.draw(reviewer)
        item = loop.store.items.get(draw.item_id)
        other = "a" if item.predicted == "b" else "b"
        target = other if verdict == "correct" else None
        decision = Decision(item.id, reviewer, verdict, target, version_id=item.version_id, draw_id=draw.id)
        ids.append(loop.record(decision)[0].id)
    return ids


def test_the_overview_counts_what_happened(trained: Loop) -> None:
    ids = decide(trained, "ana", ["correct", "correct", "confirm", "skip", "flag"])
    trained.undo(ids[0], "ana")
    stages = {stage.name: stage for stage in insights.overview(trained.store, trained.project).stages}
    assert {name: stage.count for name, stage in stages.items()} == {
        "Take in": 300,
        "Predict": 100,
        "Queue": 97,  # 100 minus corrected, confirmed and flagged; the skipped and the undone one are open again
        "Correct": 4,
        "Retrain": 1,
        "Judge": 1,
        "Promote": 1,
    }
    assert stages["Correct"].since == trained.clock()


def test_the_threshold_counts_corrections_only(trained: Loop) -> None:
    decide(trained, "ana", ["correct", "confirm", "confirm"])
    due = insights.overview(trained.store, trained.project).due
    assert (due.collected, due.needed, due.entries, due.ready) == (1, 5, 3, False)
    assert due.text == "1 of 5 corrections collected, 4 to go"


def test_the_volume_is_counted_by_utc_day_and_verdict(trained: Loop, clock) -> None:
    clock.now = 1_700_006_399.0  # 2023-11-14 23:59:59 UTC
    decide(trained, "ana", ["correct", "confirm"])
    clock.now += 2
    (entry,) = decide(trained, "ben", ["confirm"])
    trained.undo(entry, "ben")
    assert insights.feedback_volume(trained.store, trained.project) == {
        "day": ["2023-11-14", "2023-11-14", "2023-11-15", "2023-11-15"],
        "verdict": ["confirm", "correct", "confirm", "undo"],
        "entries": [1, 1, 1, 1],
    }


def test_reviewers_are_counted_by_their_standing_words(trained: Loop) -> None:
    entries = decide(trained, "ana/x", ["correct", "confirm", "confirm", "skip"])
    trained.undo(entries[1], "ana/x")
    assert insights.reviewers(trained.store, trained.project) == {
        "reviewer": ["ana/x"],
        "decided": [2],
        "skipped": [1],
        "corrected": [50.0],
        "known": [None],
    }


def test_known_answers_stand_beside_their_reviewer_with_an_interval(trained: Loop) -> None:
    settings = Settings.from_dict(trained.project.settings.to_dict() | {"gold_share": 1.0})
    trained.project = trained.store.projects.update(trained.project, settings=settings, now=0, actor="test")
    draws = trained.draw_batch("ben", 4)
    for n, draw in enumerate(draws):
        truth = trained.store.items.get(draw.item_id).base_label
        said = truth if n else {"a": "b", "b": "a"}[truth]
        trained.record(Decision(draw.item_id, "ben", "correct", said, draw_id=draw.id))
    found = insights.reviewers(trained.store, trained.project)
    assert (found["reviewer"], found["decided"], found["known"]) == (["ben"], [0], [wilson(3, 4)])


def test_the_accuracy_history_is_recomputed_from_predictions_and_truth(trained: Loop) -> None:
    locked = trained.store.items.locked_rows(trained.project.id)
    said = trained.store.predictions.labels_of(1, list(locked.ids))
    right = sum(said[item_id][0] == truth for item_id, truth in zip(locked.ids, locked.truth, strict=True))
    rows = insights.accuracy_history(trained.store, trained.project)
    assert (rows["version"], rows["sample"], rows["n"]) == ([1], ["holdout"], [102])
    assert rows["accuracy"] == [pytest.approx(right / 102)]
    assert rows["low"][0] < rows["accuracy"][0] <= rows["high"][0]


def test_the_priority_histogram_holds_every_open_item(trained: Loop) -> None:
    run = insights.priorities(trained.store, trained.project)
    assert sum(run["count"]) == 100
    open_items = [item for chunk in trained.store.items.export(trained.project.id) for item in chunk if item.priority]
    top_bin = sum(item.priority >= 0.95 for item in open_items)
    assert run["count"][-1] == top_bin


def test_the_story_of_an_item_holds_its_predictions_and_entries(trained: Loop) -> None:
    decide(trained, "ana", ["correct"])
    entry = trained.store.feedback.latest(trained.project.id)[0]
    story = insights.story(trained.store, entry.item_id)
    (prediction,) = story.predictions
    assert [e.id for e in story.entries] == [entry.id]
    assert sum(prediction.proba) == pytest.approx(1, abs=1e-6)
    assert sum(prediction.parts.values()) == pytest.approx(prediction.priority, abs=1e-6)
    assert prediction.label == story.item.predicted


@pytest.mark.parametrize("what", ["items", "predictions", "feedback"])
@pytest.mark.parametrize("form", ["csv", "jsonl", "parquet"])
def test_exports_hold_every_row_in_every_format(trained: Loop, what: str, form: str) -> None:
    decide(trained, "ana", ["correct", "confirm", "skip"])
    rows = list(insights.export_rows(trained.store, trained.project, what))
    columns = insights.export_columns(trained.project, what)
    assert len(rows) == {"items": 300, "predictions": 100, "feedback": 3}[what]
    body = exports.export(rows, columns, form)
    assert read_back(body, form) == (len(rows), list(columns))


def test_the_feedback_export_names_items_by_key_and_times_in_utc(trained: Loop) -> None:
    draw = trained.draw("ana")
    item = trained.store.items.get(draw.item_id)
    entry = trained.record(Decision(item.id, "ana", "confirm", version_id=item.version_id, note="sure"))[0]
    trained.clock.now += 90
    trained.rule([entry.id], "reject", "meg")
    assert list(insights.export_rows(trained.store, trained.project, "feedback")) == [
        {
            "id": entry.id,
            "key": item.key,
            "reviewer": "ana",
            "verdict": "confirm",
            "target": item.predicted,
            "predicted": item.predicted,
            "note": "sure",
            "state": "quarantined",
            "created_at": "2023-11-14T22:13:20+00:00",
            "ruling": "reject",
            "ruled_by": "meg",
            "ruled_at": "2023-11-14T22:14:50+00:00",
        }
    ]


def read_back(body: bytes, form: str) -> tuple[int, list[str]]:
    if form == "csv":
        lines = list(csv.reader(io.StringIO(body.decode("utf-8-sig"))))
        return len(lines) - 1, lines[0]
    if form == "jsonl":
        rows = [orjson.loads(line) for line in body.splitlines()]
        return len(rows), list(rows[0])
    import pyarrow.parquet

    table = pyarrow.parquet.read_table(io.BytesIO(body))
    return table.num_rows, table.column_names


def test_a_formula_in_a_note_is_harmless_in_the_csv(trained: Loop) -> None:
    draw = trained.draw("=cmd|' /C calc'!A0")
    item = trained.store.items.get(draw.item_id)
    trained.record(Decision(item.id, "=cmd|' /C calc'!A0", "confirm", version_id=item.version_id, note="@SUM(A1)"))
    body = exports.export(
        insights.export_rows(trained.store, trained.project, "feedback"),
        insights.export_columns(trained.project, "feedback"),
        "csv",
    )
    (row,) = csv.DictReader(io.StringIO(body.decode("utf-8-sig")))
    assert row["reviewer"] == "'=cmd|' /C calc'!A0"
    assert row["note"] == "'@SUM(A1)"


def test_charts_show_the_numbers_they_are_given() -> None:
    figure = charts.volume({"day": ["2026-01-01", "2026-01-01"], "verdict": ["correct", "skip"], "entries": [3, 1]})
    assert [(bar.name, tuple(bar.y)) for bar in figure.data] == [("Corrected", (3,)), ("Skipped", (1,))]
    figure = charts.priorities({"count": [4.0, 2.0], "margin": [0.25, 0.75], "rarity": [0.25, 0.25]})
    assert [(bar.name, tuple(bar.y)) for bar in figure.data] == [("margin", (2.0, 1.5)), ("rarity", (2.0, 0.5))]


def test_the_prediction_is_the_marked_bar_and_labels_stay_text() -> None:
    figure = charts.probabilities(["<b>x</b>", "3"], [0.25, 0.75], "3")
    assert list(figure.data[0].y) == ["&lt;b&gt;x&lt;/b&gt;", "3"]
    assert list(figure.data[0].marker.color) == [charts.OTHER, charts.CHAMPION]
    assert figure.layout.yaxis.type == "category"


def test_refused_versions_are_hollow_and_the_champion_is_named() -> None:
    table = {
        "version": [1, 2],
        "sample": ["holdout", "holdout"],
        "accuracy": [0.8, 0.7],
        "low": [0.7, 0.6],
        "high": [0.9, 0.8],
        "n": [100, 100],
        "status": ["champion", "refused"],
        "finding": ["first", "worse"],
        "feedback": [0, 9],
        "base": [50, 50],
        "estimator": ["logistic_regression"] * 2,
        "created_at": [0.0, 86_400.0],
        "holdout since": [None, None],
    }
    figure = charts.accuracy(table)
    assert list(figure.data[0].marker.symbol) == ["circle", "circle-open"]
    assert list(figure.layout.xaxis.ticktext) == ["v1<br><b>champion</b>", "v2"]
    assert "verdict: worse" in figure.data[0].text[1]


def test_an_empty_project_has_empty_read_models(store: Store) -> None:
    project = create_project(store, "empty", Schema((Column("x", "number"),)), ("a", "b"), actor="test")
    assert insights.accuracy_history(store, project) == {}
    assert insights.feedback_volume(store, project) == {}
    assert insights.priorities(store, project) == {}
    assert insights.overview(store, project).next_step.page == "setup"
    Loop(store, project).add_items(Rows([b"[1.0]"], [None], [None]), "test")
    assert insights.overview(store, project).next_step.page == "review"


def test_a_feature_named_like_an_own_column_keeps_both(store: Store) -> None:
    schema = Schema((Column("state", "category"), Column("label", "number")))
    project = create_project(store, "clash", schema, ("a", "b"), actor="test")
    Loop(store, project).add_items(Rows([b'["OR",1.0]'], ["k"], [None]), "test")
    assert list(insights.export_rows(store, project, "items")) == [
        {"key": "k", "split": "pool", "item_state": "open", "state": "OR", "label": 1.0, "item_label": None}
    ]
