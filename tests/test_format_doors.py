"""Files of other programs through the command line and REST, and the guide that lists them."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import get_args

import pytest
from starlette.testclient import TestClient

from feedback_core.api import create_api
from feedback_core.api.feeds import Streamed
from feedback_core.formats import FORMATS
from tests.test_cli_loop import call, error_of
from tests.test_formats import BOTH, full, labels, project_of_texts, written

__all__ = ["full"]

ROOT = Path(__file__).parent.parent


# -- the command line ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", BOTH)
def test_a_project_goes_out_and_into_another_by_command(full, url, tmp_path, name):
    out = str(tmp_path / f"out{FORMATS[name].extension}")
    assert call(url, "export", "items", "--format", name, "--out", out, "--project", "texts").exit_code == 0
    assert Path(out).read_bytes()[:4] == written(full, name, hidden=True)[:4]
    project_of_texts(full.store, "another")
    given = ("import", out, "--format", name, "--project", "another", "--by", "ana")
    look = call(url, *given, "--dry-run")
    assert look.exit_code == 0
    assert "6 answers would become entries, 2 base truth; 0 are here." in look.stdout
    assert "People: ana (3), ben (3)" in look.stdout
    assert json.loads(call(url, *given, "--dry-run", "--json").stdout)["unknown"] == {}
    assert "6 new items, 6 new answers, 0 answers were here already." in call(url, *given).stdout
    again = json.loads(call(url, *given, "--json").stdout)
    assert (again["added"], again["entries"], again["already"], again["told"]) == (0, 0, 6, [])


def test_a_command_maps_fields_names_and_labels_and_lists_what_is_left_out(full, url, tmp_path):
    file = tmp_path / "theirs.jsonl"
    lines = [
        {"text": "a fox", "wide": 1, "long": 5, "label": "noun", "answer": "accept", "_annotator_id": "c1"},
        {"text": "soon", "wide": 2, "long": 4, "label": "adverb", "answer": "accept", "_annotator_id": "c1"},
    ]
    file.write_text("\n".join(map(json.dumps, lines)))
    given = ("import", str(file), "--format", "prodigy", "--project", "texts", "--by", "ana")
    look = call(url, *given, "--dry-run")
    assert (look.exit_code, "say which field holds the column 'length'" in look.stdout) == (1, True)
    named = (*given, "--column", "length=long", "--reviewer", "c1=cleo")
    done = call(url, *named)
    assert "Left out: line 2: adverb is not a label of this project: its answer is left out" in done.stdout
    assert labels(full)["a fox"] == ("pool", "noun", {("cleo", "noun")})
    assert call(url, *named, "--new-label", "adverb").exit_code == 0
    assert full.store.projects.named("texts").labels == ("noun", "verb", "adverb")
    assert labels(full)["soon"][1] == "adverb"
    assert "write name=name" in error_of(url, *given, "--column", "length")


# -- REST ----------------------------------------------------------------------------------------------------------


def test_rest_exports_every_format_that_streams(full):
    client = TestClient(create_api(full.store.url), headers={"X-Feedback-User": "ana"})
    address = f"/projects/{full.project.id}/export/items"
    streamed = {name for name in FORMATS if FORMATS[name].write and name not in ("parquet", "spacy", "mlflow")}
    assert set(get_args(Streamed)) == streamed
    for name in streamed:
        answer = client.get(address, params={"format": name})
        assert (answer.status_code, answer.headers["content-type"].split(";")[0]) == (200, FORMATS[name].mime)
        assert answer.content[:20] == written(full, name)[:20]
    refused = client.get(f"/projects/{full.project.id}/export/feedback", params={"format": "prodigy"})
    assert (refused.status_code, "holds items" in refused.json()["detail"]) == (422, True)


# -- the guide -----------------------------------------------------------------------------------------------------


def table() -> str:
    rows = ["| name | what | file | out | in | needs |", "|---|---|---|---|---|---|"]
    for name in FORMATS:
        format = FORMATS[name]
        ends = ", ".join(f"`{ending}`" for ending in dict.fromkeys((format.extension, *format.accepts)))
        ways = (" and ".join(format.holds) if format.write else "no", "yes" if format.read else "no")
        needs = f"`{format.package}`" if format.package else ""
        rows.append(f"| `{name}` | **{format.title}**: {format.help} | {ends} | {ways[0]} | {ways[1]} | {needs} |")
    return "\n".join(rows)


def test_the_guide_lists_what_the_registry_holds():
    text = (ROOT / "docs" / "formats.md").read_text()
    found = re.search(r"<!-- formats -->\n(.*?)\n<!-- /formats -->", text, re.DOTALL)
    assert found is not None
    assert found[1] == table(), f"put this between the marks:\n{table()}"
