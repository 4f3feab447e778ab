"""Commands by which a table comes in: a new project, or more rows of one."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..environment import database_url
from .ending import DONE, FAILED
from .files import Ending, Source, table
from .options import AsJson, By, Database, ProjectName, app, open_loop, person, print_json, print_table
from .running import finished, rescored
from .values import assigned

if TYPE_CHECKING:
    from ..loop import Loop
    from ..plans import Plan

Columns = list[str] | None
Label = Annotated[
    str | None, typer.Option(help="Column of the labels; proposed from the file when not given, '' for none.")
]
Key = Annotated[str | None, typer.Option(help="Column of your own ids; proposed when not given, '' for none.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Say what was understood and what is wrong; store nothing.")]
SkipBad = Annotated[bool, typer.Option("--skip-bad", help="Leave rows with a problem out, instead of refusing all.")]
TaskName = Annotated[
    str, typer.Option("--task", help="What is predicted; proposed from the label column when not given.")
]
Limit = Annotated[int, typer.Option(min=0, max=1_000, help="Problems to list.")]
Numbers = Annotated[Columns, typer.Option(help="Column of numbers; repeat for several.")]
Categories = Annotated[Columns, typer.Option(help="Column of categories; repeat.")]
Texts = Annotated[Columns, typer.Option(help="Column of texts; repeat.")]
Timestamps = Annotated[Columns, typer.Option(help="Column of points in time; repeat.")]
LeftOut = Annotated[Columns, typer.Option(help="Column that is no input; repeat.")]


@app.command()
def create(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Of the project.")],
    file: Source,
    label: Label = None,
    key: Key = None,
    number: Numbers = None,
    category: Categories = None,
    text: Texts = None,
    timestamp: Timestamps = None,
    leave_out: LeftOut = None,
    labels: Annotated[str, typer.Option(help="Further labels, separated by commas.")] = "",
    setting: Annotated[Columns, typer.Option(metavar="NAME=VALUE", help="As for `settings`; repeat.")] = None,
    train: Annotated[bool, typer.Option(help="Train the first version, where there are labels.")] = True,
    dry_run: DryRun = False,
    skip_bad: SkipBad = False,
    limit: Limit = 20,
    format: Ending = "",
    task: TaskName = "",
    by: By = "",
    database: Database = "",
    as_json: AsJson = False,
) -> None:
    """Make a project of a table: its rows come in, and the first version is trained here and now."""
    from .. import plans
    from ..loop import Loop, create_project
    from ..settings import Settings, changed
    from ..store import open_store
    from ..tasks import TASKS

    kinds = {"number": number, "category": category, "text": text, "timestamp": timestamp, plans.LEAVE_OUT: leave_out}
    chosen = {column: kind for kind, columns in kinds.items() for column in columns or ()}
    further = list(filter(None, map(str.strip, labels.split(","))))
    own, rows = assigned(setting or ()), table(file, format, database)
    wanted: Any = {"task": known_task(task), "settings": changed(Settings(), own)}
    plan = plans.new_project(rows, label=label, key=key, labels=further, kinds=chosen, **wanted)
    settings = changed(plans.first_settings(plan, rows), own)
    if dry_run:
        _rehearsed(plan, None, limit, skip_bad, as_json)
    plans.checked(plan, skip_bad=skip_bad)
    store = open_store(database or database_url())
    project = create_project(store, name, plan.schema, plan.labels, settings, actor=person(by), task=plan.task)
    loop = Loop(store, project)
    _take_in(loop, plan, person(by), as_json)
    if train and (plan.labelled or TASKS[plan.task].background):
        finished(loop, loop.request_retrain(person(by), "first data"), as_json)
    rescored(loop, as_json)
    _report(loop, plan, limit, as_json)


@app.command()
def add(
    file: Source,
    label: Label = None,
    key: Key = None,
    dry_run: DryRun = False,
    skip_bad: SkipBad = False,
    limit: Limit = 20,
    format: Ending = "",
    project: ProjectName = "",
    by: By = "",
    database: Database = "",
    as_json: AsJson = False,
) -> None:
    """Add rows of a table to a project; rows whose key or input is known are left as they are."""
    from .. import plans

    loop = open_loop(database, project)
    plan = plans.more_rows(table(file, format, database), loop.project, label=label, key=key)
    if dry_run:
        _rehearsed(plan, loop, limit, skip_bad, as_json)
    plans.checked(plan, skip_bad=skip_bad)
    _take_in(loop, plan, person(by), as_json)
    rescored(loop, as_json)
    _report(loop, plan, limit, as_json)


def known_task(name: str) -> str | None:
    """A task by its name, None for none. Raises NotFound naming those there are."""
    from .. import tasks

    return tasks.TASKS[name].name if name else None


def _take_in(loop: Loop, plan: Plan, by: str, as_json: bool) -> None:
    """Store rows through the job that the Setup page uses: cut off, it goes on from its file."""
    from .. import staging

    name = staging.write(plan.rows, staging.folder(loop.store.artifacts))
    payload = {"file": name, "train": False}
    asked: dict[str, Any] = {"trigger": "command line", "by": by, "now": loop.clock(), "payload": payload}
    finished(loop, loop.store.jobs.request(loop.project.id, "import", **asked), as_json)


def _rehearsed(plan: Plan, loop: Loop | None, limit: int, skip_bad: bool, as_json: bool) -> None:
    """Show a plan and end: with an error's exit code where it could not be carried out."""
    ready = bool(plan.rows.inputs) and (skip_bad or not plan.blocking)
    if as_json:
        print_json(_facts(plan, limit) | ({} if loop is None else {"destinations": loop.destinations(plan.rows)}))
    else:
        _tell(plan, limit)
        typer.echo("Nothing was stored." if ready else "It cannot be stored like this: see the problems.")
    raise typer.Exit(DONE if ready else FAILED)


