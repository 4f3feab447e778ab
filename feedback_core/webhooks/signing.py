"""Signatures that a receiver checks. Source: Standard Webhooks 1.0.0, "Signature scheme", symmetric."""

from __future__ import annotations

import base64
import hmac
import secrets
from collections.abc import Sequence

PREFIX = "whsec_"
SECRET_BYTES = 32
"""The specification asks for 24 to 64."""


def new_secret() -> str:
    """A secret of one webhook's own."""
    return PREFIX + base64.b64encode(secrets.token_bytes(SECRET_BYTES)).decode()


def new_id() -> str:
    """The id of a message. Random: after a restored backup, counted ids would come again for other news."""
    return f"msg_{secrets.token_hex(16)}"


def signed(message_id: str, at: int, body: bytes, keys: Sequence[str]) -> dict[str, str]:
    """The three headers of one attempt. at: seconds since the epoch. keys: one signature each, the present first."""
    signatures = " ".join(signature(message_id, at, body, key) for key in keys)
    return {"webhook-id": message_id, "webhook-timestamp": str(at), "webhook-signature": signatures}


def signature(message_id: str, at: int, body: bytes, secret: str) -> str:
    """`v1,` and the HMAC-SHA256 of id, time and body, in base64."""
    key = base64.b64decode(secret.removeprefix(PREFIX))
    digest = hmac.digest(key, f"{message_id}.{at}.".encode() + body, "sha256")
    return "v1," + base64.b64encode(digest).decode()
