"""The walk a newcomer takes, in a real browser on a really running app; then the database is asked."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Page, expect

from feedback_core.loop import Loop, create_project
from feedback_core.store import open_store
from tests.browser import browser, open_page, running_app, settled
from tests.conftest import TWO_NUMBERS, Clock, make_loop, rows

pytestmark = pytest.mark.browser


@pytest.fixture
def project(url: str) -> Loop:
    """Points in the plane whose base labels are noisy, so that corrections have something to mend."""
    import time

    loop = make_loop(open_store(url), Clock(time.time() - 3600), holdout_share=0.6)
    loop.add_items(rows(300, noise=1.0)[0], "test")
    loop.add_items(rows(100, seed=1, labelled=False)[0], "test")
    version = loop.retrain("test")
    loop.judge(version)
    loop.promote(version, "test")
    loop.predict()
    return loop


def test_correct_retrain_promote_and_see_the_new_version_on_the_chart(project: Loop, url: str, tmp_path: Path) -> None:
    with running_app(url, tmp_path / "app.log") as address, browser(tmp_path / "profile") as page:
        page.goto(address)
        expect(page.get_by_role("heading", level=1, name="points")).to_be_visible()
        page.get_by_role("button", name="Review items").click()
        page.get_by_role("heading", level=1, name="Review").wait_for()
        page.locator(".card").wait_for()
        for n in range(5):
            correct_one(page, n)
        page.get_by_text("All saved").wait_for()
        open_page(page, "Retrain")
        page.get_by_role("button", name="Retrain now").click()
        page.get_by_text("Version 2 is judged").wait_for()
        settled(page)
        page.get_by_label("Reason").fill("walked through it")
        page.get_by_label("Reason").press("Enter")
        settled(page)
        page.get_by_role("button", name="Promote version 2").click()
        page.get_by_text("Version 2 · champion").wait_for()
        open_page(page, "Insights")
        page.get_by_role("heading", name="v2 gets").wait_for()
        drawn = points_drawn(page, "insights_accuracy")
        title = page.get_by_role("heading", name="v2 gets").inner_text()
    store = open_store(url)
    champion = store.versions.champion(project.project.id)
    entries = store.feedback.latest(project.project.id)
    assert drawn == 2
    assert champion.number == 2
    assert f"{champion.metrics['holdout']['accuracy']['value']:.1%}" in title
    assert [(e.reviewer, e.verdict) for e in entries] == [("ana", "correct")] * 5
    assert all(entry.target != entry.predicted for entry in entries)
    assert champion.n_feedback == 5
    assert store.versions.report_on(champion.id).decision_reason == "walked through it"


def points_drawn(page: Page, key: str) -> int:
    """Points of the first trace of the chart with this key; other charts of the page may be drawn before it."""
    chart = page.locator(f".st-key-{key} .js-plotly-plot")
    expect(chart).to_be_visible()
    return int(chart.evaluate("chart => chart.data[0].y.length"))


def correct_one(page: Page, n: int) -> None:
    """Press the label the model did not choose, and wait for the next card."""
    expect(page.locator(".strip dd").first).to_have_text(str(n))
    page.wait_for_timeout(300)  # a click on a card that nobody can have read yet is not taken
    page.locator(".labels button:not(.predicted)").click()
    expect(page.locator(".strip dd").first).to_have_text(str(n + 1))


def test_a_project_is_made_from_a_csv_nobody_has_seen(url: str, tmp_path: Path) -> None:
    rng = np.random.default_rng(3)
    lines = ["flower,petal length,petal width,garden"]
    for n in range(160):
        length, width = rng.normal(3, 1), rng.normal(1, 0.4)
        kind = "" if n % 4 == 0 else "rose" if length + width > 4 else "daisy"
        lines.append(f"{kind},{length:.2f},{width:.2f},{'north' if n % 2 else 'south'}")
    file = tmp_path / "flowers.csv"
    file.write_text("\n".join(lines))
    with running_app(url, tmp_path / "app.log") as address, browser(tmp_path / "profile") as page:
        page.goto(address)
        page.get_by_text("There is no project yet").wait_for()
        page.get_by_role("link", name="Create a project").click()
        page.get_by_role("heading", level=1, name="Setup").wait_for()
        page.locator("input[type=file]").set_input_files(file)
        page.get_by_text("Columns and their kinds").or_(page.get_by_text("160 rows")).first.wait_for()
        label = page.get_by_role("combobox", name="Label column")
        label.click()
        page.get_by_role("option", name="flower").click()
        page.get_by_role("button", name="Create and train the first version").click()
        page.get_by_text("Version 1 · champion").wait_for()
        open_page(page, "Predictions")
        page.get_by_text("40 items match").wait_for()
    store = open_store(url)
    project = store.projects.named("flowers")
    assert project.labels == ("daisy", "rose")
    assert store.tallies.of(project.id, "items")["pool/open"] == 40
    assert store.versions.champion(project.id).number == 1


def test_a_deep_link_opens_inside_the_frame_and_the_stages_fit_a_phone(project: Loop, url: str, tmp_path: Path) -> None:
    with running_app(url, tmp_path / "app.log") as address, browser(tmp_path / "profile") as page:
        page.goto(f"{address}/predictions?project=points")
        page.get_by_role("heading", level=1, name="Predictions").wait_for()
        expect(page.get_by_test_id("stSidebarNav")).to_be_visible()
        for width, abreast in ((1400, 7), (390, 2)):
            page.set_viewport_size({"width": width, "height": 1000})
            page.goto(address)
            heading(page, "points")
            # Waited for: while fonts arrive the cards still move.
            page.wait_for_function(
                """abreast => {
                    const tops = [...Array(7).keys()].map((n) => document.querySelector(`.st-key-stage_${n}`)
                        ?.getBoundingClientRect().top);
                    return tops.filter((top) => top === tops[0]).length === abreast;
                }""",
                arg=abreast,
            )


def test_back_and_forward_follow_the_project_and_a_reload_keeps_the_name(
    project: Loop, url: str, tmp_path: Path
) -> None:
    create_project(project.store, "second", TWO_NUMBERS, ("a", "b"), actor="test")
    with running_app(url, tmp_path / "app.log") as address, browser(tmp_path / "profile") as page:
        page.goto(address)
        heading(page, "points")
        page.get_by_role("combobox", name="Project").click()
        page.get_by_role("option", name="second").click()
        heading(page, "second")
        # The browser completes the address when the page is there: a step back before that would miss an entry.
        page.wait_for_url("**/?project=second")
        page.go_back()
        page.wait_for_url("**/?project=points")
        heading(page, "points")
        page.go_forward()
        page.wait_for_url("**/?project=second")
        heading(page, "second")
        open_page(page, "Retrain")
        page.wait_for_url("**/retrain?project=second")
        page.go_back()
        heading(page, "second")
        page.go_back()
        heading(page, "points")
        name = page.get_by_role("textbox", name="Your name")
        name.fill("Zoë <b>; x=1")
        name.press("Enter")
        page.wait_for_function("document.cookie.includes('feedback_reviewer=Zo')")
        page.reload()
        heading(page, "points")
        expect(name).to_have_value("Zoë <b>; x=1")


def heading(page: Page, text: str) -> None:
    """Wait until the page with this title is drawn, to its end: what is pressed before may be lost."""
    page.get_by_role("heading", level=1, name=text).wait_for()
    settled(page)


def test_a_foreign_host_name_is_refused(url: str, tmp_path: Path) -> None:
    import urllib.error
    import urllib.request

    with running_app(url, tmp_path / "app.log") as address:
        request = urllib.request.Request(address, headers={"Host": "evil.example"})
        with pytest.raises(urllib.error.HTTPError) as refused:
            urllib.request.urlopen(request, timeout=10)
    assert refused.value.code == 400
    refused.value.close()
