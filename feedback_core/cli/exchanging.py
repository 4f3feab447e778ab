"""The command by which a file of another program comes in, with what people have said in it."""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from .ending import DONE, FAILED
from .files import Source, content
from .options import AsJson, By, Database, ProjectName, app, open_loop, person, print_json, print_table
from .running import finished, rescored
from .values import named

if TYPE_CHECKING:
    from ..incoming import Choices, Look
    from ..loop import Loop


Format = Annotated[str, typer.Option("--format", help="label-studio, prodigy, argilla or huggingface.")]
Become = Annotated[
    Literal["entries", "labels"],
    typer.Option("--as", help="What people's answers become: entries by those people, or base truth."),
]
Columns = Annotated[
    list[str] | None, typer.Option(metavar="COLUMN=FIELD", help="Field of the file that holds a column; repeat.")
]
Reviewers = Annotated[
    list[str] | None, typer.Option(metavar="THEIRS=OURS", help="Name here of somebody in the file; repeat.")
]
Nameless = Annotated[
    str, typer.Option(help="Who gives labels that bear no name; they become base truth when not given.")
]
NewLabels = Annotated[
    list[str] | None, typer.Option(help="Label that the project gets first; repeat. Other unknown ones stay out.")
]
Predictions = Annotated[
    bool, typer.Option(help="Make versions of what models say in the file, known by their predictions alone.")
]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Say what would become of it; store nothing.")]
Limit = Annotated[int, typer.Option(min=0, max=1_000, help="Problems to list.")]


@app.command("import")
def import_file(
    file: Source,
    format: Format,
    become: Become = "entries",
    column: Columns = None,
    reviewer: Reviewers = None,
    nameless: Nameless = "",
    new_label: NewLabels = None,
    predictions: Predictions = True,
    dry_run: DryRun = False,
    limit: Limit = 20,
    project: ProjectName = "",
    by: By = "",
    database: Database = "",
    as_json: AsJson = False,
) -> None:
    """Take in a file of another program: items, and what people have said about them. Sent again, it is stored once."""
    from .. import incoming

    loop, data = open_loop(database, project), content(file)
    fields = incoming.matched(loop.project, incoming.fields(io.BytesIO(data), loop.project, format))
    fields |= named(column or ())
    people, labels = named(reviewer or ()), tuple(new_label or ())
    choices = incoming.Choices(format, become, fields, people, nameless.strip(), labels, predictions)
    if dry_run:
        look = incoming.look(loop.store, loop.project, io.BytesIO(data), choices)
        _tell(look, limit, as_json)
        raise typer.Exit(FAILED if look.empty or look.stopped else DONE)
    result = _take_in(loop, data, choices, person(by), as_json)
    for job_id in result["jobs"]:
        finished(loop, loop.store.jobs.get(job_id), as_json)
    rescored(loop, as_json)
    if as_json:
        print_json(result)
    else:
        _say(result, limit)


def _say(result: Mapping[str, Any], limit: int) -> None:
    typer.echo(
        f"{result['records']:,} records read: {result['added']:,} new items, {result['entries']:,} new answers, "
        f"{result['already']:,} answers were here already."
    )
    for sentence in (*result["says"], *(f"Left out: {told}" for told in result["told"][:limit])):
        typer.echo(sentence)
    if result["problems"] > limit:
        typer.echo(f"{result['problems'] - min(limit, len(result['told'])):,} more are not listed: raise --limit.")


def _take_in(loop: Loop, data: bytes, choices: Choices, by: str, as_json: bool) -> dict[str, Any]:
    """Through the job that the Setup page uses: cut off, it goes on from its file."""
    from .. import staging

    name = staging.put(io.BytesIO(data), staging.folder(loop.store.artifacts))
    payload = {"file": name, "choices": choices.to_dict()}
    asked: dict[str, Any] = {"trigger": "command line", "by": by, "now": loop.clock(), "payload": payload}
    done = finished(loop, loop.store.jobs.request(loop.project.id, "import file", **asked), as_json)
    return dict(done.result or {})


def _tell(look: Look, limit: int, as_json: bool) -> None:
    report = look.report
    if as_json:
        counts = {name: getattr(look, name) for name in ("new", "known", "votes", "entries", "back", "stopped")}
        tallies = {name: dict(getattr(report, name)) for name in ("labels", "unknown", "people", "versions")}
        tallies["predictions"] = dict(look.guesses)
        problems = [asdict(problem) for problem in report.problems[:limit]]
        told = {"records": report.records, "problems": problems, "problems_in_all": report.problems_in_all}
        print_json(counts | tallies | told)
        return
    typer.echo(f"{report.records:,} records: {look.new:,} new items, {look.known:,} here already.")
    typer.echo(f"{look.entries:,} answers would become entries, {look.votes:,} base truth; {look.back:,} are here.")
    for title, counted in (
        ("People", report.people),
        ("Labels", report.labels),
        ("Unknown labels", report.unknown),
        ("Predictions of models elsewhere", look.guesses),
    ):
        if counted:
            typer.echo(f"{title}: {', '.join(f'{name} ({n:,})' for name, n in counted.most_common(20))}")
    listed = [(problem.column or "", problem.value, problem.what) for problem in report.problems[:limit]]
    if listed:
        print_table(("where", "value", "what"), listed)
    if report.problems_in_all > limit:
        typer.echo(f"{report.problems_in_all - limit:,} more are not listed: raise --limit.")
    typer.echo(look.stopped or ("There is nothing to take in." if look.empty else "Nothing was stored."))
