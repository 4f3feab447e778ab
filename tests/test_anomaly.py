"""Anomalies: a detector that answers bend, its loop without any label, and a gate that judges rankings."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score

from feedback_core import alarm_views, intake, plans, ranking, reproduce
from feedback_core.errors import CannotTrain, InvalidFeedback, InvalidInput, Refused
from feedback_core.gate import judge_ranking
from feedback_core.loop import Loop, create_project
from feedback_core.models import BUILDERS, artifacts, for_task
from feedback_core.models.iforest_feedback import FeedbackIForest
from feedback_core.models.knn_feedback import FeedbackNeighbours
from feedback_core.prioritize import STRATEGIES, Pool
from feedback_core.tasks import TASKS
from feedback_core.types import Column, Decision, Rows, Schema
from tests.conftest import TWO_NUMBERS

DETECTORS = pytest.mark.parametrize("kind", [FeedbackIForest, FeedbackNeighbours])


def cloud(n=1_000, wanted=20, boring=40, seed=0):
    """Usual rows, far outliers of no interest, and nearer ones that are wanted: inputs (m, 4), truth (m,)."""
    rng = np.random.default_rng(seed)
    usual, far, near = (rng.standard_normal((size, 4)) for size in (n, boring, wanted))
    far[:, 0] += 8
    near[:, 1] += 3
    near[:, 2] -= 3
    X = np.concatenate([usual, far, near]).round(4)
    return X, np.arange(len(X)) >= n + boring


def unanswered(n):
    return np.full(n, "", dtype=object)


def said(truth):
    return np.where(truth, "anomaly", "normal").astype(object)


# -- the detectors ---------------------------------------------------------------------------------------------------


@DETECTORS
def test_without_an_answer_a_detector_ranks_by_strangeness_alone(kind):
    X, _ = cloud()
    model = kind(random_state=0).fit(X, unanswered(len(X)))
    scores, (prior, pulls) = model.decision_function(X), model.breakdown(X)
    assert pulls.shape == (len(X), 0)
    assert scores == pytest.approx(prior)
    assert (scores > 0).mean() == pytest.approx(0.05, abs=0.01)
    assert list(model.classes_) == ["normal", "anomaly"]
    proba = model.predict_proba(X)
    assert proba.sum(axis=1) == pytest.approx(1)
    assert np.argsort(proba[:, 1]).tolist() == np.argsort(scores).tolist()


@DETECTORS
def test_the_breakdown_adds_up_to_the_score_and_names_the_answers_that_pull(kind):
    X, truth = cloud()
    y, asked = unanswered(len(X)), [0, 1_005, 1_044, 1_048]
    y[asked] = said(truth[asked])
    model = kind(random_state=0).fit(X, y)
    prior, pulls = model.breakdown(X)
    assert model.labelled_.tolist() == asked
    assert prior + pulls.sum(axis=1) == pytest.approx(model.decision_function(X))
    # Another wanted row is pulled up most by the two wanted ones that were answered, a far one down by the far one.
    assert set(pulls[1_052].argsort()[-2:]) == {2, 3}
    assert pulls[1_010].argmin() == 1


@DETECTORS
def test_answers_one_by_one_are_worth_the_same_as_all_at_once(kind):
    X, truth = cloud()
    y, asked = unanswered(len(X)), [3, 1_005, 1_044, 1_048]
    step = kind(random_state=0).fit(X, y)
    for row in asked:
        step.partial_fit(X[[row]], said(truth[[row]]))
    y[asked] = said(truth[asked])
    whole = kind(random_state=0).fit(X, y)
    assert step.decision_function(X) == pytest.approx(whole.decision_function(X))


def test_an_answer_that_is_hardly_believed_hardly_pulls():
    X, _ = cloud()
    y = unanswered(len(X))
    y[1_044] = "anomaly"
    gains = []
    for weight in (1.0, 0.05):
        model = FeedbackIForest(random_state=0).fit(X, y, sample_weight=np.full(len(X), weight))
        gains.append(float(model.breakdown(X[[1_052]])[1].sum()))
    assert gains[0] > 2 * gains[1] > 0


def test_more_answers_than_are_solved_exactly_give_nearly_the_same(monkeypatch):
    from feedback_core.models import iforest_feedback

    X, truth = cloud()
    exact = FeedbackIForest(random_state=0).fit(X, said(truth)).decision_function(X)
    monkeypatch.setattr(iforest_feedback, "MOST_EXACT", 50)
    assert FeedbackIForest(random_state=0).fit(X, said(truth)).decision_function(X) == pytest.approx(exact, abs=1e-4)


def test_another_answer_and_another_width_are_refused_by_name():
    X, _ = cloud()
    y = unanswered(len(X))
    y[0] = "strange"
    with pytest.raises(ValueError, match="'strange' is no answer: use 'normal', 'anomaly', or '' for none"):
        FeedbackIForest().fit(X, y)
    with pytest.raises(ValueError, match="expecting 4 features"):
        FeedbackIForest(random_state=0).fit(X, unanswered(len(X))).decision_function(X[:, :2])


@DETECTORS
@pytest.mark.parametrize("X", [np.zeros((5, 2)), np.ones((1, 2)), np.arange(6.0).reshape(3, 2)])
def test_a_handful_of_rows_or_equal_ones_have_finite_scores(kind, X):
    y = unanswered(len(X))
    y[0] = "anomaly"
    assert np.isfinite(kind(random_state=0).fit(X, y).decision_function(X)).all()


@DETECTORS
def test_answers_find_more_anomalies_than_the_unassisted_detector(kind):
    found = {True: 0, False: 0}
    for seed in range(2):
        X, truth = cloud(seed=seed)
        for learns in found:
            model, asked = kind(n_estimators=50, random_state=seed).fit(X, unanswered(len(X))), []
            scores = model.decision_function(X)
            for _ in range(40):
                row = int(np.where(np.isin(np.arange(len(X)), asked), -np.inf, scores).argmax())
                asked.append(row)
                if learns:
                    scores = model.partial_fit(X[[row]], said(truth[[row]])).decision_function(X)
            found[learns] += int(truth[asked].sum())
    # Of 40 in 80 questions: the far ones come first for both, and only answers end that (37 against 26 and 25).
    assert found[True] >= 1.3 * found[False]
    assert found[True] >= 34


@pytest.mark.parametrize("name", for_task("anomaly"))
def test_a_saved_detector_answers_bit_for_bit_the_same(name, tmp_path):
    schema = Schema((*TWO_NUMBERS.columns, Column("kind", "category"), Column("words", "text")))
    rng = np.random.default_rng(0)
    cells = [[*rng.normal(size=2).tolist(), str(rng.choice(["a", "b"])), "usual words"] for _ in range(80)]
    cells.append([9.0, None, "c", "strange"])
    frame = intake.decode([intake.encode_one(row, schema) for row in cells], schema)
    labels = [""] * 80 + ["anomaly"]
    model = TASKS["anomaly"].fit(BUILDERS[name](schema, 3, {"n_estimators": 20}, "anomaly"), frame, labels, np.ones(81))
    assert model.predict_proba(frame)[80, 1] > 0.5
    artifact = artifacts.save(model, tmp_path, "test")
    again = artifacts.load(tmp_path, artifact.name, artifact.sha256)
    assert (again.predict_proba(frame) == model.predict_proba(frame)).all()


# -- scores of a ranking ---------------------------------------------------------------------------------------------


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 5)), min_size=2, max_size=40))
def test_average_precision_is_that_of_scikit_learn_ties_included(rows):
    truth, scores = np.asarray([row[0] for row in rows]), np.asarray([float(row[1]) for row in rows])
    found = ranking.average_precision(truth, scores)[0]
    if not truth.any():
        assert np.isnan(found)
        return
    assert found == pytest.approx(average_precision_score(truth, scores))
    assert ranking.precisions(truth, scores).mean() == pytest.approx(found)


def test_a_ranking_by_hand():
    truth, scores = np.asarray([True, False, True, False]), np.asarray([0.9, 0.8, 0.7, 0.1])
    assert ranking.average_precision(truth, scores)[0] == pytest.approx((1 + 2 / 3) / 2)
    found = ranking.ranking_scores(np.tile(truth, 5), np.tile(scores, 5))
    assert found["anomalies"] == 10
    assert found["precision_at"]["10"]["value"] == 0.5  # five rows at 0.9, then five at 0.8
    assert ranking.ranking_scores(truth, scores)["average_precision"]["low"] == 0.0  # two anomalies tell nothing
    assert ranking.ranking_scores(~truth & False, scores)["average_precision"]["value"] is None


# -- the gate --------------------------------------------------------------------------------------------------------


def rankings(seed, gain=0.0, n=240):
    rng = np.random.default_rng(seed)
    truth = rng.random(n) < 0.2
    base = rng.normal(size=n) + 1.2 * truth
    return truth, base + 0.5 * rng.normal(size=n) + gain * truth, base + 0.5 * rng.normal(size=n)


def test_a_clearly_better_ranking_is_promoted_and_a_clearly_worse_one_refused():
    truth, new, old = rankings(0, gain=1.5)
    better, worse = judge_ranking(truth, new, old, looks=1), judge_ranking(truth, old, new, looks=1)
    assert (better.finding, better.action) == ("better", "promote")
    assert "rows ranked higher, " in better.reasons[0]
    assert (worse.finding, worse.action) == ("worse", "refuse")
    assert better.numbers["difference"]["value"] == pytest.approx(
        average_precision_score(truth, new) - average_precision_score(truth, old)
    )
    assert better.numbers["p"] == 1 / 5_000
    assert (better.numbers["n"], better.numbers["metric"]) == (240, "average precision")


def test_rankings_that_are_no_better_are_hardly_ever_promoted_or_found_different():
    judged = [judge_ranking(*rankings(seed, n=160), looks=1, policy="strict") for seed in range(12)]
    assert [each.action for each in judged if each.action == "promote"] == []
    assert sum(each.numbers["p"] <= 0.05 for each in judged) <= 2


def test_with_too_few_anomalies_nothing_is_claimed_and_a_person_decides():
    truth, new, old = rankings(0, gain=1.5)
    few = np.flatnonzero(truth)[19:]
    truth = truth.copy()
    truth[few] = False
    found = judge_ranking(truth, new, old, looks=1)
    assert (found.finding, found.action) == ("not measurably different", "hold")
    assert found.reasons[0].startswith(
        "Not measurable: there are 19 anomalies among 240 locked rows, and 20 are needed."
    )
    assert judge_ranking(truth[:0], new[:0], old[:0], looks=1).action == "hold"


def test_the_same_ranking_twice_is_not_a_gain():
    truth, new, _ = rankings(0)
    found = judge_ranking(truth, new, new, looks=1)
    assert (found.finding, found.numbers["difference"]["value"], found.numbers["p"]) == (
        "not measurably different",
        0,
        1,
    )


# -- taking in -------------------------------------------------------------------------------------------------------


def test_the_words_of_files_become_the_two_labels():
    frame = pd.DataFrame({"x": range(6), "alarm": ["0", "1", "Yes", "normal", "", "1.0"]})
    plan = plans.new_project(frame, label="alarm", task="anomaly")
    assert plan.labels == ("normal", "anomaly")
    assert plan.rows.labels == ["normal", "anomaly", "anomaly", "normal", None, "anomaly"]
    assert plans.new_project(frame[["x"]], label="", task="anomaly").labels == ("normal", "anomaly")
    with pytest.raises(InvalidInput, match="'k' holds 'red', which says neither normal nor anomaly"):
        plans.new_project(frame.assign(k=["red", "blue"] * 3), label="k", task="anomaly")


def test_only_the_two_answers_are_taken():
    with pytest.raises(InvalidFeedback, match="target='strange' is no answer: say normal or anomaly"):
        TASKS["anomaly"].target("strange", None)
    assert TASKS["anomaly"].target("anomaly", None) == "anomaly"


def test_the_queue_goes_down_the_ranking():
    proba = np.asarray([[0.9, 0.1], [0.2, 0.8], [0.5, 0.5]])
    pool = Pool(proba, np.asarray([0.5, 0.5]), np.random.default_rng(0))
    assert STRATEGIES["alarm"](pool).tolist() == [0.1, 0.8, 0.5]


# -- the loop --------------------------------------------------------------------------------------------------------

FOUR = Schema(tuple(Column(name, "number") for name in "wxyz"))


def make_alarms(store, clock, rng_seed=0, **settings):
    """A project without any label, and the truth by key."""
    from dataclasses import replace

    wanted = replace(TASKS["anomaly"].defaults(), params={"n_estimators": 50}, blind_share=0.0, **settings)
    project = create_project(store, "alarms", FOUR, (), wanted, actor="test", now=clock(), salt=1, task="anomaly")
    loop = Loop(store, project, clock=clock, rng=np.random.default_rng(rng_seed))
    X, truth = cloud(300, 12, 12)
    keys = [f"row-{n}" for n in range(len(X))]
    loop.add_items(Rows([intake.encode_one(row.tolist(), FOUR) for row in X], keys, [None] * len(X)), "test")
    return loop, dict(zip(keys, truth.tolist(), strict=True))


def promote_next(loop, reason=""):
    version = loop.retrain("test")
    report = loop.judge(version)
    loop.promote(version, "test", reason)
    loop.predict()
    return version, report


def answer_alarms(loop, truth, n, who="ann"):
    """Answer n cards as they are; gives the entries."""
    entries = []
    for _ in range(n):
        draw = loop.draw(who)
        item = loop.store.items.get(draw.item_id)
        target = "anomaly" if truth[item.key] else "normal"
        entries += loop.record(Decision(item.id, who, "correct", target, version_id=item.version_id, draw_id=draw.id))
    return entries


@pytest.fixture
def alarms(store, clock):
    loop, truth = make_alarms(store, clock)
    promote_next(loop)
    return loop, truth


def test_a_project_without_any_label_has_its_first_version_and_its_alarms_in_the_order_of_their_scores(alarms):
    loop, _ = alarms
    champion = loop.store.versions.champion(loop.project.id)
    assert (champion.number, champion.n_base, champion.n_feedback) == (1, 0, 0)
    assert len(loop.store.backgrounds.of(champion.id).ids) == 324
    queue = loop.store.items.page(loop.project.id, intake_filter("open"), sort="priority", limit=324)
    shown = loop.store.predictions.shown([item.id for item in queue])
    chances = [shown[item.id].proba[1] for item in queue]
    assert chances == sorted(chances, reverse=True)
    assert queue[0].predicted == "anomaly"
    with pytest.raises(Refused, match="Nothing has come in"):
        loop.request_retrain("test")


def intake_filter(*states):
    from feedback_core.types import ItemFilter

    return ItemFilter(states)


def test_without_rows_the_first_version_is_refused_in_words(store, clock):
    project = create_project(store, "empty", FOUR, (), actor="test", now=clock(), task="anomaly")
    with pytest.raises(CannotTrain, match="There is no row to learn from"):
        Loop(store, project, clock=clock).retrain("test")


def test_answers_find_more_true_alarms_in_the_loop_and_a_version_is_rebuilt_bit_for_bit(store, clock):
    loop, truth = make_alarms(store, clock)
    promote_next(loop)
    for _ in range(3):
        answer_alarms(loop, truth, 10)
        version, report = promote_next(loop, "a person decides")
        assert (report.action, report.reasons[0][:15]) == ("hold", "Not measurable:")
    assert version.seed == loop.store.versions.numbered(loop.project.id, 1).seed
    found = alarm_views.alarm_yield(loop, version)
    assert found.found[-1] >= 10  # of 12 wanted; without answers the first 24 alarms hold at most the same
    assert found.alarms.n + found.chance.n == 30
    rebuilt = reproduce.reproduce(loop.store, loop.project, version)
    assert (rebuilt.same, rebuilt.problems) == (True, ())


def test_what_is_usual_is_chosen_anew_when_the_pool_has_doubled(alarms):
    loop, _ = alarms
    first = loop.store.versions.champion(loop.project.id)
    X, _ = cloud(400, 12, 12, seed=9)
    loop.add_items(Rows([intake.encode_one(row.tolist(), FOUR) for row in X], [None] * len(X), [None] * len(X)), "test")
    loop.request_retrain("test")  # not refused: there are rows enough to look again
    second = loop.retrain("test")
    assert len(loop.store.backgrounds.of(second.id).ids) == 324 + 424
    assert second.seed != first.seed


def test_undo_takes_an_answer_to_an_alarm_back(alarms):
    loop, truth = alarms
    (entry,) = answer_alarms(loop, truth, 1)
    assert loop.store.items.get(entry.item_id).state == "labelled"
    loop.undo(entry.id, "ann")
    assert loop.store.items.get(entry.item_id).state == "open"
    assert alarm_views.alarm_yield(loop, loop.store.versions.champion(loop.project.id)).alarms.n == 0


def test_locked_rows_never_are_background(store, clock):
    loop, truth = make_alarms(store, clock, audit_share=1.0)
    promote_next(loop)
    audited = {entry.item_id for entry in answer_alarms(loop, truth, 12)}
    fresh = loop.store.backgrounds.spread(loop.project.id, 10_000)
    assert audited.isdisjoint(fresh.ids)
    assert len(fresh.ids) == 324 - 12


def test_a_set_that_a_package_bundles_is_what_the_benchmark_says(monkeypatch):
    spec = importlib.util.find_spec("balif")
    assert spec is not None, "make test installs requirements-sets.txt"
    assert (Path(spec.origin).parent / "odds_datasets" / "cardio.mat").is_file()
