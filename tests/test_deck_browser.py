"""The review deck under real keys in a real browser; then the database is asked what arrived."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from feedback_core.learned import labelled_neighbours
from feedback_core.loop import Loop, create_project
from feedback_core.settings import Settings
from feedback_core.store import open_store
from feedback_core.types import Column, Feedback, Rows, Schema
from tests.browser import free_port, running_app, running_server, windows
from tests.conftest import TWO_NUMBERS, rows

pytestmark = pytest.mark.browser

SAVED = ".state[data-state=saved]"

# Notes every deciding key with the card it was pressed on, before the deck sees it.
WATCH = """
window.pressed = [];
document.addEventListener("keydown", (event) => {
  const card = find(".card");
  window.pressed.push([event.key, card && !card.hidden ? Number(card.dataset.item) : null]);
}, { capture: true });
function find(selector) {
  const hosts = [...document.querySelectorAll("*")].filter((element) => element.shadowRoot);
  return hosts.map((host) => host.shadowRoot.querySelector(selector)).find(Boolean) ?? document.querySelector(selector);
}
"""


@dataclass
class Desk:
    """One reviewer's browser on a running app."""

    page: Page
    loop: Loop
    address: str

    def open(self) -> None:
        self.page.goto(f"{self.address}/review?project={self.loop.project.name}")
        self.page.locator(".card").wait_for()

    def becomes(self, reviewer: str) -> None:
        name = self.page.get_by_role("textbox", name="Your name")
        name.fill(reviewer)
        name.press("Enter")
        self.page.wait_for_function("document.activeElement === document.body")
        expect(self.page.locator(".card")).to_have_count(1)

    def type(self, keys: str | list[str], pause_ms: int = 50) -> None:
        for key in keys:
            self.page.keyboard.press(key)
            time.sleep(pause_ms / 1000)

    def saved(self) -> None:
        self.page.locator(SAVED).wait_for()

    def item(self) -> int:
        return int(self.page.locator(".card").get_attribute("data-item"))

    def done(self) -> str:
        return self.page.locator(".strip dd").first.inner_text()

    def entries(self) -> list[Feedback]:
        return list(reversed(self.loop.store.feedback.latest(self.loop.project.id, 999)))


def made(url: str, name: str) -> Loop:
    """200 labelled and 300 open points, predicted; nothing drawn blind."""
    settings = Settings(holdout_share=0.5, audit_share=0.0, blind_share=0.0)
    store = open_store(url)
    loop = Loop(store, create_project(store, name, TWO_NUMBERS, ("a", "b"), settings, actor="test", salt=1))
    loop.add_items(rows(200)[0], "test")
    loop.add_items(rows(300, seed=1, labelled=False)[0], "test")
    version = loop.retrain("test")
    loop.judge(version)
    loop.promote(version, "test")
    loop.predict()
    return loop


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, str]]:
    """(database, address) of one app for every test of this file; each test has a project of its own."""
    folder = tmp_path_factory.mktemp("deck")
    url = f"sqlite:///{folder / 'deck.db'}"
    open_store(url)
    with running_app(url, folder / "app.log") as address:
        yield url, address


@pytest.fixture(scope="module")
def chromium(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BrowserContext]:
    with windows(tmp_path_factory.mktemp("profile")) as context:
        yield context


@pytest.fixture
def page(chromium: BrowserContext) -> Iterator[Page]:
    """A window of its own for each test, in a browser that remembers nobody."""
    window = chromium.new_page()
    yield window
    window.evaluate("localStorage.clear()")
    window.close()
    chromium.clear_cookies()


@pytest.fixture
def desk(page: Page, app: tuple[str, str], request: pytest.FixtureRequest) -> Desk:
    url, address = app
    opened = Desk(page, made(url, request.node.name), address)
    opened.open()
    return opened


def verdict_of(key: str, predicted: str) -> tuple[str, str | None]:
    """What a key means on a card with this prediction."""
    if key in "sf":
        return {"s": "skip", "f": "flag"}[key], None
    label = predicted if key == "Enter" else {"1": "a", "2": "b"}[key]
    return ("confirm" if label == predicted else "correct"), label


