"""People and access: who has which role, and the tokens of programs."""

import time
from datetime import UTC, datetime

import streamlit as st

from feedback_core import people, permissions
from feedback_core.environment import admins, default_role, sign_in
from feedback_core.loop import Loop
from feedback_core.permissions import ACTIONS
from feedback_core.types import ROLES, Member, Token
from pages._people import locked, person, store
from pages._shared import ago, counted, plain, tell_done, told

HERE, EVERYWHERE = "This project", "All projects"
ROLE_HELP = "Each role may do what those before it may:\n\n" + "\n".join(
    f"- **{role}**: " + "; ".join(action.says for action in ACTIONS.values() if action.least == role) for role in ROLES
)
DAYS = 90


def access(loop: Loop) -> None:
    """Members first, then tokens, each with its form."""
    if not sign_in():
        st.info(
            "Whoever reaches this server sits at this machine, and may do everything under the name they type. To let "
            "others in, turn on sign-in (docs/people.md). Roles and tokens made here count from then on.",
            title="There is no sign-in",
            icon=":material/home:",
        )
    if not permissions.may(person(), loop.project.id, "see access"):
        st.info(f"{locked('see access', loop)['help']} Only then the list of people is shown.", icon=":material/lock:")
        return
    _members(loop)
    _tokens(loop)


def _members(loop: Loop) -> None:
    st.subheader("People")
    fixed = sorted(people.listed_admins(admins()))
    if fixed:
        st.caption(f"Admin of all projects by FEEDBACK_ADMINS: {plain(', '.join(fixed))}.")
    if default_role():
        st.caption(f"Everybody who signs in has the role {plain(default_role())}, by FEEDBACK_DEFAULT_ROLE.")
    found = store().members.of(loop.project.id)
    if not found:
        st.caption("Nobody has been given a role yet: add the first person below.")
    for member in found:
        _member(loop, member)
    with st.form("member", clear_on_submit=True):
        st.markdown("**Add a person**")
        left, right = st.columns(2)
        left.text_input(
            "E-mail", key="member-subject", max_chars=people.MOST_SUBJECT, placeholder="name@example.org",
            help="As the sign-in gives it. Whoever signs in without a verified address is shown what to put here.",
        )  # fmt: skip
        right.text_input("Name (optional)", key="member-name", max_chars=60, help="For this list alone.")
        _role_and_place(loop, "member")
        st.form_submit_button("Add", type="primary", key="member-add", on_click=_add_member, args=(loop,),
                              **locked("members", loop))  # fmt: skip


def _role_and_place(loop: Loop, key: str) -> None:
    left, right = st.columns(2)
    with left:
        st.segmented_control("Role", ROLES, default="reviewer", required=True, key=f"{key}-role", help=ROLE_HELP)
    # A role in all projects is for those to give who have it.
    wide = permissions.may(person(), None, f"{key}s")
    with right:
        st.segmented_control(
            "In", [HERE, EVERYWHERE] if wide else [HERE], default=HERE, required=True, key=f"{key}-place",
            help=f"This project is “{plain(loop.project.name)}”.",
        )  # fmt: skip


