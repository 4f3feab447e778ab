"""Who may send a file to a page: asked of the cookie before Streamlit takes the file into its memory."""

import json
from collections.abc import Mapping

from streamlit.auth_util import get_cookie_with_chunks
from streamlit.web.server.server_util import AUTH_COOKIE_NAME, get_cookie_secret
from streamlit.web.server.starlette.starlette_app_utils import decode_signed_value

from feedback_core import people, permissions
from feedback_core.errors import FeedbackError
from pages._people import fresh, store


def may_upload(cookies: Mapping[str, str]) -> bool:
    """Whether these cookies are those of somebody who may add rows somewhere."""
    secret = get_cookie_secret()

    def part(name: str) -> bytes | None:
        return decode_signed_value(secret, name, cookies.get(name, "").encode("latin-1"))

    signed = get_cookie_with_chunks(part, AUTH_COOKIE_NAME)
    try:
        who = people.signed_in(store(), fresh(json.loads(signed or b"{}")))
    except (FeedbackError, ValueError):
        return False
    return permissions.may_somewhere(who, "add items")
