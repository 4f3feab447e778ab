"""Input meant to harm: it is stored as the text it is or refused in words; nothing runs, leaks, hangs or is lost.

What has a test elsewhere: foreign origins, forms, oversized bodies (test_api), foreign hosts (test_server), gzip and
Parquet bombs, any bytes as any file (test_tables), formulas in exports (test_exports), SQL in the store (test_store).
"""

from __future__ import annotations

import gzip
import json
import os
import pickle
import socket
import sqlite3
import time
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from starlette.testclient import TestClient

from feedback_core import staging, tables, worker
from feedback_core.api import create_api
from feedback_core.errors import ArtifactError, InvalidFile
from feedback_core.models import artifacts
from feedback_core.types import Decision
from tests.serving import served

SQL = "'); drop table feedback; --"
MARKUP = '<script>alert(1)</script><img src=x onerror="alert(1)">'
OVERRIDE = "gnp.\u202eexe"
JSON = {"content-type": "application/json"}


@pytest.fixture
def client(store) -> TestClient:
    return TestClient(create_api(store.url), raise_server_exceptions=False)


def refused(answer, *allowed: int) -> str:
    """The words of a refusal; a mistake of ours (500) is none."""
    assert answer.status_code in (allowed or (400, 404, 409, 413, 415, 422)), answer.text[:300]
    assert answer.headers["content-type"] == "application/problem+json"
    return answer.json()["detail"]


def counts(store) -> dict[str, int]:
    """Rows of each table, and that the file is sound."""
    with closing(sqlite3.connect(store.url.removeprefix("sqlite:///"))) as db:
        assert db.execute("pragma integrity_check").fetchone() == ("ok",)
        return {
            table: db.execute(f"select count(*) from {table}").fetchone()[0]
            for table in ("projects", "items", "feedback", "events", "versions", "jobs")
        }


def open_item(loop):
    return loop.store.items.get(loop.store.items.open_ids(loop.project.id)[0])


# -- bodies --------------------------------------------------------------------------------------------------------

NESTED = b"[" * 100_000 + b"]" * 100_000
HUGE = b"9" * 10_000

BODIES = {
    "nesting as an input": b'{"input": ' + NESTED + b', "target": "a"}',
    "nesting alone": NESTED,
    "objects in objects": b'{"input": ' + b'{"a":' * 50_000 + b"1" + b"}" * 50_000 + b', "target": "a"}',
    "an id of 10,000 digits": b'{"item": ' + HUGE + b', "target": "a"}',
    "an id beyond 64 bits": b'{"item": 18446744073709551617, "target": "a"}',
    "a number of 10,000 digits": b'{"input": [' + HUGE + b', 1], "target": "a"}',
    "a label of 10,000 digits": b'{"item": 1, "target": ' + HUGE + b"}",
    "a number beyond all floats": b'{"input": [1e400, 1], "target": "a"}',
    "NaN": b'{"input": [NaN, 1], "target": "a"}',
    "Infinity": b'{"input": [Infinity, 1], "target": "a"}',
    "NaN seconds": b'{"item": 1, "target": "a", "seconds": NaN}',
    "a lone surrogate as a note": b'{"input": [5, 5], "target": "a", "note": "\\ud800"}',
    "a lone surrogate as a reviewer": b'{"input": [5, 5], "target": "a", "by": "\\ud800"}',
    "a lone surrogate as a key": b'{"item": "\\udfff", "target": "a"}',
    "a lone surrogate as a label": b'{"input": [5, 5], "target": "\\ud800"}',
    "bytes that are no UTF-8": b'{"item": "\xff\xfe", "target": "a"}',
    "NUL as a key": b'{"item": "\\u0000", "target": "a"}',
    "NUL bytes": b"\x00" * 100,
    "thousands of columns": json.dumps({"input": {f"c{n}": n for n in range(50_000)}, "target": "a"}).encode(),
    "an unknown member": b'{"item": 1, "target": "a", "__class__": "os.system"}',
    "half a body": b'{"item": 1, "tar',
}


