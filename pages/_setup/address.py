"""A model that lives on another server: connect it, and say which versions it serves."""

from urllib.parse import urlsplit

import streamlit as st

from feedback_core import brought, outside, webhooks
from feedback_core.loop import Loop
from feedback_core.types import Endpoint
from pages._people import acting, locked, may
from pages._shared import PAGES, ago, plain, tell_done, told


def address(loop: Loop) -> None:
    """Where it is, the form for another one, and the form for its versions."""
    _show_secret()
    found = loop.store.outside.endpoint(loop.project.id)
    if found is not None:
        _connected(loop, found)
        _register(loop)
    with st.expander("Connect another model" if found else "Connect a model", expanded=found is None):
        _connect(loop)


def _show_secret() -> None:
    if secret := st.session_state.pop("endpoint_secret", None):
        st.warning(
            "Requests to the model are signed with this secret. It is shown only now: copy it.",
            title="Secret of the connection",
            icon=":material/key:",
        )
        st.code(secret, language=None)


def _connected(loop: Loop, found: Endpoint) -> None:
    # An address may itself be a secret: only its host is for everybody.
    shown = str if may("connect model", loop) else _host
    learns = f"asked to learn at {shown(found.train_url)}" if found.train_url else "never asked to learn"
    with st.container(border=True, horizontal=True, vertical_alignment="center"):
        st.text(f"{shown(found.url)}, {learns}")
        st.caption(f"connected by {plain(found.created_by)} {ago(found.created_at)}")
        st.button(
            "Disconnect",
            icon=":material/link_off:",
            key="endpoint-remove",
            on_click=_disconnect,
            args=(loop,),
            **locked("connect model", loop, help="It is asked nothing any more, and its secret is forgotten."),
        )


def _host(url: str) -> str:
    return urlsplit(url).hostname or ""


def _disconnect(loop: Loop) -> None:
    with told("The model is disconnected. Its versions keep what is stored of them."):
        loop.store.outside.disconnect(loop.project.id, by=acting("connect model", loop), now=loop.clock())


def _register(loop: Loop) -> None:
    with st.form("endpoint-register", border=False, enter_to_submit=False):
        name = st.text_input(
            "Version that it serves",
            placeholder="2026-11-22",
            help="Its own name for the version; every request says which one is meant.",
            key=f"endpoint-name-{loop.project.id}",
        )
        if st.form_submit_button("Ask it and judge", type="primary", **locked("bring model", loop)):
            found = brought.version(loop, name, acting("bring model", loop))
            tell_done(" ".join(found.says))
            st.switch_page(PAGES["retrain"], query_params={"project": loop.project.name})


def _connect(loop: Loop) -> None:
    lock = locked("connect model", loop)
    with st.form("endpoint-connect", border=False, enter_to_submit=False):
        url = st.text_input(
            "Address that predicts",
            placeholder="https://models.example.org/predict",
            help="Gets rows as JSON, and answers for each with a label and probabilities, or with a number: "
            "docs/models.md has both.",
            key=f"endpoint-url-{loop.project.id}",
        )
        train_url = st.text_input(
            "Address that learns (optional)",
            placeholder="https://models.example.org/train",
            help="Asked instead of training here. It gets base rows and reviewed items, never a locked row.",
            key=f"endpoint-train-{loop.project.id}",
        )
        if st.form_submit_button("Connect", icon=":material/link:", **lock):
            with told("The model is connected: say which version it serves."):
                at = {"by": acting("connect model", loop), "now": loop.clock()}
                reach = webhooks.reach_here()
                _, secret = outside.connect(loop.store, loop.project, url, train_url, reach, **at)
                st.session_state["endpoint_secret"] = secret
            st.rerun()
