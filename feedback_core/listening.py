"""Where this process accepts connections, and whether anybody but this machine can reach it there."""

from __future__ import annotations

import os
import socket
import stat
from collections.abc import Iterable, Sequence
from ipaddress import IPv6Address, ip_address
from pathlib import Path

_DESCRIPTORS = Path("/dev/fd")

WAY_OUT = """Listen on this machine only (server.address = "127.0.0.1", the default here), or turn on sign-in:
  1. .streamlit/secrets.toml: [auth] with redirect_uri, cookie_secret, client_id, client_secret, server_metadata_url
  2. FEEDBACK_ADMINS=you@example.org: who may give others a role
  3. FEEDBACK_ALLOWED_HOSTS=feedback.example.org: the host names it answers to
docs/people.md goes through it step by step."""


def is_loopback(address: str) -> bool:
    """Whether an IP address is reached from this machine only; False for whatever is no IP address."""
    try:
        found = ip_address(address.partition("%")[0])
    except ValueError:
        return False
    mapped = found.ipv4_mapped if isinstance(found, IPv6Address) else None
    return (mapped or found).is_loopback


def exposed(addresses: Iterable[str], signed_in: bool, faults: Sequence[str] = ()) -> str:
    """Why a server that accepts connections at these addresses must not run, with the way out; empty when it may.

    signed_in: people and programs have to prove who they are. faults: what is wrong with how they do it, in words.
    """
    if signed_in and faults:
        return f"Refusing to run: sign-in is on and not complete: {'; '.join(faults)}.\n{WAY_OUT}"
    open_to = sorted({address for address in addresses if not is_loopback(address)})
    if signed_in or not open_to:
        return ""
    return f"Refusing to run: listening on {', '.join(open_to)}, anybody on the network could do anything.\n{WAY_OUT}"


def listening() -> list[str]:
    """Addresses at which sockets of this process accept connections; empty where a system does not tell.

    Read from the sockets themselves: flags, variables, configuration files and four ways to start a server may each
    say something else.
    """
    if not _DESCRIPTORS.is_dir():
        return []
    found = (_accepting(int(path.name)) for path in _DESCRIPTORS.iterdir() if path.name.isdigit())
    return sorted({address for address in found if address is not None})


def _accepting(descriptor: int) -> str | None:
    """Where a descriptor accepts connections over IP; None when it is something else or closed by now."""
    try:
        if not stat.S_ISSOCK(os.fstat(descriptor).st_mode):
            return None
        with socket.socket(fileno=os.dup(descriptor)) as copy:
            if copy.family not in (socket.AF_INET, socket.AF_INET6):
                return None
            accepts = copy.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN)
            return str(copy.getsockname()[0]) if accepts else None
    except OSError:
        return None
