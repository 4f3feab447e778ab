"""The walk of two frameworks in a real browser: PyTorch chosen on Setup, LightGBM in a line-up beside it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Page, expect

from feedback_core import demo, lineup
from feedback_core.loop import Loop
from feedback_core.store import Store
from feedback_core.types import Decision
from tests.browser import browser, open_page, running_app, settled
from tests.conftest import Clock


@pytest.fixture
def digits(store: Store, clock: Clock) -> Loop:
    """Handwritten digits: 120 known ones, 300 locked, and ten corrections to a first version."""
    loop, truth = demo.start(store, "digits", demo.Plan(120, 300, 0, 0), clock, np.random.default_rng(0))
    version = loop.retrain("test")
    loop.judge(version)
    loop.promote(version, "test")
    loop.predict()
    for _ in range(10):
        draw = loop.draw("ben")
        item = loop.store.items.get(draw.item_id)
        loop.record(Decision(item.id, "ben", "correct", truth[item.key], item.version_id, draw_id=draw.id))
    return loop


def choose_model(page: Page, title: str) -> None:
    """Set what the next version is trained as, on Setup."""
    open_page(page, "Setup")
    page.get_by_role("radio", name="Settings").click()
    page.get_by_role("combobox", name="Model").fill(title)
    page.get_by_role("option", name=title).click()
    page.get_by_role("button", name="Save").click()
    page.get_by_text("Settings saved.").wait_for()


@pytest.mark.browser
def test_a_network_and_a_booster_are_trained_judged_and_compared(
    digits: Loop, url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "1")  # read by both frameworks: other tests run beside this one
    store, own = digits.store, digits.project.id
    with running_app(url, tmp_path / "app.log") as address, browser(tmp_path / "profile") as page:
        page.goto(address)
        choose_model(page, "PyTorch network")
        open_page(page, "Retrain")
        settled(page)
        page.get_by_role("button", name="Retrain now").click()
        page.get_by_role("heading", name="Version 2 is judged").wait_for()
        page.get_by_role("button", name="Keep the champion").click()
        page.get_by_text("Version 2 · refused").wait_for()

        settled(page)
        page.get_by_text("Try other models").click()
        for title in ("PyTorch network", "LightGBM"):
            page.get_by_role("combobox", name="Models").click()
            page.keyboard.type(title)  # of a long list not all is in the document
            page.get_by_role("option", name=title).click()
            page.keyboard.press("Escape")
            settled(page)
        page.get_by_role("button", name="Train and compare 2 models").click()
        page.get_by_text("Version 4 · candidate").wait_for()
        expect(page.get_by_test_id("stProgress")).to_have_count(0)
        expect(page.get_by_role("combobox", name="Decide about")).to_be_visible()
    network = store.versions.numbered(own, 2)
    assert (network.estimator, network.status) == ("torch_mlp", "refused")
    rows = lineup.table(lineup.newest(digits))
    assert {row["version"]: row["estimator"] for row in rows} == {3: "torch_mlp", 4: "lightgbm"}
    assert {row["score"]["n"] for row in rows} == {network.metrics["holdout"]["accuracy"]["n"]}, "on the same rows"
    assert min(row["score"]["value"] for row in rows) > 0.5, "chance is 0.1"