@pytest.mark.parametrize("name", BODIES)
def test_a_body_made_to_break_the_reader_is_refused_and_stores_nothing(client, trained, name):
    before = counts(trained.store)
    answer = client.post("/projects/1/feedback", content=BODIES[name], headers=JSON)
    assert len(refused(answer)) < 2_000
    assert counts(trained.store) == before
    assert client.get("/health").status_code == 200


@pytest.mark.parametrize(
    "line", [NESTED, b'{"input": [' + HUGE + b", 1]}", b'{"input": [NaN, 1]}', b"\x00", b'"\\ud800"']
)
def test_a_line_of_an_import_made_to_break_the_reader_is_refused_and_nothing_is_staged(client, trained, line):
    before = counts(trained.store)
    good = b'{"input": [1, 2]}\n'
    answer = client.post("/projects/1/import", content=good + line, headers={"content-type": "application/x-ndjson"})
    assert "line 2" in refused(answer)
    assert counts(trained.store) == before
    assert list(staging.folder(trained.store.artifacts).glob("*")) == []


def test_a_compressed_body_is_not_unpacked(client, trained):
    bomb = gzip.compress(b'{"input": [1, 2], "note": "' + b"x" * 50_000_000 + b'"}')
    answer = client.post("/projects/1/feedback", content=bomb, headers=JSON | {"content-encoding": "gzip"})
    assert "Compressed" in refused(answer, 415)


def test_of_a_member_that_comes_twice_the_last_counts_once(client, trained):
    one, two = (trained.store.items.open_ids(1)[n] for n in (0, 1))
    body = f'{{"item": {one}, "item": {two}, "target": "a", "target": "b"}}'.encode()
    stored = client.post("/projects/1/feedback", content=body, headers=JSON).json()
    assert (stored["item_id"], stored["target"]) == (two, "b")
    assert [entry.item_id for entry in trained.store.feedback.latest(1)] == [two]


def test_settings_made_to_break_something_are_refused(client, trained):
    for given in (
        '{"audit_share": NaN}', '{"audit_share": 1e400}', '{"seed": 99999999999999999999999}', '{"weights": {"margin": NaN}}',
        '{"params": {"n_estimators": 1e400}}', '{"estimator": "os.system"}', '{"estimator": "../../etc"}',
        '{"schedule": "* * * * * ; rm -rf /"}', '{"weights": {"__import__": 1}}', '{"segments": ["x0"]}',
    ):  # fmt: skip
        answer = client.patch("/projects/1", content=f'{{"settings": {given}}}'.encode(), headers=JSON)
        refused(answer)
    assert trained.store.projects.get(1).settings == trained.project.settings


