"""Where this process accepts connections, and whether anybody but this machine can reach it there."""

from __future__ import annotations

import os
import socket
import stat
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
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
    with _accepting() as sockets:
        return sorted({str(each.getsockname()[0]) for each in sockets})


def answer_at_once() -> None:
    """Let what these sockets accept send small packets without waiting for the last one to be acknowledged.

    Streamlit's socket names no protocol, and so asyncio does not ask for this itself: an answer is two packets, and the
    second waited 40 ms (python -m benchmarks.rest: a correction took 48 ms, of which 6 of work).
    """
    with _accepting() as sockets:
        for each in sockets:
            each.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


@contextmanager
def _accepting() -> Iterator[list[socket.socket]]:
    """Copies of this process's sockets that accept connections over IP, closed afterwards."""
    found = list(_DESCRIPTORS.iterdir()) if _DESCRIPTORS.is_dir() else []
    copies = [copy for path in found if path.name.isdigit() and (copy := _copy(int(path.name))) is not None]
    try:
        yield copies
    finally:
        for copy in copies:
            copy.close()


def _copy(descriptor: int) -> socket.socket | None:
    """A copy of a socket that accepts connections over IP; None when it is something else or closed by now."""
    try:
        if not stat.S_ISSOCK(os.fstat(descriptor).st_mode):
            return None
        copy = socket.socket(fileno=os.dup(descriptor))
        if copy.family in (socket.AF_INET, socket.AF_INET6) and copy.getsockopt(
            socket.SOL_SOCKET, socket.SO_ACCEPTCONN
        ):
            return copy
        copy.close()
    except OSError:
        return None
    return None
