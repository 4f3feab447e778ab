"""One walk through the groups of real flowers: answer by keys, undo, make new groups, use them, name one."""

from __future__ import annotations

from pathlib import Path

from playwright.sync_api import Page, expect

from feedback_core.clustering import deciding
from feedback_core.loop import Loop
from feedback_core.store import Store
from tests.browser import browser, open_page, running_app, settled
from tests.conftest import Clock, raw
from tests.test_clusterings import answer, in_use, iris_loop, newest, run


def pressed(page: Page, key: str) -> None:
    """Press a key and wait until the server has stored what it means."""
    page.locator("[data-testid=stApp]").press(key)
    expect(page.get_by_text("All saved")).to_be_visible()


def test_a_walk_from_pairs_to_better_groups(store: Store, clock: Clock, url: str, tmp_path: Path) -> None:
    loop, species = iris_loop(store, clock, task="clustering")
    run(loop, 3)
    answer(loop, species, 78)
    with running_app(url, tmp_path / "app.log") as address, browser(tmp_path / "profile") as page:
        page.goto(address)
        page.get_by_text("Nothing is predicted here").wait_for()
        open_page(page, "Groups")
        page.get_by_text("Same group?", exact=True).click()
        page.get_by_role("heading", name="Do these two belong to the same group?").wait_for()
        settled(page)
        titles = page.locator(".pairs thead").inner_text()
        pressed(page, "t")
        expect(page.locator(".pairs thead")).not_to_have_text(titles, use_inner_text=True)
        pressed(page, "u")
        expect(page.locator(".pairs thead")).to_have_text(titles, use_inner_text=True)  # the pair is back
        for n in range(2):
            pressed(page, key_of(loop, species, page.locator(".pairs thead").inner_text()))
            page.get_by_text(f"{n + 1} answered in this visit").wait_for()
        kinds = [kind for (kind,) in raw(store, "select kind from cluster_feedback where id > 78 order by id")]
        assert (kinds[:2], len(kinds), set(kinds[2:]) <= {"together", "apart"}) == (["together", "undo"], 4, True)
        page.get_by_text("Groups", exact=True).last.click()
        page.get_by_role("button", name="Make new groups").click()
        page.get_by_role("heading", name="New groups (version 2): measurably better").wait_for()
        assert newest(loop).method == "RCA + PCKMeans"
        page.get_by_role("button", name="Use the new groups").click()
        page.get_by_text("Version 2 is in use.").wait_for()
        assert in_use(loop).number == 2
        settled(page)
        page.get_by_role("button", name="Change").first.click()
        field = page.get_by_role("textbox", name="Name", exact=True)
        field.fill("Long petals")
        field.press("Enter")
        settled(page)
        page.get_by_role("button", name="Rename").click()
        page.get_by_role("heading", name="Long petals").wait_for()
    assert "Long petals" in deciding.said_now(loop, in_use(loop)).names.values()


def key_of(loop: Loop, species: dict[int, int], titles: str) -> str:
    """The key of the right answer on the pair that is shown."""
    keys = dict(raw(loop.store, "select key, id from items"))
    one, other = (species[keys[title]] for title in titles.split())
    return "t" if one == other else "a"
