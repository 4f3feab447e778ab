"""Real time on the page, over REST and on the command line: the same words, and the same gate."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from fastapi.testclient import TestClient
from streamlit.testing.v1 import AppTest
from streamlit.testing.v1.element_tree import Button
from typer.testing import CliRunner

from feedback_core import realtime, worker
from feedback_core.api import create_api
from feedback_core.cli import app as cli
from feedback_core.loop import Loop
from feedback_core.realtime.standing import lags_s
from tests.test_pages import page, press, texts
from tests.test_realtime import decide, live
from tests.test_trigger_tick import configure

__all__ = ["live", "page"]


@pytest.fixture
def learned(live: Loop) -> Loop:
    """Six corrections, learned in real time."""
    decide(live, 6)
    worker.follow_all(live.store, realtime.Challengers(live.clock, timer=lambda: 0.0), live.clock)
    return live


def test_the_page_says_what_real_time_would_be_and_switches_it_on(page, trained: Loop) -> None:
    app, own = page("retrain"), f"realtime-{trained.project.id}"
    assert "Off. If you switch it on, a challenger learns each accepted entry within a second" in texts(app)
    app.checkbox(key=f"on-{own}").check()
    app.number_input(key=f"setting-realtime_every-{own}").set_value(25)
    app = app.button(key="save-realtime").click().run()
    kept = trained.store.projects.get(trained.project.id).settings
    assert (kept.realtime, kept.realtime_every) == (True, 25)
    assert "because logistic regression cannot go on learning" in texts(app)
    assert "There is no champion" not in texts(app)


def test_the_page_shows_lessons_lag_and_errors_and_has_it_judged(page, learned: Loop) -> None:
    app = page("retrain")
    said = texts(app).replace("\\", "")
    assert "6 entries learned since version 1." in said
    assert "n = 6" in said
    assert [m.value for m in app.metric if m.label == "Entries learned"] == ["6"]
    app = press(app, "Judge the real-time version now")
    assert [job.kind for job in learned.store.jobs.live(learned.project.id)] == ["real time"]
    assert "The worker judges the real" in app.success[0].value
    assert "The worker is judging it" in texts(app)
    assert judge_button(app).disabled
    assert worker.run_next(learned.store, "w", learned.clock).state == "done"
    app = page("retrain")
    assert "Version 2 is judged" in texts(app)
    assert judge_button(app).disabled
    assert "Version 2 is this challenger" in judge_button(app).help
    decide(learned, 1)
    worker.follow_all(learned.store, realtime.Challengers(learned.clock, timer=lambda: 0.0), learned.clock)
    assert not judge_button(page("retrain")).disabled


def test_the_gain_stands_large_only_from_twenty_entries_on_and_with_its_interval(page, learned: Loop) -> None:
    def shown() -> tuple[str, str]:
        return next((m.value, m.delta) for m in page("retrain").metric if m.label == "Gain over the champion")

    assert shown() == ("–", "n = 6 of 20 at least")
    decide(learned, 14)
    worker.follow_all(learned.store, realtime.Challengers(learned.clock, timer=lambda: 0.0), learned.clock)
    gain = realtime.view(learned.store, learned.project, learned.clock()).gain
    assert gain.n == 20
    ends = f"{100 * gain.low:+.1f} to {100 * gain.high:+.1f}"
    assert shown() == (f"{100 * gain.value:+.1f} points", f"{ends}, n = 20")


def judge_button(app: AppTest) -> Button:
    return app.button(key="judge_realtime")


def test_rest_tells_where_it_stands_and_asks_for_a_verdict(learned: Loop) -> None:
    path = f"/projects/{learned.project.id}/realtime"
    with TestClient(create_api(learned.store.url)) as client:
        found = client.get(path).json()
        assert (found["on"], found["lessons"], found["origin"], found["estimator"]) == (True, 6, 1, "sgd")
        assert found["gain"]["n"] == 6
        asked = client.post(f"{path}/judge", json={"by": "ann"})
        assert (asked.status_code, asked.json()["kind"], asked.json()["requested_by"]) == (202, "real time", "ann")
        assert worker.run_next(learned.store, "w", learned.clock).state == "done"
        again = client.post(f"{path}/judge", json={})
        assert again.status_code == 409
        assert "Version 2 is this challenger" in again.json()["detail"]


def test_the_command_shows_it_and_exits_as_judge_does(learned: Loop) -> None:
    run = CliRunner().invoke
    shown = run(cli, ["realtime", "--database", learned.store.url])
    assert shown.exit_code == 0
    assert "6 entries learned since version 1." in shown.output
    told = run(cli, ["realtime", "--json", "--database", learned.store.url])
    assert json.loads(told.output)["lessons"] == 6
    judged = run(cli, ["realtime", "--judge", "--by", "ann", "--database", learned.store.url])
    action = learned.store.versions.report_on(learned.store.versions.all(learned.project.id)[-1].id).action
    assert judged.exit_code == {"promote": 0, "hold": 3, "refuse": 4}[action]


def test_without_learning_there_is_nothing_to_press(page, live: Loop) -> None:
    worker.follow_all(live.store, realtime.Challengers(live.clock, timer=lambda: 0.0), live.clock)
    button = next(b for b in page("retrain").button if b.key == "judge_realtime")
    assert button.disabled
    configure(live, realtime=False)
    assert not [b for b in page("retrain").button if b.key == "judge_realtime"]


def test_what_came_in_before_the_challenger_began_waited_for_nobody(learned: Loop) -> None:
    steps = learned.store.realtime.steps(learned.project.id)
    began = steps[0].learned_at
    caught_up = [replace(step, given_at=began - 86_400, learned_at=began + n / 100) for n, step in enumerate(steps)]
    later = [
        replace(steps[0], given_at=began + 5 + n, learned_at=began + 5 + n + lag) for n, lag in enumerate((0.25, 0.5))
    ]
    assert lags_s(caught_up).tolist() == []
    assert lags_s([*caught_up, *later]).tolist() == pytest.approx([0.25, 0.5])
