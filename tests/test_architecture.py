"""The map in ARCHITECTURE.md holds: arrows point one way, libraries stay in their rooms, the documents are true."""

from __future__ import annotations

import ast
import re
from importlib import import_module
from pathlib import Path

import pytest

from tests.conftest import printed

ROOT = Path(__file__).parent.parent
CORE = ROOT / "feedback_core"

_FLOORS = """
errors parent cache neighbours projection listening
cron client environment fence trouble pictures multilabel
settings registry scored
types
intervals wording scope children permissions confined
calibration conformal ranking
intake tables exports encoding datasets
    review training evaluation number_scores gate threshold slices bulk queue_audit unusual scoring staging estimates
    automation label_sets multilabel_scores influence movement
    forecast credit dry_run charts headlines version_scores prioritize models store
tasks footing
formats surroundings feature_space sampling trust beliefs refits fitting provenance suspects taking_in plans explain
recorded
second_look comparison accuracies studies reports rescoring triggers webhooks
realtime mean_errors outside
reproduce
loop insights inspection exchange
learned decisions drift_alerts arrivals people briefing unattended number_views brought alarm_views outgoing
    mlflow_model
reordering maps similar submissions lineup clustering explaining
entry_lines incoming
heartbeat reviewers feedback_loop deck served_model receipts
worker
project_storage demo supervisor child
simulate
cli api
__main__ __init__
"""

LEVELS = tuple(frozenset(names.split()) for names in _FLOORS.replace("\n    ", " ").strip().splitlines())
"""Rooms from the ground up. A module imports only from floors below its own, and from its own package."""


def room(path: Path) -> str:
    parts = path.relative_to(CORE).with_suffix("").parts
    return parts[0]


def imports(path: Path) -> list[tuple[str, int]]:
    """(absolute module, line) of every import anywhere in a file, type-checking ones included."""
    package = ("feedback_core", *path.relative_to(CORE).parent.parts) if path.is_relative_to(CORE) else ("",)
    found = []
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found += [(alias.name, node.lineno) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = ".".join(package[: len(package) - node.level + 1]) if node.level else ""
            module = ".".join(filter(None, (base, node.module or "")))
            found.append((module, node.lineno))
            found += [(f"{module}.{alias.name}", node.lineno) for alias in node.names]
    return found


def core_files() -> list[Path]:
    return sorted(CORE.rglob("*.py"))


def test_every_module_has_a_floor() -> None:
    assert {room(path) for path in core_files()} - set().union(*LEVELS) == set()


@pytest.mark.parametrize("path", core_files(), ids=lambda path: str(path.relative_to(CORE)))
def test_arrows_point_down(path: Path) -> None:
    floor = {name: n for n, names in enumerate(LEVELS) for name in names}
    mine = room(path)
    for module, line in imports(path):
        parts = module.split(".")
        if parts[0] != "feedback_core" or len(parts) < 2 or parts[1] not in floor or parts[1] == mine:
            continue
        assert floor[parts[1]] < floor[mine], f"{path.name}:{line} imports {module} from its own floor or above"


HOMES = {
    "streamlit": ("app.py", "pages/"),
    "plotly": ("feedback_core/charts/",),
    "typer": ("feedback_core/cli/",),
    "fastapi": ("feedback_core/api/",),
    "jinja2": ("feedback_core/reports/",),
    # The package imports it first of all, so that no other library's SQLite stands in for it.
    "sqlite3": ("feedback_core/store/", "feedback_core/__init__.py"),
    "sqlite_utils": ("feedback_core/store/",),
}


@pytest.mark.parametrize("library", sorted(HOMES))
def test_a_library_stays_in_its_room(library: str) -> None:
    for path in (ROOT / "app.py", *(ROOT / "pages").glob("*.py"), *core_files()):
        name = path.relative_to(ROOT).as_posix()
        used = any(module.split(".")[0] == library for module, _ in imports(path))
        assert not used or name.startswith(HOMES[library]), f"{name} imports {library}"


def test_only_the_store_holds_sql() -> None:
    statement = re.compile(r"\b(select .+ from|insert into|update \w+ set|delete from)\b", re.IGNORECASE)
    for path in core_files():
        if room(path) == "store":
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                assert not statement.search(node.value), f"{path.name}:{node.lineno}: {node.value[:60]}"


def test_there_are_two_catch_alls_one_for_a_job_and_one_for_work_that_must_not_hold_up_other_work() -> None:
    broad = [
        (path.name, node.lineno)
        for path in core_files()
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.ExceptHandler)
        and (node.type is None or (isinstance(node.type, ast.Name) and node.type.id in ("Exception", "BaseException")))
        and not any(isinstance(inner, ast.Raise) for inner in ast.walk(node))
    ]
    assert [name for name, _ in broad] == ["trouble.py", "worker.py"]


def test_importing_the_package_loads_no_heavy_library() -> None:
    code = "import sys, feedback_core; print(sorted({'pandas', 'sklearn', 'plotly', 'streamlit'} & set(sys.modules)))"
    out = printed(code)
    assert out.strip() == "[]"


def stage_rows() -> list[list[str]]:
    text = (ROOT / "README.md").read_text()
    table = text[text.index("| stage |") :].split("\n\n")[0]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in table.splitlines()[2:]]


def test_the_stage_table_of_the_readme_names_what_exists() -> None:
    from feedback_core.loop import Loop

    rows = stage_rows()
    assert len(rows) == 10
    for _, _, modules, methods, pages in rows:
        for name in re.findall(r"`([\w/]+?)(?:\.py|/)`", modules):
            assert (CORE / f"{name}.py").is_file() or (CORE / name).is_dir(), name
        for method in re.findall(r"`(\w+)`", methods):
            assert hasattr(Loop, method), method
        for page in pages.split(","):
            assert (ROOT / "pages" / f"{page.strip().lower()}.py").is_file(), page


def test_the_documents_name_every_setting_and_command() -> None:
    from dataclasses import fields

    from feedback_core.settings import Settings

    text = (ROOT / "docs" / "settings.md").read_text()
    for name in (field.name for field in fields(Settings)):
        assert f"`{name}`" in text, f"setting {name} is missing in docs/settings.md"
    text = (ROOT / "docs" / "command_line.md").read_text()
    commands = import_module("feedback_core.cli").app.registered_commands
    for command in commands:
        name = command.name or command.callback.__name__
        assert f"python -m feedback_core {name}" in text, name


def test_every_dependency_has_its_line_in_the_architecture() -> None:
    import tomllib

    text = (ROOT / "ARCHITECTURE.md").read_text().lower()
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    wanted = project["dependencies"] + project["optional-dependencies"]["dev"]
    for requirement in wanted:
        name = re.split(r"[<>=~!]", requirement)[0]
        assert f"| {name} |" in text, f"{name} has no line in ARCHITECTURE.md"


def test_links_in_the_documents_lead_somewhere() -> None:
    for document in ROOT.glob("*.md"):
        for target in re.findall(r"\]\((?!http|#)([^)#]+)", document.read_text()):
            assert (ROOT / target).exists(), f"{document.name} links to {target}"
