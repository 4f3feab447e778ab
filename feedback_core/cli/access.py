"""Commands about roles and tokens. Whoever has the database file in hand is admin: no sign-in stands before it."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..environment import database_url
from ..wording import moment, spoken
from .options import AsJson, By, Database, app, person, print_json, print_table

if TYPE_CHECKING:
    from ..store import Store
    from ..types import Person

Everywhere = Annotated[str, typer.Option("--project", help="Project by name; all projects when not given.")]
Subject = Annotated[str, typer.Argument(metavar="EMAIL", help="Verified e-mail address, or issuer|subject.")]
RoleName = Annotated[str, typer.Argument(metavar="ROLE", help="viewer, reviewer, maintainer or admin.")]
TokenRole = Annotated[str, typer.Option(help="viewer, reviewer, maintainer or admin.")]
TokenNumber = Annotated[int, typer.Argument(metavar="TOKEN", min=1, help="Number of the token.")]


_CALLED = {"subject": "who", "before": "instead of", "expires_at": "ends"}
"""Details of changes under other names than their own."""


@app.command()
def members(
    project: Everywhere = "",
    log: Annotated[bool, typer.Option("--log", help="Who changed roles and tokens of all projects, instead.")] = False,
    limit: Annotated[int, typer.Option(min=1, max=100_000, help="How many at most.")] = 1_000,
    database: Database = "",
    as_json: AsJson = False,
) -> None:
    """List who has which role, in all projects or in one."""
    from .. import exchange

    store, project_id = _opened(database, project)
    if log:
        changes = [exchange.event(each) for each in store.members.history(0, limit)]
        lines = [(each["at"], each["actor"], each["kind"], _in_words(each["details"])) for each in changes]
        _shown(changes, ("when", "who", "what", "details"), lines, as_json)
        return
    found = [exchange.member(each) for each in store.members.of(project_id)[:limit]]
    names = _names(store)
    rows = [
        (each["subject"], each["role"], names[each["project_id"]], each["name"], each["added_at"], each["added_by"])
        for each in found
    ]
    _shown(found, ("who", "role", "project", "name", "since", "by"), rows, as_json)


@app.command("member-set")
def member_set(
    email: Subject,
    role: RoleName,
    project: Everywhere = "",
    name: Annotated[str, typer.Option(help="For people to read.")] = "",
    by: By = "",
    database: Database = "",
    as_json: AsJson = False,
) -> None:
    """Give somebody a role, in all projects or in one."""
    from .. import exchange, people

    store, project_id = _opened(database, project)
    given = people.set_member(store, _admin(by), project_id, email, role, name=name, now=time.time())
    if as_json:
        print_json(exchange.changed_member(given))
    else:
        typer.echo(f"{given.subject} is {given.role} in {project or 'all projects'}.{people.ended(given)}")


@app.command("member-remove")
def member_remove(
    email: Subject, project: Everywhere = "", by: By = "", database: Database = "", as_json: AsJson = False
) -> None:
    """Take a role away that somebody was given. Tokens they have made as admin are revoked with it."""
    from .. import exchange, people

    store, project_id = _opened(database, project)
    gone = people.remove_member(store, _admin(by), project_id, email, now=time.time())
    if as_json:
        print_json(exchange.changed_member(gone))
    else:
        typer.echo(f"{gone.subject} is no longer {gone.role} in {project or 'all projects'}.{people.ended(gone)}")


@app.command()
def tokens(
    project: Everywhere = "",
    limit: Annotated[int, typer.Option(min=1, max=100_000, help="How many at most, newest first.")] = 1_000,
    database: Database = "",
    as_json: AsJson = False,
) -> None:
    """List tokens with scope, end and last use, revoked ones too; never a secret."""
    from .. import exchange

    store, project_id = _opened(database, project)
    listed = store.tokens.all() if project_id is None else store.tokens.of(project_id)
    found = [exchange.token(each) for each in listed[:limit]]
    headings = ("token", "name", "begins", "role", "project", "for others", "made by", "ends", "revoked", "last used")
    names = _names(store)
    rows = [
        (
            *(str(each["id"]), each["name"], each["prefix"], each["role"], names[each["project_id"]]),
            *("yes" if each["may_act_for_others"] else "no", each["created_by"], each["expires_at"]),
            *(each["revoked_at"] or "-", each["last_used_at"] or "never"),
        )
        for each in found
    ]
    _shown(found, headings, rows, as_json)


@app.command("token-create")
def token_create(
    name: Annotated[str, typer.Option(help="What it is for; never used twice.")],
    role: TokenRole,
    days: Annotated[float, typer.Option(help="Days until it ends.")] = 90.0,
    acts_for_others: Annotated[
        bool, typer.Option("--acts-for-others", help="May record what it does under other names.")
    ] = False,
    project: Everywhere = "",
    by: By = "",
    database: Database = "",
    as_json: AsJson = False,
) -> None:
    """Make a token for a program. Its secret is printed this once, alone on standard output, and kept nowhere."""
    from .. import exchange, people

    store, project_id = _opened(database, project)
    token, secret = people.create_token(
        store, _admin(by), project_id, name, role, days=days, may_act_for_others=acts_for_others, now=time.time()
    )
    if as_json:
        print_json(exchange.token(token) | {"secret": secret})
        return
    until = exchange.token(token)["expires_at"]
    typer.echo(f"Token {token.id} ({token.name}): {token.role} in {project or 'all projects'} until {until}.", err=True)
    typer.echo("This is its secret. Nobody can show it again:", err=True)
    typer.echo(secret)


@app.command("token-revoke")
def token_revoke(token: TokenNumber, by: By = "", database: Database = "", as_json: AsJson = False) -> None:
    """End a token at once and for good."""
    from .. import exchange, people

    store, _ = _opened(database, "")
    revoked = people.revoke_token(store, _admin(by), token, now=time.time())
    if as_json:
        print_json(exchange.token(revoked))
    else:
        typer.echo(f"Token {token} ({revoked.name}) is revoked.")


def _opened(database: str, project: str) -> tuple[Store, int | None]:
    """The store, and the project's id where one is named. Raises NotFound."""
    from ..store import open_store

    store = open_store(database or database_url())
    return store, store.projects.named(project).id if project else None


def _admin(by: str) -> Person:
    from .. import people

    return people.local(person(by))


def _names(store: Store) -> dict[int | None, str]:
    """Project id -> what --project takes for it; None is all projects."""
    names: dict[int | None, str] = {None: "all"}
    return names | {each.id: each.name for each in (*store.projects.all(), *store.projects.archived())}


def _in_words(details: Mapping[str, Any]) -> str:
    """What changed, as words: of whom, which role, instead of which; of which token, until when."""
    told = {name: value for name, value in details.items() if value not in (None, False, "")}
    told |= {"expires_at": moment(told["expires_at"])} if "expires_at" in told else {}
    told |= {"may_act_for_others": "yes"} if "may_act_for_others" in told else {}
    return ", ".join(f"{_CALLED.get(name, spoken(name))} {value}" for name, value in told.items())


def _shown(
    found: Sequence[dict[str, Any]], headings: Sequence[str], rows: Sequence[Sequence[str]], as_json: bool
) -> None:
    if as_json:
        print_json(found)
    else:
        print_table(headings, rows)
