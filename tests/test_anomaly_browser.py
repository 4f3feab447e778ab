"""The walk of a project that ranks anomalies in a real browser: from a file without labels to a roll-back."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
from playwright.sync_api import Page, expect
from sklearn.datasets import load_breast_cancer

from feedback_core import alarm_views
from feedback_core.loop import Loop
from feedback_core.store import Store
from feedback_core.types import ItemFilter
from tests.browser import browser, open_page, running_app, settled
from tests.conftest import raw

DEALT_BY_RANK = """
select i.key from items i join feedback f on f.item_id = i.id join draws d on d.id = f.draw_id
where d.strategy = 'priority'
"""


def biopsies() -> tuple[pd.DataFrame, dict[str, bool]]:
    """357 benign biopsies and 30 malignant ones, mixed, without any label; and which ones are malignant."""
    found = load_breast_cancer(as_frame=True).frame
    frame = pd.concat([found[found.target == 1], found[found.target == 0].head(30)])
    frame = frame.sample(frac=1, random_state=0).reset_index(drop=True)
    frame.insert(0, "id", [f"biopsy-{n}" for n in range(len(frame))])
    return frame.drop(columns="target"), dict(zip(frame["id"], frame["target"] == 0, strict=True))


def found_project(page: Page, address: str, file: Path) -> None:
    """Make the project of a file on Setup, and wait for its first version."""
    page.goto(f"{address}/setup")
    page.locator("input[type=file]").first.set_input_files(file)
    page.get_by_role("radio", name="Anomalies").click()
    page.get_by_text("All 387 rows are fine").wait_for()
    page.get_by_role("button", name="Create and train the first version").click()
    page.get_by_role("heading", level=1, name="Retrain").wait_for()
    page.get_by_text("Version 1 · champion").wait_for()
    nothing_runs(page)


def nothing_runs(page: Page) -> None:
    """Wait on Retrain until the worker is done: a promotion and the job that scores the queue anew are one step."""
    expect(page.get_by_test_id("stProgress")).to_have_count(0)


def answer(page: Page, truth: dict[str, bool]) -> str:
    """Answer the card in hand by its key and wait for the next one; gives the item's key."""
    card = page.locator("article.card:not([hidden])")
    item = card.locator("h2").inner_text()
    page.keyboard.press("2" if truth[item] else "1")
    expect(card.locator("h2")).not_to_have_text(item)
    return item


def alarms(store: Store, project_id: int) -> list[int]:
    """The open items, the likeliest anomaly first."""
    found = store.items.page(project_id, ItemFilter(("open",)), sort="priority", limit=400)
    shown = store.predictions.shown([item.id for item in found])
    return sorted(shown, key=lambda item_id: (-shown[item_id].proba[1], item_id))


@pytest.mark.browser
def test_alarms_are_answered_learned_from_and_rolled_back(store: Store, url: str, tmp_path: Path) -> None:
    frame, truth = biopsies()
    frame.to_csv(tmp_path / "biopsies.csv", index=False)
    with running_app(url, tmp_path / "app.log") as address, browser(tmp_path / "profile") as page:
        found_project(page, address, tmp_path / "biopsies.csv")
        (project,) = store.projects.all()
        first = alarms(store, project.id)

        open_page(page, "Review")
        page.get_by_role("button", name="True alarm (anomaly)").first.wait_for()
        answered = [answer(page, truth) for _ in range(8)]
        card = page.locator("article.card:not([hidden]) h2")
        page.keyboard.press("u")
        expect(card).to_have_text(answered[-1])
        expect(page.get_by_text("All saved")).to_be_visible()
        undone = store.items.by_key(project.id, answered[-1])
        assert undone is not None
        assert (undone.state, undone.label) == ("open", None)
        answer(page, truth)
        expect(page.get_by_text("All saved")).to_be_visible()
        said = {
            item.key: item.label
            for item in store.items.page(project.id, ItemFilter(("labelled",)), sort="newest", limit=20)
        }
        assert said == {key: "anomaly" if truth[key] else "normal" for key in answered}
        own = [entry for entry in store.feedback.latest(project.id) if entry.verdict != "undo"]
        assert len(own) == 9, "the answer taken back stays in the book"

        open_page(page, "Retrain")
        page.get_by_role("button", name="Retrain now").click()
        page.get_by_text("Not measurable: there are").first.wait_for()
        reason = page.get_by_role("textbox", name="Reason")
        reason.fill("two of us looked through its first alarms")
        reason.press("Enter")
        page.get_by_role("button", name="Promote version 2").click()
        page.get_by_text("Version 2 · champion").wait_for()
        nothing_runs(page)
        second = alarms(store, project.id)
        assert second != [item_id for item_id in first if item_id in set(second)], "answers move the ranking"

        open_page(page, "Insights")
        found = alarm_views.alarm_yield(Loop(store, project), store.versions.champion(project.id))
        page.get_by_text(alarm_views.headline(found)).wait_for()
        ranked = {key for (key,) in raw(store, DEALT_BY_RANK)}
        assert (found.alarms.n, found.found[-1]) == (len(ranked), sum(truth[key] for key in ranked))

        open_page(page, "Retrain")
        settled(page)
        page.get_by_text("Version 1 · retired").click()
        why = page.get_by_role("textbox", name="Why go back to this version?")
        why.fill("its alarms were better")
        why.press("Enter")
        settled(page)
        page.get_by_role("button", name="Roll back to this version").click()
        page.get_by_text("Version 1 · champion").wait_for()
    champion = store.versions.champion(project.id)
    assert champion is not None
    assert champion.number == 1
