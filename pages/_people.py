"""Who is at the page, and what they may do: asked anew at every action, as a disabled button can still be pressed."""

import time
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import streamlit as st

from feedback_core import people, permissions
from feedback_core.environment import database_url, sign_in
from feedback_core.errors import NotSignedIn
from feedback_core.loop import Loop
from feedback_core.permissions import ACTIONS
from feedback_core.store import Store, open_store
from feedback_core.types import Person, Project

LONGEST_S = 12 * 3600.0
"""Seconds that a sign-in lasts: a working day. Streamlit's cookie alone would last for thirty days, whatever the
provider has since said about the account."""

T = TypeVar("T")
About = Loop | Project | None
"""What an action concerns; None: no single project."""


@st.cache_resource(show_spinner=False)
def _store_at(url: str) -> Store:
    return open_store(url)


def store() -> Store:
    """The store of this process; connections are per thread inside it."""
    return _store_at(database_url())


def claims() -> Mapping[str, Any]:
    """What the provider has said about whoever signed in, out of the cookie that this server has signed.

    Raises NotSignedIn when nobody has, or too long ago.
    """
    return fresh(st.user.to_dict())


def fresh(said: Mapping[str, Any]) -> Mapping[str, Any]:
    """The same claims. Raises NotSignedIn where they are nobody's, or of a sign-in too long ago."""
    if not said.get("is_logged_in"):
        raise NotSignedIn("You are not signed in: reload the page, and sign in.")
    if not time.time() - float(said.get("iat") or 0) < LONGEST_S:
        raise NotSignedIn(f"You signed in more than {LONGEST_S / 3600:.0f} hours ago: sign out, and in again.")
    return said


def person() -> Person:
    """Who is at this page, with their roles as they are now. Raises NotSignedIn."""
    if sign_in():
        return people.signed_in(store(), claims())
    return people.local(str(st.session_state.get("reviewer", "")).strip())


def reviewer() -> str:
    """The name of who is at this page, for what only shows it. What changes anything asks `acting` for it."""
    return person().name


def acting(action: str, about: About) -> str:
    """The name under which to do something, for those who may. Raises Forbidden, which says whom to ask."""
    who = person()
    people.require(store(), who, _project(about), action)
    return who.name


def may(action: str, about: About) -> bool:
    """Whether who is at this page may do something."""
    project = _project(about)
    return permissions.may(person(), None if project is None else project.id, action)


def stay(action: str, about: About) -> None:
    """Have the whole page drawn anew where who is here may no longer do something.

    A fragment begins with it: run alone, it passes neither the door nor the head of its page.
    """
    try:
        if may(action, about):
            return
    except NotSignedIn:
        pass
    st.rerun()


def guarded(action: str, about: About, produce: Callable[..., T], *args: object) -> Callable[[], T]:
    """What a download button calls when it is pressed: `produce`, for those who may have it then as well.

    It raises Forbidden or NotSignedIn for others.
    """
    # The press runs in a thread that knows no session: who is here has to be asked while the page is drawn.
    at, project, name = store(), _project(about), reviewer()
    said = claims() if sign_in() else None

    def produced() -> T:
        who = people.local(name) if said is None else people.signed_in(at, fresh(said))
        people.require(at, who, project, action)
        return produce(*args)

    return produced


def locked(action: str, about: About, *, disabled: bool = False, help: str | None = None) -> dict[str, Any]:
    """`disabled` and `help` of a control that does something: for those who may not it says which role that takes.

    Whoever sends what a disabled control would have sent is refused by `acting`.
    """
    if may(action, about):
        return {"disabled": disabled, "help": help}
    whom = " or ".join(people.admins_of(store(), getattr(_project(about), "id", None))) or "an admin"
    return {"disabled": True, "help": f"Takes the role {ACTIONS[action].least}: ask {whom}."}


def _project(about: About) -> Project | None:
    return about.project if isinstance(about, Loop) else about
