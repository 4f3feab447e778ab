"""Every page with a project that ranks anomalies, and drift alerts on Insights."""

from __future__ import annotations

import pytest

from feedback_core import drift_alerts
from feedback_core.loop import Loop, create_project
from tests.conftest import page as page
from tests.test_anomaly import FOUR, alarms, answer_alarms, promote_next
from tests.test_drift_alerts import drifted
from tests.test_pages import PAGES, dealt, press
from tests.test_pages import texts as marked

__all__ = ["alarms", "drifted"]


def texts(app) -> str:
    """What is written on a page, without the signs that keep it from being read as markup."""
    return marked(app).replace("\\", "")


@pytest.mark.parametrize("name", PAGES)
def test_every_page_opens_on_an_anomaly_project_without_rows(page, store, clock, name):
    create_project(store, "empty", FOUR, (), actor="test", now=clock(), task="anomaly")
    page(name)


@pytest.mark.parametrize("name", PAGES)
def test_every_page_opens_on_alarms_answered_and_judged(page, alarms, name):
    loop, truth = alarms
    answer_alarms(loop, truth, 12)
    promote_next(loop, "a person decides")
    answer_alarms(loop, truth, 4)
    page(name)


def test_a_card_asks_whether_the_alarm_is_true(page, alarms):
    loop, _ = alarms
    data = dealt(page("review"))
    assert (data["labels"], data["titles"]["anomaly"]) == (["normal", "anomaly"], "True alarm (anomaly)")
    shown = [card for card in data["cards"] if not card["blind"]]
    chances = [card["proba"][1] for card in shown]
    assert chances == sorted(chances, reverse=True)
    assert shown[0]["why"] == f"Among the first alarms: the chance of an anomaly is {chances[0]:.0%}."
    assert len(shown) + len([draw for draw in loop.store.draws.hand(loop.project.id, "ana", 0) if draw.blind]) == 40


def test_overview_and_insights_say_what_the_alarms_were_worth(page, alarms):
    loop, truth = alarms
    answer_alarms(loop, truth, 18)
    shown = texts(page("overview"))
    assert "Alarms of version 1: " in shown
    assert "of the first 10." in shown
    assert "Holdout: average precision not measured" in shown
    app = page("insights")
    assert "alarms answered were true" in texts(app)
    assert len(app.get("plotly_chart")) == 1


def test_a_verdict_that_cannot_be_measured_waits_for_a_person(page, alarms):
    loop, truth = alarms
    answer_alarms(loop, truth, 10)
    loop.judge(loop.retrain("test"))
    shown = texts(page("retrain"))
    assert "Not measurable: there are" in shown
    assert "Precision to report" in shown


# -- drift alerts ----------------------------------------------------------------------------------------------------


def drift_page(page) -> object:
    app = page("insights")
    app.query_params["view"] = "drift"
    return app.run()


def test_without_looks_the_page_says_how_to_turn_them_on(page, trained: Loop):
    assert "turn on “When the inputs drift” on Retrain" in texts_info(drift_page(page))


def texts_info(app) -> str:
    return "\n".join(str(each.value) for each in app.info)


def test_an_alert_is_dismissed_and_taken_back_on_the_page(page, drifted):
    app = drift_page(page)
    assert "of the newest values are above" in texts(app)
    press(app, "Dismiss")
    (seen,) = drift_alerts.page(drifted)
    assert (seen.alert.answer, seen.alert.answered_by) == ("dismiss", "ana")
    assert "Dismissed 1 time: another alert of this kind takes proof at 0.1 % in place of 1 %" in texts(app)
    press(app, "Undo")
    assert drift_alerts.page(drifted)[0].alert.answer is None


def test_an_accepted_alert_puts_its_rows_on_review(page, drifted):
    app = press(drift_page(page), "Accept and review the rows")
    assert "wait on Review, in the queue “Drift in x0”" in texts(app)
    assert len(drifted.store.sessions.live(drifted.project.id)) == 1


def test_an_answer_that_cannot_be_carried_out_is_refused_in_words(page, drifted):
    app = press(drift_page(page), "Accept and retrain")
    assert "Nothing has come in since the last version" in texts(app)
    assert drift_alerts.page(drifted)[0].alert.answer is None


@pytest.mark.parametrize(
    ("task", "fits"), [("anomaly", "All 60 rows are fine"), ("clustering", "60 rows to be grouped")]
)
def test_a_label_column_that_was_only_guessed_gives_way_to_a_task_without_labels(page, task, fits):
    rows = "\n".join(f"pay-{n},{n * 1.37:.2f},{('DE', 'FR', 'IT')[n % 3]}" for n in range(60))
    app = page("setup")
    app.file_uploader(key="upload").upload("payments.csv", f"payment,amount,country\n{rows}\n".encode()).run()
    assert app.selectbox[0].value == "country"
    next(each for each in app.segmented_control if each.label == "What is predicted").set_value(task).run()
    assert not app.error
    assert app.selectbox[0].value is None
    assert fits in texts(app)
