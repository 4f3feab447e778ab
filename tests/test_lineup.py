"""A line-up: several models on the same rows, each at its own look, and one of them chosen."""

from __future__ import annotations

from dataclasses import replace

import pytest
from fastapi.testclient import TestClient
from typer.testing import CliRunner

from feedback_core import lineup
from feedback_core.api import create_api
from feedback_core.cli import app as commands
from feedback_core.errors import InvalidInput, NotFound, Refused
from feedback_core.loop import Loop
from feedback_core.worker import run_next

NAMES = ["hist_gradient_boosting", "sgd"]


def work(loop: Loop) -> None:
    """Do every waiting job of a line-up."""
    while any(job.kind == "line-up" for job in loop.store.jobs.live(loop.project.id)):
        done = run_next(loop.store, "test", loop.clock)
        assert done is not None
        assert done.state == "done", done.error


def test_each_model_becomes_a_candidate_judged_on_the_same_rows_at_its_own_look(trained: Loop) -> None:
    lineup.request(trained, NAMES, "ana")
    work(trained)
    found = lineup.newest(trained)
    assert sorted(each.version.estimator for each in found.contenders) == NAMES
    assert {each.version.status for each in found.contenders} == {"candidate"}
    assert sorted(each.report.numbers["looks"] for each in found.contenders) == [1, 2]
    assert {each.report.numbers["n"] for each in found.contenders} == {102}
    assert all(each.train_s > 0 and each.predict_ms > 0 for each in found.contenders)
    assert trained.store.versions.champion(trained.project.id).number == 1
    assert lineup.looks_left(trained) == 23
    # The most accurate first.
    gains = [row["difference"]["value"] for row in lineup.table(found)]
    assert gains == sorted(gains, reverse=True)


def test_choosing_one_closes_the_cases_of_the_others(trained: Loop) -> None:
    lineup.request(trained, NAMES, "ana")
    work(trained)
    chosen, other = (each.version for each in lineup.newest(trained).contenders)
    lineup.choose(trained, chosen, "ana", "quick enough")
    assert trained.store.versions.champion(trained.project.id).id == chosen.id
    assert trained.store.versions.get(other.id).status == "refused"
    reason = trained.store.versions.report_on(other.id).decision_reason
    assert reason == f"version {chosen.number} was chosen from the line-up"
    with pytest.raises(NotFound, match="Version 1 is not in the last line-up"):
        lineup.choose(trained, trained.store.versions.numbered(trained.project.id, 1), "ana")


def test_a_later_line_up_takes_the_place_of_the_one_before(trained: Loop) -> None:
    lineup.request(trained, ["sgd"], "ana")
    work(trained)
    trained.clock.now += 1
    lineup.request(trained, ["random_forest"], "ana")
    assert lineup.newest(trained).contenders == ()
    assert [job.payload["estimator"] for job in lineup.newest(trained).live] == ["random_forest"]


def test_a_model_that_cannot_be_trained_is_told_and_holds_up_no_other(trained: Loop, monkeypatch) -> None:
    lineup.request(trained, NAMES, "ana")
    real = lineup.fitting.new_version

    def fit(store, project, by, job_id, now, progress, recipe=None):
        if recipe[0] == "sgd":
            raise Refused("no room")
        return real(store, project, by, job_id, now, progress, recipe)

    monkeypatch.setattr(lineup.fitting, "new_version", fit)
    assert {run_next(trained.store, "test", trained.clock).state for _ in NAMES} == {"done", "failed"}
    found = lineup.newest(trained)
    assert [each.version.estimator for each in found.contenders] == ["hist_gradient_boosting"]
    assert found.failed == {"sgd": "no room"}


@pytest.mark.parametrize("names", [[], ["sgd", "sgd"], ["sgd"] * 11])
def test_too_few_too_many_or_doubled_names_are_refused(trained: Loop, names: list[str]) -> None:
    with pytest.raises(InvalidInput, match="name 1 to 10 models, each once"):
        lineup.request(trained, names, "ana")


def test_unknown_models_and_projects_without_a_champion_are_refused(loop: Loop) -> None:
    with pytest.raises(NotFound, match="'nonsense' is no model for this project: choose among"):
        lineup.request(loop, ["nonsense"], "ana")
    with pytest.raises(Refused, match="train the first version before"):
        lineup.request(loop, ["sgd"], "ana")


def test_the_page_trains_compares_and_promotes(trained: Loop, page) -> None:
    app = page("retrain")
    app.multiselect("lineup").set_value(NAMES).run()
    app.button("lineup_train").click().run()
    work(trained)
    app.run()
    assert not app.exception
    shown = next(each.value for each in app.dataframe if "Against the champion" in each.value.columns)
    assert sorted(shown["Model"]) == ["Gradient descent", "Histogram gradient boosting"]
    waiting = app.selectbox("lineup_decide").value
    app.text_input(f"reason-{waiting}").set_value("it explains itself").run()
    app.button(f"promote-{waiting}").click().run()
    assert trained.store.versions.champion(trained.project.id).id == waiting


def test_a_program_asks_and_reads(trained: Loop) -> None:
    client = TestClient(create_api(trained.store.url, team=False))
    asked = client.post("/projects/1/line-up", json={"estimators": ["sgd"], "by": "ana"})
    assert (asked.status_code, [job["kind"] for job in asked.json()["jobs"]]) == (202, ["line-up"])
    work(trained)
    got = client.get("/projects/1/line-up").json()
    assert [(row["estimator"], row["decision"]) for row in got["contenders"]] == [("sgd", None)]
    assert (got["live"], got["failed"], got["looks_left"]) == ([], {}, 24)


def test_the_command_line_trains_and_shows(trained: Loop, url: str) -> None:
    shown = CliRunner().invoke(commands, ["line-up", "sgd", "--by", "ana", "--database", url])
    assert shown.exit_code == 0, shown.output
    assert "v2" in shown.output
    assert "Gradient descent" in shown.output


def test_an_error_is_told_as_such_and_not_as_a_share(trained: Loop) -> None:
    champion = trained.store.versions.champion(trained.project.id)
    error = {"value": 45.12, "low": 38.3, "high": 51.9, "n": 77}
    numbers = replace(champion, metrics={"holdout": {"error": error, "unit": "mg/dl"}})
    contender = lineup.Contender(numbers, trained.store.versions.report_on(champion.id), 1.0, 2.0)
    assert contender.holdout == "off by 45.1 mg/dl (38.3 to 51.9, n = 77)"
