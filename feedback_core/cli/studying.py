"""Commands about what is known: how right the champion is, and what the worker's studies have found."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

from .options import (
    AsJson,
    By,
    Database,
    ProjectName,
    VersionNumber,
    app,
    open_loop,
    person,
    print_json,
    print_table,
)
from .running import finished

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

    from ..store import Store
    from ..types import Project, StudyKind

View = TypeVar("View")

Run = Annotated[bool, typer.Option("--run", help="Make a new study here and now, instead of showing the newest.")]


@app.command()
def accuracy(project: ProjectName = "", database: Database = "", as_json: AsJson = False) -> None:
    """Every estimate of the champion's accuracy, each with its interval, n, and the sample it is from."""
    from .. import briefing, wording

    loop = open_loop(database, project)
    found = briefing.accuracy(loop.store, loop.project, loop.clock())
    if as_json:
        print_json(found)
    elif found["version"] is None:
        typer.echo("There is no champion yet: train the first version.")
    elif loop.project.task == "regression":
        _errors(found)
    else:
        typer.echo(f"Version {found['version']}, with 95 % intervals")
        rows = [(each["title"], wording.share(each["accuracy"]), each["sample"]) for each in found["estimates"]]
        print_table(("estimate", "accuracy", "sample"), rows)
        if answered := wording.response(found["response"]):
            typer.echo(answered)


def _errors(found: Mapping[str, Any]) -> None:
    """How far off the champion is, where it predicts numbers."""
    from .. import wording

    typer.echo(f"Version {found['version']}, mean absolute errors with 95 % intervals")
    rows = [(each["name"], wording.off(each["error"], found["unit"]), each["sample"]) for each in found["errors"]]
    print_table(("estimate", "off by", "sample"), rows)


@app.command()
def forecast(
    project: ProjectName = "", run: Run = False, by: By = "", database: Database = "", as_json: AsJson = False
) -> None:
    """What the next labels should be worth, with interval, and whether to go on labelling."""
    from .. import studies

    found = _found("forecast", studies.forecast_view, project, run, by, database, as_json)
    _show((found.sentence, found.advice, *found.notes, found.outdated, _hint(found.empty)), found, as_json)


@app.command()
def credit(
    project: ProjectName = "", run: Run = False, by: By = "", database: Database = "", as_json: AsJson = False
) -> None:
    """Which batch, reviewer, strategy or class the champion's gain came from, with intervals."""
    from .. import studies

    found = _found("credit", studies.credit_view, project, run, by, database, as_json)
    _show((found.sentence, *found.findings, *found.notes, found.outdated, _hint(found.empty)), found, as_json)


@app.command()
def certificate(
    project: ProjectName = "", run: Run = False, by: By = "", database: Database = "", as_json: AsJson = False
) -> None:
    """From which confidence on predictions need no review, proved on the random draws since the promotion."""
    import time

    from .. import studies

    def view(store: Store, own: Project) -> studies.CertificateView:
        return studies.certificate_view(store, own, time.time())

    found = _found("certificate", view, project, run, by, database, as_json)
    _show((found.sentence and f"{found.sentence}.", found.why_not, *found.notes), found, as_json)


@app.command("dry-run")
def dry_run(
    project: ProjectName = "", run: Run = False, by: By = "", database: Database = "", as_json: AsJson = False
) -> None:
    """What a retrain would bring now: predicted gain, rows that would flip, seconds."""
    from .. import studies

    found = _found("dry run", studies.dry_run_view, project, run, by, database, as_json)
    _show((*found.sentences, *found.notes, found.outdated, _hint(found.empty)), found, as_json)


@app.command()
def backtest(
    project: ProjectName = "", run: Run = False, by: By = "", database: Database = "", as_json: AsJson = False
) -> None:
    """What other rules for when to retrain would have done with the stored feedback: retrains, mistakes, cost."""
    from .. import wording
    from ..errors import NotFound

    study = _found(
        "backtest", lambda store, own: store.studies.newest(own.id, "backtest"), project, run, by, database, as_json
    )
    if study is None:
        raise NotFound("The feedback has not been replayed yet: do it now with --run.")
    if as_json:
        print_json({"created_at": wording.iso(study.created_at), **study.body})
        return
    body, found = study.body, study.body["summary"]
    typer.echo(
        f"{body['entries']:,} entries replayed; a retrain counted as {body['retrain_cost']:,.0f} wrong predictions."
    )
    score = [
        wording.share({"value": found["accuracy"][n], **{end: found[end][n] for end in ("low", "high", "n")}})
        for n in range(len(found["rule"]))
    ]
    rows = zip(
        found["rule"],
        map(str, found["retrains"]),
        map(str, found["wrong"]),
        (f"{cost:.1f}" for cost in found["cost"]),
        score,
        strict=True,
    )
    print_table(("rule", "retrains", "wrong answers", "cost", "right on the entries as they came"), list(rows))


@app.command("what-moved")
def what_moved(
    version: VersionNumber, project: ProjectName = "", run: Run = False, by: By = "", database: Database = "",
    as_json: AsJson = False,
) -> None:  # fmt: skip
    """What a version goes by now and the one before it did not, which rows changed, and which labels pulled them."""
    from .. import studies

    def view(store: Store, own: Project) -> studies.EffectsView:
        return studies.effects_view(store, store.versions.numbered(own.id, version))

    found = _found("effects", view, project, run, by, database, as_json, version)
    _show((*found.sentences, *found.notes, _hint(found.empty)), found, as_json)


def _hint(empty: str) -> str:
    return f"{empty} Make one now with --run." if empty else ""


def _found(
    kind: StudyKind,
    view: Callable[[Store, Project], View],
    project: str,
    run: bool,
    by: str,
    database: str,
    as_json: bool,
    version: int | None = None,
) -> View:
    """The newest study of a kind; one made here and now where that is wished. Raises CannotTrain when its job fails."""
    loop = open_loop(database, project)
    if run:
        about = None if version is None else loop.store.versions.numbered(loop.project.id, version)
        finished(loop, loop.request_study(kind, person(by), about, trigger="command line"), as_json)
    return view(loop.store, loop.project)


def _show(lines: Iterable[str], found: DataclassInstance, as_json: bool) -> None:
    if as_json:
        print_json(asdict(found))
        return
    for line in filter(None, lines):
        typer.echo(line)
