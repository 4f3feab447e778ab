"""What the frame leaves in the browser: the open project in the address, and the name of a person without sign-in."""

from typing import Any
from urllib.parse import quote

import streamlit as st

NAME_COOKIE = "feedback_reviewer"

# A component, not a script in st.html: the Content-Security-Policy runs no inline script. It runs whenever its data
# changes. The address is replaced: what st.query_params sets is an entry of its own in the history at times, and from
# an entry without the project one that would be written anew whenever somebody goes back to it.
_component = st.components.v2.component(
    "frame_state",
    js="""
    export default function ({ data }) {
      if (data.project !== null) {
        const address = new URL(window.location)
        address.searchParams.set("project", data.project)
        window.history.replaceState(window.history.state, "", address)
      }
      if (data.name !== null)
        document.cookie = `${data.cookie}=${data.name}; Path=/; Max-Age=31536000; SameSite=Lax`
    }
    """,
)


def leave(project: str | None, name: str | None, url_path: str) -> None:
    """Write the open project into an address that lacks it, so that a reload and a copied link open the same, and
    remember a name. None: leave that as it is. url_path: of the page, as going to another one asks for it anew."""
    data: dict[str, Any] = {
        "project": project,
        "cookie": NAME_COOKIE,
        "name": None if name is None else quote(name, safe=""),
        "at": [url_path, sorted(st.query_params.to_dict().items())],
    }
    _component(key="frame_state", data=data)