# -- half a request ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["feedback", "import"])
def test_a_request_that_is_broken_off_stores_nothing_and_holds_up_nobody(trained, path):
    before = counts(trained.store)
    kind = "application/x-ndjson" if path == "import" else "application/json"
    head = (
        f"POST /projects/1/{path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: {kind}\r\nContent-Length: 9999\r\n\r\n"
    )
    with served(trained.store.url) as address:
        at = ("127.0.0.1", int(address.rpartition(":")[2]))
        slow = [socket.create_connection(at) for _ in range(50)]  # more than there are threads
        for each in slow:
            each.sendall(head.encode() + b'{"input": [1, 2]}\n')
        with closing(socket.create_connection(at, timeout=20)) as quick:
            quick.sendall(b"GET /health HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
            assert quick.recv(4096).startswith(b"HTTP/1.1 200")
        for each in slow:
            each.close()
        staged = staging.folder(trained.store.artifacts)
        deadline = time.monotonic() + 20
        while staged.is_dir() and any(staged.iterdir()):
            assert time.monotonic() < deadline, list(staged.iterdir())
            time.sleep(0.01)
    assert counts(trained.store) == before


# -- names ---------------------------------------------------------------------------------------------------------


def new_project(name: str, **more: object) -> dict[str, object]:
    columns = [{"name": "x0", "kind": "number"}, {"name": "why", "kind": "text"}]
    return {"name": name, "labels": ["a", "b"], "columns": columns} | more


@pytest.mark.parametrize("name", ["a\u0000b", "a\r\nSet-Cookie: x=1", OVERRIDE, "\ud800", "\u2066x", " ", "x" * 81])
def test_a_name_of_a_project_or_person_that_shows_as_something_else_is_refused(client, trained, name):
    before = counts(trained.store)
    refused(client.post("/projects", content=json.dumps(new_project(name)).encode(), headers=JSON))
    by = json.dumps({"input": [1, 2], "target": "a", "by": name}).encode()
    refused(client.post("/projects/1/feedback", content=by, headers=JSON))
    assert counts(trained.store) == before


@pytest.mark.parametrize("text", [SQL, MARKUP, OVERRIDE, "=cmd|' /C calc'!A0", "{{7*7}}", "%s%n", "../../etc/passwd"])
def test_what_people_write_is_kept_as_it_is_everywhere_and_shown_as_text(client, store, clock, text):
    named = text if text.isprintable() else "plain"
    made = client.post("/projects", json=new_project(named, labels=[text, "b"])).json()
    project = made["id"]
    rows = [
        {"input": {"x0": n, "why": f"{text} {n}"}, "key": f"{text}{n}", "label": text if n % 2 else "b"}
        for n in range(40)
    ]
    rows += [{"input": {"x0": n + 0.5, "why": text}, "key": f"{text} open {n}"} for n in range(3)]
    assert client.post(f"/projects/{project}/items", json={"items": rows}).status_code == 201
    entry = {"item": f"{text} open 1", "target": text, "note": text, "by": named}
    stored = client.post(f"/projects/{project}/feedback", json=entry).json()
    assert (stored["note"], stored["target"], stored["reviewer"]) == (text, text, named)
    assert client.get(f"/projects/{project}").json()["labels"] == [text, "b"]

    job = client.post(f"/projects/{project}/retrain", json={}).json()["id"]
    assert worker.run_next(store, "w", only=job).state == "done"
    for page in (f"/projects/{project}/card.html", "/versions/1/report.html"):
        shown = client.get(page)
        assert shown.status_code == 200
        assert "default-src 'none'" in shown.headers["content-security-policy"]
        assert "<script>alert" not in shown.text
        assert "<img src=x" not in shown.text
    for what in ("items", "feedback"):
        sent = client.get(f"/projects/{project}/export/{what}", params={"format": "csv"})
        assert "\r" not in sent.headers["content-disposition"]
        assert sent.headers["content-disposition"] == f'attachment; filename="project{project}-{what}.csv"'
        cells = [cell for line in sent.text.splitlines() for cell in line.split(",")]
        assert not [cell for cell in cells if cell.strip('"').startswith(("=", "@", "+"))]
    assert counts(store)["feedback"] == 1


@pytest.mark.parametrize("person", [MARKUP, SQL, OVERRIDE, "a\r\nb"])
def test_a_header_that_names_somebody_is_a_plain_name_or_refused(client, trained, person):
    from urllib.parse import quote

    answer = client.post("/projects/1/queue/draw", json={"n": 1}, headers={"X-Feedback-User": quote(person)})
    assert answer.status_code == (200 if person.isprintable() else 422)
    if person.isprintable():
        assert trained.store.draws.held_by(1, time.time()) == {person: 1}


# -- paths ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "path",
    [
        "/versions/..%2f..%2fetc%2fpasswd/artifact", "/versions/1%00/artifact", "/projects/1/export/..%2f..%2ffeedback.db",
        "/projects/1/export/%2e%2e%2ffeedback", "/projects/-1", "/projects/1e3", "/projects/0x1", "/versions/1;ls/artifact",
        "/versions/%F0%9F%92%A9/report", "/%2e%2e/%2e%2e/feedback.db", "/projects/9223372036854775808",
    ],
)  # fmt: skip
def test_no_path_leads_out_of_the_database(client, trained, path):
    refused(client.get(path), 404, 422)


@pytest.mark.parametrize("name", ["../test.db", "/etc/hostname", "..", "a/../../test.db", "", "sub/x.jsonl"])
def test_a_job_reads_and_removes_no_file_outside_the_folder_of_staged_rows(trained, name):
    target = staging.folder(trained.store.artifacts) / name
    there = target.exists()
    payload = {"file": name, "train": False}
    job = trained.store.jobs.request(1, "import", trigger="api", by="eve", now=trained.clock(), payload=payload)
    done = worker.run_next(trained.store, "w", trained.clock, only=job.id)
    assert (done.state, "staged" in (done.error or "")) == ("failed", True)
    assert target.exists() == there
    assert counts(trained.store)["items"] == 300


