"""Commands that show what is in the database and change nothing."""

from __future__ import annotations

from typing import Annotated

import typer

from ..environment import database_url
from .options import (
    AsJson,
    Database,
    Limit,
    Out,
    ProjectName,
    VersionNumber,
    app,
    deliver,
    open_loop,
    print_json,
    print_table,
)

MOST = 1_000


@app.command()
def projects(
    limit: Limit = MOST,
    archived: Annotated[
        bool, typer.Option("--archived", help="Those put away instead; `restore` brings one back.")
    ] = False,
    database: Database = "",
    as_json: AsJson = False,
) -> None:
    """List the projects, each with its champion's accuracy on the locked rows."""
    from .. import exchange, wording
    from ..store import open_store

    store = open_store(database or database_url())
    listed = store.projects.archived() if archived else store.projects.all()
    found = [
        exchange.project(each, store.versions.champion(each.id), len(store.versions.all(each.id)))
        for each in listed[:limit]
    ]
    if as_json:
        print_json(found)
        return
    rows = [
        [
            each["name"],
            str(each["versions"]),
            "none" if each["champion"] is None else str(each["champion"]),
            wording.share(each["accuracy"].get("holdout")),
            wording.share(each["accuracy"].get("audit")),
        ]
        for each in found
    ]
    print_table(("project", "versions", "champion", "accuracy on the holdout", "on the audit sample"), rows)


@app.command()
def versions(limit: Limit = MOST, project: ProjectName = "", database: Database = "", as_json: AsJson = False) -> None:
    """List the newest versions of a project, oldest first, with what was found and decided about each."""
    from .. import exchange, wording

    loop = open_loop(database, project)
    found = loop.store.versions.all(loop.project.id)[-limit:]
    if as_json:
        print_json([exchange.version(each) for each in found])
        return
    newest = {each.challenger_id: each for each in reversed(loop.store.versions.reports(loop.project.id))}
    rows = [
        [
            str(each.number),
            each.status,
            wording.score(each.metrics.get("holdout", {})),
            newest[each.id].finding if each.id in newest else "not judged",
            newest[each.id].decision or "undecided" if each.id in newest else "",
        ]
        for each in found
    ]
    measured = "mean error on the holdout" if loop.project.task == "regression" else "accuracy on the holdout"
    print_table(("version", "status", measured, "finding", "decision"), rows)


@app.command()
def report(
    version: VersionNumber, project: ProjectName = "", out: Out = None, database: Database = "", as_json: AsJson = False
) -> None:
    """Write the refinement report of a version's newest verdict as one file of HTML."""
    from .. import exchange

    loop = open_loop(database, project)
    found = loop.store.versions.verdict_on(loop.store.versions.numbered(loop.project.id, version))
    if as_json:
        print_json(exchange.report(found, *loop.store.versions.compared(found)))
        return
    deliver(loop.report_html(found), out)


@app.command()
def card(project: ProjectName = "", out: Out = None, database: Database = "", as_json: AsJson = False) -> None:
    """Write the champion's model card as one file of HTML."""
    from ..reports import card_facts

    loop = open_loop(database, project)
    if as_json:
        print_json(card_facts(loop.store, loop.project))
        return
    deliver(loop.card_html(), out)


@app.command()
def reproduce(
    version: VersionNumber, project: ProjectName = "", database: Database = "", as_json: AsJson = False
) -> None:
    """Rebuild a version from the database and compare it bit for bit; exit code 1 when it differs."""
    from .. import exchange
    from ..reproduce import reproduce as rebuild
    from ..reproduce import told

    loop = open_loop(database, project)
    found = rebuild(loop.store, loop.project, loop.store.versions.numbered(loop.project.id, version))
    if as_json:
        print_json(exchange.rebuild(found))
    else:
        for sentence in told(found):
            typer.echo(sentence)
    raise typer.Exit(0 if found.same else 1)


@app.command()
def explain(
    key: Annotated[str, typer.Argument(metavar="KEY", help="The item's key, as it came in or was given.")],
    project: ProjectName = "",
    database: Database = "",
    as_json: AsJson = False,
) -> None:
    """Say why the champion predicts what it predicts for an item."""
    from .. import explain as rules
    from .. import explaining, number_views

    loop = open_loop(database, project)
    item = explaining.item_of(loop, key)
    found = explaining.explained(loop, item)
    if as_json:
        print_json(explaining.as_json(loop, item, found))
        return
    told = found.explanation
    for line in (
        f"Version {found.version} predicts {number_views.told(loop.project, found.said)}.",
        found.sentence,
        rules.total(told),
        rules.method(told),
    ):
        typer.echo(line)
    shares = [[each.column, rules.amount(each.amount, told.unit, told.measure)] for each in told.strongest]
    print_table(("column", "adds"), shares)
    keys = loop.store.items.keys(found.named)
    for each in found.nearest:
        label = number_views.told(loop.project, each.label)
        typer.echo(f"Like {keys[each.item_id]}, labelled {label} (distance {each.distance:.2f}).")
    for pull in found.pulls:
        typer.echo(f"The answer {pull.label} about {keys[pull.item_id]} adds {pull.amount:+.2f}.")
