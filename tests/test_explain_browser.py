"""The walk of an explanation in a real browser: of a row, on a card, and of a new version without being asked."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from playwright.sync_api import expect

from feedback_core.explaining import explained
from feedback_core.store import Store
from feedback_core.types import ItemFilter
from tests.browser import browser, open_page, running_app, settled
from tests.test_explain_numbers import dosed


@pytest.mark.browser
def test_a_number_is_explained_on_predictions_and_cards_and_its_next_version_by_itself(
    store: Store, clock: object, url: str, tmp_path: Path
) -> None:
    loop = dosed(store, clock, 1)
    first = store.items.page(loop.project.id, ItemFilter(), sort="priority", limit=1)[0]
    sentence = explained(loop, first).sentence
    assert re.fullmatch(r"x0 \S+ (adds|takes away) [\d.,]+ mg.*\.", sentence)
    with running_app(url, tmp_path / "app.log") as address, browser(tmp_path / "profile") as page:
        page.goto(f"{address}/predictions?project=doses")
        table = page.get_by_test_id("stDataFrame").first
        expect(table.locator("canvas").first).to_be_visible()
        settled(page)
        table.click(position={"x": 20, "y": 52})  # the box of the first row
        page.get_by_role("heading", name=re.compile("Why version 1 says .* mg")).wait_for()
        expect(page.get_by_text(sentence, exact=True)).to_be_visible()
        expect(page.get_by_text(re.compile("Amounts are in mg"))).to_be_visible()
        open_page(page, "Review")
        card = page.locator("article.card:not([hidden])")
        card.wait_for()
        item = store.items.get(int(str(card.get_attribute("data-item"))))
        expect(card.locator(".because")).to_contain_text(f"mg? {explained(loop, item).sentence}")
        open_page(page, "Retrain")
        page.get_by_role("button", name="Retrain now").click()
        # Nobody has asked for it: the worker tells what moved once it has judged the version.
        page.get_by_text(re.compile("Against version 1 it goes more by x1")).first.wait_for()
        expect(page.get_by_text(re.compile("moved by more than 1 mg")).first).to_be_visible()
        study = store.studies.newest(loop.project.id, "effects", store.versions.numbered(loop.project.id, 2).id)
        assert study is not None
        assert study.body["moved"][0]["column"] == "x1"
