"""Who asks, what they may do where, and who has said so.

Without sign-in everybody who reaches the server sits at this machine: they are admin under the name they give. With
it a person's role in a project is the highest of: admin for those in FEEDBACK_ADMINS, FEEDBACK_DEFAULT_ROLE for
everybody who signed in, and what they were given in all projects or in this one. A program's role is its token's.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import replace
from hashlib import sha256
from typing import Any

from . import environment, permissions
from .errors import Forbidden, InvalidInput, InvalidSetting, NotSignedIn
from .store import Store
from .types import ROLES, Member, Person, Project, Role, Token

MOST_SUBJECT = 200
"""Characters of an e-mail address or another identifier."""

MOST_NAME = 60
"""Characters of a token's name."""

MOST_DAYS = 3_650
"""A token that never ended would outlive everybody who knows of it."""

PREFIX = "afl_"
"""What every secret begins with, so that scanners for leaked secrets can know it."""

DAY_S = 86_400.0

USED_EVERY_S = 60.0
"""A token's last use is written down once a minute: a write a request would cost more than the request."""

HOW = (
    "An admin makes a token under Setup, People and access, or with `python -m feedback_core token-create`; "
    "send it as `Authorization: Bearer afl_...`."
)


def local(name: str) -> Person:
    """Whoever sits at this machine, or has the database file in hand."""
    return Person(name, "", "local", everywhere="admin", may_act_for_others=True)


def signed_in(
    store: Store, claims: Mapping[str, Any], *, admins: frozenset[str] | None = None, default_role: str | None = None
) -> Person:
    """The person behind the claims of an OpenID Connect sign-in, with their roles as they are now.

    admins, default_role: FEEDBACK_ADMINS and FEEDBACK_DEFAULT_ROLE when not given. Raises NotSignedIn without
    a subject. The name is the subject: a display name can be chosen, and be somebody else's.
    """
    subject = subject_of(claims)
    listed = environment.admins() if admins is None else admins
    default = _default_role(environment.default_role() if default_role is None else default_role)
    everywhere: Role | None = "admin" if subject in {_subject(each) for each in listed} else default
    roles: dict[int, Role] = {}
    for member in store.members.named(subject):
        if member.project_id is None:
            everywhere = permissions.higher(everywhere, member.role)
        else:
            roles[member.project_id] = member.role
    return Person(subject, subject, "oidc", everywhere, roles)


def subject_of(claims: Mapping[str, Any]) -> str:
    """The verified e-mail address, else issuer and subject: an address nobody verified may be anybody's.

    Source: OpenID Connect Core 1.0, sections 2 and 5.7: only issuer and subject together are unique.
    """
    email, verified = str(claims.get("email") or ""), claims.get("email_verified")
    if email and (verified is True or verified == "true"):
        return _subject(email)
    if not claims.get("sub"):
        raise NotSignedIn("The sign-in names nobody (no claim `sub`): sign in again, or mend the provider's settings.")
    return _subject(f"{claims.get('iss', '')}|{claims['sub']}")


def bearer(store: Store, secret: str, now: float) -> Token:
    """The token that a secret belongs to. Raises NotSignedIn when it is unknown, revoked or over."""
    # Found by its hash: the time of a look-up tells only about hashes, and nobody can steer towards one.
    token = store.tokens.hashed(hashed(secret))
    if token is None:
        raise NotSignedIn(f"This token is not known here: it was never made, or is not whole. {HOW}")
    if token.revoked_at is not None:
        raise NotSignedIn(f"The token {token.name!r} is revoked. {HOW}")
    if token.expires_at <= now:
        raise NotSignedIn(f"The token {token.name!r} is over. {HOW}")
    return token


def person_of(token: Token) -> Person:
    """A token as who asks. Its name in the audit trail cannot be a person's: `token:` stands before it."""
    known = Person(f"token:{token.name}", str(token.id), "token", may_act_for_others=token.may_act_for_others)
    if token.project_id is None:
        return replace(known, everywhere=token.role)
    return replace(known, roles={token.project_id: token.role})


def acting(person: Person, by: str | None) -> str:
    """The name a change is recorded under. by: whom a program acts for, if anybody. Raises Forbidden."""
    if by is None or by == person.name:
        return person.name
    if not by.strip() or not by.isprintable():
        raise InvalidInput(f"by={by!a} is not a name: give characters that can be seen.")
    if not person.may_act_for_others:
        raise Forbidden(
            f"{person.name} may not act for {by!r}: leave the name out, or use a token that may act for others."
        )
    return by


