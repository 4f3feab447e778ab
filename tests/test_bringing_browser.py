"""One walk: predictions made elsewhere come in by the page, are judged by the worker, and fill the review queue."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from feedback_core.loop import Loop
from tests.browser import browser, open_page, running_app
from tests.test_bringing import lines

pytestmark = [pytest.mark.browser, pytest.mark.slow]


def test_predictions_from_a_file_end_on_a_card(loop: Loop, tmp_path) -> None:
    (tmp_path / "said.jsonl").write_bytes(lines(loop, flip=0.1))
    with running_app(loop.store.url, tmp_path / "app.log") as address, browser(tmp_path / "profile") as page:
        page.goto(address)
        open_page(page, "Setup")
        page.get_by_role("radio", name="Bring a model").click()
        page.get_by_role("radio", name="Its predictions").click()
        expect(page.get_by_text("One row an item")).to_be_visible()  # until then the uploaders before are there, too
        expect(page.locator("input[type=file]")).to_have_count(1)
        page.locator("input[type=file]").set_input_files(tmp_path / "said.jsonl")
        page.get_by_role("textbox", name="Name of the version that said this").fill("llm-1")
        page.get_by_role("button", name="Import and judge").click()
        page.get_by_role("heading", level=1, name="Retrain").wait_for()
        expect(page.get_by_text("300 predictions of version 1")).to_be_visible()
        expect(page.get_by_text("Version 1 · champion")).to_be_visible()
        page.get_by_text("Version 1 · champion").click()
        expect(page.get_by_text("on which rows is not known").first).to_be_visible()
        open_page(page, "Review")
        expect(page.get_by_role("button", name="Skip")).to_be_visible()
    item = loop.store.items.get(loop.store.items.first_ids(loop.project.id, 1)[0])
    assert item.predicted in ("a", "b")
