"""What only a browser shows: circling points on the map gives the store their ids."""

from __future__ import annotations

from pathlib import Path

from playwright.sync_api import Page, expect

from feedback_core.loop import Loop
from tests.browser import browser, running_app, settled


def circle(page: Page) -> None:
    """Draw a lasso around the left half of the map."""
    area = page.locator(".nsewdrag").first.bounding_box()
    left, top, width, height = area["x"] + 2, area["y"] + 2, area["width"] / 2, area["height"] - 4
    page.mouse.move(left, top)
    page.mouse.down()
    for x, y in ((width, 0), (width, height), (0, height), (0, 0)):
        page.mouse.move(left + x, top + y, steps=5)
    page.mouse.up()


def test_circled_items_are_confirmed_taken_back_and_reviewed(trained: Loop, url: str, tmp_path: Path) -> None:
    store, project_id = trained.store, trained.project.id
    with running_app(url, tmp_path / "app.log") as address, browser(tmp_path / "profile") as page:
        page.goto(f"{address}/map")
        page.locator(".nsewdrag").first.wait_for()
        settled(page)
        page.wait_for_timeout(1000)  # Plotly is listening once it has drawn
        circle(page)
        said = page.get_by_text("items selected")
        said.wait_for()
        n = int(said.inner_text().split()[0])
        assert 10 < n < 90
        page.get_by_role("button", name=f"Decide {n} items at once").click()
        page.get_by_role("button", name=f"Confirm the prediction: {n} items").click()
        page.get_by_text(f"{n} items confirmed").wait_for()
        assert store.tallies.of(project_id, "items")["pool/open"] == 100 - n
        page.get_by_role("button", name="Undo all").click()
        page.get_by_text(f"{n} decisions taken back").wait_for()
        assert store.tallies.of(project_id, "items")["pool/open"] == 100
        settled(page)
        circle(page)
        page.get_by_role("button", name=f"Review {n} items").click()
        expect(page.get_by_role("heading", level=1)).to_have_text("Review")
        page.get_by_text("of the session").wait_for()
        (session,) = store.sessions.live(project_id)
        assert (session.size, session.name) == (n, f"{n} items from the map")
        key = page.locator("[data-testid=stApp]")
        key.press("Enter")
        page.get_by_text("All saved").wait_for()
