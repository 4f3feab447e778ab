"""Pictures on the pages: from files to cards, as AppTest runs them and once as a person does it in a browser."""

from __future__ import annotations

from pathlib import Path

import pytest

from feedback_core.store import Store, open_store
from feedback_core.types import Column
from feedback_core.worker import run_next
from tests.browser import browser, expect, open_page, running_app
from tests.conftest import page as page
from tests.test_pages import press, texts
from tests.test_pictures import dot, zipped


def album(labelled: int = 40, fresh: int = 6) -> bytes:
    """Bright dots in the folder day, dark ones in the folder night, and some in neither."""
    files = {f"{'night' if n % 2 else 'day'}/{n}.png": dot(20 + n if n % 2 else 200 + n) for n in range(labelled)}
    return zipped(files | {f"new{n}.png": dot(100 + n) for n in range(fresh)} | {"day/cut.png": dot(1)[:40]})


def upload(app, key: str, data: bytes):
    app.segmented_control(key=f"{key}-what").set_value("Images").run()
    app.file_uploader(key=f"{key}-pictures").upload("sky.zip", data).run()
    assert not app.exception
    return app


def test_a_project_is_made_from_a_zip_of_pictures_and_gets_more(page, store: Store) -> None:
    app = upload(page("setup"), "upload", album())
    assert "The folder of a picture is taken as its label." in texts(app)
    assert "1 problem. Rows with a problem are left out; the other 46 can be imported." in texts(app)
    shown = app.dataframe[0].value
    assert shown["image"].iloc[0].startswith("data:image/png;base64,")
    app.select_slider(key=next(each.key for each in app.select_slider)).set_value(8).run()
    press(app, "Create and train the first version")
    project = store.projects.named("sky")
    assert project.schema.columns == (Column("image", "image", (8, 8), files=True),)
    while run_next(store, "test"):
        pass
    assert store.versions.champion(project.id).number == 1
    app = page("setup")
    app.segmented_control(key="section").set_value("Add rows").run()
    app.file_uploader(key=f"more-{project.id}-pictures").upload("one.png", dot(77)).run()
    press(app, "Add 1 row")
    while run_next(store, "test"):
        pass
    assert store.tallies.of(project.id, "items")["pool/open"] == 7


def test_tables_show_small_pictures_and_a_lost_file_breaks_no_page(page, store: Store) -> None:
    app = upload(page("setup"), "upload", album())
    press(app, "Create and train the first version")
    while run_next(store, "test"):
        pass
    (store.shelf.root).rename(store.shelf.root.with_name("gone"))
    app = page("predictions")
    assert not app.exception
    assert app.dataframe[0].value["Image"].tolist() == [None] * 6


def test_the_export_page_offers_the_pictures_too(page, store: Store) -> None:
    press(upload(page("setup"), "upload", album(fresh=2)), "Create and train the first version")
    while run_next(store, "test"):
        pass
    app = page("setup")
    app.segmented_control(key="section").set_value("Export").run()
    assert "csv with the pictures (zip)" in app.segmented_control(key="form-items").options
    app.segmented_control(key="what").set_value("feedback").run()
    assert "csv with the pictures (zip)" not in app.segmented_control(key="form-feedback").options


@pytest.mark.browser
@pytest.mark.slow
def test_a_person_makes_a_project_of_pictures_reviews_three_and_retrains(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'walk.db'}"
    (tmp_path / "sky.zip").write_bytes(album())
    with running_app(url, tmp_path / "log") as address, browser(tmp_path / "profile") as tab:
        tab.goto(f"{address}/setup")
        tab.get_by_text("Images", exact=True).click()
        tab.get_by_text("Labels come from the folders").wait_for()
        tab.locator("input[type=file]").set_input_files(tmp_path / "sky.zip")
        tab.get_by_role("button", name="Create and train the first version").click()
        tab.get_by_text("Version 1 · champion").wait_for()
        open_page(tab, "Review")
        photo = tab.locator(".card .photo img")
        for done in range(3):
            expect(photo).to_be_visible()
            expect(photo).to_have_js_property("naturalWidth", 12)
            if done == 0:
                tab.keyboard.press("z")
                expect(tab.locator("dialog.zoom img")).to_have_js_property("naturalWidth", 12)
            tab.wait_for_timeout(400)  # a card that was not looked at takes no decision
            tab.keyboard.press("2")
            expect(tab.locator(".strip dd").first).to_have_text(str(done + 1))
        expect(tab.locator(".state")).to_contain_text("All saved")
        open_page(tab, "Retrain")
        tab.get_by_role("button", name="Retrain now").click()
        tab.get_by_text("Version 2 is judged").wait_for()
    store = open_store(url)
    project = store.projects.named("sky")
    assert [entry.target for entry in store.feedback.latest(project.id)] == ["night"] * 3
    assert [version.number for version in store.versions.all(project.id)] == [1, 2]
