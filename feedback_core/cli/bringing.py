"""Commands by which models, and what they say, come in from elsewhere."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from .deciding import show_verdict
from .ending import ADVISED, DONE
from .files import STDIN, Ending, Source, content, table
from .options import AsJson, By, Database, ProjectName, app, open_loop, person, print_json
from .running import finished, rescored

if TYPE_CHECKING:
    from ..brought import Brought
    from ..loop import Loop
    from ..outside import Said

Renamed = Annotated[
    str, typer.Option("--labels", help="What the model says and which label that is, such as 0=no,1=yes.")
]
Named = Annotated[str, typer.Option("--version", help="Name of the version that said this; a column may name it too.")]


@app.command("import-model")
def import_model(
    file: Source,
    labels: Renamed = "",
    project: ProjectName = "",
    by: By = "",
    database: Database = "",
    as_json: AsJson = False,
) -> None:
    """Make a version of a fitted model (.skops, .onnx; .txt of LightGBM, .json and .ubj of XGBoost) and judge it.

    Exits as `judge`; the first one serves at once.
    """
    from .. import brought

    loop = open_loop(database, project)
    found = brought.model(loop, content(file), file.name, person(by), brought.renamed(labels))
    _judged(loop, found, as_json)


@app.command("import-predictions")
def import_predictions(
    file: Source,
    version: Named = "",
    format: Ending = "",
    project: ProjectName = "",
    by: By = "",
    database: Database = "",
    as_json: AsJson = False,
) -> None:
    """Take in what a model elsewhere says about items, and judge it; more of a version's predictions add to it."""
    from .. import brought

    loop = open_loop(database, project)
    said, named = _said(file, format)
    found = brought.predictions(loop, said, version or named, person(by))
    _judged(loop, found, as_json)


@app.command("connect-model")
def connect_model(
    url: Annotated[str, typer.Argument(metavar="URL", help="Where it is asked about rows.")],
    train_url: Annotated[str, typer.Option(help="Where it is asked to learn; left out, it is not.")] = "",
    timeout: Annotated[float, typer.Option(help="Seconds that one request may take.")] = 30.0,
    batch: Annotated[int, typer.Option(help="Rows of one request.")] = 500,
    project: ProjectName = "",
    by: By = "",
    database: Database = "",
    as_json: AsJson = False,
) -> None:
    """Connect a model that lives on another server; prints the secret that requests to it are signed with, once."""
    from .. import outside, webhooks

    loop = open_loop(database, project)
    given: dict[str, Any] = {"by": person(by), "now": loop.clock(), "timeout_s": timeout, "batch": batch}
    found, secret = outside.connect(loop.store, loop.project, url, train_url, webhooks.reach_here(), **given)
    if as_json:
        print_json({"url": found.url, "train_url": found.train_url, "secret": secret})
    else:
        typer.echo(f"Connected. Requests are signed with {secret}, which is not shown again.")
        typer.echo("Register the version that it serves: python -m feedback_core register-version NAME")


@app.command("disconnect-model")
def disconnect_model(project: ProjectName = "", by: By = "", database: Database = "", as_json: AsJson = False) -> None:
    """Ask the connected model nothing any more, and forget its secret; what it has said stays."""
    loop = open_loop(database, project)
    loop.store.outside.disconnect(loop.project.id, by=person(by), now=loop.clock())
    if as_json:
        print_json({"connected": False})
    else:
        typer.echo("Disconnected. Its versions keep what is stored of them.")


@app.command("register-version")
def register_version(
    name: Annotated[str, typer.Argument(metavar="NAME", help="What the connected model calls it.")],
    request: Annotated[int, typer.Option(min=0, help="Training request that it has learned from.")] = 0,
    project: ProjectName = "",
    by: By = "",
    database: Database = "",
    as_json: AsJson = False,
) -> None:
    """Make a version of what the connected model serves, ask it about the locked rows, and judge it."""
    from .. import brought

    loop = open_loop(database, project)
    _judged(loop, brought.version(loop, name, person(by), request or None), as_json)


def _said(file: Any, format: str) -> tuple[list[Said], str]:
    from .. import outside

    kind = format or ("csv" if file == STDIN else file.suffix.lstrip(".").lower())
    if kind in ("jsonl", "ndjson"):
        return outside.from_lines(content(file))
    return outside.from_table(table(file, format))


def _judged(loop: Loop, found: Brought, as_json: bool) -> None:
    from .. import exchange

    if not as_json:
        for sentence in found.says:
            typer.echo(sentence)
    if found.job is None or found.job.kind != "judge":
        rescored(loop, as_json)
        if as_json:
            print_json({"version": exchange.version(found.version), "says": list(found.says)})
        raise typer.Exit(DONE)
    finished(loop, found.job, as_json)
    rescored(loop, as_json)
    version = loop.store.versions.get(found.version.id)
    report = show_verdict(loop, version, loop.store.versions.verdict_on(version), as_json)
    raise typer.Exit(ADVISED[report.action])