def require(store: Store, person: Person, project: Project | int | None, action: str) -> None:
    """Raise Forbidden unless a person may do something; None: something that concerns no single project."""
    project_id = project.id if isinstance(project, Project) else project
    if permissions.may(person, project_id, action):
        return
    known = {each.id: each.name for each in (*store.projects.all(), *store.projects.archived())}
    # Its name is for those who have a role there.
    where = repr(known[project_id]) if project_id in known and permissions.role_in(person, project_id) else ""
    permissions.check(person, project_id, action, where=where, ask=admins_of(store, project_id))


def visible(person: Person, projects: Sequence[Project]) -> list[Project]:
    """Those of the projects that a person may see."""
    return [project for project in projects if permissions.may(person, project.id, "see")]


def admins_of(store: Store, project_id: int | None) -> list[str]:
    """Who can give roles in a project; None: in all of them."""
    given = [member.subject for member in store.members.of(project_id) if member.role == "admin"]
    return sorted({*map(_subject, environment.admins()), *given})


# -- changes -----------------------------------------------------------------------------------------------------------


def set_member(
    store: Store, by: Person, project_id: int | None, subject: str, role: str, *, name: str = "", now: float
) -> Member:
    """Give somebody a role in a project, or in all (None). Raises Forbidden, InvalidInput."""
    require(store, by, project_id, "members")
    return store.members.put(
        _existing(store, project_id), _subject(subject), name.strip(), _role(role), now=now, by=by.name
    )


def remove_member(store: Store, by: Person, project_id: int | None, subject: str, *, now: float) -> Member:
    """Take a role away that was given. Raises Forbidden, NotFound."""
    require(store, by, project_id, "members")
    return store.members.remove(project_id, _subject(subject), now=now, by=by.name)


def create_token(
    store: Store,
    by: Person,
    project_id: int | None,
    name: str,
    role: str,
    *,
    days: float = 90.0,
    may_act_for_others: bool = False,
    now: float,
) -> tuple[Token, str]:
    """Make a token; gives it and its secret, which is shown this once and stored nowhere.

    days: until it ends. Raises Forbidden, InvalidInput.
    """
    require(store, by, project_id, "tokens")
    name = name.strip()
    if not 1 <= len(name) <= MOST_NAME or not name.isprintable():
        raise InvalidInput(f"name={name[:MOST_NAME]!r} is no name for a token: give 1 to {MOST_NAME} characters.")
    if not 0 < days <= MOST_DAYS:
        raise InvalidInput(f"days={days:g} is no time for a token: give more than 0 and at most {MOST_DAYS}.")
    secret = PREFIX + secrets.token_urlsafe(32)
    token = store.tokens.create(
        _existing(store, project_id),
        name,
        hashed(secret),
        secret[:8],
        _role(role),
        may_act_for_others=may_act_for_others,
        expires_at=now + days * DAY_S,
        now=now,
        by=by.name,
    )
    return token, secret


def revoke_token(store: Store, by: Person, token_id: int, *, now: float) -> Token:
    """End a token at once, in every process. Raises Forbidden, NotFound, Stale."""
    require(store, by, store.tokens.get(token_id).project_id, "tokens")
    return store.tokens.revoke(token_id, now=now, by=by.name)


def hashed(secret: str) -> str:
    """What is kept of a secret. 256 random bits need no salt and no slow hash: nobody can try them all."""
    return sha256(secret.encode()).hexdigest()


def _existing(store: Store, project_id: int | None) -> int | None:
    return None if project_id is None else store.projects.get(project_id).id


def _subject(given: str) -> str:
    # Addresses are typed in any case; other identifiers mean what they say.
    subject = given.strip().casefold() if "@" in given else given.strip()
    if not 1 <= len(subject) <= MOST_SUBJECT or not subject.isprintable():
        raise InvalidInput(
            f"{subject[:MOST_SUBJECT]!r} is nobody: give an e-mail address of up to {MOST_SUBJECT} characters."
        )
    return subject


def _role(given: str) -> Role:
    for role in ROLES:
        if role == given:
            return role
    raise InvalidInput(f"role={given!r:.80} is not known: use one of {', '.join(ROLES)}.")


def _default_role(given: str) -> Role | None:
    try:
        return _role(given) if given else None
    except InvalidInput as error:
        raise InvalidSetting(f"FEEDBACK_DEFAULT_ROLE: {error}") from None