def _member(loop: Loop, member: Member) -> None:
    everywhere = member.project_id is None
    about = None if everywhere else loop
    with st.container(border=True, horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
        with st.container(width="content", gap=None):
            st.markdown(f"**{plain(member.subject)}**{f' ({plain(member.name)})' if member.name else ''}")
            where = EVERYWHERE if everywhere else HERE
            st.caption(f"{where} · given by {plain(member.added_by)} {ago(member.added_at)}")
        with st.container(width="content", horizontal=True, vertical_alignment="center"):
            st.selectbox(
                f"Role of {member.subject}", ROLES, ROLES.index(member.role), key=f"role-{member.id}-{member.role}",
                label_visibility="collapsed", width=150, on_change=_change_role, args=(member,),
                disabled=locked("members", about)["disabled"],
            )  # fmt: skip
            st.button(
                "Remove", icon=":material/person_remove:", key=f"remove-{member.id}", on_click=_remove, args=(member,),
                **locked("members", about, help=f"{member.subject} loses this role at once, and tokens they made as "
                         "admin end. Nothing they did changes."),
            )  # fmt: skip


def _add_member(loop: Loop) -> None:
    said = st.session_state
    place = None if said["member-place"] == EVERYWHERE else loop.project.id
    subject, role = said["member-subject"], said["member-role"]
    with told():
        given = people.set_member(store(), person(), place, subject, role, name=said["member-name"], now=time.time())
        tell_done(f"{subject.strip()} is {role} now.{people.ended(given)}")


def _change_role(member: Member) -> None:
    role = st.session_state[f"role-{member.id}-{member.role}"]
    with told():
        given = people.set_member(store(), person(), member.project_id, member.subject, role, now=time.time())
        tell_done(f"{member.subject} is {role} now, no longer {member.role}.{people.ended(given)}")


def _remove(member: Member) -> None:
    with told():
        gone = people.remove_member(store(), person(), member.project_id, member.subject, now=time.time())
        tell_done(f"{member.subject} is no longer {member.role}. Add them again to give it back.{people.ended(gone)}")


def _tokens(loop: Loop) -> None:
    st.subheader("API tokens")
    st.caption(
        "A program proves with a token who it is: `Authorization: Bearer afl_…`. Only a hash of it is kept, so it is "
        "shown once."
    )
    _show_secret()
    found = [token for token in store().tokens.all() if token.project_id in (None, loop.project.id)]
    live = [token for token in found if token.revoked_at is None and token.expires_at > time.time()]
    if not found:
        st.caption("No token yet: make the first one below.")
    for token in live:
        _token(loop, token)
    if over := [token for token in found if token not in live]:
        with st.expander(counted(len(over), "token that has ended", "tokens that have ended")):
            for token in over:
                _token(loop, token)
    with st.form("token", clear_on_submit=True):
        st.markdown("**Make a token**")
        left, right = st.columns(2)
        left.text_input("Name", key="token-name", max_chars=people.MOST_NAME, placeholder="nightly import",
                        help="What it is for. It stands in the audit trail as “token:name”.")  # fmt: skip
        right.number_input("Ends after (days)", 1, people.MOST_DAYS, DAYS, key="token-days")
        _role_and_place(loop, "token")
        st.checkbox("May act for others", key="token-others", help="It may say under whose name feedback is recorded, "
                    "for a service that has signed its users in itself.")  # fmt: skip
        st.form_submit_button("Make it", type="primary", key="token-make", on_click=_make_token, args=(loop,),
                              **locked("tokens", loop))  # fmt: skip


def _show_secret() -> None:
    made = st.session_state.get("made_token")
    if made is None:
        return
    name, secret = made
    with st.container(border=True):
        st.markdown(f":material/key: **The token “{plain(name)}”.** Copy it now: it cannot be shown again.")
        st.code(secret, language=None)
        st.button("I have copied it", key="token-copied", on_click=lambda: st.session_state.pop("made_token", None))


def _token(loop: Loop, token: Token) -> None:
    about = None if token.project_id is None else loop
    with st.container(border=True, horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
        with st.container(width="content", gap=None):
            others = ", may act for others" if token.may_act_for_others else ""
            st.markdown(f"**{plain(token.name)}** · {token.role}{others} · `{token.prefix}…`")
            where = EVERYWHERE if token.project_id is None else HERE
            used = f"used {ago(token.last_used_at)}" if token.last_used_at else "never used"
            st.caption(f"{where} · made by {plain(token.created_by)} {ago(token.created_at)} · {used} · {_end(token)}")
        if token.revoked_at is None and token.expires_at > time.time():
            with st.popover("Revoke …", icon=":material/key_off:"):
                st.write("Programs that use it are refused at once. This cannot be undone: make another instead.")
                st.button("Revoke it", type="primary", key=f"revoke-{token.id}", on_click=_revoke, args=(token,),
                          **locked("tokens", about))  # fmt: skip


def _end(token: Token) -> str:
    if token.revoked_at is not None:
        return f"revoked by {plain(token.revoked_by or '')} {ago(token.revoked_at)}"
    day = f"{datetime.fromtimestamp(token.expires_at, UTC):%d %B %Y}"
    return f"ends on {day}" if token.expires_at > time.time() else f"ended on {day}"


def _make_token(loop: Loop) -> None:
    said = st.session_state
    place = None if said["token-place"] == EVERYWHERE else loop.project.id
    with told():
        token, secret = people.create_token(
            store(), person(), place, said["token-name"], said["token-role"], days=said["token-days"],
            may_act_for_others=said["token-others"], now=time.time(),
        )  # fmt: skip
        said["made_token"] = (token.name, secret)


def _revoke(token: Token) -> None:
    with told(f"The token {token.name} is revoked."):
        people.revoke_token(store(), person(), token.id, now=time.time())
