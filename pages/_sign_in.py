"""The door: who signs in gets past it, and who has a role sees projects. Before it nothing of any project is shown."""

from collections.abc import Mapping
from typing import Any

import streamlit as st

from feedback_core import people, permissions
from feedback_core.errors import NotSignedIn
from feedback_core.types import ROLES, Person
from pages._people import claims, person, store
from pages._shared import plain


def admitted() -> Person | None:
    """Who has signed in and has a role somewhere; None for anybody else."""
    try:
        who = person()
    except NotSignedIn:
        return None
    return who if permissions.may_somewhere(who, "see") else None


def show_door() -> None:
    """What somebody sees who is not admitted: how to sign in, or whom to ask for a role."""
    try:
        who = person()
    except NotSignedIn as error:
        _door(str(error) if st.user.to_dict().get("is_logged_in") else "")
    else:
        _without_role(who)


def show_who(who: Person, project_id: int | None) -> None:
    """Name and role of who is signed in, and the way out; in the sidebar."""
    role = permissions.role_in(who, project_id)
    said = claims().get("name")
    with st.sidebar:
        st.caption(
            f"Signed in as **{plain(str(said or who.name))}**"
            + (f" ({plain(who.name)})" if said and said != who.name else "")
            + (f", {role} {'of this project' if project_id is not None else 'of all projects'}" if role else ""),
            help="Your decisions are recorded under the name your sign-in gives. An admin gives roles under Setup, "
            f"People and access. Roles from the least to the most: {', '.join(ROLES)}.",
        )
        _sign_out()


def _door(why: str) -> None:
    st.title("AI Feedback Loop")
    names = providers(_section())
    if not names:
        st.error(
            "Programs get in with a token, people do not: this server has no provider to sign in with. Whoever runs it "
            "puts [auth] into .streamlit/secrets.toml, see docs/people.md.",
            title="The pages are closed",
        )
        return
    st.write(why or "Sign in to see your projects.")
    if why:
        _sign_out()
        return
    for name in names:
        caption = f"Sign in with {name}" if name else "Sign in"
        st.button(
            caption, type="primary", icon=":material/login:", key=f"sign_in-{name}", on_click=st.login,
            args=(name,) if name else (),
        )  # fmt: skip


def _without_role(who: Person) -> None:
    st.title("You have no role here yet")
    whom = people.admins_of(store(), None)
    st.write(f"You are signed in as **{plain(who.name)}**, and nobody has given you a role in a project.")
    if whom:
        st.write(f"Ask {plain(' or '.join(whom))} for one, and reload the page. They find it under:")
    else:
        st.write("Nobody is admin yet. Whoever runs the server names one in FEEDBACK_ADMINS, who finds it under:")
    st.write("**Setup, People and access, Add a person:**")
    st.code(who.subject, language=None)
    _sign_out()


def providers(section: Mapping[str, Any]) -> list[str]:
    """The names of the providers that a section [auth] describes; the empty name is the one without a name."""
    named = [name for name, given in section.items() if isinstance(given, Mapping) and "client_id" in given]
    return [*([""] if "client_id" in section else []), *named]


def _section() -> Mapping[str, Any]:
    try:
        section: Mapping[str, Any] = st.secrets.get("auth", {})
    except FileNotFoundError:  # Streamlit raises one of its own, and shows it, where there is no file of secrets
        return {}
    return section


def _sign_out() -> None:
    st.button("Sign out", icon=":material/logout:", key="sign_out", on_click=st.logout)
