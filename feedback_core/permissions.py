"""Who may do what: one table, which pages, the API and tests read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from .errors import Forbidden
from .types import ROLES, Person, Role


@dataclass(frozen=True, slots=True)
class Action:
    """least: the lowest role that may. says: what it is, as in "to ...". people_only: no token may, whatever its role,
    or it would make itself others that are stronger, last longer and outlive it."""

    least: Role
    says: str
    people_only: bool = False


ACTIONS: Mapping[str, Action] = {
    "see": Action("viewer", "look at items, predictions, versions, reports and figures"),
    "export": Action("viewer", "download rows, reports and models"),
    "review": Action("reviewer", "draw items and say whether their predictions are right"),
    "group": Action("reviewer", "say which items belong together, and merge, split and name groups"),
    "submit": Action("reviewer", "send feedback from a program"),
    "predict": Action("reviewer", "ask the champion about new inputs, which are kept"),
    "undo others": Action("maintainer", "take back what somebody else has said"),
    "rule": Action("maintainer", "rule on entries and settle conflicts"),
    "add items": Action("maintainer", "add rows"),
    "retrain": Action("maintainer", "ask for a new version"),
    "recluster": Action("maintainer", "ask for new groups"),
    "bring model": Action("maintainer", "bring a model that was trained elsewhere, or its predictions"),
    "cancel": Action("maintainer", "end a job"),
    "judge": Action("maintainer", "compare a version with the champion, which is a look at the locked rows"),
    "promote": Action("maintainer", "make a version the champion"),
    "refuse": Action("maintainer", "keep the champion and close a version's case"),
    "rollback": Action("maintainer", "bring an earlier champion back"),
    "refresh holdout": Action("maintainer", "lock fresh rows and let the old ones train"),
    "drift alerts": Action("maintainer", "accept or dismiss alerts that the inputs have drifted"),
    "study": Action("maintainer", "ask for forecasts, credit, dry runs, maps and rankings"),
    "settings": Action("maintainer", "change settings and labels"),
    "webhooks": Action("admin", "send what happens to other servers"),
    "connect model": Action("admin", "connect a model that lives on another server"),
    "create project": Action("admin", "create a project"),
    "archive": Action("admin", "rename, archive and restore a project"),
    "see access": Action("admin", "look at who has which role, which tokens there are, and who has changed that"),
    "members": Action("admin", "give people roles and take them away", people_only=True),
    "tokens": Action("admin", "make tokens for programs and revoke them", people_only=True),
}
"""Every action by name."""


def allowed(role: Role | None, action: str) -> bool:
    """Whether a role may do something. Raises KeyError for an action that the table does not have."""
    least = ACTIONS[action].least
    return role is not None and ROLES.index(role) >= ROLES.index(least)


def higher(one: Role | None, other: Role | None) -> Role | None:
    """The higher of two roles."""
    found = [role for role in ROLES if role in (one, other)]
    return found[-1] if found else None


def role_in(person: Person, project_id: int | None) -> Role | None:
    """A person's role in a project; None: for what concerns no single one."""
    return higher(person.everywhere, None if project_id is None else person.roles.get(project_id))


def may(person: Person, project_id: int | None, action: str) -> bool:
    """Whether a person may do something in a project; None: something that concerns no single one."""
    return _in_person(person, action) and allowed(role_in(person, project_id), action)


def may_somewhere(person: Person, action: str) -> bool:
    """Whether there is a project in which a person may do something."""
    return _in_person(person, action) and any(
        allowed(role, action) for role in (person.everywhere, *person.roles.values())
    )


def _in_person(person: Person, action: str) -> bool:
    return person.signed_in != "token" or not ACTIONS[action].people_only


def check(person: Person, project_id: int | None, action: str, *, where: str = "", ask: Sequence[str] = ()) -> None:
    """Raise Forbidden unless a person may do something.

    where: the project in words. ask: who can give them the role.
    """
    if not may(person, project_id, action):
        raise Forbidden(refusal(person, project_id, action, where=where, ask=ask))


def refusal(person: Person, project_id: int | None, action: str, *, where: str = "", ask: Sequence[str] = ()) -> str:
    """Why a person may not do something, and whom to ask."""
    role, wanted = role_in(person, project_id), ACTIONS[action]
    place = where or ("all projects" if project_id is None else f"project {project_id}")
    has = f"is {role} in {place}" if role else f"has no role in {place}"
    whom = " or ".join(ask) or "an admin"
    if not _in_person(person, action):
        return f"{person.name} may not {wanted.says}: no token may, whatever its role. Ask {whom}, in person."
    return (
        f"{person.name} {has} and may not {wanted.says}: that takes the role {wanted.least}. Ask {whom} for it"
        f"{' (a token keeps the role it was made with)' if person.signed_in == 'token' else ''}."
    )
