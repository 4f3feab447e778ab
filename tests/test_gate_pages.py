"""The gate on the Retrain page: refusals in words, slices, flips that open and are reviewed again, the refresh."""

from __future__ import annotations

from dataclasses import replace

import pytest
from streamlit.testing.v1 import AppTest

from feedback_core import accuracies, wording
from feedback_core.intervals import plain
from feedback_core.loop import Loop, create_project
from feedback_core.settings import Settings
from feedback_core.store import Store
from tests.conftest import Clock, rows
from tests.refused_worlds import WORLDS, challenge
from tests.test_holdout import SHOPS, audit
from tests.test_loop import correct_all
from tests.test_pages import press, setup_section, texts
from tests.test_refused_worlds import NUMBERS_OF
from tests.test_sessions import ids


def frames(app: AppTest, column: str) -> list:
    """The tables with this column."""
    return [one.value for one in app.dataframe if column in one.value.columns]


def frame(app: AppTest, column: str):
    return frames(app, column)[0]


@pytest.mark.parametrize("name", sorted(WORLDS))
def test_a_bad_candidate_is_refused_on_the_page_with_its_reason(page, store: Store, clock: Clock, name: str) -> None:
    loop = WORLDS[name](store, clock)
    version, _ = challenge(loop)
    app = page("retrain")
    said = texts(app).replace("\\", "")
    assert NUMBERS_OF[name] in said
    assert "The gate advises: keep the champion." in said
    app = press(app, f"Promote version {version.number}")
    assert NUMBERS_OF[name] in app.warning[0].value.replace("\\", "")
    assert store.versions.champion(loop.project.id).id != version.id
    assert next(b for b in app.button if b.label == "Keep the champion").proto.type == "primary"
    press(app, "Keep the champion")
    assert store.versions.get(version.id).status == "refused"


def test_slices_are_shown_with_intervals_the_harmed_one_first(page, store: Store, clock: Clock) -> None:
    challenge(WORLDS["broken class"](store, clock))
    table = frame(page("retrain"), "Slice")
    assert table["Slice"][0] == "class 'c'"
    assert table["Verdict"].tolist() == ["worse", *["no measured harm"] * 3]
    assert table["Champion"][0] == "100.0% (87.1 to 100.0)"
    assert table["New version"][0] == "0.0% (0.0 to 12.9)"
    assert table["Difference"][0] == "-100.0 (-100.0 to -81.0)"


def test_flips_are_filtered_and_broken_corrections_are_put_up_for_review_again(page, store, clock) -> None:
    loop = WORLDS["broken corrections"](store, clock)
    _, report = challenge(loop)
    app = page("retrain")
    n = sum(store.flips.counts(report.id).values())
    assert len(frame(app, "Change")) == min(n, 50)
    app.button_group(key=f"flips-open-{report.id}-sample").set_value("holdout").run()
    assert set(frame(app, "Change")["Sample"]) == {"Holdout"}
    assert "Locked rows are not reviewed again" in texts(app)
    app.button_group(key=f"flips-open-{report.id}-sample").set_value("corrections").run()
    press(app, "Review 50 items")
    session = store.sessions.live(loop.project.id)[0]
    broken = store.flips.page(report.id, "broken", "corrections")
    assert set(ids(store, session.id)) == {flip.item_id for flip in broken}


def test_the_same_report_can_be_opened_in_the_list_too(page, store: Store, clock: Clock) -> None:
    challenge(WORLDS["broken class"](store, clock))
    app = page("retrain")
    app.toggle[0].set_value(True).run()
    assert not app.exception
    first, second = frames(app, "Slice")
    assert first.equals(second)


def test_the_e_value_stands_beside_the_p_once_audit_labels_have_come_in(page, trained: Loop, clock: Clock) -> None:
    correct_all(trained, limit=20)
    version = trained.retrain("test")
    audit(trained, clock, 12)
    trained.judge(version)
    said = texts(page("retrain"))
    assert "12 audit labels came in after it was trained: e-value 1, proven from 5,000 on" in said
    assert "Accuracy to report.** None yet" in said
    audit(trained, clock, 3)
    app = press(page("retrain"), "Judge again")
    assert "15 audit labels came in after it was trained" in texts(app)
    assert trained.store.versions.report_on(version.id).numbers["looks"] == 1


def test_the_reported_number_is_measured_after_the_promotion(page, trained: Loop, clock: Clock) -> None:
    assert "not measured yet, no audit item has been answered since its promotion" in texts(page("retrain"))
    clock.now += 10
    audit(trained, clock, 12)
    measured = accuracies.accuracies(trained.store, trained.project, clock()).reported
    assert measured.n == 12
    assert f"right {wording.share(plain(measured))} of the time" in texts(page("retrain"))


def test_the_holdout_is_refreshed_from_the_page_once_it_is_due(page, trained: Loop, clock: Clock) -> None:
    correct_all(trained, limit=20)
    version = trained.retrain("test")
    for cost in range(20):
        settings = replace(trained.project.settings, metric="cost", costs={"a": {"b": 1.0 + cost}})
        trained.store.projects.update(trained.project, settings=settings, now=clock(), actor="test")
        trained.judge(version)
    app = page("retrain")
    assert "20 of 25 looks at these locked rows are used: fresh labels are due soon; 0 of the 100" in texts(
        app
    ).replace("\\", "")
    assert next(button for button in app.button if button.key == "refresh_holdout").disabled
    clock.now += 10
    trained.add_items(rows(240, seed=9)[0], "test")
    app = page("retrain")
    app.text_input(key="refresh-reason").set_value("twenty looks")
    app = press(app, "Refresh the holdout")
    assert "The holdout is refreshed" in texts(app)
    assert trained.store.projects.get(trained.project.id).refreshed_at is not None
    assert trained.store.events.latest(trained.project.id, 1)[0].details["reason"] == "twenty looks"


def test_segments_metric_and_costs_are_set_on_the_page(page, store: Store, clock: Clock) -> None:
    settings = Settings(metric="cost", costs={"a": {"b": 5.0}})
    project = create_project(store, "shops", SHOPS, ("a", "b"), settings, actor="test", now=clock())
    app = setup_section(page("setup"), "Settings")
    app.multiselect(key=f"setting-segments-{project.id}").set_value(["shop"])
    press(app, "Save")
    saved = store.projects.get(project.id).settings
    assert saved.segments == ("shop",)
    assert saved.costs == {"a": {"a": 0.0, "b": 5.0}, "b": {"a": 1.0, "b": 0.0}}
