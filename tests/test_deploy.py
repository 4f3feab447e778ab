"""What lies under deploy/: every step of the workflow is run, and the image's files are enough for the app."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest
import yaml

from feedback_core.store import open_store
from feedback_core.types import Decision
from tests.browser import free_port
from tests.conftest import make_loop, rows
from tests.refused_worlds import WORLDS

ROOT = Path(__file__).resolve().parent.parent
DEPLOY = ROOT / "deploy"
WORKFLOW = yaml.safe_load((DEPLOY / "retrain.yml").read_text())
STEPS = WORKFLOW["jobs"]["retrain"]["steps"]


# -- the workflow --------------------------------------------------------------------------------------------------


def holds(condition: str | None, env: dict[str, str], green: bool) -> bool:
    """Whether a step runs: the few expressions that the workflow uses, as GitHub documents them."""
    text = condition or ""
    for part in (part.strip() for part in text.split("&&") if part.strip()):
        if part == "always()":
            continue
        name = re.fullmatch(r"env\.(\w+) != ''", part)
        assert name, f"the test does not know {part!r}"
        if not env.get(name[1]):
            return False
    return green or "always()" in text


def played(url: str, project: str, folder: Path) -> dict[str, int]:
    """Run the steps as the runner does; gives the exit code of each that ran, by name."""
    exported = folder / "github_env"
    exported.touch()
    env = WORKFLOW["env"] | {"FEEDBACK_DATABASE": url, "PROJECT": project, "GITHUB_ENV": str(exported)}
    # No index: a package that is missing must fail the step, and not be fetched by a test.
    env |= {
        "PYTHONPATH": str(ROOT),
        "PIP_NO_INDEX": "1",
        "OMP_NUM_THREADS": "1",
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
    }
    shutil.copy(ROOT / "requirements.txt", folder)
    codes: dict[str, int] = {}
    for step in STEPS:
        green = not any(codes.values())
        if "run" not in step or not holds(step.get("if"), env, green):
            continue
        command = ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step["run"]]
        done = subprocess.run(command, cwd=folder, env=os.environ | env, capture_output=True, text=True, timeout=300)
        codes[step["name"]] = done.returncode
        assert done.returncode in (0, 3, 4), f"{step['name']}: {done.stdout}{done.stderr}"
        env |= dict(line.split("=", 1) for line in exported.read_text().splitlines())
    return codes


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "work").mkdir()
    return tmp_path / "work"


def test_a_better_version_is_promoted_and_its_report_written(store, clock, folder):
    loop = make_loop(store, clock, quiet_s=0.0, cool_down_s=0.0)
    loop.add_items(_swapped(rows(400)[0], loop), "test")
    first = loop.retrain("test")
    loop.judge(first)
    loop.promote(first, "test")
    loop.add_items(rows(300, seed=1, labelled=False)[0], "test")
    truth = rows(300, seed=1)[1]
    items = [item for chunk in store.items.export(1) for item in chunk if item.split == "pool"]
    loop.record(*(Decision(item.id, "ann", "correct", truth[item.key]) for item in items))
    codes = played(store.url, "points", folder)
    assert codes == dict.fromkeys(("Install", "Retrain, if it is due", "Gate", "Promote", "Write the report"), 0)
    assert store.versions.champion(1).number == 2
    assert store.versions.report_on(store.versions.numbered(1, 2).id).decided_by == WORKFLOW["env"]["ACTOR"]
    assert (folder / "report.html").read_text().startswith("<!doctype html>")
    assert json.loads((folder / "verdict.json").read_text())["action"] == "promote"


def _swapped(given, loop):
    """Base rows whose labels are wrong in a third of those to be trained on; the locked ones know the truth."""
    from feedback_core import intake

    held = intake.holdout_side(
        [intake.input_hash(body) for body in given.inputs], loop.project.salt, loop.project.settings.holdout_share
    )
    points = [json.loads(body) for body in given.inputs]
    labels = [
        label if locked else ("b" if x > 0 else "a")
        for label, locked, (x, _) in zip(given.labels, held, points, strict=True)
    ]
    return type(given)(given.inputs, given.keys, labels)


def test_a_worse_version_stops_the_job_before_promotion_and_leaves_its_report(store, clock, folder):
    loop = WORLDS["worse"](store, clock)
    champion = store.versions.champion(loop.project.id).number
    settings = type(loop.project.settings).from_dict(
        loop.project.settings.to_dict() | {"quiet_s": 0.0, "cool_down_s": 0.0, "retrain_threshold": 1}
    )
    store.projects.update(loop.project, settings=settings, now=clock(), actor="test")
    codes = played(store.url, loop.project.name, folder)
    assert (codes["Gate"], codes["Write the report"]) == (4, 0)
    assert "Promote" not in codes
    assert store.versions.champion(loop.project.id).number == champion
    assert "worse" in (folder / "report.html").read_text()


def test_where_nothing_is_due_the_job_is_green_and_does_nothing(trained, folder):
    codes = played(trained.store.url, "points", folder)
    assert codes == {"Install": 0, "Retrain, if it is due": 0}
    assert len(trained.store.versions.all(1)) == 1


def test_the_workflow_keeps_what_its_steps_write_and_may_only_read_the_repository():
    assert WORKFLOW["permissions"] == {"contents": "read"}
    (kept,) = (step for step in STEPS if step.get("uses", "").startswith("actions/upload-artifact@"))
    written = set(re.findall(r"(?:> |tee |--out )(\w+\.\w+)", "\n".join(step.get("run", "") for step in STEPS)))
    assert set(kept["with"]["path"].split()) == written == {"report.html", "verdict.json", "retrain.json"}
    assert holds(kept["if"], {"VERSION": "2"}, green=False), "the report of a refused version is kept as well"
    names = [step.get("name") for step in STEPS]
    assert names.index("Gate") < names.index("Promote")


# -- the image -----------------------------------------------------------------------------------------------------


def instructions() -> list[tuple[str, str]]:
    """Every instruction of the container file with what follows it; comments and line ends are gone."""
    lines = [line for line in (DEPLOY / "Containerfile").read_text().splitlines() if not line.startswith("#")]
    joined = re.sub(r"\\\n\s*", "", "\n".join(lines))
    return [(word, rest) for word, _, rest in (line.partition(" ") for line in joined.splitlines() if line.strip())]


def copied() -> list[tuple[list[str], str]]:
    """What each COPY takes out of the checkout, and to where."""
    found = [shlex.split(rest) for word, rest in instructions() if word == "COPY" and "--from=" not in rest]
    return [(words[:-1], words[-1]) for words in found]


def one(name: str) -> str:
    """The only instruction of a name in the last stage, or its last one."""
    return [rest for word, rest in instructions() if word == name][-1]


def test_the_image_has_two_stages_an_own_user_pinned_packages_and_a_volume():
    told = instructions()
    assert [word for word, _ in told].count("FROM") == 2
    assert {word for word, _ in told} <= {
        *("FROM", "WORKDIR", "COPY", "RUN", "ENV", "USER", "VOLUME", "EXPOSE", "HEALTHCHECK", "STOPSIGNAL", "CMD")
    }
    last = [word for word, _ in told][max(n for n, (word, _) in enumerate(told) if word == "FROM") :]
    assert last.index("USER") < last.index("CMD"), "it does not run as root"
    assert one("USER") in " ".join(rest for word, rest in told if word == "RUN"), "its user is made"
    assert one("VOLUME") == "/data"
    assert "FEEDBACK_DATABASE=sqlite:////data/feedback.db" in one("ENV")
    assert "--no-deps -r requirements.txt" in " ".join(rest for _, rest in told)
    pins = re.findall(r"^[\w.-]+(.*)$", (ROOT / "requirements.txt").read_text(), re.MULTILINE)
    assert pins
    assert all(pin.startswith(("==", "[")) for pin in pins), "with --no-deps a range would not be one version"


def test_everything_that_is_copied_is_there_and_under_version_control():
    names = [name for sources, _ in copied() for name in sources]
    assert len(names) > 5
    for name in names:
        listed = subprocess.run(["git", "ls-files", "--", name], cwd=ROOT, capture_output=True, text=True, check=True)
        assert listed.stdout.strip(), f"{name} is not in the repository"


@pytest.mark.slow
def test_the_app_starts_from_the_copied_files_alone_and_passes_its_health_check(tmp_path):
    app, port = tmp_path / "app", str(free_port())
    app.mkdir()
    for sources, target in copied():
        for name in sources:
            _copy(ROOT / name, app / target, len(sources) > 1 or target.endswith("/"))
    command = [word.replace("8501", port).replace("0.0.0.0", "127.0.0.1") for word in json.loads(one("CMD"))]
    check = json.loads(one("HEALTHCHECK").partition("CMD ")[2].replace("8501", port))
    env = os.environ | {"FEEDBACK_DATABASE": f"sqlite:///{tmp_path / 'data.db'}", "HOME": str(tmp_path)}
    env["PATH"] = f"{Path(sys.executable).parent}:{env['PATH']}"
    env.pop("PYTHONPATH", None)
    with (tmp_path / "log").open("w") as log:
        server = subprocess.Popen(command, cwd=app, env=env, stdout=log, stderr=subprocess.STDOUT)
        try:
            deadline = time.monotonic() + 120
            while server.poll() is None and time.monotonic() < deadline:
                if subprocess.run(check, cwd=app, env=env, stderr=subprocess.DEVNULL, check=False).returncode == 0:
                    break
            else:
                pytest.fail((tmp_path / "log").read_text())
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=30) as page:
                assert page.status == 200
        finally:
            server.terminate()
            server.wait(timeout=30)
    assert open_store(env["FEEDBACK_DATABASE"]).projects.all() == []


def _copy(source: Path, target: Path, into: bool) -> None:
    place = target / source.name if into else target
    place.parent.mkdir(parents=True, exist_ok=True)
    if source.is_dir():
        shutil.copytree(source, place, ignore=shutil.ignore_patterns("__pycache__"))
    else:
        shutil.copy(source, place)
