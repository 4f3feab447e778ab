"""Who asks, what they may do where, and who has said so.

Without sign-in everybody who reaches the server sits at this machine: they are admin under the name they give. With
it a person's role in a project is the highest of: admin for those in FEEDBACK_ADMINS, FEEDBACK_DEFAULT_ROLE for
everybody who signed in, and what they were given in all projects or in this one. A program's role is its token's.
"""

from __future__ import annotations

import logging
import secrets
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from hashlib import sha256
from string import ascii_lowercase, ascii_uppercase
from typing import Any

from . import environment, permissions
from .errors import Forbidden, InvalidInput, InvalidSetting, NotSignedIn
from .store import Store
from .types import GATE, ROLES, TRIGGER, Event, Member, Person, Project, Role, Token

log = logging.getLogger(__name__)

MOST_SUBJECT = 200
"""Characters of an e-mail address or another identifier."""

_LOWER = str.maketrans(ascii_uppercase, ascii_lowercase)
"""Of ASCII alone: folding further letters makes one address of several, as with the long s, and each has its owner."""

MOST_NAME = 60
"""Characters of a token's name."""

MOST_DAYS = 3_650
"""A token that never ended would outlive everybody who knows of it."""

PREFIX = "afl_"
"""What every secret begins with, so that scanners for leaked secrets can know it."""

TOKEN = "token:"
"""What stands before a token's name in the audit trail; no person's name begins so."""

AUTOMATIC = frozenset({GATE, TRIGGER, "worker"})
"""What the program signs with: by some of these names it knows what it may carry out without asking."""

FOR_OTHERS = frozenset({"submit", "review", "predict"})
"""Actions that a token may do in others' names; whoever decides, rules or administers does so in their own."""

NOWHERE = "what you ask for"

ACCESS_EVENTS = frozenset({"member set", "member removed", "token created", "token revoked"})
"""Kinds of events about who may do what."""

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
    listed = listed_admins(environment.admins() if admins is None else admins)
    default = _default_role(environment.default_role() if default_role is None else default_role)
    everywhere: Role | None = "admin" if subject in listed else default
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
    if (verified is True or verified == "true") and _is_email(email):
        return email.translate(_LOWER)
    if not claims.get("sub"):
        raise NotSignedIn("The sign-in names nobody (no claim `sub`): sign in again, or mend the provider's settings.")
    return _short(f"{claims.get('iss', '')}|{claims['sub']}")


def listed_admins(given: Iterable[str]) -> frozenset[str]:
    """Who is named in FEEDBACK_ADMINS. An entry that can be nobody is left out, and the log says so: it must not keep
    the others out."""
    return frozenset(filter(None, map(_listed, given)))


@lru_cache(maxsize=256)  # asked at every page run, and said once
def _listed(given: str) -> str:
    try:
        return _subject(given)
    except InvalidInput as error:
        log.warning("FEEDBACK_ADMINS: %s This entry is left out.", error)
        return ""


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
    known = Person(f"{TOKEN}{token.name}", str(token.id), "token", may_act_for_others=token.may_act_for_others)
    if token.project_id is None:
        return replace(known, everywhere=token.role)
    return replace(known, roles={token.project_id: token.role})


def acting(person: Person, by: str | None) -> str:
    """The name a change is recorded under. by: whom a program acts for, if anybody. Raises Forbidden, InvalidInput."""
    if by is None or by == person.name:
        return person.name
    if not by.strip() or not by.isprintable():
        raise InvalidInput(f"by={by!a} is not a name: give characters that can be seen.")
    if not person.may_act_for_others:
        raise Forbidden(
            f"{person.name} may not act for {by!r} here: leave the name out. Feedback, draws and predictions alone are "
            "recorded in others' names, by a token that may act for others."
        )
    return name_of_person(by)


def in_name_of(person: Person, by: str) -> Person:
    """A program's token as whom it acts for. Raises as `acting` does."""
    name = acting(person, by)
    return person if name == person.name or person.signed_in != "token" else replace(person, name=name, via=person.name)


def via(person: Person, by: str) -> str:
    """The token that records something under the name of somebody else; empty where it is its own name."""
    own = person.via or person.name
    return own if person.signed_in == "token" and by != own else ""


def signature(by: str, via: str) -> str:
    """Who has done something, for a trail that has one field for that."""
    return f"{by} (via {via})" if via else by


def name_of_person(name: str) -> str:
    """The name, unless the program signs so what it does by itself, or what a token does. Raises InvalidInput."""
    plain = name.strip().casefold()
    if plain in AUTOMATIC or plain.startswith(TOKEN):
        raise InvalidInput(f"{name!r:.80} stands in the audit trail for what no person does: go by another name.")
    return name


