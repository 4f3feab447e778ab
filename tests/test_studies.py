"""Studies on real stores: what the worker finds out, how it gives way, and what the pages show of it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from feedback_core import dry_run, refits, studies
from feedback_core.errors import InvalidInput, NotFound
from feedback_core.intervals import paired
from feedback_core.loop import Loop
from feedback_core.store import Store
from feedback_core.studies import credits, dry_runs
from feedback_core.types import STUDIES, Decision, Interval, Job, Version
from feedback_core.worker import LEASE_S, run_next
from tests.conftest import Clock, make_loop, rows

ROOT = Path(__file__).parent.parent


def silent(_share: float, _message: str) -> None:
    """Nobody looks."""


def say(loop: Loop, n: int, reviewer: str, wrong: float = 0.0, seed: int = 0) -> None:
    """A reviewer draws and labels n items, a share of them wrong."""
    rng = np.random.default_rng(seed)
    for _ in range(n):
        draw = loop.draw(reviewer)
        item = loop.store.items.get(draw.item_id)
        right = "b" if item.values[0] + item.values[1] > 0 else "a"
        said = right if rng.random() >= wrong else {"a": "b", "b": "a"}[right]
        loop.record(Decision(item.id, reviewer, "correct", said, item.version_id, draw_id=draw.id))


def crown(loop: Loop) -> Version:
    """A new version, promoted whatever the gate says."""
    version = loop.retrain("test")
    loop.judge(version)
    return loop.promote(version, "test", "for the test")


def ran(loop: Loop) -> list[tuple[str, str]]:
    """Everything the worker does until there is nothing left: kind and end of each job."""
    done: list[Job] = []
    while (job := run_next(loop.store, "w1", loop.clock)) is not None:
        done.append(job)
    return [(job.kind, job.state) for job in done]


@pytest.fixture
def second(trained: Loop) -> Loop:
    """Two versions: the second has learned 30 labels of ana and 15 of ben besides."""
    say(trained, 30, "ana")
    say(trained, 15, "ben")
    crown(trained)
    trained.predict()
    return trained


# -- the worker ----------------------------------------------------------------------------------------------------


def test_a_new_champion_is_studied_once_after_its_scoring(second: Loop) -> None:
    second.request_rescore("ann")
    assert ran(second) == [("predict", "done"), ("rank feedback", "done"), ("forecast", "done"), ("credit", "done")]
    second.request_rescore("ann")
    assert ran(second) == [("predict", "done"), ("rank feedback", "done")]


def test_studies_come_after_all_other_work_and_a_dry_run_before_the_others(second: Loop) -> None:
    second.request_study("credit", "ann")
    second.request_study("dry run", "ann")
    say(second, 1, "ana")
    second.request_retrain("ann")
    assert [kind for kind, _ in ran(second)] == ["retrain", "dry run", "credit", "effects"]


@pytest.mark.parametrize("kind", STUDIES)
def test_what_gives_way_is_not_claimed_before_what_it_gave_way_to(second: Loop, kind: str) -> None:
    second.request_study(kind, "ann")
    say(second, 1, "ana")
    retrain = second.request_retrain("ann")
    first = run_next(second.store, "w1", second.clock)
    # A job that runs to its end may come first; one that gives way for ever would block the retrain.
    assert first.state == "done"
    assert (first.id == retrain.id) == (kind != "certificate")


def test_a_study_gives_way_in_the_middle_to_a_retrain_and_begins_again_after_it(
    second: Loop, monkeypatch: pytest.MonkeyPatch
) -> None:
    study = second.request_study("forecast", "ann")
    fit, fits = refits.Refits.fit, []

    def interrupted(self: refits.Refits, *args: object, **named: object) -> object:
        fits.append(1)
        if len(fits) == 4:
            say(second, 1, "ana")
            second.request_retrain("ann")
        return fit(self, *args, **named)

    monkeypatch.setattr(refits.Refits, "fit", interrupted)
    put_back = run_next(second.store, "w1", second.clock)
    assert (put_back.id, put_back.kind, put_back.state, put_back.attempts) == (study.id, "forecast", "waiting", 0)
    assert len(fits) == 4
    assert second.store.studies.newest(second.project.id, "forecast") is None
    assert ran(second) == [("retrain", "done"), ("forecast", "done"), ("effects", "done")]


def test_a_study_that_gives_way_while_the_same_waits_is_cancelled_not_doubled(second: Loop) -> None:
    running = second.request_study("credit", "ann")
    claimed = second.store.jobs.claim("w1", second.clock(), LEASE_S)
    assert claimed.id == running.id
    again = second.request_study("credit", "ann")
    second.store.jobs.put_back(claimed, "w1", second.clock())
    assert second.store.jobs.get(running.id).state == "cancelled"
    assert second.store.jobs.get(again.id).state == "waiting"


def test_a_request_for_a_study_says_what_it_lacks(loop: Loop) -> None:
    with pytest.raises(NotFound, match="has no model yet"):
        loop.request_study("forecast", "ann")
    crown(loop)
    with pytest.raises(InvalidInput, match="kind='map' is not a study"):
        loop.request_study("map", "ann")


# -- forecast ------------------------------------------------------------------------------------------------------


def test_a_forecast_shows_the_curve_its_sample_and_the_fan(second: Loop) -> None:
    second.request_study("forecast", "ann")
    ran(second)
    champion = second.store.versions.champion(second.project.id)
    locked = len(second.store.items.locked_rows(second.project.id).ids)
    view = studies.forecast_view(second.store, second.project)
    assert (view.version, view.outdated, view.empty) == (2, "", "")
    measured = [n for n, kind in enumerate(view.table["kind"]) if kind == "measured"]
    learned = champion.n_base + champion.n_feedback
    assert view.table["rows"][measured[-1]] == learned
    # The refit on everything is the version itself: the same rows, weights and seed.
    assert view.table["accuracy"][measured[-1]] == pytest.approx(champion.metrics["holdout"]["accuracy"]["value"])
    assert set(view.table["n"]) == {locked}
    assert view.gains["more"] == [25, 50, 100, 200, 300, 500, 1_000]
    assert f"Judged on {locked} locked rows" in view.notes[0]
    assert "100 labels" in view.sentence


def test_an_old_forecast_is_said_to_be_old_and_is_held_against_what_came(second: Loop, clock: Clock) -> None:
    champion = second.store.versions.champion(second.project.id)
    studies.forecast(second.store, second.project, champion, clock(), silent)
    clock.now += 60
    say(second, 20, "ana")
    third = crown(second)
    assert studies.forecast_view(second.store, second.project).outdated == "Version 3 has become champion since."
    studies.forecast(second.store, second.project, third, clock(), silent)
    view = studies.forecast_view(second.store, second.project)
    assert (view.outcomes["version"], view.outcomes["later"], view.outcomes["more"]) == ([2], [3], [20])
    values = {v.number: v.metrics["holdout"]["accuracy"]["value"] for v in second.store.versions.all(second.project.id)}
    assert view.outcomes["actual"][0] == pytest.approx(100 * (values[3] - values[2]))
    assert f"{int(view.outcomes['held'][0])} of 1 earlier forecast held" in view.notes[-1]


def test_a_forecast_made_in_hindsight_is_held_against_nothing(second: Loop, clock: Clock) -> None:
    first, champion = second.store.versions.all(second.project.id)
    clock.now += 60
    studies.forecast(second.store, second.project, first, clock(), silent)
    studies.forecast(second.store, second.project, champion, clock(), silent)
    assert studies.forecast_view(second.store, second.project).outcomes == {}


def test_a_dear_model_is_forecast_over_its_stored_versions(second: Loop, monkeypatch: pytest.MonkeyPatch) -> None:
    say(second, 25, "ana")
    third = crown(second)
    monkeypatch.setattr(refits, "BUDGET_S", 0.0)
    studies.forecast(second.store, second.project, third, second.clock(), silent)
    view = studies.forecast_view(second.store, second.project)
    versions = second.store.versions.all(second.project.id)
    measured = [n for n, kind in enumerate(view.table["kind"]) if kind == "measured"]
    assert [view.table["rows"][n] for n in measured] == [v.n_base + v.n_feedback for v in versions]
    assert [view.table["accuracy"][n] for n in measured] == pytest.approx(
        [v.metrics["holdout"]["accuracy"]["value"] for v in versions]
    )
    assert "the curve goes through 3 stored versions instead" in view.notes[0]


def test_two_versions_or_too_few_locked_rows_forecast_nothing_and_say_so(
    second: Loop, store: Store, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    champion = second.store.versions.champion(second.project.id)
    with monkeypatch.context() as dear:
        dear.setattr(refits, "BUDGET_S", 0.0)
        studies.forecast(store, second.project, champion, clock(), silent)
    assert "three judged versions of growing size are needed" in studies.forecast_view(store, second.project).sentence
    monkeypatch.setattr(studies.sources, "LEAST_JUDGED", 5_000)
    studies.forecast(store, second.project, champion, clock(), silent)
    assert "locked rows are too few, at least 5000 are needed" in studies.forecast_view(store, second.project).sentence


# -- credit --------------------------------------------------------------------------------------------------------


def test_new_rows_are_grouped_by_round_reviewer_strategy_and_class(second: Loop) -> None:
    say(second, 10, "chi")
    third = second.retrain("test")
    second.judge(third)
    second.refuse(third, "test")
    say(second, 5, "ben", seed=1)
    fourth = crown(second)
    parent = second.store.versions.get(fourth.parent_id)
    found = credits.grouped(second.store, second.project, fourth, parent)
    sizes = {key: len(positions) for key, positions in found.named.items()}
    assert len(found.changed) == 15
    assert sizes["batch", "before version 3"] == 10
    assert sizes["batch", "before version 4"] == 5
    assert (sizes["reviewer", "chi"], sizes["reviewer", "ben"]) == (10, 5)
    assert sizes["strategy", "priority"] == 15
    assert sizes.get(("class", "a"), 0) + sizes.get(("class", "b"), 0) == 15


def test_a_row_two_reviewers_agree_on_belongs_to_neither_alone(second: Loop) -> None:
    say(second, 1, "chi")
    [entry] = second.store.feedback.latest(second.project.id, 1)
    item = second.store.items.get(entry.item_id)
    second.record(Decision(item.id, "dan", "correct", entry.target, item.version_id))
    version = crown(second)
    parent = second.store.versions.get(version.parent_id)
    found = credits.grouped(second.store, second.project, version, parent)
    assert [name for by, name in found.named if by == "reviewer"] == [credits.SEVERAL]


def test_the_credit_of_one_reviewer_is_the_refit_without_their_rows(second: Loop) -> None:
    second.request_study("credit", "ann")
    ran(second)
    view = studies.credit_view(second.store, second.project)
    champion = second.store.versions.champion(second.project.id)
    lineage, locked = second.store.versions.lineage(champion.id), second.store.items.locked_rows(second.project.id)
    ben = {entry.item_id for entry in second.store.feedback.latest(second.project.id, 100, reviewer="ben")}
    keep = np.asarray([n for n, item in enumerate(lineage["ids"]) if item not in ben])
    again = refits.Refits(
        second.project,
        refits.Recipe(champion.estimator, champion.params),
        second.store.items.inputs(lineage["ids"]),
        lineage["labels"],
        lineage["weights"],
    )
    X, truth = studies.sources.intake.decode(locked.inputs, second.project.schema), np.asarray(locked.truth)
    without = again.said(again.fit(keep, champion.seed), X) == truth
    full = again.said(again.fit(np.arange(len(lineage["ids"])), champion.seed), X) == truth
    wanted = paired(full.astype(float) - without)
    at = view.table["group"].index("ben")
    assert view.table["points"][at] == pytest.approx(100 * wanted.value)
    assert (view.table["low"][at], view.table["high"][at]) == pytest.approx((100 * wanted.low, 100 * wanted.high))
    assert (view.table["labels"][at], view.table["n"][at]) == (15, len(truth))
    gain = [v.metrics["holdout"]["accuracy"]["value"] for v in second.store.versions.all(second.project.id)]
    assert f"{100 * (gain[1] - gain[0]):+.1f} points" in view.sentence
    assert f"n = {len(truth)}" in view.sentence


@pytest.mark.parametrize("budget", [60.0, 0.0])
def test_a_reviewer_who_gave_wrong_labels_is_named_by_both_methods(
    store: Store, clock: Clock, monkeypatch: pytest.MonkeyPatch, budget: float
) -> None:
    loop = make_loop(store, clock, holdout_share=0.8, weights={"random": 1.0})
    loop.add_items(rows(400)[0], "test")
    loop.add_items(rows(300, seed=1, labelled=False)[0], "test")
    crown(loop)
    loop.predict()
    say(loop, 60, "ana")
    say(loop, 60, "ben", wrong=0.9)
    version = crown(loop)
    monkeypatch.setattr(refits, "BUDGET_S", budget)
    studies.credit(loop.store, loop.project, version, clock(), silent, loop.model)
    view = studies.credit_view(loop.store, loop.project)
    at = view.table["group"].index("ben")
    assert view.table["points"][at] < 0
    assert view.table["clear"][at]
    assert view.table["misleads"][at]
    assert not view.table["misleads"][view.table["group"].index("ana")]
    assert any(finding.startswith("The labels of ben cost ") for finding in view.findings)
    assert any("often differ from the labels of similar rows" in finding for finding in view.findings)
    assert ("KNN-Shapley" in view.notes[0]) == (budget == 0)


def test_the_first_version_has_no_gain_to_trace(trained: Loop) -> None:
    champion = trained.store.versions.champion(trained.project.id)
    studies.credit(trained.store, trained.project, champion, trained.clock(), silent, trained.model)
    assert "first of its line" in studies.credit_view(trained.store, trained.project).sentence


@pytest.mark.parametrize("study", ["credit", "forecast"])
def test_a_version_that_was_not_judged_is_not_studied_on_the_locked_rows(second: Loop, study: str) -> None:
    say(second, 10, "ana")
    candidate = second.retrain("test")
    job = second.request_study(study, "ann", candidate)
    ran(second)
    failed = second.store.jobs.get(job.id)
    assert failed.state == "failed"
    assert "Version 3 has not been judged yet" in failed.error
    assert second.store.studies.newest(second.project.id, study) is None
    second.judge(candidate)
    second.request_study(study, "ann", candidate)
    assert ran(second) == [(study, "done")]


def test_a_credit_says_that_it_reads_the_locked_rows(second: Loop) -> None:
    second.request_study("credit", "ann")
    ran(second)
    assert "treat the next gain on them with care" in studies.credit_view(second.store, second.project).notes[-1]


# -- dry run -------------------------------------------------------------------------------------------------------


def test_a_dry_run_finds_what_the_retrain_then_does_and_looks_at_no_locked_row(
    store: Store, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    second = make_loop(store, clock, holdout_share=0.8, weights={"random": 1.0})
    second.add_items(rows(100)[0], "test")
    second.add_items(rows(300, seed=1, labelled=False)[0], "test")
    crown(second)
    second.predict()
    say(second, 25, "ana", wrong=0.5)
    monkeypatch.setattr(type(second.store.items), "locked_rows", None)
    reports = second.store.versions.reports(second.project.id)
    study = studies.dry_run(second.store, second.project, second.clock(), silent)
    monkeypatch.undo()
    assert second.store.versions.reports(second.project.id) == reports
    assert (study.body["new_rows"], study.body["dropped_rows"], study.body["feedback"]["n"]) == (25, 0, 25)
    open_ids = list(second.store.items.open_ids(second.project.id))
    assert study.body["changed"]["n"] == study.body["items"] == len(open_ids)
    before = {item.id: item.predicted for item in second.store.items.many(open_ids)}
    crown(second)
    second.predict()
    flipped = sum(item.predicted != before[item.id] for item in second.store.items.many(open_ids))
    assert round(study.body["changed"]["value"] * len(open_ids)) == flipped > 0


def test_no_row_of_a_dry_run_is_judged_by_a_model_that_has_learned_it(store: Store, clock: Clock) -> None:
    # A full tree repeats what it has learned: with the judged rows in it, every coin would seem to be foreseen.
    memory = {"path": "sklearn.tree.DecisionTreeClassifier"}
    loop = make_loop(store, clock, weights={"random": 1.0}, estimator="own_estimator", params=memory)
    loop.add_items(rows(100)[0], "test")
    loop.add_items(rows(120, seed=1, labelled=False)[0], "test")
    crown(loop)
    loop.predict()
    say(loop, 80, "ana", wrong=0.5)
    gain = studies.dry_run(loop.store, loop.project, clock(), silent).body["feedback"]
    assert gain["n"] == 80
    assert gain["value"] < 0.25


def test_a_dry_run_without_anything_new_says_so(second: Loop) -> None:
    study = studies.dry_run(second.store, second.project, second.clock(), silent)
    assert study.body["nothing_new"]
    assert studies.dry_run_view(second.store, second.project).sentences[0].startswith("Nothing has come in since")
    second.project = replace(second.project, settings=replace(second.project.settings, params={"C": 0.01}))
    assert not studies.dry_run(second.store, second.project, second.clock(), silent).body["nothing_new"]


def test_what_was_taken_back_since_the_champion_is_dropped_in_a_dry_run(second: Loop) -> None:
    [entry] = second.store.feedback.latest(second.project.id, 1)
    second.undo(entry.id, entry.reviewer)
    champion = second.store.versions.champion(second.project.id)
    union = dry_runs.joined(second.store, champion, second.store.items.training_rows(second.project.id))
    gone = np.flatnonzero([label is None for label in union.after])
    assert (len(gone), union.before[gone[0]], union.weight_after[gone[0]]) == (1, entry.target, 0.0)
    assert not union.fresh.any()


def test_a_dry_run_is_old_as_soon_as_more_feedback_comes_in(second: Loop) -> None:
    say(second, 3, "ana")
    studies.dry_run(second.store, second.project, second.clock(), silent)
    assert studies.dry_run_view(second.store, second.project).outdated == ""
    say(second, 1, "ana")
    assert studies.dry_run_view(second.store, second.project).outdated == "More feedback has come in since."


def test_a_model_too_dear_for_folds_has_its_flips_and_seconds_told_all_the_same(
    second: Loop, monkeypatch: pytest.MonkeyPatch
) -> None:
    say(second, 5, "ana")
    monkeypatch.setattr(refits, "BUDGET_S", 0.0)
    body = studies.dry_run(second.store, second.project, second.clock(), silent).body
    assert body["folds"] == 0
    assert "the gain is not estimated" in body["sentences"][0]
    assert "open items would be predicted differently" in body["sentences"][1]


def test_folds_are_even_within_each_class() -> None:
    labels = ["a"] * 23 + ["b"] * 7
    found = dry_run.folds(labels, 5, np.random.default_rng(0))
    for label in "ab":
        sizes = np.bincount(found[np.asarray(labels) == label], minlength=5)
        assert sizes.max() - sizes.min() <= 1
    assert np.bincount(found).tolist() == [6] * 5


def test_a_dry_run_in_words_keeps_the_two_kinds_of_rows_apart() -> None:
    differences = np.asarray([1.0] * 5 + [0.0] * 95 + [np.nan] + [1.0, -1.0] * 20)
    is_base = np.asarray([True] * 100 + [False] * 41)
    found = dry_run.outlook(differences, is_base, ~is_base, (30, 2_000), 10_000, 0.4)
    assert found.base.value == pytest.approx(0.05)
    assert found.feedback == Interval(0.0, found.feedback.low, found.feedback.high, 40)
    assert dry_run.sentences(found) == [
        f"On rows like the base data: +5.0 points ({100 * found.base.low:.1f} to "
        f"{100 * found.base.high:.1f}, n = 100).",
        f"On rows like the new feedback: +0.0 points ({100 * found.feedback.low:.1f} to "
        f"{100 * found.feedback.high:.1f}, n = 40), not distinguishable from zero.",
        "About 150 of 10,000 open items would be predicted differently (105 to 213, from 2,000 looked at).",
        "A retrain takes under a second of computing.",
    ]
    few = dry_run.outlook(differences[:5], is_base[:5], ~is_base[:5], (0, 0), 0, 90.0)
    assert dry_run.sentences(few)[0] == "On rows like the base data the gain is not measurable: there are 5."
    assert dry_run.sentences(few)[-1] == "A retrain takes about 90 s of computing."


# -- the page ------------------------------------------------------------------------------------------------------


def test_retrain_offers_a_dry_run_and_shows_what_it_found(page, second: Loop) -> None:
    say(second, 5, "ana")
    app = page("retrain")
    app.button(key="dry_run").click().run()
    assert not app.exception
    [job] = second.store.jobs.live(second.project.id)
    assert (job.kind, job.requested_by) == ("dry run", "ana")
    # A study is no reason to wait with a retrain.
    assert not app.button(key="retrain_now").disabled
    assert app.button(key="dry_run").disabled
    assert ran(second) == [("dry run", "done")]
    app.run()
    texts = "\n".join(str(element.value) for kind in (app.markdown, app.caption) for element in kind)
    assert "open items would be predicted differently" in texts
    assert "The locked rows were not looked at" in texts.replace("\\", "")
