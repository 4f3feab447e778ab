"""What the commands share: the options they take, the project they mean, and how they print."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..environment import database_url, user_name
from .files import streamed

if TYPE_CHECKING:
    from ..loop import Loop

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Correct a model's predictions, retrain, and prove whether the new version is better.",
)

Database = Annotated[str, typer.Option(help="Database address, such as sqlite:///data/feedback.db.")]
ProjectName = Annotated[str, typer.Option("--project", help="Project by name; not needed when there is one only.")]
VersionNumber = Annotated[int, typer.Argument(metavar="VERSION", min=1, help="Number of the version.")]
AsJson = Annotated[bool, typer.Option("--json", help="JSON instead of words.")]
By = Annotated[str, typer.Option(help="Who decides; your name on this machine when not given.")]
Suspect = Annotated[
    bool | None,
    typer.Option(
        "--suspect/--keep-feedback",
        help="Ask for second opinions on what entered the version left; by default where somebody could answer.",
    ),
]
Reason = Annotated[str, typer.Option(help="Why; kept with the decision.")]
Limit = Annotated[int, typer.Option(min=1, max=1_000, help="How many to list.")]
Out = Annotated[Path | None, typer.Option(help="File to write; standard output when not given.")]


def open_loop(database: str, project: str) -> Loop:
    """The loop of the project that is meant. Raises NotFound or InvalidInput, saying which there are."""
    from ..errors import InvalidInput, NotFound
    from ..loop import Loop
    from ..store import open_store

    store = open_store(database or database_url())
    if project:
        return Loop(store, store.projects.named(project))
    found = store.projects.all()
    if not found:
        raise NotFound(f"There is no project in {store.url}: create one on the Setup page, or run the demo.")
    if len(found) > 1:
        names = ", ".join(repr(each.name) for each in found)
        raise InvalidInput(f"There are {len(found)} projects: say which one with --project. They are {names}.")
    return Loop(store, found[0])


def person(by: str) -> str:
    """Who acts: as given, or the name on this machine. Raises InvalidInput for a name that is nobody's."""
    from ..people import name_of_person

    return name_of_person(by or user_name())


def print_json(value: Mapping[str, Any] | Sequence[Any]) -> None:
    typer.echo(json.dumps(value, ensure_ascii=False))


def print_table(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Columns as wide as their widest cell."""
    widths = [max(map(len, column)) for column in zip(headings, *rows, strict=True)]
    for line in (headings, *rows):
        typer.echo("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip())


def deliver(text: str, out: Path | None) -> None:
    """To a file, or to standard output. Raises StoreError when the file cannot be written."""
    if out is None:
        typer.echo(text)
    else:
        streamed([text.encode(errors="replace")], out)
