"""Predicting a number, from a file to a promoted version, on scikit-learn's diabetes data."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_diabetes
from starlette.testclient import TestClient

from feedback_core import conformal, estimates, mean_errors, number_views, plans
from feedback_core.api import create_api
from feedback_core.errors import InvalidFeedback, InvalidSetting, Refused
from feedback_core.gate import errors, judge_errors
from feedback_core.loop import Loop, create_project
from feedback_core.settings import changed
from feedback_core.store import Store, open_store
from feedback_core.types import Decision
from tests.conftest import page as page
from tests.test_pages import press, setup_section

PAGES = ("overview", "review", "feedback", "retrain", "predictions", "map", "insights", "setup")


def table(seed: int = 0) -> tuple[pd.DataFrame, dict[str, float]]:
    """442 patients, about half of them without their number, and the numbers by id."""
    frame = load_diabetes(as_frame=True, scaled=False).frame
    frame["id"] = [f"p{n}" for n in range(len(frame))]
    truth = dict(zip(frame["id"], frame["target"].astype(float), strict=True))
    frame.loc[np.random.default_rng(seed).random(len(frame)) < 0.5, "target"] = np.nan
    return frame, truth


def founded(store: Store, **settings: object) -> Loop:
    frame, _ = table()
    plan = plans.new_project(frame)
    values = {
        "unit": "units",
        "tolerance": 5.0,
        "holdout_share": 0.3,
        "blind_share": 0.0,
        "params": {"n_estimators": 30},
    }
    wanted = changed(plans.first_settings(plan, frame), values | settings)
    project = create_project(store, "diabetes", plan.schema, plan.labels, wanted, actor="test", task=plan.task, salt=1)
    loop = Loop(store, project, rng=np.random.default_rng(0))
    loop.add_items(plan.rows, "test")
    return loop


def promoted(loop: Loop) -> Loop:
    version = loop.retrain("test")
    loop.judge(version)
    loop.promote(version, "test")
    loop.predict()
    return loop


def review(loop: Loop, n: int, factor: float = 1.0, who: str = "ana") -> None:
    _, truth = table()
    for _ in range(n):
        draw = loop.draw(who)
        item = loop.store.items.get(draw.item_id)
        number = str(factor * truth[item.key])
        loop.record(Decision(item.id, who, "correct", number, version_id=item.version_id, draw_id=draw.id))


@pytest.fixture(scope="module")
def lived_in(tmp_path_factory: pytest.TempPathFactory) -> Loop:
    """A champion, forty typed numbers, a third of them for the audit, and a second version that is judged."""
    store = open_store(f"sqlite:///{tmp_path_factory.mktemp('regression') / 'test.db'}")
    loop = promoted(founded(store, audit_share=0.3))
    review(loop, 40)
    loop.judge(loop.retrain("test"))
    return loop


def test_a_number_is_predicted_with_its_spread_and_the_pool_is_asked_widest_first(lived_in: Loop) -> None:
    store, project = lived_in.store, lived_in.project
    assert (project.task, project.labels, project.settings.estimator) == ("regression", (), "random_forest")
    champion = store.versions.champion(project.id)
    assert champion is not None
    assert 30 < champion.metrics["holdout"]["error"]["value"] < 60
    items = store.items.first_ids(project.id, 200)
    _, said = store.predictions.proba_of(champion.id, items)
    assert said.shape == (len(items), 2)
    assert np.corrcoef(np.arange(len(items)), said[:, 1])[0, 1] < -0.5


def test_a_number_that_is_far_off_waits_for_a_second_person(store: Store) -> None:
    loop = promoted(founded(store))
    review(loop, 1, factor=10.0)
    entry = store.feedback.latest(loop.project.id, 1)[0]
    assert entry.doubt
    assert store.items.get(entry.item_id).state == "conflict"
    assert entry.item_id not in store.items.training_rows(loop.project.id).ids
    loop.settle(entry.item_id, str(entry.target), "lea")
    assert store.items.get(entry.item_id).label == entry.target
    assert entry.item_id in store.items.training_rows(loop.project.id).ids


def test_what_counts_mistakes_is_refused_for_numbers(lived_in: Loop) -> None:
    with pytest.raises(Refused, match="A forecast needs classes"):
        lived_in.request_study("forecast", "test")
    with pytest.raises(InvalidSetting, match="realtime=True counts right and wrong answers"):
        lived_in.store.projects.update(
            lived_in.project, settings=changed(lived_in.project.settings, {"realtime": True}), now=0.0, actor="test"
        )
    item = lived_in.store.items.get(lived_in.store.items.first_ids(lived_in.project.id, 1)[0])
    with pytest.raises(InvalidFeedback, match="'high' is not a number"):
        lived_in.record(Decision(item.id, "ana", "correct", "high", version_id=item.version_id))


def test_the_gate_compares_errors_and_names_the_rows_that_changed_most(lived_in: Loop) -> None:
    report = lived_in.store.versions.reports(lived_in.project.id)[0]
    numbers = report.numbers
    assert numbers["metric"] == "mean absolute error"
    assert {one["kind"] for one in numbers["slices"]} == {"size", "confidence"}
    assert sum(numbers["samples"][name]["n"] for name in ("holdout", "audit")) == numbers["n"]
    changes = [
        abs(abs(float(f.before) - float(f.truth)) - abs(float(f.after) - float(f.truth)))
        for f in lived_in.store.flips.most(report.id)
    ]
    assert changes == sorted(changes, reverse=True)
    assert min(changes) > lived_in.project.settings.tolerance


def test_intervals_rest_on_the_holdout_until_thirty_audit_answers_are_there(lived_in: Loop) -> None:
    champion = lived_in.store.versions.champion(lived_in.project.id)
    assert champion is not None
    found = mean_errors.calibration(lived_in.store, lived_in.project, champion.id)
    assert found is not None
    assert (found.sample, found.n) == ("holdout", champion.metrics["holdout"]["error"]["n"])
    shown = lived_in.store.predictions.history(lived_in.store.items.first_ids(lived_in.project.id, 1)[0])[-1]
    ends = number_views.interval(lived_in, shown)
    assert ends is not None
    assert ends[0] < shown.proba[0] < ends[1]
    assert number_views.interval_text(lived_in, shown).startswith("90% interval")
    assert "until 30 audit answers are there" in number_views.basis(lived_in, champion.id)
    limited = replace(lived_in.project, settings=changed(lived_in.project.settings, {"plausible_high": 400.0}))
    ends = number_views.ends(Loop(lived_in.store, limited), champion.id, 1e6, 1.0)
    assert ends == (400.0, 400.0), "not turned round where a prediction is beyond what is plausible"


def test_the_reported_error_stands_for_everything_faced_since_the_promotion(lived_in: Loop) -> None:
    champion = lived_in.store.versions.champion(lived_in.project.id)
    found = mean_errors.mean_errors(lived_in.store, lived_in.project, champion, lived_in.clock())
    assert 5 <= found.reported.n <= 25
    assert found.reported.low < found.reported.value < found.reported.high
    rebuilt = estimates.mean([1.0, 3.0], estimates.plain_weights(2))
    assert (rebuilt.value, rebuilt.n) == (2.0, 2)


def test_a_limit_is_taken_away_by_emptying_its_field(page, store: Store) -> None:
    own = founded(store, plausible_high=400.0).project.id
    app = setup_section(page("setup"), "Settings")
    assert app.number_input(key=f"setting-plausible_low-{own}").value is None
    app.number_input(key=f"setting-plausible_low-{own}").set_value(0.0)
    app.number_input(key=f"setting-plausible_high-{own}").set_value(None)
    press(app, "Save")
    now = store.projects.get(own).settings
    assert (now.plausible_low, now.plausible_high) == (0.0, None)


def test_programs_are_told_how_far_off_numbers_are(lived_in: Loop) -> None:
    client, project = TestClient(create_api(lived_in.store.url)), lived_in.project.id
    said = client.get(f"/projects/{project}/accuracy").json()
    champion = lived_in.store.versions.champion(project)
    assert (said["version"], said["estimates"], said["unit"]) == (champion.number, [], "units")
    errors = {each["name"]: each["error"] for each in said["errors"]}
    assert list(errors) == ["holdout", "audit", "all items"]
    assert errors["holdout"] == champion.metrics["holdout"]["error"]
    assert errors["audit"] == {"value": None, "low": 0.0, "high": None, "n": 0}, "it was judged before any answer"
    assert errors["all items"]["low"] < errors["all items"]["value"] < errors["all items"]["high"]


def test_programs_get_the_interval_of_a_number(lived_in: Loop) -> None:
    client, project = TestClient(create_api(lived_in.store.url)), lived_in.project
    (item,) = lived_in.store.items.many(lived_in.store.items.first_ids(project.id, 1))
    body = {"inputs": [item.values], "log": False, "by": "ana"}
    (said,) = client.post(f"/projects/{project.id}/predict", json=body).json()["predictions"]
    found = mean_errors.calibration(lived_in.store, project, lived_in.store.versions.champion(project.id).id)
    number, spread = said["proba"].values()
    assert (said["low"], said["high"]) == pytest.approx(found.around(number, spread))
    assert said["low"] < float(said["label"]) < said["high"]


@pytest.mark.parametrize("name", PAGES)
def test_every_page_opens_on_a_project_of_numbers(page, lived_in: Loop, monkeypatch, name: str) -> None:
    monkeypatch.setenv("FEEDBACK_DATABASE", lived_in.store.url)
    app = page(name)
    for view in ("mistakes", "feedback", "outlook") if name == "insights" else ():
        app.query_params["view"] = view
        app.run()
        assert not app.exception
    said = "\n".join(str(each.value) for kind in (app.caption, app.markdown) for each in kind)
    assert "ccuracy" not in said or name in ("setup", "feedback")


@pytest.mark.parametrize("name", PAGES)
def test_every_page_opens_on_an_empty_project_of_numbers(page, store: Store, name: str) -> None:
    frame, _ = table()
    plan = plans.new_project(frame)
    create_project(store, "empty", plan.schema, (), actor="test", task="regression")
    page(name)


def test_the_report_and_the_card_speak_of_errors_in_the_unit(lived_in: Loop) -> None:
    report = lived_in.report_html(lived_in.store.versions.reports(lived_in.project.id)[0])
    card = lived_in.card_html()
    for text in (report, card):
        assert "Mean absolute error" in text
        assert "units" in text
        assert "ccuracy of" not in text
    assert "It says a number in units." in card


# -- simulations with seeds --------------------------------------------------------------------------------------------


def test_intervals_cover_nine_in_ten_also_where_the_noise_is_largest() -> None:
    rng, held, hard = np.random.default_rng(0), [], []
    for _ in range(200):
        scale = rng.uniform(0.5, 3.0, size=400)
        error, spread = np.abs(rng.normal(size=400) * scale), scale * rng.uniform(0.7, 1.3, size=400)
        found = conformal.calibrated(error[:200], spread[:200], "audit")
        assert found is not None
        inside = error[200:] <= found.quantile * (spread[200:] + found.floor)
        held.append(inside.mean())
        hard.append(inside[scale[200:] >= np.quantile(scale[200:], 0.75)].mean())
    assert np.mean(held) == pytest.approx(0.9, abs=0.01)
    assert np.mean(hard) > 0.8


def test_retrains_that_are_no_better_are_promoted_within_the_budget() -> None:
    """25 looks, t3 errors of two equal versions, 60 series: at most 5 % may promote any under the policy strict."""
    rng, series = np.random.default_rng(1), 0
    for _ in range(60):
        truth, champion = np.zeros(200), rng.standard_t(3, size=200)
        for look in range(1, 26):
            challenger = 0.8 * champion + 0.6 * rng.standard_t(3, size=200)
            if judge_errors(truth, challenger, champion, looks=look, policy="strict").action == "promote":
                series += 1
                break
    assert series <= 3


def test_a_version_that_is_worse_on_the_largest_numbers_is_refused_for_it() -> None:
    rng = np.random.default_rng(2)
    truth = np.sort(rng.uniform(0, 100, size=400))
    champion, challenger = (truth + rng.normal(size=400) for _ in range(2))
    challenger[300:] += 2.5 * np.sign(challenger[300:] - truth[300:])
    challenger[:300] = truth[:300] + 0.1 * (champion[:300] - truth[:300])
    slices = errors.error_slices(truth, None, {})
    verdict = judge_errors(truth, challenger, champion, looks=1, slices=slices, unit="EUR")
    assert verdict.action == "refuse"
    assert "It is worse on the largest numbers: off by" in " ".join(verdict.reasons)


def test_every_tenfold_number_is_caught_and_no_honest_one(tmp_path: Path) -> None:
    loop = promoted(founded(open_store(f"sqlite:///{tmp_path / 'x.db'}"), audit_share=0.0))
    _, truth = table()
    champion = loop.store.versions.champion(loop.project.id)
    assert champion is not None
    judge, own = loop._task.doubt, {}
    assert judge is not None
    for item_id in loop.store.items.first_ids(loop.project.id, 150):
        item = loop.store.items.get(item_id)
        own[item.key] = tuple(
            bool(judge(str(factor * truth[item.key]), str(item.predicted), champion.metrics)) for factor in (1, 10)
        )
    honest, tenfold = np.asarray(list(own.values())).mean(axis=0)
    assert honest == 0.0
    assert tenfold > 0.9
