"""Commands about webhooks: where news of a project is sent, and how that went."""

from __future__ import annotations

from typing import Annotated

import typer

from .options import AsJson, By, Database, ProjectName, app, open_loop, person, print_json, print_table

WebhookNumber = Annotated[int, typer.Argument(metavar="WEBHOOK", min=1, help="Number of the webhook.")]
Kinds = Annotated[
    list[str] | None, typer.Option("--kind", help="What to send; repeat for several. All kinds when not given.")
]


@app.command("webhooks")
def list_webhooks(project: ProjectName = "", database: Database = "", as_json: AsJson = False) -> None:
    """List where news of a project is sent."""
    from .. import exchange

    loop = open_loop(database, project)
    found = loop.store.webhooks.of(loop.project.id)
    if as_json:
        print_json([exchange.webhook(each) for each in found])
        return
    rows = [(str(each.id), each.paused or "active", each.url, " ".join(each.kinds)) for each in found]
    print_table(("webhook", "state", "address", "sends"), rows)


@app.command("webhook-add")
def webhook_add(
    url: Annotated[str, typer.Argument(help="Where to post: https://host/path.")],
    kind: Kinds = None,
    project: ProjectName = "",
    by: By = "",
    database: Database = "",
    as_json: AsJson = False,
) -> None:
    """Have what happens from now on sent somewhere; shows the secret once that its messages are signed with."""
    from .. import exchange, webhooks

    loop = open_loop(database, project)
    kinds, reach = kind or list(webhooks.KINDS), webhooks.reach_here()
    found, secret = webhooks.add(loop.store, loop.project, url, kinds, reach, by=person(by), now=loop.clock())
    if as_json:
        print_json(exchange.webhook(found) | {"secret": secret})
        return
    typer.echo(f"Webhook {found.id} is added. Its secret, which is never shown again:\n{secret}")


@app.command("webhook-remove")
def webhook_remove(
    webhook: WebhookNumber, project: ProjectName = "", by: By = "", database: Database = "", as_json: AsJson = False
) -> None:
    """Send nothing more there, and forget the secret."""
    from .. import exchange

    loop = open_loop(database, project)
    found = loop.store.webhooks.get(loop.project.id, webhook)
    loop.store.webhooks.remove(found, by=person(by), now=loop.clock())
    if as_json:
        print_json(exchange.webhook(found))
    else:
        typer.echo(f"Webhook {webhook} is removed.")


@app.command("webhook-log")
def webhook_log(
    webhook: WebhookNumber,
    project: ProjectName = "",
    limit: Annotated[int, typer.Option(min=1, max=1_000, help="How many, newest first.")] = 20,
    database: Database = "",
    as_json: AsJson = False,
) -> None:
    """List what was sent to a webhook, and how that went."""
    from .. import exchange

    loop = open_loop(database, project)
    found = loop.store.deliveries.page(loop.store.webhooks.get(loop.project.id, webhook).id, limit)
    told = [exchange.delivery(each) for each in found]
    if as_json:
        print_json(told)
        return
    rows = [
        (str(each["id"]), each["created_at"], each["kind"], each["state"], str(each["attempts"]),
         str(each["status"] or ""), each["error"])
        for each in told
    ]  # fmt: skip
    print_table(("delivery", "since", "kind", "state", "attempts", "answer", "what went wrong"), rows)
