"""The README's walk-through without a browser, run as it is printed against the real server."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from feedback_core.store import open_store
from tests.browser import free_port

ROOT = Path(__file__).resolve().parent.parent
TITLE = "\n## Without a browser: service, cron job, pipeline\n"
SECTION = (ROOT / "README.md").read_text().split(TITLE)[1].split("\n## ")[0]
BLOCKS = re.findall(r"```(\w+)\n(.*?)```", SECTION, re.DOTALL)
USED = ("app.py", "pages", "feedback_core", "data", ".streamlit")


@pytest.fixture
def place(tmp_path):
    """A home with a checkout of its own: links to what the section uses, so that it leaves nothing in this one."""
    checkout = tmp_path / "ai-feedback-loop"
    checkout.mkdir()
    for name in USED:
        (checkout / name).symlink_to(ROOT / name)
    (checkout / ".venv").symlink_to(sys.prefix)
    return checkout


@pytest.fixture
def shell(place):
    """Runs a block as a person's shell does; what it leaves in the background is ended with the test."""
    port, groups = free_port(), []
    environment = os.environ | {
        "HOME": str(place.parent),
        "FEEDBACK_DATABASE": f"sqlite:///{place.parent / 'walkthrough.db'}",
        "FEEDBACK_API": f"http://127.0.0.1:{port}/api",
        "STREAMLIT_SERVER_PORT": str(port),
        "OMP_NUM_THREADS": "1",
    }

    def run(block: str, where: Path = place) -> tuple[int, str]:
        log = place.parent / f"block{len(groups)}.log"
        with log.open("w") as output:
            process = subprocess.Popen(
                ["bash", "-eu", "-c", block],
                cwd=where,
                env=environment,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
            groups.append(process.pid)
            code = process.wait(timeout=300)
        return code, log.read_text()

    yield run
    for group in groups:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(group, signal.SIGTERM)


@pytest.mark.slow
def test_the_walk_through_runs_as_printed(shell, place):
    assert [kind for kind, _ in BLOCKS] == ["sh", "python", "sh", "cron", "sh"]
    start, service, serve, cron, pipeline = (text for _, text in BLOCKS)

    code, said = shell(start)
    assert code == 0, said
    assert '{"status":"ok"' in said, "curl prints the health of the server"
    store = open_store(f"sqlite:///{place.parent / 'walkthrough.db'}")
    (project,) = store.projects.all()
    assert store.versions.champion(project.id).number == 1

    (place / "service.py").write_text(service)
    code, said = shell(serve)
    assert code == 0, said
    wrong = int(re.search(r"version 1 was wrong about (\d+) of 1000 customers", said)[1])
    counts = store.tallies.of(project.id, "total")
    assert (counts["correct"], counts["confirm"]) == (wrong, 1000 - wrong), "the core tells corrections itself"
    assert said.count("50 corrections") >= 1

    (when,) = (line for line in cron.splitlines() if not line.startswith("#"))
    fields = when.split(None, 5)
    assert all(re.fullmatch(r"[\d*/,-]+", field) for field in fields[:5])
    code, said = shell(fields[5], where=place.parent)
    assert code == 0, said
    version = store.versions.numbered(project.id, 2)
    assert (version.created_by, version.status) == ("cron", "candidate")

    code, said = shell(pipeline)
    assert code == 0, said
    assert "The gate advises: promote." in said
    assert len(store.versions.reports(project.id)) == 2, "gating took no look of its own"
    assert store.versions.champion(project.id).number == 2
    assert store.versions.report_on(version.id).decided_by == "pipeline"
    assert (place / "report.html").read_text().startswith("<!doctype html>")

    code, said = shell('curl --silent --fail "$FEEDBACK_API/projects/1/champion"')
    assert (code, json.loads(said)["number"]) == (0, 2), "the server answers with the new version"