def test_a_hundred_keys_at_50_ms_are_all_saved_on_the_card_they_were_pressed_on(desk: Desk) -> None:
    desk.page.evaluate(WATCH)
    desk.type(["1", "2", "Enter", "s", "2", "f", "1", "Enter", "2", "1"] * 10)
    desk.saved()
    pressed = desk.page.evaluate("window.pressed")
    predicted = {
        item.id: item.predicted for chunk in desk.loop.store.items.export(desk.loop.project.id) for item in chunk
    }
    assert len({item for _, item in pressed}) == 100
    assert [(e.item_id, e.verdict, e.target) for e in desk.entries()] == [
        (item, *verdict_of(key, predicted[item])) for key, item in pressed
    ]
    assert desk.done() == "100"


def test_undo_goes_back_card_by_card_and_the_store_agrees(desk: Desk) -> None:
    first = desk.item()
    desk.type("11")
    third = desk.item()
    desk.type("u")
    desk.page.keyboard.press("Control+z")
    assert (desk.item(), desk.done()) == (first, "0")
    desk.type("222")
    desk.saved()
    standing = [e for e in desk.entries() if e.state == "accepted" and e.verdict != "undo"]
    assert [e.target for e in standing] == ["b", "b", "b"]
    assert (standing[0].item_id, standing[2].item_id) == (first, third)
    assert [e.state for e in desk.entries() if e.target == "a"] == ["withdrawn", "withdrawn"]


def test_typing_in_the_note_decides_nothing_and_the_note_is_kept(desk: Desk) -> None:
    first = desk.item()
    desk.page.keyboard.press("n")
    desk.page.keyboard.type("12 sufficient reasons, u see?")
    assert (desk.item(), desk.done()) == (first, "0")
    desk.page.keyboard.press("Enter")
    desk.page.keyboard.press("1")
    desk.saved()
    (entry,) = desk.entries()
    assert (entry.item_id, entry.target, entry.note) == (first, "a", "12 sufficient reasons, u see?")


def test_typing_in_a_field_of_the_page_and_keys_with_modifiers_decide_nothing(desk: Desk) -> None:
    desk.page.get_by_role("textbox", name="Your name").click()
    desk.page.keyboard.type("12fs")
    desk.page.get_by_role("heading", name="Review").click()
    for key in ("Control+1", "Alt+2", "Backspace", "Delete", "x", "9"):
        desk.page.keyboard.press(key)
    assert desk.done() == "0"
    assert desk.entries() == []


def test_looking_back_and_changing_a_decision(desk: Desk) -> None:
    first = desk.item()
    desk.type("11")
    present = desk.item()
    desk.page.keyboard.press("ArrowLeft")
    desk.page.keyboard.press("ArrowLeft")
    assert desk.item() == first
    expect(desk.page.locator(".chip.past")).to_contain_text("You said:")
    desk.page.keyboard.press("2")
    assert (desk.item(), desk.done()) == (present, "2")
    desk.saved()
    assert desk.loop.store.items.get(first).label == "b"
    assert len(desk.entries()) == 3


def test_the_mouse_does_what_the_keys_do_and_leaves_enter_to_confirm(desk: Desk) -> None:
    first = desk.item()
    desk.page.wait_for_timeout(300)  # a click on a card that nobody can have read yet is not taken
    desk.page.get_by_role("button", name="b", exact=False).and_(desk.page.locator(".labels button")).last.click()
    second = desk.item()
    desk.page.keyboard.press("Enter")
    desk.page.wait_for_timeout(300)
    desk.page.get_by_role("button", name="Skip").click()
    desk.page.get_by_role("button", name="Undo").click()
    desk.saved()
    standing = [(e.item_id, e.verdict) for e in desk.entries() if e.state == "accepted" and e.verdict != "undo"]
    assert standing[0][0] == first
    assert standing[1] == (second, "confirm")
    assert len(standing) == 2