# -- files that would run ------------------------------------------------------------------------------------------


class Bomb:
    """Unpickled, it makes a file."""

    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.system, (f"touch {self.marker}",)


def dangerous(marker: Path) -> dict[str, bytes]:
    """Files that run code in a reader that trusts them."""
    import io

    numpy_file = io.BytesIO()
    np.save(numpy_file, np.array([Bomb(marker)], dtype=object), allow_pickle=True)
    return {
        "pickle": pickle.dumps(Bomb(marker)),
        "npy": numpy_file.getvalue(),
        "yaml": f'!!python/object/apply:os.system ["touch {marker}"]\n'.encode(),
        "xml": b'<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]><x>&e;</x>',
    }


@pytest.mark.parametrize("kind", ["pickle", "npy", "yaml", "xml"])
@pytest.mark.parametrize(
    "ending", ["csv", "parquet", "json", "jsonl", "csv.gz", "pkl", "joblib", "npy", "yaml", "xlsx", "xml"]
)
def test_no_upload_runs_anything_whatever_its_name(tmp_path, kind, ending):
    marker = tmp_path / "ran"
    data = dangerous(marker)[kind]
    if ending.endswith("gz"):
        data = gzip.compress(data)
    try:
        frame = tables.read_table(data, f"../{MARKUP}.{ending}")
    except InvalidFile as error:
        assert str(error)
    else:  # a line of YAML or XML is a table of text, and stays one
        assert (kind in ("yaml", "xml"), frame.map(type).isin([str]).all().all()) == (True, True)
    assert not marker.exists()


def test_a_model_file_that_was_replaced_is_neither_loaded_nor_sent(client, trained, tmp_path):
    version = trained.store.versions.champion(1)
    path = trained.store.artifacts / version.artifact / artifacts.MODEL
    marker = tmp_path / "ran"
    bomb = pickle.dumps(Bomb(marker))
    path.write_bytes(bomb.ljust(version.size, b"."))  # of the same size: a glance does not tell
    with pytest.raises(ArtifactError, match="has changed"):
        artifacts.load(trained.store.artifacts, version.artifact, version.sha256)
    refused(client.post("/projects/1/predict", json={"inputs": [[1, 2]]}))
    assert client.get(f"/versions/{version.id}/artifact").status_code != 200
    assert not marker.exists()


def test_a_model_of_foreign_types_is_not_saved_even_with_its_own_hash(tmp_path):
    with pytest.raises(ArtifactError):
        artifacts.save(Bomb(tmp_path / "ran"), tmp_path, "project1")
    assert not (tmp_path / "ran").exists()


# -- pages ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("page", ["overview", "predictions", "feedback", "retrain", "insights"])
def test_a_page_shows_markup_as_text(store, clock, monkeypatch, page):
    from feedback_core.loop import Loop, create_project
    from feedback_core.settings import Settings
    from tests.conftest import TWO_NUMBERS, rows
    from tests.test_pages import open_page

    project = create_project(store, MARKUP, TWO_NUMBERS, ("a", "b"), Settings(holdout_share=0.5), actor=MARKUP, salt=1)
    loop = Loop(store, project, clock=clock)
    loop.add_items(rows(80)[0], MARKUP)
    loop.add_items(rows(10, seed=1, labelled=False)[0], MARKUP)
    version = loop.retrain(MARKUP)
    loop.judge(version)
    loop.promote(version, MARKUP, MARKUP)
    loop.predict()
    item = open_item(loop)
    loop.record(Decision(item.id, MARKUP, "correct", "a", item.version_id, note=MARKUP))
    app = open_page(monkeypatch, store, page)
    assert not app.exception
    raw = [each.value for each in app.get("html")] if hasattr(app, "get") else []
    assert not [text for text in map(str, raw) if "onerror=" in text]
    assert not [each.value for each in app.markdown if each.allow_html and "onerror=" in each.value]
