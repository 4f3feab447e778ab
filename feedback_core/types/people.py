"""Who asks, and what they may do."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

Role = Literal["viewer", "reviewer", "maintainer", "admin"]
SignedIn = Literal["local", "oidc", "token"]

ROLES: tuple[Role, ...] = ("viewer", "reviewer", "maintainer", "admin")
"""Each may do what those before it may."""


@dataclass(frozen=True, slots=True)
class Person:
    """Who asks. name: what stands in the audit trail, unique to them where they signed in."""

    name: str
    subject: str
    """E-mail or other identifier from the sign-in; the number of a token; empty without sign-in."""
    signed_in: SignedIn
    everywhere: Role | None = None
    """Role in every project, and for what concerns none."""
    roles: Mapping[int, Role] = field(default_factory=dict)
    """Roles in single projects, by id; the higher of the two counts."""
    may_act_for_others: bool = False
    """Whether it may record what it does under other names."""
    via: str = ""
    """The token that asks under another name, by its own."""


@dataclass(frozen=True, slots=True)
class Member:
    """A role that somebody was given. project_id: None is all projects. name: for people to read, may be empty."""

    id: int
    project_id: int | None
    subject: str
    name: str
    role: Role
    added_at: float
    added_by: str
    ended: tuple[str, ...] = ()
    """Names of the tokens of theirs that were revoked with the change which gives this."""


@dataclass(frozen=True, slots=True)
class Token:
    """A secret for a program, of which only the hash is kept. project_id: None is all projects."""

    id: int
    project_id: int | None
    name: str
    prefix: str
    """How the secret begins, to tell tokens apart."""
    role: Role
    may_act_for_others: bool
    created_by: str
    created_at: float
    expires_at: float
    revoked_at: float | None
    revoked_by: str | None
    last_used_at: float | None
    """To the minute."""
