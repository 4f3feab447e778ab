"""The walk of a project of sets of labels in a real browser: from a file to a decided verdict."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from feedback_core.multilabel import parts
from feedback_core.store import Store, open_store
from feedback_core.types import ItemFilter
from tests.browser import browser, open_page, running_app, settled
from tests.test_multilabel_pages import LABELS, things

SETS = "article.card:not([hidden])"


@pytest.mark.browser
def test_sets_are_switched_by_keys_undone_learned_and_judged(tmp_path: Path) -> None:
    frame, truth = things(240)
    file, url = tmp_path / "things.csv", f"sqlite:///{tmp_path / 'walk.db'}"
    frame.to_csv(file, index=False)
    with running_app(url, tmp_path / "app.log") as address, browser(tmp_path / "profile") as page:
        page.goto(f"{address}/setup")
        page.locator("input[type=file]").first.set_input_files(file)
        expect(page.get_by_role("radiogroup", name="What is predicted").get_by_role("radio").first).to_be_visible()
        page.get_by_text("Several labels", exact=True).click()
        page.get_by_text("Labels: bright, heavy, new, round").wait_for()
        page.get_by_role("button", name="Create and train the first version").click()
        page.get_by_role("heading", level=1, name="Retrain").wait_for()
        page.get_by_text("Version 1 · champion · holdout exact match").wait_for()
        store = open_store(url)
        (project,) = store.projects.all()
        while not is_scored(store, project.id):  # a card that gets its prediction under the keys starts anew
            page.wait_for_timeout(200)
        open_page(page, "Review")
        said = {}
        for _ in range(9):
            item_id, target = decide(page, store, truth)
            said[item_id] = target
        every = "; ".join(LABELS)
        item_id, target = decide(page, store, truth, every)
        said[item_id] = target
        expect(page.get_by_text("All saved")).to_be_visible()
        assert {item_id: store.items.get(item_id).label for item_id in said} == said
        page.keyboard.press("u")  # the last card is back, with the set that was sent
        card = page.locator(SETS)
        expect(card).to_have_attribute("data-item", str(item_id))
        expect(page.locator(".labels [aria-pressed=true]")).to_have_count(len(LABELS))
        expect(page.locator(".confirm")).to_contain_text(f"Save: {every}")
        expect(page.get_by_text("All saved")).to_be_visible()
        assert store.items.get(item_id).label is None
        page.keyboard.press("0")
        expect(page.locator(".confirm")).to_contain_text("none of them")
        page.keyboard.press("Enter")
        expect(card).not_to_have_attribute("data-item", str(item_id))
        expect(page.get_by_text("All saved")).to_be_visible()
        assert store.items.get(item_id).label == "(none)"
        page.keyboard.press("ArrowLeft")  # looking back, a note takes the labels switched there along
        expect(card).to_have_attribute("data-item", str(item_id))
        for key in ("1", "n"):
            page.keyboard.press(key)
        page.keyboard.type("it shines")
        page.keyboard.press("Enter")
        expect(card).not_to_have_attribute("data-item", str(item_id))
        expect(page.get_by_text("All saved")).to_be_visible()
        newest = store.feedback.latest(project.id, 1)[0]
        assert (newest.item_id, newest.target, newest.note) == (item_id, "bright", "it shines")
        open_page(page, "Retrain")
        page.get_by_role("button", name="Retrain now").click()
        page.get_by_text(re.compile("Version 2 is judged|Version 2 · ")).first.wait_for()
        settled(page)
        report = store.versions.report_on(store.versions.numbered(project.id, 2).id)
        assert report is not None
        assert report.numbers["hamming_difference"]["n"] == report.numbers["n"] > 0


def is_scored(store: Store, project_id: int) -> bool:
    ranked = store.items.page(project_id, ItemFilter(), sort="priority", limit=1)
    return bool(ranked) and not store.jobs.live(project_id)


def decide(page: Page, store: Store, truth: dict[str, str], say: str | None = None) -> tuple[int, str]:
    """Switch the labels of the card until they are the true ones, or those to say, and send them: item and set."""
    card = page.locator(SETS)
    card.wait_for()
    item = store.items.get(int(str(card.get_attribute("data-item"))))
    blind = card.get_by_text("Shown blind").count() > 0
    target = say or truth[item.key]
    held = () if blind or item.predicted is None else parts(item.predicted)
    if blind:
        expect(page.locator(".labels [aria-pressed=true]")).to_have_count(0)
        expect(page.locator(".confirm")).to_be_disabled()
    for key, label in enumerate(LABELS, 1):
        if (label in held) != (label in parts(target)):
            page.keyboard.press(str(key))
    if not parts(target):
        page.keyboard.press("0")
    expect(page.locator(".labels [aria-pressed=true]")).to_have_count(len(parts(target)))
    page.keyboard.press("Enter")
    expect(card).not_to_have_attribute("data-item", str(item.id))
    return item.id, target
