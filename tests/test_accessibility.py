"""axe-core finds nothing serious on any page, in either theme; new pages are found by themselves."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

from feedback_core.store import open_store
from feedback_core.types import Decision
from tests.browser import browser, running_app, settled
from tests.conftest import Clock, make_loop, rows

pytestmark = pytest.mark.browser

PAGES = sorted(path.stem for path in (Path(__file__).parent.parent / "pages").glob("[!_]*.py"))
PARTS = [f"insights?view={part}" for part in ("mistakes", "feedback", "outlook")]


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """An app whose project has two versions, decisions of two reviewers, a conflict and a report to decide on."""
    folder = tmp_path_factory.mktemp("axe")
    url = f"sqlite:///{folder / 'axe.db'}"
    loop = make_loop(open_store(url), Clock(), audit_share=0.2, blind_share=0.3)
    loop.add_items(rows(200)[0], "test")
    loop.add_items(rows(100, seed=1, labelled=False)[0], "test")
    first = loop.retrain("test")
    loop.judge(first)
    loop.promote(first, "test")
    loop.predict()
    for n, draw in enumerate(loop.draw_batch("ann", 20)):
        version = loop.store.items.get(draw.item_id).version_id
        loop.record(Decision(draw.item_id, "ann", "correct", "ab"[n % 2], version, seconds=2.0, draw_id=draw.id))
    disputed = loop.store.feedback.latest(loop.project.id, 1)[0]
    other = "a" if disputed.target == "b" else "b"
    loop.record(Decision(disputed.item_id, "ben", "correct", other, disputed.version_id))
    loop.judge(loop.retrain("test"))
    with running_app(url, folder / "app.log") as at:
        yield at


@pytest.fixture(scope="module", params=["light", "dark"])
def page(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    with browser(tmp_path_factory.mktemp("profile")) as opened:
        opened.emulate_media(color_scheme=request.param)
        yield opened


@pytest.mark.parametrize("name", [*PAGES, *PARTS])
def test_axe_finds_nothing_serious(page: Page, address: str, name: str) -> None:
    page.goto(address if name == "overview" else f"{address}/{name}")
    page.get_by_role("heading", level=1).wait_for()
    settled(page)
    page.wait_for_timeout(500)  # colours fade in
    found = Axe().run(page).response["violations"]
    serious = [
        f"{rule['id']}: {node['any'][0]['message'] if node['any'] else rule['help']} {node['html'][:200]}"
        for rule in found
        if rule["impact"] in ("serious", "critical")
        for node in rule["nodes"]
    ]
    assert serious == []


def test_a_chosen_option_in_a_popover_has_the_colour_of_the_others(page: Page, address: str) -> None:
    page.goto(f"{address}/insights")
    page.get_by_role("heading", level=1).wait_for()
    settled(page)
    page.get_by_role("button", name="All time").click()
    options = page.get_by_test_id("stPopoverBody").get_by_test_id("stButtonGroup").first.get_by_role("radio")
    options.first.wait_for()
    page.wait_for_function(
        "() => { const [chosen, other] = [...document.querySelectorAll("
        "'[data-testid=stPopoverBody] [data-testid=stButtonGroup] button p')].map(p => getComputedStyle(p).color);"
        " return other && chosen === other }"
    )
