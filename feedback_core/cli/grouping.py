"""Commands about groups: what they are, what people say about them, and which are in use."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

import typer

from .options import AsJson, By, Database, Out, ProjectName, Reason, app, open_loop, person, print_json, print_table
from .running import finished

if TYPE_CHECKING:
    from ..clustering.views import Standing
    from ..types import Clustering, ClusterReport


@app.command()
def clusters(
    export: Annotated[bool, typer.Option("--export", help="Every item with its group as CSV, instead.")] = False,
    out: Out = None,
    project: ProjectName = "",
    database: Database = "",
    as_json: AsJson = False,
) -> None:
    """Show the groups in use and how good they are, or write every item with its group."""
    from ..clustering import views
    from ..errors import NotFound

    loop = open_loop(database, project)
    found = views.standing(loop)
    if as_json:
        print_json(views.told_standing(found))
        return
    if found.champion is None:
        raise NotFound("There are no groups yet: make the first ones with `recluster`.")
    if export:
        from .. import exports
        from .files import streamed

        streamed(exports.write_csv(views.members(loop, found.champion), views.COLUMNS), out)
        return
    _show(found, found.champion)


@app.command()
def recluster(
    k: Annotated[int | None, typer.Option("--groups", min=2, help="Groups wished; else as many as now.")] = None,
    project: ProjectName = "",
    by: By = "",
    database: Database = "",
    as_json: AsJson = False,
) -> None:
    """Make new groups here and now, and compare them with those in use."""
    from ..clustering import deciding

    loop = open_loop(database, project)
    job = finished(loop, deciding.request(loop, person(by), k, "command line"), as_json)
    made = loop.store.clusterings.numbered(loop.project.id, int(job.result["clustering"]))
    report = loop.store.clusterings.report_on(made.id)
    if report is not None:
        _tell(made, report, as_json)


@app.command("cluster-feedback")
def cluster_feedback(
    kind: Annotated[
        Literal["together", "apart", "merge", "split", "rename", "undo"], typer.Argument(help="What to say.")
    ],
    numbers: Annotated[
        list[int],
        typer.Argument(help="Two items for together and apart, two groups to merge, one to split or rename; an entry."),
    ],
    name: Annotated[str, typer.Option(help="The new name, for rename.")] = "",
    note: Annotated[str, typer.Option(help="Why; kept with the entry.")] = "",
    project: ProjectName = "",
    by: By = "",
    database: Database = "",
    as_json: AsJson = False,
) -> None:
    """Say what belongs together, merge, split or name groups, or undo an entry; new groups heed it."""
    from ..clustering import feedback, views

    loop, who = open_loop(database, project), person(by)
    if kind == "undo":
        entry = feedback.undo(loop, _single(numbers), who, note)
    else:
        is_pair = kind in ("together", "apart")
        items, groups = (tuple(numbers), ()) if is_pair else ((), tuple(numbers))
        said = feedback.ClusterSaid(kind, who, items, groups, name, note)
        entry = feedback.record(loop, said)
    if as_json:
        print_json(views.told_entry(entry))
    else:
        typer.echo(f"Entry {entry.id} is {'taken back' if kind == 'undo' else 'stored'}.")


@app.command("cluster-decide")
def cluster_decide(
    what: Annotated[Literal["compare", "promote", "refuse", "rollback"], typer.Argument(help="What to do with it.")],
    version: Annotated[int, typer.Argument(min=1, help="Number of the clustering.")],
    reason: Reason = "",
    project: ProjectName = "",
    by: By = "",
    database: Database = "",
    as_json: AsJson = False,
) -> None:
    """Compare a clustering with the one in use, put it into use, refuse it, or go back to it."""
    from ..clustering import deciding, views

    loop, who = open_loop(database, project), person(by)
    made = loop.store.clusterings.numbered(loop.project.id, version)
    if what == "compare":
        _tell(made, deciding.compare(loop, made), as_json)
        return
    decide = {"promote": deciding.promote, "refuse": deciding.refuse, "rollback": deciding.rollback}[what]
    decide(loop, made, who, reason)
    now = loop.store.clusterings.get(made.id)
    if as_json:
        print_json(views.told(now))
    else:
        typer.echo(f"Clustering {version} is {'in use' if now.status == 'champion' else now.status}.")


def _single(numbers: list[int]) -> int:
    from ..errors import InvalidInput

    if len(numbers) != 1:
        raise InvalidInput(f"{len(numbers)} numbers are too many: undo takes one entry at a time.")
    return numbers[0]


def _show(found: Standing, made: Clustering) -> None:
    from .. import wording

    typer.echo(f"Clustering {made.number}, {made.method}: {made.k} groups of {made.items:,} items.")
    typer.echo(f"Adjusted Rand index on pairs drawn by chance: {wording.number(found.rand)}.")
    typer.echo(f"Answers kept while left out: {wording.share(made.metrics['satisfaction'])}.")
    typer.echo(f"Stability over refits: {wording.number(made.metrics['stability'])}.")
    rows = [(str(each.number), each.name, f"{each.size:,}") for each in found.clusters]
    print_table(("group", "name", "items"), rows)


def _tell(made: Clustering, report: ClusterReport, as_json: bool) -> None:
    from ..clustering import views

    if as_json:
        print_json({"clustering": views.told(made), "report": views.told_report(report)})
        return
    typer.echo(f"Clustering {made.number}, {made.method}, {made.k} groups: {report.finding}.")
    for reason in report.reasons:
        typer.echo(reason)