def require(store: Store, person: Person, project: Project | int | None, action: str) -> None:
    """Raise Forbidden unless a person may do something; None: something that concerns no single project."""
    project_id = project.id if isinstance(project, Project) else project
    if person.signed_in == "local" and action not in ("see", "export"):
        name_of_person(person.name)
    if permissions.may(person, project_id, action):
        return
    if permissions.role_in(person, project_id) is None:
        # Whoever has no role there is told the same whether it exists or not, and nobody who is in it.
        permissions.check(person, None, action, where=NOWHERE, ask=admins_of(store, None))
    known = {each.id: each.name for each in (*store.projects.all(), *store.projects.archived())}
    where = repr(known[project_id]) if project_id in known else ""
    permissions.check(person, project_id, action, where=where, ask=admins_of(store, project_id))


def told(person: Person, project_id: int, events: Sequence[Event]) -> list[Event]:
    """The events of a project as a person may read them: who has which role, and which tokens there are, is left out
    for those who may not see that."""
    if permissions.may(person, project_id, "see access"):
        return list(events)
    return [replace(event, details={}) if event.kind in ACCESS_EVENTS else event for event in events]


def visible(person: Person, projects: Sequence[Project]) -> list[Project]:
    """Those of the projects that a person may see."""
    return [project for project in projects if permissions.may(person, project.id, "see")]


def admins_of(store: Store, project_id: int | None) -> list[str]:
    """Who can give roles in a project; None: in all of them."""
    given = [member.subject for member in store.members.of(project_id) if member.role == "admin"]
    return sorted({*listed_admins(environment.admins()), *given})


# -- changes -----------------------------------------------------------------------------------------------------------


def set_member(
    store: Store, by: Person, project_id: int | None, subject: str, role: str, *, name: str = "", now: float
) -> Member:
    """Give somebody a role in a project, or in all (None). Raises Forbidden, InvalidInput.

    Where that makes them admin no longer, the tokens they have made there are revoked; `ended` names them.
    """
    require(store, by, project_id, "members")
    project_id, whom, given = _existing(store, project_id), _somebody(subject), _role(role)
    return store.members.put(project_id, whom, name.strip(), given, now=now, by=by.name, admin=_is_admin_anyway(whom))


def remove_member(store: Store, by: Person, project_id: int | None, subject: str, *, now: float) -> Member:
    """Take a role away that was given, and revoke tokens as `set_member` does. Raises Forbidden, NotFound."""
    require(store, by, project_id, "members")
    whom = _subject(subject)
    return store.members.remove(project_id, whom, now=now, by=by.name, admin=_is_admin_anyway(whom))


def ended(changed: Member) -> str:
    """What became of the tokens of somebody whose role has changed, as a sentence after others; empty for none."""
    return f" Tokens they had made are revoked: {', '.join(changed.ended)}." if changed.ended else ""


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


def _is_admin_anyway(subject: str) -> bool:
    """Whether the settings make somebody admin of everything, whatever they were given."""
    return environment.default_role() == "admin" or subject in listed_admins(environment.admins())


def _existing(store: Store, project_id: int | None) -> int | None:
    return None if project_id is None else store.projects.get(project_id).id


def _subject(given: str) -> str:
    # Addresses are typed in any case; other identifiers mean what they say, though they may hold an @ too.
    subject = given.strip()
    subject = _short(subject) if "|" in subject else subject.translate(_LOWER)
    if not 1 <= len(subject) <= MOST_SUBJECT or not subject.isprintable():
        raise InvalidInput(
            f"{subject[:MOST_SUBJECT]!r} is nobody: give an e-mail address of up to {MOST_SUBJECT} characters."
        )
    return subject


def _somebody(given: str) -> str:
    """A subject that a sign-in may name. Raises InvalidInput."""
    subject = _subject(given)
    if _is_email(subject) or subject.partition("|")[2]:
        return subject
    raise InvalidInput(
        f"{subject!r} is nobody who could sign in: give an e-mail address (ana@example.com), or issuer|subject."
    )


def _is_email(given: str) -> bool:
    """Whether a claim can be kept as an address, and be mistaken neither for issuer|subject nor for a token."""
    return (
        given.count("@") == 1
        and all(given.split("@"))
        and " " not in given
        and "|" not in given
        and len(given) <= MOST_SUBJECT
        and given.isprintable()
        and not given.translate(_LOWER).startswith(TOKEN)
    )


def _short(subject: str) -> str:
    """Issuer and subject as they are, or a hash of them where they are too long to keep or to copy. No issuer is called
    sha256: it is an address."""
    if len(subject) <= MOST_SUBJECT and subject.isprintable() and subject == subject.strip():
        return subject
    return f"sha256|{sha256(subject.encode(errors='surrogatepass')).hexdigest()}"


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