def test_a_reload_keeps_what_was_not_sent_and_still_knows_what_to_undo(desk: Desk) -> None:
    desk.type("1", 0)
    first = desk.page.evaluate("Object.values(localStorage).join()")
    desk.page.reload()
    desk.page.locator(".card").wait_for()
    desk.saved()
    assert '"seq":1' in first
    # The decided card made way for the next one: a card that changes under the eyes takes no press for half a second.
    desk.page.wait_for_timeout(600)
    desk.type("2")
    desk.saved()
    assert [e.target for e in desk.entries()] == ["a", "b"]
    desk.type("u")
    desk.saved()
    assert [e.state for e in desk.entries() if e.target == "b"] == ["withdrawn"]


def test_a_killed_server_loses_nothing_and_gets_the_rest_when_it_is_back(page: Page, url: str, tmp_path: Path) -> None:
    port, project = free_port(), made(url, "killed")
    desk = Desk(page, project, f"http://127.0.0.1:{port}")
    with running_server(url, tmp_path / "first.log", port) as server:
        desk.open()
        desk.type("1212")
        desk.saved()
        assert len(desk.entries()) == 4
        server.kill()
        server.wait()
        desk.type("1212")
        page.locator(".state[data-state=offline]").wait_for()
        assert len(desk.entries()) == 4
        assert "4 kept in this browser" in page.locator(".state").inner_text()
    with running_server(url, tmp_path / "second.log", port):
        desk.saved()
        assert [e.target for e in desk.entries()] == ["a", "b"] * 4
        assert len({e.item_id for e in desk.entries()}) == 8


def test_the_second_half_of_a_double_click_decides_nothing(desk: Desk) -> None:
    button = desk.page.get_by_role("group", name="Labels").get_by_role("button").first
    desk.page.wait_for_timeout(300)
    button.dblclick()
    assert desk.done() == "1"
    desk.page.wait_for_timeout(300)
    button.click()
    assert desk.done() == "2"
    desk.saved()
    assert len(desk.entries()) == 2


def test_a_press_just_before_a_reload_can_still_be_undone(desk: Desk) -> None:
    desk.page.evaluate("""() => {
        document.dispatchEvent(new KeyboardEvent("keydown", { key: "1", bubbles: true, composed: true }));
        location.reload();
    }""")
    desk.page.locator(".card").wait_for()
    desk.saved()
    assert desk.done() == "1"
    desk.type("u")
    desk.saved()
    assert [e.state for e in desk.entries() if e.target == "a"] == ["withdrawn"]


def test_a_note_is_shown_when_looking_back_and_can_be_changed_alone(desk: Desk) -> None:
    first = desk.item()
    desk.page.keyboard.press("n")
    desk.page.keyboard.type("blurred")
    desk.page.keyboard.press("Enter")
    desk.type("12")
    desk.page.keyboard.press("ArrowLeft")
    desk.page.keyboard.press("ArrowLeft")
    note = desk.page.get_by_role("textbox", name="Note")
    expect(note).to_have_value("blurred")
    desk.page.keyboard.press("n")
    note.fill("sharp after all")
    desk.page.keyboard.press("Enter")
    desk.saved()
    standing = {e.item_id: (e.target, e.note) for e in desk.entries() if e.state == "accepted"}
    assert standing[first] == ("a", "sharp after all")
    assert desk.done() == "2"


def test_keys_work_at_once_after_choosing_another_name(desk: Desk) -> None:
    desk.becomes("ben")
    desk.type("1")
    desk.saved()
    assert [(e.reviewer, e.target) for e in desk.entries()] == [("ben", "a")]


