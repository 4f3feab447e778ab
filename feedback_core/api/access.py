"""Routes about who may do what: roles of people, tokens of programs, and who has changed them."""

from __future__ import annotations

import time
from typing import Any

from fastapi import APIRouter

from .. import exchange, people
from ..store import Store
from ..types import Person
from . import access_shapes as shapes
from .opening import Id, OpenStore
from .people import Who
from .permitting import may
from .reviewing import After, Limit, page

router = APIRouter()

_SEE, _MEMBERS, _TOKENS = [may("see access")], [may("members")], [may("tokens")]


@router.get("/whoami", response_model=shapes.WhoAmI, dependencies=[may("see", somewhere=True)])
def whoami(who: Who) -> dict[str, Any]:
    """Who you are here, and what you may do."""
    roles = [{"project_id": project, "role": role} for project, role in who.roles.items()]
    return {
        "name": who.name,
        "signed_in": who.signed_in,
        "everywhere": who.everywhere,
        "roles": roles,
        "may_act_for_others": who.may_act_for_others,
    }


@router.get("/members", response_model=list[shapes.Member], dependencies=_SEE)
def list_members(store: OpenStore) -> list[dict[str, Any]]:
    """Who has a role in all projects."""
    return [exchange.member(each) for each in store.members.of(None)]


@router.get("/projects/{project_id}/members", response_model=list[shapes.Member], dependencies=_SEE)
def list_project_members(project_id: Id, store: OpenStore) -> list[dict[str, Any]]:
    """Who has a role in a project, or in all of them."""
    return [exchange.member(each) for each in store.members.of(store.projects.get(project_id).id)]


@router.post("/members", response_model=shapes.ChangedMember, dependencies=_MEMBERS)
def set_member(given: shapes.NewMember, store: OpenStore, who: Who) -> dict[str, Any]:
    """Give somebody a role in all projects, instead of the one they had there."""
    return _put(store, who, None, given)


@router.post("/projects/{project_id}/members", response_model=shapes.ChangedMember, dependencies=_MEMBERS)
def set_project_member(project_id: Id, given: shapes.NewMember, store: OpenStore, who: Who) -> dict[str, Any]:
    """Give somebody a role in a project, instead of the one they had there; a higher one in all projects counts."""
    return _put(store, who, project_id, given)


@router.delete("/members/{member_id}", response_model=shapes.ChangedMember, dependencies=_MEMBERS)
def remove_member(member_id: Id, store: OpenStore, who: Who) -> dict[str, Any]:
    """Take a role away, by its number in the list. Tokens they had made as admin end with it."""
    given = store.members.get(member_id)
    return exchange.changed_member(people.remove_member(store, who, given.project_id, given.subject, now=time.time()))


@router.get("/tokens", response_model=list[shapes.Token], dependencies=_SEE)
def list_tokens(store: OpenStore) -> list[dict[str, Any]]:
    """Every token ever made, the newest first; never a secret."""
    return [exchange.token(each) for each in store.tokens.all()]


@router.get("/projects/{project_id}/tokens", response_model=list[shapes.Token], dependencies=_SEE)
def list_project_tokens(project_id: Id, store: OpenStore) -> list[dict[str, Any]]:
    """Tokens for a project and for all of them, the newest first."""
    return [exchange.token(each) for each in store.tokens.of(store.projects.get(project_id).id)]


@router.post("/tokens", response_model=shapes.MadeToken, status_code=201, dependencies=_TOKENS)
def create_token(given: shapes.NewToken, store: OpenStore, who: Who) -> dict[str, Any]:
    """Make a token for all projects. Its secret is in this answer and nowhere else."""
    return _made(store, who, None, given)


@router.post("/projects/{project_id}/tokens", response_model=shapes.MadeToken, status_code=201, dependencies=_TOKENS)
def create_project_token(project_id: Id, given: shapes.NewToken, store: OpenStore, who: Who) -> dict[str, Any]:
    """Make a token for a project. Its secret is in this answer and nowhere else."""
    return _made(store, who, project_id, given)


@router.delete("/tokens/{token_id}", response_model=shapes.Token, dependencies=_TOKENS)
def revoke_token(token_id: Id, store: OpenStore, who: Who) -> dict[str, Any]:
    """End a token at once and for good."""
    return exchange.token(people.revoke_token(store, who, token_id, now=time.time()))


@router.get("/events", response_model=shapes.AdminEvents, dependencies=_SEE)
def list_admin_events(store: OpenStore, after: After = 0, limit: Limit = 100) -> Any:
    """Who has changed roles and tokens of all projects, oldest first; what concerns one is among its events."""
    return page([exchange.event(each) for each in store.members.history(after, limit + 1)], limit)


def _put(store: Store, who: Person, project_id: int | None, given: shapes.NewMember) -> dict[str, Any]:
    found = people.set_member(store, who, project_id, given.subject, given.role, name=given.name, now=time.time())
    return exchange.changed_member(found)


def _made(store: Store, who: Person, project_id: int | None, given: shapes.NewToken) -> dict[str, Any]:
    token, secret = people.create_token(
        store,
        who,
        project_id,
        given.name,
        given.role,
        days=given.days,
        may_act_for_others=given.may_act_for_others,
        now=time.time(),
    )
    return exchange.token(token) | {"secret": secret}
