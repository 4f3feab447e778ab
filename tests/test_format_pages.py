"""Files of other programs on the Setup page: sent out, looked at, taken in."""

from __future__ import annotations

import json
import time

import pytest

from feedback_core.formats import FORMATS
from feedback_core.worker import run_next
from tests.browser import browser, expect, running_app, settled
from tests.test_formats import full, labels, task
from tests.test_pages import press, texts

__all__ = ["full"]

CHOSEN = {"from_name": "sentiment", "to_name": "text", "type": "choices", "value": {"choices": ["noun"]}}


def tasks(n: int = 3, label: str = "noun") -> bytes:
    """A JSON export of Label Studio by two people."""
    said = CHOSEN | {"value": {"choices": [label]}}
    both = [{"id": 1, "completed_by": 7, "result": [said]}, {"id": 2, "completed_by": 8, "result": [CHOSEN]}]
    return json.dumps([task(both, definition=f"thing {number}") for number in range(n)]).encode()


@pytest.fixture
def setup(page, full):
    """The Setup page of the project of texts, at one of its sections."""

    def at(section: str):
        app = page("setup")
        app.segmented_control(key="section").set_value(section).run()
        assert not app.exception
        return app

    return at


def send(app, data: bytes, name: str = "export.json"):
    app.file_uploader[0].upload(name, data).run()
    assert not app.exception
    return app


def figures(app) -> dict[str, str]:
    return {metric.label: metric.value for metric in app.metric}


def test_a_file_is_looked_at_then_taken_in_by_the_worker(setup, full):
    app = send(setup("Import"), tasks())
    assert figures(app) == {
        "Records": "3",
        "New items": "3",
        "Known items": "0",
        "Entries": "6",
        "Base truth": "0",
        "Here already": "0",
    }
    assert "Everything in the file can be taken in." in texts(app)
    assert "thing 0" not in labels(full)
    press(app, "Take in 3 items and 6 answers")
    assert run_next(full.store, "test").state == "done"
    assert labels(full)["thing 0"] == ("pool", "noun", {("annotator 7", "noun"), ("annotator 8", "noun")})
    app = setup("Import")
    assert "3 records read, 3 new items, 6 new entries, 0 here already, 0 left out" in texts(app)
    assert figures(send(app, tasks()))["Here already"] == "6"
    assert app.button(key=next(b.key for b in app.button if b.label.startswith("Take in"))).disabled


def test_an_unknown_label_is_named_and_can_be_added(setup, full):
    app = send(setup("Import"), tasks(label="adverb"))
    assert "Not labels of this project: adverb (3)" in texts(app)
    assert "3 things left out" in texts(app)
    app.multiselect[0].set_value(["adverb"]).run()
    assert figures(app)["Entries"] == "6"
    press(app, "Take in")
    assert run_next(full.store, "test").state == "done"
    assert full.store.projects.named("texts").labels == ("noun", "verb", "adverb")
    assert labels(full)["thing 1"][1] is None  # the two differ


def test_a_field_of_another_name_is_asked_for(setup, full):
    data = json.dumps([{"data": {"text": f"thing {n}", "words": 2, "letters": 7}} for n in range(2)]).encode()
    app = send(setup("Import"), data)
    assert figures(app)["New items"] == "0"
    assert "has no 'definition', only text" in app.dataframe[-1].value["What"][0]
    app.selectbox(key=next(box.key for box in app.selectbox if "length" in box.label)).set_value("letters").run()
    app.selectbox(key=next(box.key for box in app.selectbox if "definition" in box.label)).set_value("text").run()
    assert figures(app)["New items"] == "2"


def test_answers_can_become_base_truth_on_the_page(setup, full):
    app = send(setup("Import"), tasks())
    app.radio[0].set_value("labels").run()
    assert (figures(app)["Entries"], figures(app)["Base truth"]) == ("0", "6")
    press(app, "Take in")
    run_next(full.store, "test")
    assert labels(full)["thing 2"][:2] in {("train", "noun"), ("holdout", "noun")}


def test_a_broken_file_is_refused_in_a_sentence_and_nothing_can_be_pressed(setup):
    app = send(setup("Import"), tasks()[:-20])
    assert any("ends in the middle" in error.value or "not valid JSON" in error.value for error in app.error)


@pytest.mark.parametrize("name", [name for name in FORMATS if FORMATS[name].says and FORMATS[name].write])
def test_the_export_offers_every_format_with_a_line_about_it(setup, full, name):
    app = setup("Export")
    app.segmented_control(key="form-items").set_value(name).run()
    assert not app.exception
    assert FORMATS[name].help in texts(app)
    assert app.get("download_button")[0].proto.label == "Download items"


def test_the_set_up_of_label_studio_stands_beside_the_export(setup, full):
    app = setup("Export")
    app.segmented_control(key="form-items").set_value("label-studio").run()
    assert '<Choice value="noun"/>' in app.code[0].value


def test_a_project_without_a_text_column_is_told_which_formats_do_not_fit(page, trained):
    app = page("setup")
    app.segmented_control(key="section").set_value("Export").run()
    app.segmented_control(key="form-items").set_value("prodigy").run()
    assert "this project has no text column" in texts(app)
    assert app.get("download_button")[0].proto.disabled


# -- in a browser --------------------------------------------------------------------------------------------------


@pytest.mark.browser
def test_a_file_of_label_studio_goes_in_through_the_browser_and_out_again(full, url, tmp_path):
    """Upload, the look, take in, and export what came in."""
    file = tmp_path / "export.json"
    file.write_bytes(tasks())
    with running_app(url, tmp_path / "log") as address, browser(tmp_path / "profile") as page:
        page.goto(f"{address}/setup?project=texts")
        page.get_by_role("radio", name="Import", exact=True).click()
        settled(page)
        # By its name: else the file may go to the uploader of a new project, which is about to leave.
        uploader = page.get_by_test_id("stFileUploader").filter(has=page.get_by_role("region", name="A file of it"))
        uploader.locator("input[type=file]").set_input_files(file)
        expect(page.get_by_text("Everything in the file can be taken in.")).to_be_visible()
        expect(page.get_by_test_id("stMetric").filter(has_text="Entries")).to_contain_text("6")
        page.get_by_role("button", name="Take in 3 items and 6 answers").click()
        page.wait_for_url("**/retrain**")
        wait_until(lambda: "thing 2" in labels(full))
        page.goto(f"{address}/setup?project=texts")
        page.get_by_role("radio", name="Export", exact=True).click()
        page.get_by_role("radio", name="Label Studio JSON", exact=True).click()
        expect(page.get_by_text("The labelling set-up that goes with it")).to_be_visible()
        with page.expect_download() as download:
            page.get_by_role("button", name="Download items").click()
        name, found = download.value.suggested_filename, json.loads(download.value.path().read_bytes())
    assert name == "texts-items-label-studio.json"
    things = {each["data"]["definition"]: each for each in found}
    assert {each["reviewer"] for each in things["thing 0"]["annotations"]} == {"annotator 7", "annotator 8"}


def wait_until(done) -> None:
    """Until the worker, a process of its own, has stored it."""
    deadline = time.monotonic() + 60
    while not done():
        assert time.monotonic() < deadline, "the worker has not taken the file in"
        time.sleep(0.2)
