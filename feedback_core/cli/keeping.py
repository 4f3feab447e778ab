"""Commands about a project as a whole: its settings, its name, putting it away."""

from __future__ import annotations

import json
from dataclasses import fields
from typing import TYPE_CHECKING, Annotated, Any

import typer

from .options import AsJson, By, Database, ProjectName, app, open_loop, person, print_json, print_table
from .values import assigned

if TYPE_CHECKING:
    from ..store import Store
    from ..types import Project

Pairs = Annotated[list[str] | None, typer.Argument(metavar="NAME=VALUE...", help="Settings to change.")]
NewLabels = Annotated[list[str] | None, typer.Option("--label", help="Label to add; repeat for several.")]
ProjectArgument = Annotated[str, typer.Argument(metavar="PROJECT", help="Project by name.")]


@app.command()
def settings(
    pairs: Pairs = None,
    label: NewLabels = None,
    project: ProjectName = "",
    by: By = "",
    database: Database = "",
    as_json: AsJson = False,
) -> None:
    """Show a project's settings, or change some of them; what is not named stays as it is."""
    from ..settings import changed

    loop = open_loop(database, project)
    if pairs or label:
        loop.change(changed(loop.project.settings, assigned(pairs or ())), person(by), label or ())
    _show(loop.project, as_json)


@app.command()
def rename(
    name: Annotated[str, typer.Argument(metavar="NAME", help="The new name.")],
    project: ProjectName = "",
    by: By = "",
    database: Database = "",
    as_json: AsJson = False,
) -> None:
    """Give a project another name; everything in it stays."""
    loop = open_loop(database, project)
    renamed = loop.store.projects.rename(loop.project, name, now=loop.clock(), actor=person(by))
    _done(loop.store, renamed, f"The project is called {renamed.name} now.", as_json)


@app.command()
def archive(project: ProjectArgument, by: By = "", database: Database = "", as_json: AsJson = False) -> None:
    """Hide a project from the lists; nothing in it is lost, and `restore` brings it back."""
    loop = open_loop(database, project)
    put_away = loop.store.projects.archive(loop.project, now=loop.clock(), actor=person(by))
    _done(loop.store, put_away, f"{put_away.name} is archived: restore brings it back.", as_json)


@app.command()
def restore(project: ProjectArgument, by: By = "", database: Database = "", as_json: AsJson = False) -> None:
    """Bring an archived project back."""
    loop = open_loop(database, project)
    back = loop.store.projects.restore(loop.project, now=loop.clock(), actor=person(by))
    _done(loop.store, back, f"{back.name} is back.", as_json)


def _done(store: Store, project: Project, words: str, as_json: bool) -> None:
    from .. import exchange

    if as_json:
        print_json(exchange.project(project, store.versions.champion(project.id), len(store.versions.all(project.id))))
    else:
        typer.echo(words)


def _show(project: Project, as_json: bool) -> None:
    values = project.settings.to_dict()
    if as_json:
        print_json({"labels": list(project.labels), "settings": values})
        return
    typer.echo(f"{project.name}: labels {', '.join(project.labels)}")
    rows = [(spec.name, _written(values[spec.name]), _range(spec.metadata)) for spec in fields(project.settings)]
    print_table(("setting", "value", "may be"), rows)


def _written(value: Any) -> str:
    """A value as it is typed."""
    if isinstance(value, bool):
        return "on" if value else "off"
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _range(rule: Any) -> str:
    if "choices" in rule:
        return ", ".join(rule["choices"])
    return f"{rule['low']:,} to {rule['high']:,}" if "low" in rule else ""
