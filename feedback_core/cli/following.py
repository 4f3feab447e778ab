"""Commands that say what is going on: events, figures, doubtful entries, and why no retrain starts now."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Literal

import typer

from .ending import DONE, NOT_NOW
from .options import AsJson, By, Database, Limit, ProjectName, Reason, app, open_loop, person, print_json, print_table
from .running import finished

After = Annotated[int, typer.Option(min=0, help="Only later ones, oldest first; the newest ones when not given.")]
Entries = Annotated[list[int], typer.Argument(metavar="ENTRY...", min=1, help="Numbers of feedback entries.")]


@app.command()
def events(
    limit: Limit = 20, after: After = 0, project: ProjectName = "", database: Database = "", as_json: AsJson = False
) -> None:
    """List who did what and when, with the version that was live."""
    from .. import exchange

    loop = open_loop(database, project)
    store, own = loop.store, loop.project.id
    found = store.listings.events(own, after, limit) if after else store.events.latest(own, limit)
    if as_json:
        print_json([exchange.event(each) for each in found])
        return
    numbers = {version.id: version.number for version in store.versions.all(own)}
    rows = [
        (
            str(each.id),
            exchange.event(each)["at"],
            each.actor,
            each.kind,
            str(numbers.get(each.version_id or 0, "none")),
        )
        for each in found
    ]
    print_table(("event", "at", "who", "what", "champion"), rows)


@app.command("why-not")
def why_not(project: ProjectName = "", database: Database = "", as_json: AsJson = False) -> None:
    """Say why a retrain does not start now, condition by condition; exits 0 when it is due, 3 when not."""
    from .. import triggers

    loop = open_loop(database, project)
    found = triggers.why(loop.store, loop.project, loop.clock())
    if as_json:
        print_json(asdict(found))
    else:
        typer.echo(found.answer)
        typer.echo(found.rule)
        rows = [(each.kind, "yes" if each.met else "no", each.sentence) for each in found.conditions]
        print_table(("condition", "met", "what it says"), rows)
    raise typer.Exit(DONE if found.due and found.free else NOT_NOW)


@app.command()
def insights(project: ProjectName = "", database: Database = "", as_json: AsJson = False) -> None:
    """Show what the Insights page shows: accuracies, forecast, credit, and what the queue has found."""
    from .. import wording
    from ..briefing import briefing

    loop = open_loop(database, project)
    found = briefing(loop.store, loop.project, loop.clock())
    if as_json:
        print_json(found)
        return
    for each in found["accuracy"]["estimates"]:
        typer.echo(f"{each['title']}: {wording.share(each['accuracy'])} ({each['sample']})")
    counts = loop.store.tallies.of(loop.project.id, "total")
    typer.echo(f"Feedback: {', '.join(f'{n:,} {verdict}' for verdict, n in sorted(counts.items())) or 'none yet'}")
    for study in ("forecast", "credit"):
        typer.echo(f"{study.capitalize()}: {found[study]['sentence'] or found[study]['empty']}")
    for each in found["queue"]["strategies"]:
        typer.echo(f"Drawn by {each['name']}: {wording.share(each['share'])} corrected")


@app.command()
def suspects(
    limit: Limit = 20,
    run: Annotated[bool, typer.Option("--run", help="Rank all entries here and now first.")] = False,
    project: ProjectName = "",
    by: By = "",
    database: Database = "",
    as_json: AsJson = False,
) -> None:
    """List the entries most likely wrong, the worst first; `rule` decides about them."""
    from .. import exchange
    from ..types import EntryFilter

    loop = open_loop(database, project)
    if run:
        finished(loop, loop.request_ranking(person(by)), as_json)
    found, _ = loop.store.ranks.page(loop.project.id, EntryFilter(), limit=limit)
    if as_json:
        print_json([exchange.entry(each.entry) | {"score": each.score, "parts": dict(each.parts)} for each in found])
        return
    if not found:
        typer.echo("No entry waits for a second look; --run ranks them anew.")
        return
    rows = [
        (str(e.id), str(e.item_id), e.reviewer, e.target or "", e.predicted or "", "" if s is None else f"{s:.3f}")
        for e, s in ((each.entry, each.score) for each in found)
    ]
    print_table(("entry", "item", "reviewer", "target", "prediction", "score"), rows)


@app.command()
def rule(
    ruling: Annotated[Literal["accept", "reject", "ask"], typer.Argument(help="It counts, it does not, ask again.")],
    entries: Entries,
    reason: Reason = "",
    project: ProjectName = "",
    by: By = "",
    database: Database = "",
    as_json: AsJson = False,
) -> None:
    """Decide about feedback entries as a maintainer; undo-rulings takes it back."""
    ruled = open_loop(database, project).rule(entries, ruling, person(by), reason)
    if as_json:
        print_json(asdict(ruled))
    elif ruled.id is None:
        typer.echo("Nothing had to change: it stood so already.")
    else:
        typer.echo(
            f"Ruled on {len(ruled.entries):,} of {len(entries):,} entries; undo-rulings {ruled.id} takes it back."
        )