def test_similar_labelled_items_stand_beside_a_card_but_never_beside_a_blind_one(
    page: Page, app: tuple[str, str]
) -> None:
    url, address = app
    loop = made(url, "similar")
    desk = Desk(page, loop, address)
    desk.open()
    alike = labelled_neighbours(loop, [desk.item()])[desk.item()]
    assert page.locator(".rows thead th.near").all_inner_texts() == [neighbour.label for neighbour in alike]
    blind = Settings.from_dict(loop.project.settings.to_dict() | {"blind_share": 1.0})
    loop.store.projects.update(loop.project, settings=blind, now=time.time(), actor="test")
    desk.becomes("ben")
    expect(page.locator(".chip")).to_have_text("Shown blind")
    assert page.locator(".near, .similar").count() == 0
    expect(page.get_by_role("button", name="No prediction shown")).to_be_disabled()


def test_a_refused_decision_is_told_and_costs_none_of_the_others(desk: Desk) -> None:
    first = desk.item()
    draw = desk.loop.store.draws.hand(desk.loop.project.id, "ana", time.time())[0]
    assert draw.item_id == first
    later = Loop(desk.loop.store, desk.loop.project, clock=lambda: time.time() + 3600)
    later.draw_item("ben", first)
    desk.type("111")
    desk.saved()
    expect(desk.page.locator(".refusals")).to_contain_text("is in ben's hands now")
    assert (len(desk.entries()), desk.done()) == (2, "2")
    assert first not in {e.item_id for e in desk.entries()}


def test_many_labels_are_found_by_typing_and_markup_stays_text(page: Page, app: tuple[str, str]) -> None:
    url, address = app
    labels = ("<img src=x onerror=alert(1)>", *(f"class {n}" for n in range(29)))
    project = create_project(open_store(url), "many", Schema((Column("<b>t</b>", "text"),)), labels, actor="test")
    loop = Loop(open_store(url), project)
    loop.add_items(Rows([b'["<script>alert(1)</script>"]', b'["two"]', b'["three"]'], [None] * 3, [None] * 3), "test")
    desk = Desk(page, loop, address)
    desk.open()
    assert page.locator(".card img, .card script, .labels img").count() == 0
    expect(page.locator(".labels button").first).to_contain_text("<img src=x onerror=alert(1)>")
    page.keyboard.press("/")
    page.keyboard.type("zzz")
    expect(page.locator(".none")).to_have_text("No label contains “zzz”.")
    page.get_by_role("searchbox", name="Search labels").fill("ss 17")
    page.keyboard.press("Enter")
    page.keyboard.press("a")
    page.keyboard.press("z")
    desk.saved()
    expect(page.locator(".empty")).to_contain_text("All done")
    assert [e.target for e in desk.entries()] == ["class 17", "class 9", "class 28"]


def test_everything_fits_a_phone_and_has_a_name(desk: Desk) -> None:
    desk.page.set_viewport_size({"width": 390, "height": 844})
    desk.page.reload()
    desk.page.locator(".card").wait_for()
    widest: Callable[[], int] = lambda: desk.page.evaluate("document.documentElement.scrollWidth")  # noqa: E731
    assert widest() <= 390
    desk.page.keyboard.press("?")
    assert widest() <= 390
    expect(desk.page.get_by_role("dialog", name="Keys")).to_be_visible()
    desk.page.keyboard.press("Escape")
    for name in ("Confirm:", "Skip", "Flag", "Undo", "Back", "Forward", "Keys"):
        expect(desk.page.get_by_role("button", name=name)).to_have_count(1)
    expect(desk.page.get_by_role("textbox", name="Note")).to_have_count(1)
    expect(desk.page.get_by_role("group", name="Labels").get_by_role("button")).to_have_count(2)


def test_digits_as_labels_are_typed_as_themselves(page: Page, app: tuple[str, str]) -> None:
    url, address = app
    digits = tuple("0123456789")
    project = create_project(open_store(url), "digits", Schema((Column("t", "text"),)), digits, actor="test")
    loop = Loop(open_store(url), project)
    loop.add_items(Rows([b'["one"]', b'["two"]'], [None] * 2, [None] * 2), "test")
    desk = Desk(page, loop, address)
    desk.open()
    desk.type("70")
    desk.saved()
    assert [e.target for e in desk.entries()] == ["7", "0"]
