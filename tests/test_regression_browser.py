"""The walk of a project of numbers in a real browser: from a file to a judged version."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from playwright.sync_api import expect

from feedback_core.store import open_store
from tests.browser import browser, open_page, running_app, settled
from tests.test_regression import table


@pytest.mark.browser
def test_numbers_are_typed_learned_and_judged(tmp_path: Path) -> None:
    frame, truth = table()
    file, url = tmp_path / "diabetes.csv", f"sqlite:///{tmp_path / 'walk.db'}"
    frame.to_csv(file, index=False)
    with running_app(url, tmp_path / "app.log") as address, browser(tmp_path / "profile") as page:
        page.goto(f"{address}/setup")
        page.locator("input[type=file]").first.set_input_files(file)
        expect(page.get_by_role("radio", name="A number")).to_be_checked()
        unit = page.get_by_role("textbox", name="Unit")
        unit.fill("units")
        unit.press("Enter")
        page.get_by_role("button", name="Create and train the first version").click()
        page.get_by_role("heading", level=1, name="Retrain").wait_for()
        page.get_by_text("Version 1 · champion · holdout off by").wait_for()
        open_page(page, "Review")
        store = open_store(url)
        (project,) = store.projects.all()
        typed = {}
        for _ in range(5):
            card = page.locator("article.card:not([hidden])")
            card.wait_for()
            item = store.items.get(int(str(card.get_attribute("data-item"))))
            typed[item.id] = number = f"{truth[item.key]:g}"
            page.keyboard.type(number)
            expect(page.get_by_label("The right number")).to_have_value(number)
            page.keyboard.press("Enter")
            expect(card).not_to_have_attribute("data-item", str(item.id))
        expect(page.get_by_text("All saved")).to_be_visible()
        assert {item_id: store.items.get(item_id).label for item_id in typed} == typed
        page.keyboard.type("12x")
        page.keyboard.press("Enter")
        expect(page.get_by_text("“12x” is not a number.")).to_be_visible()
        open_page(page, "Retrain")
        page.get_by_role("button", name="Retrain now").click()
        page.get_by_text(re.compile("Version 2 is judged|Version 2 · ")).first.wait_for()
        settled(page)
        report = store.versions.report_on(store.versions.numbered(project.id, 2).id)
        assert report is not None
        assert report.numbers["metric"] == "mean absolute error"
