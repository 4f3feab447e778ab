"""Commands about drift alerts."""

from __future__ import annotations

from typing import Annotated, Literal

import typer

from .options import AsJson, By, Database, Limit, ProjectName, Reason, app, open_loop, person, print_json, print_table


@app.command("drift-alerts")
def drift_alerts_command(
    limit: Limit = 20,
    open_only: Annotated[bool, typer.Option("--open", help="Only those nobody has answered.")] = False,
    project: ProjectName = "",
    database: Database = "",
    as_json: AsJson = False,
) -> None:
    """List where the newest inputs no longer look like those the model knows; `drift-alert` answers one."""
    from .. import drift_alerts, exchange

    found = drift_alerts.page(open_loop(database, project), limit=limit, open_only=open_only)
    if as_json:
        print_json([exchange.drift_alert(each.alert, each.sentence, each.calm) for each in found])
        return
    if not found:
        typer.echo(
            "No drift was found. Looks begin when the setting on_input_drift is on, one for every 200 new items."
        )
        return
    rows = [(str(each.alert.id), each.alert.answer or "open", each.sentence, each.proof, each.calm) for each in found]
    print_table(("alert", "answer", "what it says", "proof", "calmed"), rows)


@app.command("drift-alert")
def drift_alert_command(
    alert: Annotated[int, typer.Argument(metavar="ALERT", min=1, help="Number of the alert.")],
    answer: Annotated[Literal["accept", "dismiss", "undo"], typer.Argument(help="It matters, it does not, take back.")],
    then: Annotated[
        Literal["retrain", "review", "nothing"], typer.Option(help="What an accepted alert asks for.")
    ] = "nothing",
    project: ProjectName = "",
    by: By = "",
    reason: Reason = "",
    database: Database = "",
    as_json: AsJson = False,
) -> None:
    """Accept or dismiss a drift alert, or take the answer back."""
    from .. import drift_alerts, exchange

    loop, who, asked = open_loop(database, project), person(by), ""
    if answer == "accept":
        accepted = drift_alerts.accept(loop, alert, who, then, reason)
        found = accepted.alert
        if accepted.job:
            asked = f" Retrain requested: job {accepted.job.id}."
        if accepted.session:
            asked = f" The shifted rows are in review session {accepted.session.id}."
    elif answer == "dismiss":
        found = drift_alerts.dismiss(loop, alert, who, reason)
    else:
        found = drift_alerts.undo(loop, alert, who)
    if as_json:
        print_json(exchange.drift_alert(found))
    else:
        state = {"accept": "accepted", "dismiss": "dismissed", None: "open again"}[found.answer]
        typer.echo(f"Alert {found.id} about {found.column_name} is {state}.{asked}")
