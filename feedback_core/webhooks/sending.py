"""One request to a receiver: the address it was checked for, no redirects, ten seconds in all, a few kB of answer."""

from __future__ import annotations

import http.client
import socket
import ssl
import threading
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from urllib.parse import SplitResult

from ..errors import FeedbackError
from .targets import Reach, Resolve, pinned, resolved

TIMEOUT_S = 10.0
"""For finding the name, connection, request and answer together."""

EXCERPT = 2_048
"""Bytes of an answer that are read, and kept for the log."""

MOST_WAIT_S = 3_600.0
"""Of what a receiver asks for with Retry-After."""


@dataclass(frozen=True, slots=True)
class Answer:
    """status: None where none came, and error says why. retry_after_s: what the receiver asks to wait.

    body: the whole answer, where that was asked for.
    """

    status: int | None
    error: str
    seconds: float
    response: str = ""
    retry_after_s: float = 0.0
    body: bytes = b""


def post(
    url: str,
    headers: Mapping[str, str],
    body: bytes,
    reach: Reach,
    *,
    timeout_s: float = TIMEOUT_S,
    resolve: Resolve = resolved,
    whole: int = 0,
) -> Answer:
    """Send once; whatever goes wrong is in the answer. whole: bytes of an answer that is wanted as such, at most."""
    began = time.monotonic()
    deadline = began + timeout_s
    try:
        parts, address, port = pinned(url, reach, lambda host, port: _in_time(resolve, host, port, deadline))
        connection = _Pinned(parts, address, port, deadline)
    except TimeoutError:
        return Answer(None, f"Its name was not found within {timeout_s:g} s.", time.monotonic() - began)
    except (FeedbackError, OSError, UnicodeError) as error:
        return Answer(None, _words(error), time.monotonic() - began)
    try:
        status, given, wait_s = _exchange(connection, parts, headers, body, whole)
    except (OSError, http.client.HTTPException, ValueError) as error:
        seconds = time.monotonic() - began
        return Answer(None, f"No answer within {timeout_s:g} s." if connection.late else _words(error), seconds)
    finally:
        connection.done()
        connection.close()
    told = f"Its answer is larger than {whole:,} bytes." if whole and len(given) > whole else _told(status)
    return Answer(status, told, time.monotonic() - began, _excerpt(given), wait_s, given if whole else b"")


def _in_time(resolve: Resolve, host: str, port: int, deadline: float) -> Sequence[str]:
    """The addresses of a name. Raises TimeoutError, and whatever `resolve` raises."""
    found: Future[Sequence[str]] = Future()

    def look_up() -> None:
        try:
            found.set_result(resolve(host, port))
        except (OSError, UnicodeError) as error:
            found.set_exception(error)

    # The system's resolver takes no timeout and cannot be broken off: its thread is left to end when it does.
    threading.Thread(target=look_up, daemon=True, name="webhook name").start()
    return found.result(max(0.0, deadline - time.monotonic()))


class _Pinned(http.client.HTTPConnection):
    """A connection to an address that was checked, cut off when its time is over.

    The timeout of a socket is one of each read: a receiver that sends a byte now and then would hold it for ever.
    """

    def __init__(self, parts: SplitResult, address: str, port: int, deadline: float) -> None:
        self._tls = ssl.create_default_context() if parts.scheme == "https" else None
        self.default_port = 443 if self._tls else 80
        super().__init__(parts.hostname or "", port)
        self._address, self._deadline = (address, port), deadline
        self._wire: socket.socket | None = None
        self._cut: threading.Timer | None = None

    @property
    def late(self) -> bool:
        """Whether its time is over."""
        return time.monotonic() >= self._deadline

    def connect(self) -> None:
        """Connect, and from here on be cut off in time."""
        # Zero would mean not to wait at all, and give another error.
        self.sock = self._wire = socket.create_connection(self._address, max(self._left_s(), 0.001))
        if self._tls is not None:
            wrapped = self._tls.wrap_socket(self.sock, server_hostname=self.host, do_handshake_on_connect=False)
            self.sock = self._wire = wrapped
        self._cut = threading.Timer(self._left_s(), self._cut_off)
        self._cut.daemon = True
        self._cut.start()
        if isinstance(self._wire, ssl.SSLSocket):
            self._wire.do_handshake()

    def done(self) -> None:
        """Leave nothing behind that would cut it off."""
        if self._cut is not None:
            self._cut.cancel()

    def _left_s(self) -> float:
        return max(0.0, self._deadline - time.monotonic())

    def _cut_off(self) -> None:
        try:
            # The plain method: that of a TLS socket first forgets its encryption, under the feet of whoever reads.
            socket.socket.shutdown(self._wire, socket.SHUT_RDWR)  # type: ignore[arg-type]
        except OSError:
            return  # it is closed already


def _exchange(
    connection: _Pinned, parts: SplitResult, headers: Mapping[str, str], body: bytes, whole: int
) -> tuple[int, bytes, float]:
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    connection.request("POST", path, body, dict(headers) | {"Connection": "close"})
    answer = connection.getresponse()
    if connection.late:  # cut off within the headers, which http.client takes for their end
        raise TimeoutError
    given = _read(answer, whole + 1) if whole else _beginning(answer)
    if whole and connection.late:
        raise TimeoutError
    return answer.status, given, _asked_wait(answer.headers.get("Retry-After", ""))


def _read(answer: http.client.HTTPResponse, most: int) -> bytes:
    """At most so many bytes. Raises IncompleteRead where it ends before it has said it would."""
    given = answer.read(most)
    if len(given) < most and answer.length:
        raise http.client.IncompleteRead(given, answer.length)
    return given


def _beginning(answer: http.client.HTTPResponse) -> bytes:
    try:
        return answer.read(EXCERPT)
    except (OSError, http.client.HTTPException, ValueError):
        return b""  # it has said how it went; the words that should follow are for the log alone


def _excerpt(given: bytes) -> str:
    text = given[:EXCERPT].decode(errors="replace")
    return "".join(sign if sign.isprintable() or sign in "\n\t" else "\ufffd" for sign in text)


def _asked_wait(given: str) -> float:
    return min(float(given), MOST_WAIT_S) if given.isascii() and given.isdigit() else 0.0


def _told(status: int) -> str:
    if 200 <= status < 300:
        return ""
    if 300 <= status < 400:
        return f"It answers {status}: redirects are not followed. Name the address that it leads to."
    return f"It answers {status} {http.client.responses.get(status, '')}".rstrip() + "."


def _words(error: Exception) -> str:
    if isinstance(error, FeedbackError):
        return str(error)
    if isinstance(error, socket.gaierror):
        return f"Its name is not known here ({error.strerror})."
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"Its certificate is not accepted: {error.verify_message}."
    return f"{type(error).__name__}: {str(error) or 'no details'}."[:300]
