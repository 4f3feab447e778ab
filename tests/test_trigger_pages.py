"""The Retrain page says when, why not now, and what other rules would have done."""

from __future__ import annotations

from feedback_core.loop import Loop
from feedback_core.worker import run_next
from tests.test_pages import press, texts
from tests.test_trigger_backtest import turned
from tests.test_trigger_tick import answer, configure

__all__ = ["turned"]


def test_the_page_answers_why_not_now_with_every_condition(page, trained: Loop) -> None:
    configure(trained, automatic=True)
    answer(trained, 2)
    said = texts(page("retrain")).replace("\\", "")
    assert "Retrains when 5 corrections are in and nobody has labelled for 2 minutes, at most every hour." in said
    assert "Why not now? Not due: corrections: 2 of 5 corrections, 3 to go." in said
    for name in ("corrections", "quiet time", "cool-down", "something new", "no job live"):
        assert f"**{name}**" in said


def test_the_form_saves_every_trigger_setting_and_the_sentence_follows(page, trained: Loop) -> None:
    app, own = page("retrain"), f"triggers-{trained.project.id}"
    app.checkbox(key=f"automatic-{own}").check()
    app.segmented_control(key=f"setting-corrections_rule-{own}").set_value("auto")
    app.text_input(key=f"schedule-{own}").set_value("0 3 * * 1")
    app.text_input(key=f"time_zone-{own}").set_value("Europe/Berlin")
    app.number_input(key=f"setting-quiet_s-{own}").set_value(60.0)
    app.checkbox(key=f"on_input_drift-{own}").check()
    app = press(app, "Save triggers")
    kept = trained.store.projects.get(trained.project.id).settings
    assert (kept.automatic, kept.corrections_rule, kept.schedule, kept.time_zone) == (
        True,
        "auto",
        "0 3 * * 1",
        "Europe/Berlin",
    )
    assert (kept.quiet_s, kept.on_input_drift, kept.on_error_drift) == (60.0, True, False)
    assert kept.drift_significance == trained.project.settings.drift_significance
    said = texts(app).replace("\\", "")
    assert "on the schedule 0 3 * * 1 (Europe/Berlin)" in said
    assert "Saved" in said


def test_a_schedule_that_is_none_is_refused_in_words_and_nothing_is_saved(page, trained: Loop) -> None:
    app, own = page("retrain"), f"triggers-{trained.project.id}"
    app.text_input(key=f"schedule-{own}").set_value("every now and then")
    app = press(app, "Save triggers")
    assert "schedule='every now and then' is no cron expression" in app.warning[0].value.replace("\\", "")
    assert trained.store.projects.get(trained.project.id).settings == trained.project.settings


def test_the_replay_is_asked_for_and_shown_with_interval_and_n(page, turned: Loop) -> None:
    app = press(page("retrain"), "Replay the feedback")
    assert [job.kind for job in turned.store.jobs.live(turned.project.id)] == ["backtest"]
    run_next(turned.store, "w")
    app = page("retrain")
    table = app.dataframe[0].value
    assert set(table["Rule"]) >= {"every 25 corrections", "every 100 corrections", "weekly", "auto"}
    assert "n = 150" in table.iloc[0, -1]
    assert "150 entries" in texts(app)