def _report(loop: Loop, plan: Plan, limit: int, as_json: bool) -> None:
    from .. import exchange, tasks

    store, project = loop.store, loop.project
    champion, counts = store.versions.champion(project.id), store.tallies.of(project.id, "items")
    if as_json:
        told = exchange.project(project, champion, len(store.versions.all(project.id)))
        print_json({"project": told, "items": counts, **_facts(plan, limit)})
        return
    _tell(plan, limit)
    typer.echo(
        f"{project.name} holds {sum(counts.values()):,} items, {counts.get('pool/open', 0):,} of them to review."
    )
    if not tasks.of(project).learns:
        typer.echo("No model predicts here: see the groups on the page Groups, and say which items belong together.")
    elif champion is None:
        typer.echo("There is no model yet: review some items, then retrain.")
    else:
        typer.echo(f"Version {champion.number} serves.")


def _facts(plan: Plan, limit: int) -> dict[str, Any]:
    return {
        "task": plan.task,
        "columns": [{"name": column.name, "kind": column.kind} for column in plan.schema.columns],
        "labels": list(plan.labels),
        "label": plan.label_column,
        "key": plan.id_column,
        "rows": len(plan.rows.inputs),
        "labelled": plan.labelled,
        "problems": [asdict(problem) for problem in plan.problems[:limit]],
        "problems_in_all": len(plan.problems),
        "notes": list(plan.notes),
        "unread": list(plan.unread),
    }


def _tell(plan: Plan, limit: int) -> None:
    for note in plan.notes:
        typer.echo(note)
    typer.echo(f"Inputs: {', '.join(f'{each.name} ({each.kind})' for each in plan.schema.columns[:30])}")
    labels = f"; labels: {', '.join(plan.labels[:20])}" if plan.labels else ""
    typer.echo(f"Label: {plan.label_column or 'none'}{labels}")
    typer.echo(f"Key: {plan.id_column or 'none, equal inputs are one item'}")
    if plan.unread:
        typer.echo(f"Not read: {', '.join(plan.unread[:20])}")
    typer.echo(f"{len(plan.rows.inputs):,} rows can be stored, {plan.labelled:,} of them with a label.")
    listed = [(str(p.row or "all"), p.column or "", p.value, p.what) for p in plan.problems[:limit]]
    if listed:
        print_table(("row", "column", "value", "what"), listed)
    if len(plan.problems) > limit:
        typer.echo(f"{len(plan.problems) - limit:,} more problems are not listed: raise --limit.")
