"""Replaying the stored feedback under other rules."""

from __future__ import annotations

import json

import numpy as np
import pytest

from feedback_core import charts, triggers, worker
from feedback_core.errors import Refused
from feedback_core.loop import Loop, silent
from feedback_core.triggers import backtesting, replay
from feedback_core.types import Decision
from tests.conftest import make_loop, rows


@pytest.fixture
def turned(store, clock) -> Loop:
    """A first version of 20 rows, then 150 answers in a world where the two classes have changed places."""
    loop = make_loop(store, clock, holdout_share=0.5, audit_share=0.2)
    loop.add_items(rows(40)[0], "test")
    unlabelled, truth = rows(200, seed=1, labelled=False)
    loop.add_items(unlabelled, "test")
    version = loop.retrain("test")
    loop.judge(version)
    loop.promote(version, "test")
    loop.predict()
    for _ in range(150):
        clock.now += 3_600
        draw = loop.draw("ann")
        item = store.items.get(draw.item_id)
        target = "a" if truth[item.key] == "b" else "b"
        loop.record(Decision(item.id, "ann", "correct", target, version_id=item.version_id, draw_id=draw.id))
    return loop


def by_rule(body: dict, name: str) -> dict:
    table = body["summary"]
    return {column: table[column][table["rule"].index(name)] for column in table}


def test_each_rule_gets_its_retrains_its_wrong_answers_and_their_cost(turned):
    body = triggers.backtest(turned.store, turned.project, silent)
    never, often, weekly = (by_rule(body, name) for name in ("never", "every 25 corrections", "weekly"))
    # The first version knows the world as it was: it is wrong about nearly everything.
    assert never["retrains"] == 0
    assert never["wrong"] == never["cost"] > 120
    assert often["retrains"] >= 2
    assert often["wrong"] < never["wrong"]
    assert often["cost"] == often["wrong"] + body["retrain_cost"] * often["retrains"]
    # 150 answers an hour apart are six days.
    assert weekly["retrains"] == 0
    assert by_rule(body, "auto")["cost"] < never["cost"]
    assert body["entries"] == never["n"] == 150
    assert json.loads(json.dumps(body)) == body


def test_the_path_begins_with_the_first_champion_and_has_a_row_a_retrain_with_its_interval(turned):
    body = triggers.backtest(turned.store, turned.project, silent)
    path = body["path"]
    for name, count in zip(body["summary"]["rule"], body["summary"]["retrains"], strict=True):
        places = [n for n, rule in enumerate(path["rule"]) if rule == name]
        assert len(places) == count + 1
        assert path["entries"][places[0]] == 0
    first = {column: path[column][0] for column in path}
    holdout = turned.store.items.locked_rows(turned.project.id)
    assert first["n"] == sum(not audit for audit in holdout.audit)
    assert first["low"] <= first["accuracy"] <= first["high"]
    # Trained on the base rows alone, it says what the first version said when it was judged.
    champion = turned.store.versions.champion(turned.project.id)
    assert first["accuracy"] == champion.metrics["holdout"]["accuracy"]["value"]


def test_a_model_of_the_replay_has_learned_the_first_entries_and_no_audit_row(turned):
    past = backtesting.Past.load(turned.store, turned.project)
    known = backtesting._first(past.rows, past.lessons, 60)
    learned = {past.lessons[n] for n in range(60) if past.lessons[n] >= 0}
    assert sum(known.from_feedback) == len(learned)
    audits = [n for n, strategy in enumerate(past.strategies) if strategy == "audit"]
    assert audits
    assert all(past.lessons[n] == -1 for n in audits)
    none = backtesting._first(past.rows, past.lessons, 0)
    assert sum(none.from_feedback) == 0


def test_a_replay_by_hand_counts_as_written():
    class Told:
        """Wrong in the first three entries until it has learned two."""

        truth = ("a", "a", "a", "a")
        strategies = ("priority",) * 4
        times = (0.0, 10.0, 20.0, 30.0)
        unseen = 0

        def said(self, k):
            return ["b", "b", "b", "b"] if k < 2 else ["a"] * 4

    assert backtesting.replay(Told(), replay.fixed(2)) == (2, [0, 2])
    assert backtesting.replay(Told(), replay.every(3)) == (3, [0, 3])
    assert backtesting.replay(Told(), lambda seen: seen.seconds >= 20) == (3, [0, 3])
    assert backtesting.replay(Told(), lambda _seen: False) == (4, [0])


def test_too_few_entries_are_refused_with_their_number(trained):
    with pytest.raises(Refused, match="0 reviewed items are too few"):
        triggers.backtest(trained.store, trained.project, silent)


def test_a_model_too_dear_to_replay_is_refused_with_what_it_takes(turned, monkeypatch):
    monkeypatch.setattr(backtesting, "LIMIT_S", 0.0)
    with pytest.raises(Refused, match="One fit of logistic_regression takes"):
        triggers.backtest(turned.store, turned.project, silent)


def test_the_worker_replays_and_keeps_the_study(turned):
    turned.store.jobs.request(turned.project.id, "backtest", trigger="manual", by="ann", now=turned.clock())
    job = worker.run_next(turned.store, "w")
    assert (job.state, job.error) == ("done", None)
    study = turned.store.studies.newest(turned.project.id, "backtest")
    assert job.result == {"study": study.id}
    assert study.body["entries"] == 150


def test_the_chart_has_a_step_line_a_rule_with_interval_and_n_at_each_mark():
    path = {
        "rule": ["auto", "auto", "never"],
        "entries": [0, 60, 0],
        "accuracy": [0.5, 0.75, 0.5],
        "low": [0.4, 0.65, 0.4],
        "high": [0.6, 0.83, 0.6],
        "n": [100, 100, 100],
    }
    figure = json.loads(charts.backtest(path).to_json())
    auto, never = figure["data"]
    assert (auto["x"], auto["y"], auto["line"]["shape"]) == ([0, 60, 60], [50, 75, 75], "hv")
    assert "75.0 % on the holdout (65.0 to 83.0, n = 100)" in auto["text"][1]
    assert never["x"] == [0, 60]
    assert charts.backtest({name: [] for name in path}).data == ()


def test_the_shadow_of_a_replay_is_as_old_as_the_last_twenty_fifth_entry():
    asked = []

    class Told:
        truth = ("a",) * 60
        strategies = ("priority",) * 60
        times = tuple(np.arange(60.0))
        unseen = 0

        def said(self, k):
            asked.append(k)
            return ["a"] * 60

    backtesting.replay(Told(), lambda _seen: False)
    assert sorted(set(asked)) == [0, 25, 50]
